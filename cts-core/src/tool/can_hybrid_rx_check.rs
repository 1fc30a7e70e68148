//! `can_hybrid_rx_check`: on which buses the messages come that the safety code of a Subaru hybrid needs.

use serde_json::{Map, Value};

use super::can_bus_check::{BusCheckReport, counted, nanos};
use super::replay::{Replay, monitor_params};
use super::{ArtifactSpec, Category, Ctx, Report, Tool};
use crate::Result;
use crate::analyze::monitor::{BusCheck, HYBRID_RX};
use crate::log::Input;

monitor_params! {
    /// Parameters of `can_hybrid_rx_check`.
    pub struct Params {
        /// Length of a sample; 0 makes one of the whole log.
        sample: f64 = 5.0, unit: "s", min: 0.0, max: 86400.0;
        /// The addresses to count; decimal or `0x` hex.
        addresses: Vec<u32> = HYBRID_RX.iter().map(|message| message.address).collect();
        /// Only these bus numbers, as logged: 128 and more are frames that were sent. By default all.
        buses: Vec<u8> = Vec::new();
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
    let replay = Replay { pandas: false, ..params.replay("can_hybrid_rx_check.jsonl") };
    counted(ctx, input, &replay, check, params.sample)
}
