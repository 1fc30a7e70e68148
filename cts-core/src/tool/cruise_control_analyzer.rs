//! `cruise-control-analyzer`: what the driver and cruise control did on a drive, and which bits have to do with it.
//!
//! Finds presses of set, resume and cancel with the speed at the press, changes of cruise control and of its speed,
//! braking, times at a target speed, markers that the driver set with the turn signals and the windows around them,
//! engaged intervals, and ranks the bits of all messages by how much they have to do with that. The profile says where
//! the signals are: `subaru` reads the frames of a Subaru of the global platform, `events` takes what openpilot logs of
//! any car, and a TOML file names the signals of one's own car (see the source of this module's `profile`).
//!
//! Only received frames count (bus 0 to 127), each bus for itself. The tables keep the columns of the Python tool
//! (`….v1`); what is new is in tables of its own (`….v2`). Equal inputs and parameters give equal bytes.

mod cell;
mod fields;
mod meta;
mod page;
mod profile;
mod read;
mod report;
mod tables;

use std::path::{Component, Path, PathBuf};

use serde_json::{Map, Value};

use super::can_bitwatch::BitOrder;
use super::{ArtifactSpec, Category, Ctx, Kind, Reading, Report, Tool, Warning};
use crate::analyze::cruise::{Profile, Role};
use crate::log::Input;
use crate::{ErrorKind, Result};
pub use report::{CruiseReport, FoundBit, FoundEvent, FoundSpan};

crate::choices! {
    /// How the driver marks what is worth a look.
    pub enum MarkerType {
        /// Not at all.
        None = "none",
        /// The left turn signal before, the right one after.
        Blinkers = "blinkers",
    }
}

crate::choices! {
    /// What engaged intervals do.
    pub enum Mode {
        /// They are listed.
        Annotate = "annotate",
        /// Nothing outside of them counts.
        Filter = "filter",
    }
}

crate::params! {
    /// Parameters of `cruise-control-analyzer`.
    pub struct Params {
        /// The log: a file, a directory, a route, or `-` for standard input.
        log_file: String = String::new(), kind: Kind::Input, required: true;
        /// Lower end of the target speed.
        speed_min: f64 = 55.0, unit: "mph", min: 0.0, max: 1000.0;
        /// Upper end of the target speed.
        speed_max: f64 = 56.0, unit: "mph", min: 0.0, max: 1000.0;
        /// How the driver marks what is worth a look.
        marker_type: MarkerType = MarkerType::Blinkers;
        /// How much earlier than its first signal a window starts.
        marker_pre: f64 = 1.5, unit: "s", min: 0.0, max: 600.0;
        /// How much later than its last signal a window ends.
        marker_post: f64 = 1.5, unit: "s", min: 0.0, max: 600.0;
        /// Longest time from the first to the last signal of a marker.
        marker_timeout: f64 = 15.0, unit: "s", min: 0.0, max: 600.0;
        /// Write the tables as CSV.
        export_csv: bool = false;
        /// Write the tables as JSON.
        export_json: bool = false;
        /// Where the files go.
        output_dir: String = ".".to_owned(), kind: Kind::Path;
        /// The bit that says that cruise control is engaged, such as `0x027:b34` or `0x027:MSB B29`; by default the
        /// profile knows.
        engaged_bit: Option<String> = None;
        /// Only frames of this bus for `engaged_bit`.
        engaged_bus: Option<u8> = None, min: 0.0, max: 127.0;
        /// Whether engaged intervals are listed, or nothing outside of them counts.
        engaged_mode: Mode = Mode::Annotate;
        /// How much wider engaged intervals are made at both ends.
        engaged_margin: f64 = 0.5, unit: "s", min: 0.0, max: 600.0;
        /// Where the signals are: `subaru`, `events`, a TOML file, or `auto` to tell by the log.
        profile: String = "auto".to_owned();
        /// What `Y` means in a bit label `BxbY`.
        bit_order: BitOrder = BitOrder::Msb;
        /// How many of the best unknown bits have their edges and runs listed.
        top_bits: u32 = 20, max: 10000.0;
    }
}

/// The definition.
pub static TOOL: Tool = Tool {
    name: "cruise-control-analyzer",
    title: "Cruise Control Analyzer",
    summary: "Finds what driver and cruise control did, marked windows, and the bits that have to do with it.",
    category: Category::Analyzer,
    input: "log_file",
    params: Params::PARAMS,
    ignored: &["repo_root", "deps_dir", "install_missing_deps"],
    artifacts: &[
        file("analysis_report.html", "text/html", "The report for people, in one file."),
        file("speed_timeline.svg", "image/svg+xml", "Speed and events over time."),
        file("speed_timeline.png", "image/png", "The same as a bitmap."),
        file("config_snapshot.json", "application/json", "Parameters and sources; with any export."),
        file(
            "counts_by_segment.csv",
            "text/csv",
            "Frames and payloads per message before, in and after windows.",
        ),
        file("candidates.csv", "text/csv", "Every bit that toggled, the best first."),
        file("edges.csv", "text/csv", "Edges of the known and the best bits."),
        file("runs.csv", "text/csv", "High phases of these bits, the longest first."),
        file("timeline.csv", "text/csv", "All events with the speed."),
        file("engaged_intervals.csv", "text/csv", "When cruise control was engaged, wider by the margin."),
        file("events.csv", "text/csv", "v2: all events with bus, address and bytes."),
        file("windows.csv", "text/csv", "v2: markers and their windows."),
        file("counts_by_window.csv", "text/csv", "v2: frames and payloads per message and window."),
        file("candidates_detail.csv", "text/csv", "v2: candidates with what their score is made of."),
        file("edges_context.csv", "text/csv", "v2: edges with main switch, brake and window."),
        file("speed_series.csv", "text/csv", "v2: all speeds."),
        file("<table>.json", "application/json", "The same tables with `export_json`."),
        file("<table>.analysis_meta.json", "application/json", "Parameters, sources and windows of a table."),
    ],
    call,
};

const fn file(name: &'static str, content_type: &'static str, doc: &'static str) -> ArtifactSpec {
    ArtifactSpec { name, content_type, doc }
}

fn call(ctx: &Ctx, input: Option<Input>, params: &Map<String, Value>) -> Result<Report> {
    let params = Params::from_json(params)?;
    let mut input = match input {
        Some(input) => input,
        None => ctx.open(&params.log_file)?,
    };
    let report = run(ctx, &mut input, &params)?;
    Ok(Report::new(TOOL.name, ctx, &report, report.human(), report.reading.clone()))
}

/// Analyses the log and writes the files; `params.log_file` only appears in them.
///
/// # Errors
/// `out-of-range`, `bad-param` for a profile or bit; `no-data` for a log without frames or without a speed; those of
/// [`Input::read`] and [`Ctx::artifact`]. Nothing is left behind then.
pub fn run(ctx: &Ctx, input: &mut Input, params: &Params) -> Result<CruiseReport> {
    if params.speed_min > params.speed_max {
        let range = format!("at most `speed_max`, {}", params.speed_max);
        let (name, value) = ("speed_min".to_owned(), params.speed_min.to_string());
        return Err(ErrorKind::OutOfRange { name, value, range }.into());
    }
    let (name, size) = (input.name().to_owned(), input.total_bytes());
    let read = read::read(ctx, input, params)?;
    check(&read)?;
    warn(ctx, &read, params);
    let found = tables::Found::new(&read, params);
    let meta = meta::Meta::new(&found, params, (&name, size));
    write(ctx, params, &found, &meta, &name)?;
    Ok(report::CruiseReport::new(&found, params, Reading::from(&read.record)))
}

/// Refuses logs about which nothing can be said.
fn check(read: &read::Read) -> Result<()> {
    let outcome = &read.outcome;
    let none = |what: &str, help: String| Err(ErrorKind::NoData { what: what.into(), help }.into());
    if outcome.frames == 0 && read::needs_frames(&outcome.profile) {
        let help =
            format!("profile `{}` reads frames; profile=events takes carState instead", outcome.profile.name);
        return none("received CAN frames", help);
    }
    if outcome.main(Role::Speed).is_none() {
        let places = outcome.profile.tracks.iter().filter(|spec| spec.role == Role::Speed);
        let places: Vec<String> = places.map(|spec| spec.place()).collect();
        let other = if outcome.profile.name == "subaru" { "profile=events, or " } else { "" };
        let help = format!(
            "profile `{}` looks for {}; try {other}profile=FILE.toml that names the signal of this car",
            outcome.profile.name,
            places.join(", ")
        );
        return none("speed", help);
    }
    Ok(())
}

fn warn(ctx: &Ctx, read: &read::Read, params: &Params) {
    let outcome = &read.outcome;
    if outcome.late > 0 {
        ctx.warn(Warning::OutOfOrder { rows: outcome.late });
    }
    if outcome.frames == 0 {
        let effect = "bits and counts are empty".to_owned();
        ctx.warn(Warning::NotSeen { what: "any received CAN frame".into(), effect });
    }
    for (what, effect) in missing(&outcome.profile, |role| outcome.main(role).is_some(), params) {
        ctx.warn(Warning::NotSeen { what, effect });
    }
    // Roles that another track fills are not missed, and what openpilot does not log is no fault of the log.
    let filled = |role: Role| outcome.main(role).is_some();
    for spec in outcome
        .unseen()
        .filter(|spec| spec.bit().is_some() && (spec.role == Role::State || filled(spec.role)))
    {
        let what = format!("`{}` ({})", spec.name, spec.place());
        ctx.warn(Warning::NotSeen { what, effect: format!("no `{}` events", spec.name) });
    }
    if params.engaged_bus.is_some() && params.engaged_bit.is_none() {
        let reason = "`engaged_bit` is not given".to_owned();
        ctx.warn(Warning::NoEffect { name: "engaged_bus".into(), reason });
    }
}

/// The roles that nothing fills: what was looked for, and what that costs.
fn missing(profile: &Profile, seen: impl Fn(Role) -> bool, params: &Params) -> Vec<(String, String)> {
    let blinkers = params.marker_type == MarkerType::Blinkers;
    let costs = [
        (Role::Set, "no presses of set", true),
        (Role::Resume, "no presses of resume", true),
        (Role::CruiseOn, "no changes of cruise control on or off", true),
        (Role::CruiseActive, "no changes of cruise control activated or not", true),
        (Role::SetSpeed, "no changes of the set speed", true),
        (Role::Brake, "no braking, and no brake beside edges", true),
        (Role::Left, "no markers, so that the window is the whole log", blinkers),
        (Role::Right, "no markers, so that the window is the whole log", blinkers),
        (Role::Engaged, "no engaged intervals by it", params.engaged_bit.is_some()),
    ];
    let mut list = Vec::new();
    for (role, effect, wanted) in costs {
        let specs: Vec<_> = profile.tracks.iter().filter(|spec| spec.role == role).collect();
        // Buttons appear in `carState.buttonEvents` only when they are pressed.
        let silent = role.is_button() && specs.iter().any(|spec| spec.bit().is_none());
        if !wanted || seen(role) || specs.is_empty() || silent {
            continue;
        }
        let places: Vec<String> =
            specs.iter().map(|spec| format!("`{}` ({})", spec.name, spec.place())).collect();
        list.push((places.join(" or "), effect.to_owned()));
    }
    list
}

/// Writes all files; none is put in its place before all are written.
fn write(ctx: &Ctx, params: &Params, found: &tables::Found<'_>, meta: &meta::Meta, name: &str) -> Result<()> {
    let mut files: Vec<(String, Vec<u8>)> = page::files(&page::page(ctx, params, found, name))?;
    if params.export_csv || params.export_json {
        for table in tables::all(found) {
            if params.export_csv {
                files
                    .push((format!("{}.csv", table.name), (meta.header(&table) + &table.csv()).into_bytes()));
            }
            if params.export_json {
                files.push((format!("{}.json", table.name), pretty(&table.json())));
            }
            files.push((format!("{}.analysis_meta.json", table.name), meta.sidecar(&table).into_bytes()));
        }
        files.push(("config_snapshot.json".into(), pretty(&meta.config.clone().into())));
    }
    let dir: PathBuf =
        Path::new(&params.output_dir).components().filter(|part| *part != Component::CurDir).collect();
    let mut writers = Vec::new();
    for (name, bytes) in files {
        let mut writer = ctx.artifact(&dir.join(name).to_string_lossy())?;
        writer.put(&bytes)?;
        writers.push(writer);
    }
    ctx.check()?;
    writers.into_iter().try_for_each(|writer| ctx.finish(writer).map(|_| ()))
}

/// As `json.dump` with an indent of 2.
fn pretty(value: &Value) -> Vec<u8> {
    serde_json::to_vec_pretty(value).unwrap_or_default()
}
