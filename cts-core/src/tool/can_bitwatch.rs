//! `can-bitwatch`: which bits toggle only inside a window, when watched bits change, which bits pulse in a pattern.
//!
//! Reads the table of `rlog-to-csv` or a log itself; both give the same five files. The defaults give the files of the
//! Python tool to the byte. Where that tool is wrong an option is right: `by_bus` keeps the buses of an address apart,
//! `bit_order` `lsb` reads `B4b5` as opendbc does, `exclude_returned` counts no frame twice.

use std::io::Read;

use serde::Serialize;
use serde_json::{Map, Value};

use super::{ArtifactSpec, Category, Ctx, Kind, Reading, Report, Tool, Warning, aligned};
use crate::analyze::bitwatch::{
    self, Bitwatch, Config, DEFAULT_WATCH, Outcome, PulsePattern, Summary, Window, printed_seconds, read_csv,
};
use crate::can::bits::{self, WatchSpec, parse_watch_file};
use crate::log::{Batch, Completeness, Input, InputRecord, frames, which};
use crate::{Error, ErrorKind, Result};

crate::choices! {
    /// What `Y` means in a bit label `BxbY`.
    pub enum BitOrder {
        /// Counted from the most significant bit, as the Python tool reads it.
        Msb = "msb",
        /// Counted from the least significant bit, as opendbc means it.
        Lsb = "lsb",
    }
}

impl BitOrder {
    /// The order in the terms of the reader of bits.
    pub(super) fn order(self) -> bits::BitOrder {
        match self {
            Self::Msb => bits::BitOrder::Msb,
            Self::Lsb => bits::BitOrder::Lsb,
        }
    }
}

crate::params! {
    /// Parameters of `can-bitwatch`.
    pub struct Params {
        /// The table that `rlog-to-csv` writes, or a log: a file, a directory, a route, or `-` for standard input.
        csv: String = String::new(), kind: Kind::Input, required: true;
        /// Beginning of the names of the output files.
        output_prefix: String = "analysis".to_owned();
        /// Start of the window. Of a table the window is in its rows, and this only moves the zero of relative times.
        window_start: Option<f64> = None, unit: "s";
        /// Duration of the window, for logs; a table says by itself which rows are in the window.
        window_dur: Option<f64> = None, unit: "s", min: 0.0;
        /// Bits whose edges are listed: `0x027:B4b5`, `466:B6b0`, `1@0x321:b37`, `0x321:[4]&0x20`.
        watch: Vec<String> = DEFAULT_WATCH.map(str::to_owned).to_vec();
        /// A file with one watched bit a line, used beside `watch` if that is given, else instead of it.
        watch_file: Option<String> = None, kind: Kind::Path;
        /// What `Y` means in `BxbY`.
        bit_order: BitOrder = BitOrder::Msb;
        /// Number of pulses in the pattern to hunt for.
        pulse_count: u32 = 3, min: 1.0, max: 1e6;
        /// Length of each pulse.
        pulse_length: f64 = 2.0, unit: "s", min: 0.0;
        /// Largest deviation from that length.
        pulse_tolerance: f64 = 0.5, unit: "s", min: 0.0;
        /// Keep the buses of an address apart; the files then have a `bus` column.
        by_bus: bool = false;
        /// Leave out frames that were sent or rejected, bus 128 and up: they are copies of others.
        exclude_returned: bool = false;
    }
}

/// The definition.
pub static TOOL: Tool = Tool {
    name: "can-bitwatch",
    title: "CAN Bitwatch Analyzer",
    summary: "Finds bits that toggle only in a window, lists edges of watched bits and hunts for pulse patterns.",
    category: Category::Analyzer,
    input: "csv",
    params: Params::PARAMS,
    ignored: &["repo_root", "deps_dir", "install_missing_deps"],
    artifacts: &[
        file("<output_prefix>.counts.csv", "text/csv", "Frames per address before, in and after the window."),
        file(
            "<output_prefix>.per_address.json",
            "application/json",
            "Payloads per address: how many, most common.",
        ),
        file("<output_prefix>.bit_edges.csv", "text/csv", "Edges of the watched bits, by time."),
        file(
            "<output_prefix>.candidates_window_only.csv",
            "text/csv",
            "Bits that toggle inside the window only.",
        ),
        file(
            "<output_prefix>.accel_hunt.csv",
            "text/csv",
            "Their pulses, and whether these match the pattern.",
        ),
    ],
    call,
};

const fn file(name: &'static str, content_type: &'static str, doc: &'static str) -> ArtifactSpec {
    ArtifactSpec { name, content_type, doc }
}

/// What `can-bitwatch` found.
#[derive(Debug, Serialize)]
pub struct CanBitwatchReport {
    /// Totals.
    #[serde(flatten)]
    pub summary: Summary,
    /// The best candidates: those that match the pattern, then those with the fewest toggles.
    pub best: Vec<BestBit>,
    /// How much of the log was read; of a table, only whether.
    #[serde(skip)]
    pub reading: Reading,
}

/// A candidate in the report.
#[derive(Debug, Serialize)]
pub struct BestBit {
    /// The address, `0x1C5`.
    pub address: String,
    /// The bus, if buses are kept apart.
    pub bus: Option<u8>,
    /// Byte * 8 + bit from the least significant.
    pub global_idx: u16,
    /// Toggles, all inside the window.
    pub toggles: u64,
    /// Lengths of the high phases in s.
    pub pulses_s: Vec<f64>,
    /// Whether they match the pattern.
    pub matches: bool,
}

/// Candidates named in the report; the files have all.
const BEST: usize = 10;

fn call(ctx: &Ctx, input: Option<Input>, params: &Map<String, Value>) -> Result<Report> {
    let given = params.contains_key("watch");
    let mut params = Params::from_json(params)?;
    if params.watch_file.is_some() && !given {
        params.watch.clear();
    }
    let mut input = match input {
        Some(input) => input,
        None => ctx.open(&params.csv)?,
    };
    let report = run(ctx, &mut input, &params)?;
    Ok(Report::new(TOOL.name, ctx, &report, report.human(), report.reading.clone()))
}

/// Analyses the table or log and writes the five files; `params.csv` is not looked at.
///
/// # Errors
/// `bad-param` for a watched bit, `bad-csv` with line and column; those of [`Input::read`] and [`Ctx::artifact`].
pub fn run(ctx: &Ctx, input: &mut Input, params: &Params) -> Result<CanBitwatchReport> {
    ctx.protect(input);
    let config = config(params)?;
    let again = input.again();
    let (outcome, reading) = match input.take_text()? {
        Some(text) => (from_csv(ctx, text, config, again)?, Reading { complete: true, ..Reading::default() }),
        None => from_log(ctx, input, config, params)?,
    };
    if outcome.summary.late_rows > 0 {
        ctx.warn(Warning::OutOfOrder { rows: outcome.summary.late_rows });
    }
    write(ctx, &params.output_prefix, &outcome)?;
    Ok(CanBitwatchReport { best: best(&outcome), summary: outcome.summary, reading })
}

fn config(params: &Params) -> Result<Config> {
    let order = params.bit_order.order();
    let mut watch = WatchSpec::parse_list(&params.watch, order)?;
    if let Some(path) = &params.watch_file {
        let text = std::fs::read_to_string(path).map_err(|e| Error::io("read", e).path(path))?;
        watch.extend(parse_watch_file(&text, order).map_err(|e| e.path(path))?);
    }
    let pulses = PulsePattern {
        count: params.pulse_count as usize,
        length_s: params.pulse_length,
        tolerance_s: params.pulse_tolerance,
    };
    let Params { window_start: window_start_s, by_bus, exclude_returned, .. } = *params;
    Ok(Config { watch, window_start_s, pulses, by_bus, exclude_returned, ..Config::default() })
}

/// Rows of `config` again with all of them in memory, for inputs that are far out of order.
fn ordered(config: Config) -> Config {
    Config { slack_s: f64::INFINITY, ..config }
}

fn from_csv(ctx: &Ctx, text: Box<dyn Read + Send>, config: Config, again: Option<Input>) -> Result<Outcome> {
    let mut engine = Bitwatch::new(config.clone())?;
    let path = again.as_ref().and_then(|input| input.segments().next()?.path.clone());
    let place = |error: Error| match &path {
        Some(path) => error.path(path),
        None => error,
    };
    read_csv(text, &mut engine).map_err(place)?;
    if let (true, Some(mut again)) = (engine.late_rows() > 0, again)
        && let Some(text) = again.take_text()?
    {
        engine = Bitwatch::new(ordered(config))?;
        read_csv(text, &mut engine).map_err(place)?;
    }
    ctx.check()?;
    Ok(engine.finish())
}

fn from_log(ctx: &Ctx, input: &mut Input, config: Config, params: &Params) -> Result<(Outcome, Reading)> {
    if params.window_dur.is_some() && params.window_start.is_none() {
        let help = "`window_dur` needs a start: give both".to_owned();
        return Err(ErrorKind::MissingParam { name: "window_start".to_owned(), help }.into());
    }
    let window = params.window_start.zip(params.window_dur);
    let window = window.map(|(start_s, duration_s)| Window { start_s, duration_s });
    let (engine, record) = feed(ctx, input, config, window)?;
    Ok((engine.finish(), Reading::from(&record)))
}

fn feed(
    ctx: &Ctx,
    input: &mut Input,
    config: Config,
    window: Option<Window>,
) -> Result<(Bitwatch, InputRecord)> {
    let mut engine = Bitwatch::new(config)?;
    let mut start = None;
    let record = ctx.read(input, |_, batch, record| {
        push(&mut engine, batch, &mut start, window, record);
        Ok(())
    })?;
    Ok((engine, record))
}

/// Pushes the frames of all `can` events, with times as `rlog-to-csv` prints them.
fn push(
    engine: &mut Bitwatch,
    batch: &Batch,
    start: &mut Option<u64>,
    window: Option<Window>,
    record: &mut Completeness,
) {
    for event in batch.events().filter(|event| event.which() == which::CAN) {
        let start = *start.get_or_insert(event.mono_time());
        let ns = event.mono_time().wrapping_sub(start) as i64;
        let (t_s, segment) = (printed_seconds(ns), Window::segment(window, ns));
        let list = match frames(&event) {
            Ok(list) => list,
            Err(fault) => {
                record.note_value(event.index(), event.offset(), fault.0);
                continue;
            }
        };
        for frame in list {
            match frame {
                Ok(frame) => engine.push(t_s, segment, frame.bus, frame.address, frame.data),
                Err(fault) => record.note_value(event.index(), event.offset(), fault.0),
            }
        }
    }
}

type WriteFn = fn(&Outcome, &mut Vec<u8>) -> Result<()>;

fn write(ctx: &Ctx, prefix: &str, outcome: &Outcome) -> Result<()> {
    let files: [(&str, WriteFn); 5] = [
        ("counts.csv", |o, w| bitwatch::write_counts(o, w)),
        ("per_address.json", |o, w| bitwatch::write_per_address(o, w)),
        ("bit_edges.csv", |o, w| bitwatch::write_bit_edges(o, w)),
        ("candidates_window_only.csv", |o, w| bitwatch::write_candidates_window_only(o, w)),
        ("accel_hunt.csv", |o, w| bitwatch::write_accel_hunt(o, w)),
    ];
    // All are written before the first is put in its place: a full disk leaves none.
    let mut writers = Vec::new();
    for (name, render) in files {
        let mut bytes = Vec::new();
        render(outcome, &mut bytes)?;
        let mut writer = ctx.artifact(&format!("{prefix}.{name}"))?;
        writer.put(&bytes)?;
        writers.push(writer);
    }
    writers.into_iter().try_for_each(|writer| ctx.finish(writer).map(|_| ()))
}

fn best(outcome: &Outcome) -> Vec<BestBit> {
    let mut all: Vec<_> = outcome.candidates.iter().collect();
    all.sort_by_key(|c| (!c.matches, c.toggles));
    let bit = |c: &&bitwatch::Candidate| BestBit {
        address: format!("0x{:03X}", c.address),
        bus: c.bus,
        global_idx: c.bit.global(),
        toggles: c.toggles,
        pulses_s: c.pulses_s.clone(),
        matches: c.matches,
    };
    all.iter().take(BEST).map(bit).collect()
}

impl CanBitwatchReport {
    fn human(&self) -> String {
        let s = &self.summary;
        let mut rows = vec![
            ("rows", format!("{} of {} addresses", s.rows, s.addresses)),
            ("window", format!("{:.3} s to {:.3} s", s.window_start_s, s.window_end_s)),
            ("watched bits", format!("{} edges", s.watched_edges)),
            ("only in window", format!("{} bits, {} with the pulse pattern", s.candidates, s.pulse_matches)),
        ];
        if s.pooled_addresses > 0 {
            rows.push((
                "note",
                format!("{} addresses are on several buses; by_bus keeps them apart", s.pooled_addresses),
            ));
        }
        for bit in &self.best {
            let bus = bit.bus.map_or(String::new(), |bus| format!("bus {bus} "));
            let pulses: Vec<_> = bit.pulses_s.iter().take(6).map(|s| format!("{s:.3}")).collect();
            let mark = if bit.matches { "  <- matches" } else { "" };
            let place = format!("byte {} bit {}", bit.global_idx / 8, bit.global_idx % 8);
            rows.push((
                "",
                format!(
                    "{bus}{} {place}: {} toggles, high for {} s{mark}",
                    bit.address,
                    bit.toggles,
                    pulses.join(" ")
                ),
            ));
        }
        aligned(&rows)
    }
}
