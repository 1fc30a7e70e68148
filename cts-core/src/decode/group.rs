//! The frames of one message, gathered and decoded.

use std::sync::Arc;

use super::field::Lanes;
use super::plan::{Choices, MessagePlan, SignalPlan};
use super::verify::Verifier;
use super::{DecodeOptions, MessageStats, Timed};
use crate::table::{Column, Table, Values};

/// Frames of one message since the last [`Group::take`], as columns.
#[derive(Debug)]
pub(super) struct Group {
    pub(super) plan: MessagePlan,
    /// A name that no other group has.
    pub(super) label: String,
    /// The bus that the database stands for.
    pub(super) of_bus: Option<u8>,
    pub(super) mono_time: Vec<u64>,
    bus: Vec<u8>,
    /// Bytes of each frame, 64 at most.
    len: Vec<u8>,
    lanes: Lanes,
    /// Bytes of the shortest frame gathered.
    shortest: u8,
    verifier: Option<Verifier>,
    /// All frames ever gathered.
    pub(super) frames: u64,
    /// Of these, how many were shorter than the message is declared.
    short: u64,
    /// Values that were null because of that.
    missing: u64,
}

impl Group {
    pub(super) fn new(plan: MessagePlan, of_bus: Option<u8>, verifier: Option<Verifier>) -> Self {
        let lanes = Lanes { little: vec![Vec::new(); plan.lanes], big: vec![Vec::new(); plan.lanes] };
        Self {
            plan,
            label: String::new(),
            of_bus,
            mono_time: vec![],
            bus: vec![],
            len: vec![],
            lanes,
            shortest: u8::MAX,
            verifier,
            frames: 0,
            short: 0,
            missing: 0,
        }
    }

    /// Appends those of `frames` whose positions are in `mine`; those that their checks want left out are taken out
    /// of `mine`.
    pub(super) fn append(&mut self, frames: &[Timed<'_>], mine: &mut Vec<u16>) {
        self.frames += mine.len() as u64;
        if let Some(verifier) = &mut self.verifier {
            mine.retain(|at| {
                let (_, frame) = &frames[usize::from(*at)];
                verifier.keeps(frame.bus, frame.data)
            });
        }
        let mine = || mine.iter().map(|at| &frames[usize::from(*at)]);
        self.mono_time.extend(mine().map(|(mono_time, _)| *mono_time));
        self.bus.extend(mine().map(|(_, frame)| frame.bus));
        self.len.extend(mine().map(|(_, frame)| frame.data.len().min(64) as u8));
        for (lane, words) in self.lanes.little.iter_mut().enumerate() {
            words.extend(mine().map(|(_, frame)| word(frame.data, lane)));
        }
    }

    /// Decodes what was gathered; the group goes on empty.
    ///
    /// Columns: `mono_time` (ns, u64), `t` (s since the origin, f64), `bus` (u8), then the signals.
    pub(super) fn take(&mut self, origin: u64, options: &DecodeOptions) -> Table {
        self.count();
        self.turn_around();
        let gates = self.gates();
        let seconds = |time: &u64| time.wrapping_sub(origin) as i64 as f64 / 1e9;
        let t = self.mono_time.iter().map(seconds).collect();
        let mono_time = self.mono_time.clone();
        let bus = self.bus.clone();
        let mut columns = Vec::with_capacity(3 + self.plan.signals.len());
        columns.push(column("mono_time", Some("ns"), Values::UInt64(mono_time)));
        columns.push(column("t", Some("s"), Values::Float64(t)));
        columns.push(column("bus", None, Values::UInt8(bus)));
        let mut missing = 0;
        for signal in &self.plan.signals {
            let present = self.present(signal, &gates, &mut missing);
            columns.push(self.values(signal, present.clone(), options.raw));
            if let (true, Some(choices)) = (options.choices, &signal.choices) {
                columns.push(self.choices(signal, choices, present));
            }
        }
        self.missing += missing;
        self.clear();
        Table { columns }
    }

    /// What was seen of the message.
    pub(super) fn stats(&self) -> MessageStats {
        MessageStats {
            database: self.plan.database.clone(),
            message: self.plan.message.name.clone(),
            label: self.label.clone(),
            address: self.plan.message.id.address,
            frames: self.frames,
            short_frames: self.short,
            missing_values: self.missing,
            checks: self.verifier.as_ref().map(|verifier| verifier.stats),
        }
    }

    /// Forgets the frames gathered.
    pub(super) fn discard(&mut self) {
        self.count();
        self.clear();
    }

    /// Counts the short ones of the frames gathered.
    fn count(&mut self) {
        self.shortest = self.len.iter().copied().min().unwrap_or(u8::MAX);
        if u16::from(self.shortest) < self.plan.message.size {
            let short = |len: &&u8| u16::from(**len) < self.plan.message.size;
            self.short += self.len.iter().filter(short).count() as u64;
        }
    }

    fn clear(&mut self) {
        self.mono_time.clear();
        self.bus.clear();
        self.len.clear();
        self.lanes.little.iter_mut().chain(&mut self.lanes.big).for_each(Vec::clear);
        self.shortest = u8::MAX;
    }

    /// Fills the big-endian lanes.
    fn turn_around(&mut self) {
        let lanes = self.lanes.little.iter().zip(&mut self.lanes.big).zip(&self.plan.big);
        for ((little, big), wanted) in lanes {
            big.clear();
            if *wanted {
                big.extend(little.iter().map(|word| word.swap_bytes()));
            }
        }
    }

    /// Where each gate is open.
    fn gates(&self) -> Vec<Vec<bool>> {
        let gate = |gate: &super::plan::Gate| {
            let mut open = self.reach(gate.need);
            for (field, ranges) in &gate.switches {
                let within = field.within(&self.lanes, ranges);
                open.iter_mut().zip(within).for_each(|(open, within)| *open &= within);
            }
            open
        };
        self.plan.gates.iter().map(gate).collect()
    }

    /// Which frames have at least `need` bytes.
    fn reach(&self, need: u8) -> Vec<bool> {
        self.len.iter().map(|len| *len >= need).collect()
    }

    /// Where the signal is there; empty if everywhere.
    fn present(&self, signal: &SignalPlan, gates: &[Vec<bool>], missing: &mut u64) -> Vec<bool> {
        let short = signal.need() > self.shortest;
        match signal.gate.and_then(|gate| gates.get(gate)) {
            None if !short => Vec::new(),
            None => {
                let reach = self.reach(signal.need());
                *missing += reach.iter().filter(|reach| !**reach).count() as u64;
                reach
            }
            Some(open) if !short => open.clone(),
            Some(open) => {
                let reach = self.reach(signal.need());
                let lost = open.iter().zip(&reach).filter(|(open, reach)| **open && !**reach);
                *missing += lost.count() as u64;
                open.iter().zip(reach).map(|(open, reach)| *open && reach).collect()
            }
        }
    }

    /// The signal's column; at null places its values are zero.
    fn values(&self, signal: &SignalPlan, present: Vec<bool>, raw: bool) -> Column {
        let mut values = match &signal.field {
            Some(field) if raw => field.raw(&self.lanes, signal.number),
            Some(field) => {
                Values::Float64(field.physical(&self.lanes, signal.number, signal.factor, signal.offset))
            }
            None => Values::Float64(vec![0.0; self.len.len()]),
        };
        blank(&mut values, &present);
        Column { name: signal.name.clone(), unit: signal.unit.clone(), values, present }
    }

    /// The names of the signal's values.
    fn choices(&self, signal: &SignalPlan, choices: &Choices, mut present: Vec<bool>) -> Column {
        let rows = self.len.len();
        let bits = signal.field.as_ref().map_or_else(|| vec![0; rows], |field| field.bits(&self.lanes));
        let found: Vec<Option<u16>> = bits.into_iter().map(|bits| choices.find(bits)).collect();
        present.resize(rows, true);
        present.iter_mut().zip(&found).for_each(|(present, found)| *present &= found.is_some());
        let number = |(found, present): (&Option<u16>, &bool)| found.filter(|_| *present).unwrap_or(0);
        let numbers = found.iter().zip(&present).map(number).collect();
        if present.iter().all(|present| *present) {
            present.clear();
        }
        let values = Values::Enum { numbers, names: Arc::clone(&choices.names) };
        Column { name: format!("{}.choice", signal.name), unit: None, values, present }
    }
}

fn column(name: &str, unit: Option<&str>, values: Values) -> Column {
    Column { name: name.to_owned(), unit: unit.map(str::to_owned), values, present: Vec::new() }
}

/// Bytes `8 lane` to `8 lane + 7` of a payload as a word; those it lacks are zero.
#[inline]
pub(super) fn word(data: &[u8], lane: usize) -> u64 {
    let rest = data.get(lane * 8..).unwrap_or_default();
    if let Some(eight) = rest.first_chunk::<8>() {
        return u64::from_le_bytes(*eight);
    }
    match (rest.first_chunk::<4>(), rest.last_chunk::<4>()) {
        // The two overlap; where they do they agree.
        (Some(first), Some(last)) => {
            let last = u64::from(u32::from_le_bytes(*last)) << (8 * (rest.len() - 4));
            u64::from(u32::from_le_bytes(*first)) | last
        }
        _ => rest.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte)),
    }
}

/// Puts zero where a value is null.
fn blank(values: &mut Values, present: &[bool]) {
    fn each<T: Default>(values: &mut [T], present: &[bool]) {
        for (value, _) in values.iter_mut().zip(present).filter(|(_, present)| !**present) {
            *value = T::default();
        }
    }
    match values {
        Values::UInt8(v) => each(v, present),
        Values::UInt16(v) => each(v, present),
        Values::UInt32(v) => each(v, present),
        Values::UInt64(v) => each(v, present),
        Values::Int8(v) => each(v, present),
        Values::Int16(v) => each(v, present),
        Values::Int32(v) => each(v, present),
        Values::Int64(v) => each(v, present),
        Values::Float32(v) => each(v, present),
        Values::Float64(v) => each(v, present),
        _ => {}
    }
}
