//! `can_bus_check`: how many frames of some addresses come on which bus, sample by sample.

use serde::Serialize;
use serde_json::{Map, Value};

use super::replay::{Replay, Replayed, monitor_params};
use super::{ArtifactSpec, Category, Ctx, Reading, Report, Tool, aligned};
use crate::Result;
use crate::analyze::monitor::{BusCheck, CAN_BUS_CHECK, Count};
use crate::log::Input;

monitor_params! {
    /// Parameters of `can_bus_check`.
    pub struct Params {
        /// Length of a sample; 0 makes one of the whole log.
        sample: f64 = 5.0, unit: "s", min: 0.0, max: 86400.0;
        /// The addresses to count; decimal or `0x` hex.
        addresses: Vec<u32> = CAN_BUS_CHECK.to_vec();
        /// Only these bus numbers, as logged: 128 and more are frames that were sent. By default all.
        buses: Vec<u8> = Vec::new();
    }
}

/// The definition.
pub static TOOL: Tool = Tool {
    name: "can_bus_check",
    title: "CAN Bus Check",
    summary: "Counts frames of some addresses by bus, in samples of five seconds.",
    category: Category::Monitor,
    input: "log",
    params: Params::PARAMS,
    ignored: &[],
    artifacts: &[ArtifactSpec {
        name: "<out>",
        content_type: "application/x-ndjson",
        doc: "One event a line: `mono_time_ns`, `seconds`, `type` (`can_counts`) and `data`.",
    }],
    call,
};

/// What `can_bus_check` and `can_hybrid_rx_check` found.
#[derive(Debug, Serialize)]
pub struct BusCheckReport {
    /// The events, a JSON object a line.
    pub out: String,
    /// From the first to the last event, in s.
    pub duration_s: f64,
    /// Length of a sample in s; 0 for the whole log.
    pub sample_s: f64,
    /// Samples.
    pub samples: u64,
    /// All frames in the log, on all buses.
    pub frames: u64,
    /// Frames of the whole log by address and bus, sorted.
    pub counts: Vec<Count>,
    /// Watched addresses that were on no bus.
    pub never: Vec<String>,
    /// How much of the log was read.
    #[serde(skip)]
    pub reading: Reading,
}

fn call(ctx: &Ctx, input: Option<Input>, params: &Map<String, Value>) -> Result<Report> {
    let params = Params::from_json(params)?;
    let mut input = input.map_or_else(|| ctx.open(&params.log), Ok)?;
    let report = run(ctx, &mut input, &params)?;
    let (human, reading) = (report.human(), report.reading.clone());
    Ok(Report::new(TOOL.name, ctx, &report, human, reading))
}

/// Replays the log.
///
/// # Errors
/// Those of [`Ctx::read`] and [`Ctx::artifact`]; `canceled`.
pub fn run(ctx: &Ctx, input: &mut Input, params: &Params) -> Result<BusCheckReport> {
    let check = BusCheck::new(params.addresses.clone(), params.buses.clone(), nanos(params.sample));
    let replay = Replay { pandas: false, ..params.replay("can_bus_check.jsonl") };
    counted(ctx, input, &replay, check, params.sample)
}

/// The replay that both checks are.
pub(super) fn counted(
    ctx: &Ctx,
    input: &mut Input,
    replay: &Replay<'_>,
    mut check: BusCheck,
    sample_s: f64,
) -> Result<BusCheckReport> {
    let Replayed { record, artifact, duration_s, frames, .. } = replay.run(ctx, input, &mut check)?;
    Ok(BusCheckReport {
        out: artifact.path.display().to_string(),
        duration_s,
        sample_s,
        samples: check.samples(),
        frames,
        counts: check.totals(),
        never: check.never().iter().map(|address| format!("0x{address:03X}")).collect(),
        reading: Reading::from(&record),
    })
}

pub(super) fn nanos(seconds: f64) -> u64 {
    (seconds * 1e9).round() as u64
}

impl BusCheckReport {
    pub(super) fn human(&self) -> String {
        let row = |count: &Count| {
            let hz = count.hz.map(|hz| format!(", {hz:.1} Hz")).unwrap_or_default();
            let name = count.name.unwrap_or_default();
            (
                format!("0x{:03X} bus {}", count.address, count.bus),
                format!("{} frames{hz}  {name}", count.frames).trim_end().to_owned(),
            )
        };
        let rows: Vec<(String, String)> = self.counts.iter().map(row).collect();
        let mut lines = vec![(
            "events",
            format!(
                "{} ({} sample(s), {} frames over {:.3} s)",
                self.out, self.samples, self.frames, self.duration_s
            ),
        )];
        lines.extend(rows.iter().map(|(label, value)| (label.as_str(), value.clone())));
        if !self.never.is_empty() {
            lines.push(("never seen", self.never.join(", ")));
        }
        aligned(&lines)
    }
}
