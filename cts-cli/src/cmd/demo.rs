//! `cts demo`: makes a drive and runs the tools on it.

use std::io::{BufWriter, Write};
use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};
use cts_core::demo::{Drive, Truth};
use cts_core::log::{EventSchema, Input, LogInfo};
use cts_core::tool::{self, Report, aligned};
use cts_core::{Error, Result};
use serde::Serialize;
use serde_json::{Value, json};

use super::Cmd;
use crate::Outcome;
use crate::args::flag;
use crate::config::Global;
use crate::render::{self, Out};

pub(crate) static COMMAND: Cmd = Cmd { name: "demo", grammar, run };

fn grammar() -> Command {
    Command::new("demo")
        .about("Makes a synthetic drive with planted events and runs the tools on it")
        .arg(
            Arg::new("seed")
                .long("seed")
                .value_name("N")
                .help("The same seed gives the same drive to the byte")
                .default_value("1")
                .value_parser(value_parser!(u64)),
        )
        .arg(
            Arg::new("seconds")
                .long("seconds")
                .value_name("s")
                .help("Length of the drive")
                .default_value("60")
                .value_parser(value_parser!(u32).range(1..=3600)),
        )
        .arg(
            Arg::new("out-dir")
                .long("out-dir")
                .value_name("DIR")
                .help("Where the drive and the results go")
                .default_value("cts-demo")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(flag("damage", "Garble one event in the middle, to see how damage is reported"))
}

/// The page that shows what was found.
const REPORT: &str = "analysis_report.html";

#[derive(Serialize)]
struct Document<'a> {
    log: &'a Path,
    planted: &'a Truth,
    info: &'a LogInfo,
    reports: &'a [Report],
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let default = PathBuf::new();
    let dir = matches.get_one::<PathBuf>("out-dir").unwrap_or(&default);
    let seed = matches.get_one("seed").copied().unwrap_or(1);
    let drive = Drive::new(seed, matches.get_one("seconds").copied().unwrap_or(60));
    let drive = if matches.get_flag("damage") { drive.with_damage() } else { drive };
    let log = dir.join("demo.rlog.zst");
    let truth = write(&drive, &log)?;
    render::say(&format!("wrote {} (seed {seed})", log.display()));

    let (info, _) = LogInfo::read(&mut Input::open(&log)?, EventSchema::embedded())?;
    let window =
        json!({"window_start": truth.window.start_seconds, "window_dur": truth.window.duration_seconds});
    let bitwatch = json!({"output_prefix": "demo", "window_start": truth.window.start_seconds,
        "window_dur": truth.window.duration_seconds});
    let mut reports = Vec::new();
    for (name, params) in
        [("rlog-to-csv", window), ("can-bitwatch", bitwatch), ("cruise-control-analyzer", json!({}))]
    {
        let params = params.as_object().cloned().unwrap_or_default();
        let input = Input::open(&log)?;
        reports.push(tool::find(name)?.run(&global.ctx(dir), Some(input), &params)?);
    }
    let mut out = Out::new();
    match matches.get_flag("json") {
        true => out.json(&Document { log: &log, planted: &truth, info: &info, reports: &reports })?,
        false => out.text(&human(&truth, &info, &reports))?,
    }
    out.finish()?;
    let complete = reports.iter().all(|report| report.completeness.complete);
    reports.iter().take(1).flat_map(|report| &report.warnings).for_each(render::warning);
    Ok(if complete { Outcome::Done } else { Outcome::Damaged })
}

/// Writes the drive as a device does: one zstd frame of level 10 without content size.
fn write(drive: &Drive, log: &Path) -> Result<Truth> {
    let failed = |action| move |e| Error::io(action, e).path(log);
    if let Some(dir) = log.parent() {
        std::fs::create_dir_all(dir).map_err(failed("create"))?;
    }
    let file = std::fs::File::create(log).map_err(failed("create"))?;
    let mut encoder = zstd::Encoder::new(BufWriter::new(file), 10).map_err(failed("write"))?;
    let truth = drive.write(&mut encoder)?;
    encoder.finish().and_then(|mut file| file.flush()).map_err(failed("write"))?;
    Ok(truth)
}

fn human(truth: &Truth, info: &LogInfo, reports: &[Report]) -> String {
    let car = info.car_fingerprint.as_deref().unwrap_or("unknown car");
    let buses: Vec<String> = info
        .buses
        .iter()
        .filter(|b| b.service == "can")
        .map(|b| format!("{}: {:.0}/s", b.bus, b.rate_hz))
        .collect();
    let rows = [
        ("drive", format!("{car}, {:.1} s, {} services", info.duration_s, info.services.len())),
        ("frames", format!("by bus {}", buses.join(", "))),
        (
            "window",
            format!(
                "{:.1} s to {:.1} s",
                truth.window.start_seconds,
                truth.window.start_seconds + truth.window.duration_seconds
            ),
        ),
    ];
    let mut text = aligned(&rows);
    for report in reports {
        text.push_str(&format!("\n{}\n{}", report.tool, report.human));
        for artifact in &report.artifacts {
            text.push_str(&format!("  {} ({} bytes)\n", artifact.path.display(), artifact.bytes));
        }
    }
    let page = reports.iter().flat_map(|report| &report.artifacts).find(|file| file.path.ends_with(REPORT));
    if let Some(page) = page {
        text.push_str(&format!("\nopen {} in a browser\n", page.path.display()));
    }
    for planted in truth.signals.iter().filter(|signal| signal.name == "window_pulses") {
        let (address, bit) = (format!("0x{:03X}", planted.address), planted.bit);
        let found = if is_found(reports, &address, bit) { "found" } else { "NOT found" };
        text.push_str(&format!(
            "\nplanted: {address} byte {} bit {} pulses only in the window: {found}\n",
            bit / 8,
            bit % 8
        ));
    }
    text
}

/// Whether a report names the bit as one that matches the pattern.
fn is_found(reports: &[Report], address: &str, bit: u32) -> bool {
    let best = reports.iter().filter_map(|report| report.data["best"].as_array()).flatten();
    let is =
        |found: &Value| found["address"] == address && found["global_idx"] == bit && found["matches"] == true;
    best.into_iter().any(is)
}
