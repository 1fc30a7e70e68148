//! A frame as a line of text, decoded.

use std::fmt::Write;

use super::Decoder;
use super::group::word;
use super::plan::{MessagePlan, SignalPlan};
use crate::dbc::Number;
use crate::log::Frame;

impl Decoder {
    /// Appends the frame's message and signals to `out`: `WHEEL_SPEEDS FR=50.00 kph …`, values with the decimals of
    /// their factor, named ones as `GEAR=P(32)`, signals that are not in the frame left out. False, and nothing
    /// appended, for a frame that is not wanted or that no message explains.
    pub fn describe(&self, frame: &Frame<'_>, out: &mut String) -> bool {
        let Some(plan) = self.plan(frame) else { return false };
        out.push_str(&plan.message.name);
        let mut words = [0; 8];
        words.iter_mut().enumerate().for_each(|(lane, to)| *to = word(frame.data, lane));
        for signal in &plan.signals {
            push(out, plan, signal, frame.data.len(), &words);
        }
        true
    }
}

fn push(out: &mut String, plan: &MessagePlan, signal: &SignalPlan, len: usize, words: &[u64; 8]) {
    let Some(field) = &signal.field else { return };
    let gate = signal.gate.and_then(|gate| plan.gates.get(gate));
    let open = gate.is_none_or(|gate| {
        let within = |(field, ranges): &(super::field::Field, Vec<(u64, u64)>)| {
            let bits = field.one(words);
            ranges.iter().any(|(first, last)| (*first..=*last).contains(&bits))
        };
        usize::from(gate.need) <= len && gate.switches.iter().all(within)
    });
    if usize::from(field.need) > len || !open {
        return;
    }
    let bits = field.one(words);
    let value = signal.number.value(bits, field.size) * signal.factor + signal.offset;
    let digits = decimals(signal.factor).max(decimals(signal.offset));
    // A `String` takes everything.
    let _ = match signal.choices.as_ref().and_then(|choices| Some((choices, choices.find(bits)?))) {
        Some((choices, name)) => {
            write!(out, " {}={}({value:.digits$})", signal.name, choices.names[usize::from(name)])
        }
        None if matches!(signal.number, Number::Float32 | Number::Float64) => {
            write!(out, " {}={value}", signal.name)
        }
        None => write!(out, " {}={value:.digits$}", signal.name),
    };
    if let Some(unit) = &signal.unit {
        let _ = write!(out, " {unit}");
    }
}

/// Digits behind the point that a number needs, 12 at most.
fn decimals(number: f64) -> usize {
    let text = format!("{number}");
    text.split_once('.').map_or(0, |(_, fraction)| fraction.len().min(12))
}
