//! `panda_state`: the state of each panda and all that changes in it.

use std::collections::BTreeMap;

use serde::Serialize;
use serde_json::{Map, Value};

use super::replay::{Replay, monitor_params};
use super::{ArtifactSpec, Category, Ctx, Reading, Report, Tool, Warning, aligned};
use crate::Result;
use crate::analyze::monitor::{PandaLife, PandaState, PandaWatch, Range};
use crate::log::Input;

monitor_params! {
    /// Parameters of `panda_state`.
    pub struct Params {}
}

/// The definition.
pub static TOOL: Tool = Tool {
    name: "panda_state",
    title: "Panda State",
    summary: "Tells the state of each panda and every change of it: controls, checks, faults, harness, bus errors.",
    category: Category::Monitor,
    input: "log",
    params: Params::PARAMS,
    ignored: &[],
    artifacts: &[ArtifactSpec {
        name: "<out>",
        content_type: "application/x-ndjson",
        doc: "One event a line: `mono_time_ns`, `seconds`, `type` (`panda`, `panda_change`, `panda_reset`, \
              `panda_count`) and `data`.",
    }],
    call,
};

/// What `panda_state` found.
#[derive(Debug, Serialize)]
pub struct PandaReport {
    /// The events, a JSON object a line.
    pub out: String,
    /// From the first to the last event, in s.
    pub duration_s: f64,
    /// Each panda.
    pub pandas: Vec<Panda>,
    /// How much of the log was read.
    #[serde(skip)]
    pub reading: Reading,
}

/// What was seen of one panda.
#[derive(Debug, Serialize)]
pub struct Panda {
    /// Its number.
    pub panda: usize,
    /// How many states were seen.
    pub states: u64,
    /// How often it was reset.
    pub resets: u64,
    /// Changes by field.
    pub changes: BTreeMap<String, u64>,
    /// The least and the greatest value of fields that always move, in the units of the log.
    pub ranges: BTreeMap<String, Range>,
    /// Its last state.
    pub last: PandaState,
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
pub fn run(ctx: &Ctx, input: &mut Input, params: &Params) -> Result<PandaReport> {
    let mut watch = PandaWatch::new();
    let replay = Replay { frames: false, ..params.replay("panda_state.jsonl") };
    let done = replay.run(ctx, input, &mut watch)?;
    if watch.lives().is_empty() {
        let (what, effect) = ("pandaStates".to_owned(), "the state of no panda is known".to_owned());
        ctx.warn(Warning::NotSeen { what, effect });
    }
    Ok(PandaReport {
        out: done.artifact.path.display().to_string(),
        duration_s: done.duration_s,
        pandas: watch.lives().iter().enumerate().map(panda).collect(),
        reading: Reading::from(&done.record),
    })
}

fn panda((panda, life): (usize, &PandaLife)) -> Panda {
    let PandaLife { last, states, changes, ranges, resets } = life.clone();
    Panda { panda, states, resets, changes, ranges, last }
}

impl PandaReport {
    fn human(&self) -> String {
        let mut rows = vec![("events", format!("{} ({:.3} s)", self.out, self.duration_s))];
        for one in &self.pandas {
            let text = |name: &str| one.last.text(name);
            rows.push((
                "panda",
                format!("{}: {}, {} states, {} resets", one.panda, text("pandaType"), one.states, one.resets),
            ));
            rows.push(("safety", format!("{} param {}", text("safetyModel"), text("safetyParam"))));
            rows.push(("harness", text("harnessStatus")));
            rows.push(("faults", text("faults")));
            if let Some(volts) = one.ranges.get("voltage") {
                rows.push(("voltage", format!("{:.2} to {:.2} V", volts.min / 1e3, volts.max / 1e3)));
            }
            let changes: Vec<String> = one.changes.iter().map(|(field, n)| format!("{field} {n}")).collect();
            rows.push(("changes", if changes.is_empty() { "none".to_owned() } else { changes.join(", ") }));
        }
        aligned(&rows)
    }
}
