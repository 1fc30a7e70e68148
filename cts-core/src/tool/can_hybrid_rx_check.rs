//! `can_hybrid_rx_check`: on which buses the messages come that the safety code of a Subaru hybrid needs.

use serde_json::{Map, Value};

use super::can_bus_check::{BusCheckReport, counted, nanos};
use super::replay::Replay;
use super::{ArtifactSpec, Category, Ctx, Kind, Report, Tool};
use crate::Result;
use crate::analyze::monitor::{BusCheck, HYBRID_RX};
use crate::log::Input;

crate::params! {
    /// Parameters of `can_hybrid_rx_check`.
    pub struct Params {
        /// The log to replay: a file, a directory, a route, or `-` for standard input.
        log: String = String::new(), kind: Kind::Input, required: true;
        /// Length of a sample; 0 makes one of the whole log.
        sample: f64 = 5.0, unit: "s", min: 0.0, max: 86400.0;
        /// The addresses to count; decimal or `0x` hex.
        addresses: Vec<u32> = HYBRID_RX.iter().map(|message| message.address).collect();
        /// Only these bus numbers, as logged: 128 and more are frames that were sent. By default all.
        buses: Vec<u8> = Vec::new();
        /// Start, after the first event of CAN or pandas.
        from: f64 = 0.0, unit: "s", min: 0.0;
        /// End, after the first event of CAN or pandas.
        to: Option<f64> = None, unit: "s", min: 0.0;
        /// Speed of the replay: 1 is real time, 0 at once.
        speed: f64 = 0.0, min: 0.0, max: 1000.0;
        /// The file for the events; by default the name of the monitor.
        out: Option<String> = None, kind: Kind::Path;
    }
}

/// The definition.
pub static TOOL: Tool = Tool {
    name: "can_hybrid_rx_check",
    title: "CAN Hybrid RX Check",
    summary: "Counts the frames that a Subaru hybrid's safety code needs, by bus, in samples of five seconds.",
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
    let out = params.out.as_deref().unwrap_or("can_hybrid_rx_check.jsonl");
    let (from, to, speed) = (params.from, params.to, params.speed);
    let replay = Replay { from, to, speed, out, frames: true, pandas: false };
    counted(ctx, input, &replay, check, params.sample)
}
