//! `hybrid_rx_trace`: which messages stop coming, and when panda's checks of received frames fail.

use serde::Serialize;
use serde_json::{Map, Value};

use super::can_bus_check::nanos;
use super::replay::{Replayed, monitor_params};
use super::{ArtifactSpec, Category, Ctx, Reading, Report, Tool, Warning, aligned};
use crate::analyze::monitor::{HYBRID_RX, Message, RxTrace, name};
use crate::log::Input;
use crate::{ErrorKind, Result};

monitor_params! {
    /// Parameters of `hybrid_rx_trace`.
    pub struct Params {
        /// The signals whose age is told when the checks change, as `BUS:ADDRESS`.
        watch: Vec<String> = HYBRID_RX.iter().map(ToString::to_string).collect();
        /// A message that came regularly is silent after this time, or after ten of its periods if that is longer.
        gap: f64 = 1.0, unit: "s", min: 0.001, max: 3600.0;
    }
}

/// The definition.
pub static TOOL: Tool = Tool {
    name: "hybrid_rx_trace",
    title: "Hybrid RX Trace",
    summary: "Tells which received messages fall silent, and how old each signal is when panda's RX checks change.",
    category: Category::Monitor,
    input: "log",
    params: Params::PARAMS,
    ignored: &[],
    artifacts: &[ArtifactSpec {
        name: "<out>",
        content_type: "application/x-ndjson",
        doc: "One event a line: `mono_time_ns`, `seconds`, `type` (`silent`, `back`, `rx_checks`) and `data`.",
    }],
    call,
};

/// What `hybrid_rx_trace` found.
#[derive(Debug, Serialize)]
pub struct RxTraceReport {
    /// The events, a JSON object a line.
    pub out: String,
    /// From the first to the last event, in s.
    pub duration_s: f64,
    /// Messages received.
    pub messages: usize,
    /// `pandaStates` events.
    pub panda_events: u64,
    /// Times that a message fell silent.
    pub silences: u64,
    /// Times that one came back.
    pub returns: u64,
    /// Changes of `safetyRxChecksInvalid`.
    pub rx_check_changes: u64,
    /// The watched signals.
    pub signals: Vec<Signal>,
    /// How much of the log was read.
    #[serde(skip)]
    pub reading: Reading,
}

/// What was seen of a watched signal.
#[derive(Debug, Serialize)]
pub struct Signal {
    /// Which message.
    #[serde(flatten)]
    pub message: Message,
    /// Its name in opendbc's Subaru files.
    pub name: Option<&'static str>,
    /// Its frames.
    pub frames: u64,
    /// The longest time between two frames, in s; `None` without a frame.
    pub longest_gap_s: Option<f64>,
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
/// `bad-param` for a signal that is not `BUS:ADDRESS`; those of [`Ctx::read`] and [`Ctx::artifact`]; `canceled`.
pub fn run(ctx: &Ctx, input: &mut Input, params: &Params) -> Result<RxTraceReport> {
    let watch = params.watch.iter().map(|text| message(text)).collect::<Result<Vec<_>>>()?;
    let mut trace = RxTrace::new(watch, nanos(params.gap));
    let done = params.replay("hybrid_rx_trace.jsonl").run(ctx, input, &mut trace)?;
    if done.panda_events == 0 {
        let (what, effect) = ("pandaStates".to_owned(), "changes of the RX checks are unknown".to_owned());
        ctx.warn(Warning::NotSeen { what, effect });
    }
    Ok(report(&trace, &done))
}

fn report(trace: &RxTrace, done: &Replayed) -> RxTraceReport {
    let count = |kind: &str| done.findings.counts().get(kind).copied().unwrap_or_default();
    let signal = |message: &Message| {
        let sight = trace.sights().get(*message);
        Signal {
            message: *message,
            name: name(message.address),
            frames: sight.map_or(0, |sight| sight.frames),
            longest_gap_s: sight.map(|sight| sight.longest_gap as f64 / 1e9),
        }
    };
    RxTraceReport {
        out: done.artifact.path.display().to_string(),
        duration_s: done.duration_s,
        messages: trace.sights().len(),
        panda_events: done.panda_events,
        silences: count("silent"),
        returns: count("back"),
        rx_check_changes: count("rx_checks"),
        signals: trace.watch().iter().map(signal).collect(),
        reading: Reading::from(&done.record),
    }
}

/// Reads `0:0x119`; the address may be decimal as well.
fn message(text: &str) -> Result<Message> {
    let number = |text: &str| match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(hex) if !hex.starts_with('+') => u32::from_str_radix(hex, 16).ok(),
        Some(_) => None,
        None => text.parse().ok(),
    };
    let parts = text.trim().split_once(':').and_then(|(bus, address)| {
        Some(Message { bus: bus.trim().parse().ok()?, address: number(address.trim())? })
    });
    parts.ok_or_else(|| {
        let (name, expected) = ("watch".to_owned(), "a bus and an address such as `0:0x119`".to_owned());
        ErrorKind::BadParam { name, value: text.to_owned(), expected }.into()
    })
}

impl RxTraceReport {
    fn human(&self) -> String {
        let signal = |one: &Signal| {
            let seen = match one.longest_gap_s {
                Some(gap) => format!("{} frames, longest gap {gap:.3} s", one.frames),
                None => "never".to_owned(),
            };
            (
                one.message.to_string(),
                format!("{seen}  {}", one.name.unwrap_or_default()).trim_end().to_owned(),
            )
        };
        let signals: Vec<(String, String)> = self.signals.iter().map(signal).collect();
        let mut rows = vec![
            ("events", format!("{} ({} messages over {:.3} s)", self.out, self.messages, self.duration_s)),
            ("silences", format!("{}, of which {} ended", self.silences, self.returns)),
            ("rx checks", format!("{} changes in {} panda states", self.rx_check_changes, self.panda_events)),
        ];
        rows.extend(signals.iter().map(|(label, value)| (label.as_str(), value.clone())));
        aligned(&rows)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signals_are_bus_and_address() {
        assert_eq!(message("0:0x119").unwrap(), Message { bus: 0, address: 0x119 });
        assert_eq!(message(" 2 : 801 ").unwrap(), Message { bus: 2, address: 0x321 });
        for text in ["0x119", "0:", "256:1", "0:0x+1", "a:b", "0:0x1FFFFFFFFF"] {
            assert_eq!(message(text).unwrap_err().code(), "bad-param", "{text}");
        }
        for (text, wanted) in Params::default().watch.iter().zip(HYBRID_RX) {
            assert_eq!(message(text).unwrap(), *wanted);
        }
    }
}
