//! What a run gives back: data, words, files and what could not be read.

use serde::Serialize;
use serde_json::Value;

use super::artifact::Artifact;
use super::ctx::Ctx;
use super::warning::Warning;
use crate::log::{Completeness, InputRecord};

/// Damaged places shown in full; the counts say how many there are.
const SHOWN: usize = 100;

/// The result of a run, the same for every face.
#[derive(Clone, Debug, Serialize)]
pub struct Report {
    /// The tool.
    pub tool: &'static str,
    /// The tool's own report, with units in its names.
    pub data: Value,
    /// A short summary for people, aligned, several lines.
    pub human: String,
    /// The files written.
    pub artifacts: Vec<Artifact>,
    /// What else there is to say.
    pub warnings: Vec<Warning>,
    /// How much of the input was read.
    pub completeness: Reading,
}

impl Report {
    /// Gathers the report of a tool from its own part, the reading and the context.
    pub fn new(tool: &'static str, ctx: &Ctx, data: &impl Serialize, human: String, read: Reading) -> Self {
        let data = serde_json::to_value(data).unwrap_or_default();
        let (artifacts, warnings) = (ctx.artifacts(), ctx.warnings());
        Self { tool, data, human, artifacts, warnings, completeness: read }
    }
}

/// How much of the input was read.
#[derive(Clone, Debug, Default, Serialize)]
pub struct Reading {
    /// Whether everything that was asked for was read.
    pub complete: bool,
    /// Events read.
    pub events: u64,
    /// Decompressed bytes read.
    pub bytes_read: u64,
    /// Of these, bytes that belong to no event.
    pub bytes_skipped: u64,
    /// Damaged places.
    pub damage_count: u64,
    /// The first damaged places.
    pub damage: Vec<DamagedPlace>,
    /// Events older than their predecessor; small numbers are normal.
    pub out_of_order: u64,
    /// Smallest mono time, in ns.
    pub first_mono_time_ns: Option<u64>,
    /// Largest mono time, in ns.
    pub last_mono_time_ns: Option<u64>,
    /// Segments that were asked for and do not exist.
    pub missing_segments: Vec<u32>,
    /// Each segment.
    pub segments: Vec<SegmentReading>,
}

/// One damaged place.
#[derive(Clone, Debug, Serialize)]
pub struct DamagedPlace {
    /// `cut`, `compression`, `framing`, `root` or `value`.
    pub kind: &'static str,
    /// Offset in the decompressed log.
    pub offset: u64,
    /// Bytes left out.
    pub len: u64,
    /// Index of the event, for damage inside one.
    pub event: Option<u64>,
    /// What was found.
    pub reason: String,
}

/// How much of one segment was read.
#[derive(Clone, Debug, Serialize)]
pub struct SegmentReading {
    /// Its number.
    pub segment: Option<u32>,
    /// The file.
    pub path: Option<String>,
    /// `zstd`, `bzip2` or `none`.
    pub codec: Option<&'static str>,
    /// Events read.
    pub events: u64,
    /// Decompressed bytes read.
    pub bytes_read: u64,
    /// Damaged places.
    pub damage_count: u64,
    /// Why the reading broke off.
    pub error: Option<String>,
}

impl From<&InputRecord> for Reading {
    fn from(record: &InputRecord) -> Self {
        let Completeness { events, bytes_read, bytes_skipped, damage_count, .. } = record.total;
        let segment = |one: &crate::log::SegmentRecord| SegmentReading {
            segment: one.segment.number,
            path: one.segment.path.as_ref().map(|path| path.display().to_string()),
            codec: one.codec.map(|codec| codec.name()),
            events: one.completeness.events,
            bytes_read: one.completeness.bytes_read,
            damage_count: one.completeness.damage_count,
            error: one.error.as_ref().map(ToString::to_string),
        };
        let damage = |one: &crate::log::Damage| DamagedPlace {
            kind: one.kind.name(),
            offset: one.offset,
            len: one.len,
            event: one.event,
            reason: one.reason.clone(),
        };
        Self {
            complete: record.is_complete(),
            events,
            bytes_read,
            bytes_skipped,
            damage_count,
            damage: record.total.damage.iter().take(SHOWN).map(damage).collect(),
            out_of_order: record.total.out_of_order,
            first_mono_time_ns: record.total.first_mono_time,
            last_mono_time_ns: record.total.last_mono_time,
            missing_segments: record.missing.clone(),
            segments: record.segments.iter().map(segment).collect(),
        }
    }
}

/// Lines of a label and a value, the values aligned.
pub fn aligned(rows: &[(&str, String)]) -> String {
    let width = rows.iter().map(|(label, _)| label.len()).max().unwrap_or_default();
    let lines = rows.iter().map(|(label, value)| format!("{label:width$}  {value}\n"));
    lines.collect()
}
