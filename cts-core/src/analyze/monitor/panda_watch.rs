//! What changes in the states of pandas.

use std::collections::BTreeMap;

use super::{Findings, MAX_PANDAS, Message, Monitor, PandaState, Scalar, Seen};

/// Fields that always move: their range is kept, their changes are not told. So are all numbers with fractions.
const MOVING: &[&str] =
    &["voltage", "current", "uptime", "fanPower", "fanSpeedRpm", "soundOutputLevel", "interruptLoad"];
/// The same within the state of a bus: counts of traffic and rates of interrupts. Counts of errors are told.
const MOVING_ON_BUS: &[&str] = &["totalTxCnt", "totalRxCnt", "totalFwdCnt", "CallRate"];

/// The least and the greatest value of a moving field.
#[derive(Clone, Copy, Debug, PartialEq, serde::Serialize)]
pub struct Range {
    /// The least.
    pub min: f64,
    /// The greatest.
    pub max: f64,
}

/// What was seen of one panda.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct PandaLife {
    /// Its last state.
    pub last: PandaState,
    /// How many states.
    pub states: u64,
    /// Changes by field.
    pub changes: BTreeMap<String, u64>,
    /// Ranges of the moving fields.
    pub ranges: BTreeMap<String, Range>,
    /// How often its uptime went back.
    pub resets: u64,
}

/// Compares each state of each panda with the one before.
#[derive(Clone, Debug, Default)]
pub struct PandaWatch {
    pandas: Vec<PandaLife>,
    count: Option<usize>,
}

impl PandaWatch {
    /// Nothing seen yet.
    pub fn new() -> Self {
        Self::default()
    }

    /// What was seen, by panda.
    pub fn lives(&self) -> &[PandaLife] {
        &self.pandas
    }
}

impl PandaLife {
    fn moves(&mut self, state: &PandaState) {
        for (name, value) in state.0.iter().filter(|(name, value)| is_moving(name, value)) {
            let value = match value {
                Scalar::Int(value) => *value as f64,
                Scalar::Float(value) => *value,
                _ => continue,
            };
            let range = self.ranges.entry(name.clone()).or_insert(Range { min: value, max: value });
            (range.min, range.max) = (range.min.min(value), range.max.max(value));
        }
    }

    /// Field, value before, value now.
    fn changed(&self, state: &PandaState) -> Vec<(String, Option<Scalar>, Option<Scalar>)> {
        let mut changed = Vec::new();
        for (name, value) in state.0.iter().filter(|(name, value)| !is_moving(name, value)) {
            let before = self.last.get(name);
            if before != Some(value) {
                changed.push((name.clone(), before.cloned(), Some(value.clone())));
            }
        }
        let gone =
            self.last.0.iter().filter(|(name, value)| !is_moving(name, value) && state.get(name).is_none());
        changed.extend(gone.map(|(name, value)| (name.clone(), Some(value.clone()), None)));
        changed
    }

    fn update(&mut self, at: u64, panda: usize, state: &PandaState, out: &mut Findings) {
        let (from_s, to_s) = (self.last.number("uptime"), state.number("uptime"));
        if to_s < from_s {
            self.resets += 1;
            out.push(at, Seen::PandaReset { panda, from_s, to_s });
        }
        for (field, from, to) in self.changed(state) {
            *self.changes.entry(field.clone()).or_default() += 1;
            out.push(at, Seen::PandaChange { panda, field, from, to });
        }
    }
}

impl Monitor for PandaWatch {
    fn time(&mut self, _: u64, _: &mut Findings) {}

    fn frame(&mut self, _: u64, _: Message, _: &mut Findings) {}

    fn pandas(&mut self, at: u64, states: &[PandaState], out: &mut Findings) {
        if let Some(from) = self.count.replace(states.len()).filter(|from| *from != states.len()) {
            out.push(at, Seen::PandaCount { from, to: states.len() });
        }
        for (panda, state) in states.iter().enumerate().take(MAX_PANDAS) {
            match self.pandas.get_mut(panda) {
                Some(life) => life.update(at, panda, state, out),
                None => {
                    self.pandas.push(PandaLife::default());
                    out.push(at, Seen::Panda { panda, state: state.clone() });
                }
            }
            let life = &mut self.pandas[panda];
            life.moves(state);
            life.states += 1;
            life.last = state.clone();
        }
    }

    fn finish(&mut self, _: &mut Findings) {}
}

fn is_moving(name: &str, value: &Scalar) -> bool {
    match value {
        Scalar::Float(_) => true,
        Scalar::Int(_) => match name.split_once('.') {
            None => MOVING.contains(&name),
            Some((_, inner)) => MOVING_ON_BUS.iter().any(|end| inner.ends_with(end)),
        },
        _ => false,
    }
}
