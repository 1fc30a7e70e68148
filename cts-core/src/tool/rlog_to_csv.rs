//! `rlog-to-csv`: all CAN frames that a log received, as a table.
//!
//! The CSV is that of the Python tool to the byte: `window,segment,timestamp,address,bus,data_hex`, lines ending
//! in CR LF. Only `can` events, in file order; time counts from the first of them, so that it may be negative and
//! runs on over the segments of a route.

use std::path::Path;

use serde::Serialize;
use serde_json::{Map, Value};

use super::text::HEX;
use super::{Artifact, ArtifactSpec, ArtifactWriter, Category, Ctx, Kind, Reading, Report, Tool, aligned};
use crate::log::{Batch, Completeness, Event, Frame, Input, InputRecord, frames, which};
use crate::{Result, table};

crate::choices! {
    /// The form of the table.
    pub enum Format {
        /// Text, one row per frame.
        Csv = "csv",
        /// Apache Parquet.
        Parquet = "parquet",
        /// Arrow IPC file.
        Ipc = "ipc",
    }
}

impl Format {
    /// The ending of its files.
    fn extension(self) -> &'static str {
        match self {
            Self::Csv => "csv",
            Self::Parquet => "parquet",
            Self::Ipc => "arrow",
        }
    }
}

crate::params! {
    /// Parameters of `rlog-to-csv`.
    pub struct Params {
        /// The log: a file, a directory, a route, or `-` for standard input.
        rlog: String = String::new(), kind: Kind::Input, required: true;
        /// The file to write, `-` for standard output; by default the name of the log with the ending of the format.
        out: Option<String> = None, kind: Kind::Path, required_in_v1: true;
        /// Start of the window that the column `segment` marks, after the first `can` event. Needs `window_dur`.
        window_start: Option<f64> = None, unit: "s";
        /// Duration of the window. Needs `window_start`.
        window_dur: Option<f64> = None, unit: "s", min: 0.0;
        /// The form of the table.
        format: Format = Format::Csv;
        /// Keep only frames with these addresses; decimal or `0x` hex.
        addresses: Vec<u32> = Vec::new();
        /// Keep only frames with these bus numbers, as logged: 128 and more are frames that were sent.
        buses: Vec<u8> = Vec::new();
    }
}

/// The definition.
pub static TOOL: Tool = Tool {
    name: "rlog-to-csv",
    title: "RLog to CSV Converter",
    summary: "Writes all received CAN frames of a log as a table.",
    category: Category::Analyzer,
    input: "rlog",
    params: Params::PARAMS,
    ignored: &["repo_root", "deps_dir", "install_missing_deps"],
    artifacts: &[ArtifactSpec { name: "<out>", content_type: "text/csv", doc: "One row per CAN frame." }],
    call,
};

/// What `rlog-to-csv` found and wrote.
#[derive(Debug, Serialize)]
pub struct RlogToCsvReport {
    /// The table; `-` for standard output.
    pub out: String,
    /// Rows written, one per frame.
    pub rows: u64,
    /// Rows before the window, or all of them without one.
    pub rows_pre: u64,
    /// Rows inside the window.
    pub rows_window: u64,
    /// Rows after the window.
    pub rows_post: u64,
    /// `can` events read.
    pub can_events: u64,
    /// Frames that the filters left out.
    pub frames_filtered: u64,
    /// Frames or lists of frames that could not be read.
    pub frames_unreadable: u64,
    /// Mono time of the first `can` event in ns: the zero of the table's times.
    pub start_mono_time_ns: Option<u64>,
    /// Largest time in the table, in s.
    pub duration_s: f64,
    /// How much of the log was read.
    #[serde(skip)]
    pub reading: Reading,
}

fn call(ctx: &Ctx, input: Option<Input>, params: &Map<String, Value>) -> Result<Report> {
    let params = Params::from_json(params)?;
    let mut input = match input {
        Some(input) => input,
        None => ctx.open(&params.rlog)?,
    };
    let report = run(ctx, &mut input, &params)?;
    Ok(Report::new(TOOL.name, ctx, &report, report.human(), report.reading.clone()))
}

/// Writes the table; `params.rlog` is not looked at.
///
/// # Errors
/// Those of [`Input::read`] and [`Ctx::artifact`]; `canceled`; `feature-not-built`. Nothing is left behind then.
pub fn run(ctx: &Ctx, input: &mut Input, params: &Params) -> Result<RlogToCsvReport> {
    if params.window_start.is_some() != params.window_dur.is_some() {
        let (name, other) = match params.window_start {
            Some(_) => ("window_start", "window_dur"),
            None => ("window_dur", "window_start"),
        };
        let reason = format!("`{other}` is not given, so there is no window");
        ctx.warn(super::Warning::NoEffect { name: name.to_owned(), reason });
    }
    ctx.protect(input);
    let default = format!("{}.{}", input.stem(), params.format.extension());
    let out = params.out.as_deref().unwrap_or(&default);
    match params.format {
        Format::Csv => write_csv(ctx, input, params, out),
        Format::Parquet => write_table(ctx, input, params, out, table::Format::Parquet),
        Format::Ipc => write_table(ctx, input, params, out, table::Format::Ipc),
    }
}

/// Rows that are gathered before they are written as one piece.
const PIECE: usize = 128 << 10;

/// The same rows in a binary format: the columns of [`table::FrameTable`] and `segment` (`pre`, `window`, `post`).
fn write_table(
    ctx: &Ctx,
    input: &mut Input,
    params: &Params,
    out: &str,
    format: table::Format,
) -> Result<RlogToCsvReport> {
    let mut writer = table::TableWriter::new(format, ctx.artifact(out)?)?;
    let (mut frames, mut counts) = (table::FrameTable::new(false), Counts::default());
    let window = window(params);
    let record = ctx.read(input, |_, batch, record| {
        for event in batch.events().filter(|event| event.which() == which::CAN) {
            let start = *counts.start.get_or_insert(event.mono_time());
            counts.can_events += 1;
            counts.last = counts.last.max(event.mono_time().wrapping_sub(start) as i64);
        }
        let (mut filtered, before) = (std::cell::Cell::new(0), record.damage_count);
        frames.push_if(batch, counts.start.unwrap_or_default(), record, |frame| {
            let keep = keeps(params, frame);
            filtered.set(filtered.get() + u64::from(!keep));
            keep
        });
        counts.filtered += *filtered.get_mut();
        counts.unreadable += record.damage_count - before;
        if frames.rows() >= PIECE { writer.write(counts.piece(&mut frames, window)) } else { Ok(()) }
    })?;
    writer.write(counts.piece(&mut frames, window))?;
    let artifact = ctx.finish(writer.finish()?)?;
    Ok(counts.report(&artifact, &record))
}

/// Start and end of the window in s, if both are given.
fn window(params: &Params) -> Option<(f64, f64)> {
    params.window_start.zip(params.window_dur).map(|(start, dur)| (start, start + dur))
}

/// Which part of the window a time in s is in: 0 before it or without one, 1 inside, 2 after.
fn part(window: Option<(f64, f64)>, time: f64) -> usize {
    match window {
        Some((start, end)) if time >= start && time <= end => 1,
        Some((_, end)) if time > end => 2,
        _ => 0,
    }
}

const PARTS: [&str; 3] = ["pre", "window", "post"];

#[inline]
fn keeps(params: &Params, frame: &Frame<'_>) -> bool {
    (params.addresses.is_empty() || params.addresses.contains(&frame.address))
        && (params.buses.is_empty() || params.buses.contains(&frame.bus))
}

fn write_csv(ctx: &Ctx, input: &mut Input, params: &Params, out: &str) -> Result<RlogToCsvReport> {
    let mut csv = Csv::new(ctx.artifact(out)?, params);
    let record = ctx.read(input, |_, batch, record| csv.batch(batch, record))?;
    csv.flush()?;
    let artifact = ctx.finish(csv.writer)?;
    Ok(csv.counts.report(&artifact, &record))
}

/// Bytes that are gathered before they are written.
const BUFFER: usize = 128 << 10;
/// Most bytes of a row: the head, `0xFFFFFFFF,255,`, 64 bytes in hex, CR LF, rounded up.
const ROW: usize = 256;
/// Room for `1,window,-9223372036.854776,0x`.
const HEAD: usize = 48;

/// Writes rows. Per event: the time and the part of the window. Per frame: a copy of the event's head, address,
/// bus and hex by table, into a buffer with room for the longest row.
struct Csv<'a> {
    writer: ArtifactWriter,
    params: &'a Params,
    window: Option<(f64, f64)>,
    buffer: Vec<u8>,
    /// Bytes of `buffer` in use.
    used: usize,
    counts: Counts,
}

#[derive(Default)]
struct Counts {
    rows: [u64; 3],
    can_events: u64,
    filtered: u64,
    unreadable: u64,
    start: Option<u64>,
    last: i64,
}

impl<'a> Csv<'a> {
    fn new(writer: ArtifactWriter, params: &'a Params) -> Self {
        let header = b"window,segment,timestamp,address,bus,data_hex\r\n";
        let mut buffer = vec![0; BUFFER + ROW];
        buffer[..header.len()].copy_from_slice(header);
        Self { writer, params, window: window(params), buffer, used: header.len(), counts: Counts::default() }
    }

    fn batch(&mut self, batch: &Batch, record: &mut Completeness) -> Result<()> {
        for event in batch.events().filter(|event| event.which() == which::CAN) {
            self.event(&event, record)?;
        }
        Ok(())
    }

    fn event(&mut self, event: &Event<'_>, record: &mut Completeness) -> Result<()> {
        let start = *self.counts.start.get_or_insert(event.mono_time());
        let ns = event.mono_time().wrapping_sub(start) as i64;
        let (part, head, head_len) = self.head(ns);
        self.counts.can_events += 1;
        self.counts.last = self.counts.last.max(ns);
        let list = match frames(event) {
            Ok(list) => list,
            Err(fault) => {
                self.counts.unreadable += 1;
                record.note_value(event.index(), event.offset(), fault.0);
                return Ok(());
            }
        };
        for frame in list {
            match frame {
                Ok(frame) if !keeps(self.params, &frame) => self.counts.filtered += 1,
                Ok(frame) => {
                    self.row(&head, head_len, &frame);
                    self.counts.rows[part] += 1;
                    if self.used >= BUFFER {
                        self.flush()?;
                    }
                }
                Err(fault) => {
                    self.counts.unreadable += 1;
                    record.note_value(event.index(), event.offset(), fault.0);
                }
            }
        }
        Ok(())
    }

    /// What all rows of an event begin with, and which part of the window it is in.
    fn head(&self, ns: i64) -> (usize, [u8; HEAD], usize) {
        let time = ns as f64 / 1e9;
        let part = part(self.window, time);
        let mut text = Vec::with_capacity(HEAD);
        text.extend_from_slice(b"1,");
        text.extend_from_slice(PARTS[part].as_bytes());
        text.push(b',');
        super::push_seconds(&mut text, ns);
        text.extend_from_slice(b",0x");
        let mut head = [0; HEAD];
        head[..text.len()].copy_from_slice(&text);
        (part, head, text.len())
    }

    #[inline]
    fn row(&mut self, head: &[u8; HEAD], head_len: usize, frame: &Frame<'_>) {
        let row = &mut self.buffer[self.used..self.used + ROW];
        // The whole array is copied, because its size is known; what is too much is overwritten.
        row[..HEAD].copy_from_slice(head);
        let mut at = head_len;
        at += put_address(&mut row[at..], frame.address);
        at += put_bus(&mut row[at..], frame.bus);
        let hex = row[at..at + 2 * frame.data.len()].chunks_exact_mut(2);
        hex.zip(frame.data).for_each(|(two, byte)| two.copy_from_slice(&HEX[usize::from(*byte)]));
        at += 2 * frame.data.len();
        row[at..at + 2].copy_from_slice(b"\r\n");
        self.used += at + 2;
    }

    fn flush(&mut self) -> Result<()> {
        self.writer.put(&self.buffer[..self.used])?;
        self.used = 0;
        Ok(())
    }
}

/// Writes three or more upper-case hex digits and returns how many.
#[inline]
fn put_address(out: &mut [u8], address: u32) -> usize {
    let digits = (8 - address.leading_zeros() as usize / 4).max(3);
    for (i, digit) in out[..digits].iter_mut().rev().enumerate() {
        *digit = HEX[(address >> (4 * i) & 15) as usize][1];
    }
    digits
}

/// Writes `,`, a decimal number and `,`, and returns how many bytes.
#[inline]
fn put_bus(out: &mut [u8], bus: u8) -> usize {
    out[0] = b',';
    let mut at = 1;
    for (unit, digit) in [(100, bus / 100), (10, bus / 10 % 10), (1, bus % 10)] {
        if bus >= unit || unit == 1 {
            out[at] = b'0' + digit;
            at += 1;
        }
    }
    out[at] = b',';
    at + 1
}

impl Counts {
    /// Takes the rows gathered so far, with their part of the window.
    fn piece(&mut self, frames: &mut table::FrameTable, window: Option<(f64, f64)>) -> table::Table {
        let mut piece = frames.take();
        let numbers: Vec<u16> = match piece.column("t").map(|column| &column.values) {
            Some(table::Values::Float64(times)) => times.iter().map(|t| part(window, *t) as u16).collect(),
            _ => Vec::new(),
        };
        numbers.iter().for_each(|part| self.rows[usize::from(*part)] += 1);
        let names = std::sync::Arc::new(PARTS.map(str::to_owned).to_vec());
        let values = table::Values::Enum { numbers, names };
        piece.columns.push(table::Column {
            name: "segment".to_owned(),
            unit: None,
            values,
            present: Vec::new(),
        });
        piece
    }

    fn report(&self, artifact: &Artifact, record: &InputRecord) -> RlogToCsvReport {
        let [rows_pre, rows_window, rows_post] = self.rows;
        RlogToCsvReport {
            out: artifact.path.display().to_string(),
            rows: self.rows.iter().sum(),
            rows_pre,
            rows_window,
            rows_post,
            can_events: self.can_events,
            frames_filtered: self.filtered,
            frames_unreadable: self.unreadable,
            start_mono_time_ns: self.start,
            duration_s: self.last as f64 / 1e9,
            reading: Reading::from(record),
        }
    }
}

impl RlogToCsvReport {
    fn human(&self) -> String {
        let mut rows = vec![
            ("table", Path::new(&self.out).display().to_string()),
            ("rows", format!("{} over {:.3} s, {} can events", self.rows, self.duration_s, self.can_events)),
        ];
        if self.rows_window + self.rows_post > 0 {
            let parts = (self.rows_pre, self.rows_window, self.rows_post);
            rows.push(("window", format!("{} rows before, {} within, {} after", parts.0, parts.1, parts.2)));
        }
        if self.frames_filtered > 0 {
            rows.push(("filtered", format!("{} frames left out", self.frames_filtered)));
        }
        if self.frames_unreadable > 0 {
            rows.push(("unreadable", format!("{} frames", self.frames_unreadable)));
        }
        aligned(&rows)
    }
}
