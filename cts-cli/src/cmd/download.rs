//! `cts download`: a drive from comma connect, in this process or by a service.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::{Duration, SystemTime, UNIX_EPOCH};

use clap::builder::{PossibleValuesParser, RangedU64ValueParser};
use clap::{Arg, ArgMatches, Command};
use cts_core::io::connect::{
    Client, Drive, FileKind, MAX_PARALLEL, Missing, Options, Progress, Summary, Wanted, Watch,
};
use cts_core::route::{DongleId, Selector, Target};
use cts_core::{ErrorKind, Result};
use indicatif::{HumanBytes, ProgressBar};
use serde_json::{Value, json};

use super::Cmd;
use crate::Outcome;
use crate::args::flag;
use crate::config::Global;
use crate::render::Out;
use crate::{remote, render, service};

pub(crate) static COMMAND: Cmd = Cmd { name: "download", grammar, run };

const DAY: Duration = Duration::from_secs(24 * 3600);

fn grammar() -> Command {
    let number = |name: &'static str, help: &'static str, default: &'static str, most: u64| {
        Arg::new(name)
            .long(name)
            .value_name("N")
            .help(help)
            .default_value(default)
            .value_parser(RangedU64ValueParser::<u64>::new().range(1..=most))
    };
    Command::new("download")
        .about("Fetches a drive from comma connect, or lists the drives of a device")
        .after_help(
            "ROUTE is a route, an address of connect.comma.ai, or a dongle id, whose drives are listed. The token comes \
             from COMMA_JWT, or from ~/.comma/auth.json as openpilot's tools write it; public drives need none. API_HOST \
             names another API. What has come stays when a download breaks off; the same command goes on with it.",
        )
        .arg(Arg::new("route").value_name("ROUTE").required(true).help("The drive, with segments if not all are wanted"))
        .arg(
            Arg::new("files")
                .long("files")
                .value_name("LIST")
                .value_delimiter(',')
                .value_parser(PossibleValuesParser::new(FileKind::ALL.map(FileKind::name)))
                .hide_possible_values(true)
                .help("Kinds of files: logs, qlogs, cameras, dcameras, ecameras, qcameras [default: by the selector of the route, else logs]"),
        )
        .arg(service::out_dir_argument(
            "Where the directory of the device goes [default: the first directory for routes, else out_dir of \
             cts/config.toml, else ~/Downloads/cts; with a service its own]",
        ))
        .arg(number("parallel", "Files at a time", "4", MAX_PARALLEL as u64))
        .arg(number("search-days", "Days to look back for drives of a device, and around an address with times", "7", 30))
        .arg(flag("no-resume", "Begin files anew that have not come whole"))
        .arg(flag("local", "Fetch here, even where a service is configured"))
}

/// What was asked for.
pub(super) struct Wish {
    pub(super) text: String,
    /// Empty: by the selector of the route.
    pub(super) files: Vec<FileKind>,
    pub(super) parallel: u64,
    pub(super) search_days: u64,
    pub(super) resume: bool,
}

impl Wish {
    fn new(matches: &ArgMatches) -> Result<Self> {
        let number = |name: &str| matches.get_one::<u64>(name).copied().unwrap_or(1);
        let files = matches.get_many::<String>("files").unwrap_or_default();
        Ok(Self {
            text: matches.get_one::<String>("route").cloned().unwrap_or_default(),
            files: files.map(|name| name.parse()).collect::<Result<_>>()?,
            parallel: number("parallel"),
            search_days: number("search-days"),
            resume: !matches.get_flag("no-resume"),
        })
    }

    /// The kinds of files; a route may name them by its selector.
    pub(super) fn kinds(&self, selector: Selector) -> Vec<FileKind> {
        match (self.files.is_empty(), selector) {
            (false, _) => self.files.clone(),
            (true, Selector::Rlog) => vec![FileKind::Logs],
            (true, Selector::Qlog) => vec![FileKind::Qlogs],
            (true, Selector::Auto) => vec![FileKind::Logs, FileKind::Qlogs],
        }
    }
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let wish = Wish::new(matches)?;
    let target: Target = wish.text.parse()?;
    if service::named(global).is_some() && !matches.get_flag("local") {
        return remote::end(super::download_remote::run(global, matches, &wish, &target), 1);
    }
    let client = Client::new(Options::from_environment()?)?;
    let bar = render::percent_bar(global.progress);
    let watch = watch(global, &bar);
    let as_json = matches.get_flag("json");
    if let Target::Device(dongle) = target {
        let drives = drives(&client, dongle, wish.search_days, &watch);
        bar.finish_and_clear();
        return list(dongle, wish.search_days, &drives?, as_json);
    }
    let dest = destination(global, matches)?;
    let summary = fetch(&client, &wish, &target, &dest, &watch);
    bar.finish_and_clear();
    let summary = summary?;
    tell(global, &summary);
    print(&summary, &dest, as_json)?;
    if !global.data_dirs.contains(&dest) {
        let dir = render::plain(&dest.display().to_string());
        global.say(&format!("cts: --data-dir {dir} finds it by its route"));
    }
    Ok(outcome(summary.downloaded + summary.skipped, summary.failed.len(), summary.missing.len()))
}

/// Shows on the bar how far a download is, and says beside it why nothing happens.
fn watch(global: &Global, bar: &ProgressBar) -> Watch {
    let (shown, words, quiet) = (bar.clone(), bar.clone(), global.quiet);
    Watch::default()
        .with_cancel(Arc::clone(&global.cancel))
        .with_progress(move |progress| show(&shown, progress))
        .with_log(move |line| {
            if !quiet {
                words.suspend(|| render::say(&format!("cts: {}", render::plain(line))));
            }
        })
}

/// How a download ends of which so many files are there, failed, and are not uploaded.
pub(super) fn outcome(there: u64, failed: usize, missing: usize) -> Outcome {
    match (there, failed, missing) {
        (_, 0, 0) => Outcome::Done,
        (0, _, _) => Outcome::Exit(1),
        _ => Outcome::Damaged,
    }
}

fn destination(global: &Global, matches: &ArgMatches) -> Result<PathBuf> {
    let given = matches.get_one::<PathBuf>("out-dir").or(global.data_dirs.first()).cloned();
    given.map_or_else(|| service::out_dir(matches), Ok).map_err(|_| {
        let help = "the home directory is not known; give --out-dir".to_owned();
        ErrorKind::MissingParam { name: "out-dir".to_owned(), help }.into()
    })
}

fn fetch(client: &Client, wish: &Wish, target: &Target, dest: &Path, watch: &Watch) -> Result<Summary> {
    let days = u32::try_from(wish.search_days).unwrap_or(u32::MAX);
    let spec = client.locate(target, days, watch)?;
    let parallel = usize::try_from(wish.parallel).unwrap_or(MAX_PARALLEL);
    let wanted =
        Wanted { parallel, resume: wish.resume, ..Wanted::new(spec, wish.kinds(spec.selector), dest) };
    client.download(&wanted, watch)
}

fn show(bar: &ProgressBar, progress: &Progress) {
    let done = progress.downloaded + progress.skipped + progress.failed;
    bar.set_position((progress.fraction * 1000.0) as u64);
    bar.set_message(format!("{done}/{} files, {}", progress.files, HumanBytes(progress.bytes)));
}

/// Says what is not there.
fn tell(global: &Global, summary: &Summary) {
    for file in &summary.failed {
        let place = file.segment.map_or(String::new(), |segment| format!(" of segment {segment}"));
        let (code, error) = (file.error.code(), &file.error);
        render::say(&render::plain(&format!("cts: error [{code}]: {}{place}: {error}", file.name)));
    }
    for Missing { kind, segments } in &summary.missing {
        let numbers: Vec<String> = segments.iter().map(ToString::to_string).collect();
        global.say(&missing(kind.name(), &numbers));
    }
}

pub(super) fn missing(kind: &str, numbers: &[String]) -> String {
    format!("cts: warning [not-uploaded]: {kind} of segment {} are not uploaded", numbers.join(", "))
}

/// The directory; or what a service tells of a download, as far as there is the same here.
fn print(summary: &Summary, dest: &Path, as_json: bool) -> Result<()> {
    let mut out = Out::new();
    if !as_json {
        out.text(&summary.dir.display().to_string())?;
        return out.finish();
    }
    let failed = summary.failed.iter().map(|file| {
        let (code, error) = (file.error.code(), file.error.to_string());
        json!({ "segment": file.segment, "name": file.name, "code": code, "error": error })
    });
    let failed: Vec<Value> = failed.collect();
    let missing = summary.missing.iter().map(|one| (one.kind.name().to_owned(), json!(one.segments)));
    out.json(&json!({
        "status": if failed.is_empty() { "completed" } else { "failed" },
        "canonical_route": summary.route.to_string(),
        "dest_root": dest,
        "directory": summary.dir,
        "downloaded_files": summary.downloaded,
        "skipped_files": summary.skipped,
        "failed_files": failed.len(),
        "total_bytes": summary.bytes,
        "failed": failed,
        "missing": missing.collect::<serde_json::Map<_, _>>(),
    }))?;
    out.finish()
}

/// The drives of a device in the last days.
fn drives(client: &Client, dongle: DongleId, days: u64, watch: &Watch) -> Result<Vec<Drive>> {
    let now = SystemTime::now().duration_since(UNIX_EPOCH).unwrap_or_default();
    let millis = |time: Duration| u64::try_from(time.as_millis()).unwrap_or(u64::MAX);
    let start = now.saturating_sub(DAY * u32::try_from(days).unwrap_or(1));
    client.drives(dongle, millis(start), millis(now), watch)
}

fn list(dongle: DongleId, days: u64, drives: &[Drive], as_json: bool) -> Result<Outcome> {
    let mut out = Out::new();
    if as_json {
        let all: Vec<Value> = drives.iter().map(described).collect();
        out.json(&all)?;
    } else if drives.is_empty() {
        render::say(&format!(
            "no drives of {dongle} in the last {days} days; --search-days looks further back"
        ));
    } else {
        let rows: Vec<Vec<String>> = drives.iter().map(row).collect();
        out.text(&remote::table(&["route", "started", "minutes", "miles"], &rows))?;
    }
    out.finish()?;
    Ok(Outcome::Done)
}

fn described(drive: &Drive) -> Value {
    let (start, end) = drive.span().unzip();
    let segments: Vec<u32> = drive.segments.iter().map(|(n, _, _)| *n).collect();
    json!({
        "route": drive.route.to_string(), "start_ms": start, "end_ms": end, "miles": drive.miles,
        "segments": segments,
    })
}

fn row(drive: &Drive) -> Vec<String> {
    let time = |ms: u64| jiff::Timestamp::from_millisecond(i64::try_from(ms).ok()?).ok();
    let none = || "-".to_owned();
    let started = drive.span().and_then(|(start, _)| time(start));
    let started = started.map_or_else(none, |time| time.strftime("%Y-%m-%d %H:%M UTC").to_string());
    let minutes =
        drive.span().map_or_else(none, |(start, end)| format!("{:.0}", (end - start) as f64 / 60_000.0));
    vec![
        drive.route.to_string(),
        started,
        minutes,
        drive.miles.map_or_else(none, |miles| format!("{miles:.1}")),
    ]
}
