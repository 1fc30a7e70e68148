//! `cts info`: what a log holds.

use std::path::Path;

use clap::{ArgMatches, Command};
use cts_core::Result;
use cts_core::log::{InputRecord, LogInfo};
use cts_core::tool::{Reading, Warning, aligned};
use serde::Serialize;

use super::Cmd;
use crate::Outcome;
use crate::args::{self, log};
use crate::config::Global;
use crate::render::{self, Out};

pub(crate) static COMMAND: Cmd = Cmd { name: "info", grammar, run };

fn grammar() -> Command {
    Command::new("info")
        .about(
            "Shows what a log holds: car, software, dates, services and buses with their rates, completeness",
        )
        .arg(log())
}

#[derive(Serialize)]
struct Document<'a> {
    #[serde(flatten)]
    info: &'a LogInfo,
    completeness: Reading,
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let schema = args::load_schema(matches)?;
    let ctx = global.ctx(Path::new(""));
    let mut input = ctx.open(matches.get_one::<String>("log").map_or("", |text| text))?;
    let route = input.route().map(|route| route.to_string());
    let (info, record) = LogInfo::read(&mut input, schema.get())?;
    let mut out = Out::new();
    match matches.get_flag("json") {
        true => out.json(&Document { info: &info, completeness: Reading::from(&record) })?,
        false => out.text(&human(route, &info, &record))?,
    }
    out.finish()?;
    Warning::of(&record).iter().for_each(render::warning);
    Ok(if record.is_complete() { Outcome::Done } else { Outcome::Damaged })
}

fn human(route: Option<String>, info: &LogInfo, record: &InputRecord) -> String {
    let mut rows = Vec::new();
    let mut row = |label, value: Option<String>| rows.extend(value.map(|value| (label, value)));
    row("route", route);
    row(
        "car",
        info.car_fingerprint.clone().map(|car| format!("{car} ({})", info.brand.as_deref().unwrap_or("?"))),
    );
    row(
        "device",
        info.dongle_id.clone().map(|id| format!("{id} {}", info.device_type.as_deref().unwrap_or(""))),
    );
    let branch = info.git_branch.as_deref().unwrap_or_default();
    row(
        "software",
        info.version.clone().map(|v| format!("{v} {} {branch}", info.git_remote.as_deref().unwrap_or(""))),
    );
    row("started", info.start_wall_time_ns.map(|ns| wall(ns, info.wall_time_source)));
    row("duration", Some(format!("{:.3} s in {} segment(s)", info.duration_s, record.segments.len())));
    row(
        "end",
        Some(
            info.end
                .clone()
                .unwrap_or_else(|| "no end sentinel: crash, power loss or still being written".into()),
        ),
    );
    let total = &record.total;
    let size = format!("{} events, {:.1} MB decompressed", total.events, total.bytes_read as f64 / 1e6);
    row("size", Some(size));
    let complete = match record.is_complete() {
        true => "yes".to_owned(),
        false => format!(
            "no: {} damaged places, {} bytes skipped, {} segments missing",
            total.damage_count,
            total.bytes_skipped,
            record.missing.len()
        ),
    };
    row("complete", Some(complete));
    row("out of order", Some(format!("{} events", total.out_of_order)));
    let mut text = aligned(&rows);
    if info.thinned_can {
        text.push_str(
            "\nThis is a thinned log: its CAN frames are a small sample and say nothing about timing.\n",
        );
    }
    text.push_str(&format!("\n{:<28} {:>9} {:>9}\n", "service", "events", "Hz"));
    for service in &info.services {
        let name =
            if service.known { service.service.clone() } else { format!("unknown {}", service.service) };
        text.push_str(&format!("{name:<28} {:>9} {:>9.2}\n", service.events, service.rate_hz));
    }
    text.push_str(&format!(
        "\n{:<8} {:>4} {:>14} {:>9} {:>9} {:>9}\n",
        "frames", "bus", "", "frames", "Hz", "addresses"
    ));
    for bus in &info.buses {
        let role = cts_core::can::Bus(bus.bus).role();
        let cells = (bus.service, bus.bus, role, bus.frames, bus.rate_hz, bus.addresses);
        text.push_str(&format!(
            "{:<8} {:>4} {:>14} {:>9} {:>9.1} {:>9}\n",
            cells.0, cells.1, cells.2, cells.3, cells.4, cells.5
        ));
    }
    text
}

/// `2018-08-02 08:34:47 UTC (gps)`.
fn wall(ns: i64, source: Option<&str>) -> String {
    let time = time_text(ns.div_euclid(1_000_000_000));
    format!("{time} UTC ({})", source.unwrap_or("unknown clock"))
}

fn time_text(seconds: i64) -> String {
    jiff::Timestamp::from_second(seconds)
        .map_or_else(|_| format!("{seconds} s"), |t| t.strftime("%Y-%m-%d %H:%M:%S").to_string())
}
