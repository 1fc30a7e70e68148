//! Rows in, outcome out.
//!
//! Hot loop: [`Bitwatch::push`] finds the address's slot (one hash), counts the payload (one hash) and queues 32 bytes;
//! queued rows are then taken in time order, one XOR each. Nothing is allocated for a row that brings nothing new.

use rustc_hash::FxHashMap;

use super::outcome::{Candidate, Outcome, Summary};
use super::queue::{Queue, Row, first_word};
use super::slot::{Slot, Watcher};
use super::timeline::Timeline;
use super::{Config, Segment};
use crate::Result;
use crate::can::bits::BitRef;

/// Buses from here on carry returned (+128) and rejected (+192) frames. Source: openpilot pandad `CanData.src`.
const RETURNED: u8 = 128;

/// The engine; see [the module](super).
#[derive(Debug)]
pub struct Bitwatch {
    config: Config,
    index: FxHashMap<u64, u32>,
    slots: Vec<Slot>,
    queue: Queue,
    timeline: Timeline,
    rows: u64,
    excluded: u64,
}

impl Bitwatch {
    /// An engine without rows.
    ///
    /// # Errors
    /// `out-of-range` for a time that is no finite number, or a negative length, tolerance or slack.
    pub fn new(config: Config) -> Result<Self> {
        config.check()?;
        Ok(Self {
            timeline: Timeline::new(config.window_start_s),
            config,
            index: FxHashMap::default(),
            slots: Vec::new(),
            queue: Queue::default(),
            rows: 0,
            excluded: 0,
        })
    }

    /// Takes a row: time in seconds, segment, bus, address, payload (bits past byte 63 are not looked at).
    ///
    /// The time must be finite; another is taken for the latest time so far.
    pub fn push(&mut self, t_s: f64, segment: Segment, bus: u8, address: u32, data: &[u8]) {
        if self.config.exclude_returned && bus >= RETURNED {
            self.excluded += 1;
            return;
        }
        self.rows += 1;
        let slot = self.slot(bus, address);
        let word = first_word(data);
        self.slots[slot as usize].count(segment, bus, data, word);
        let t = if t_s.is_finite() { t_s } else { self.queue.newest };
        self.queue.push(Row::new(t, slot, bus, segment, word), data);
        if self.queue.is_due(self.config.slack_s) {
            self.drain(self.queue.newest - self.config.slack_s);
        }
    }

    /// Ends the input.
    pub fn finish(mut self) -> Outcome {
        self.drain(f64::INFINITY);
        self.timeline.close_group(&mut self.slots);
        let (start, end) = self.timeline.bounds();
        let by_bus = self.config.by_bus;
        let addresses: Vec<_> = self.slots.iter().map(|slot| slot.notes(by_bus)).collect();
        let pooled_addresses = self.slots.iter().filter(|slot| slot.several_buses).count();
        let candidates = candidates(self.slots, &self.config, start, end);
        let summary = Summary {
            rows: self.rows,
            excluded_rows: self.excluded,
            late_rows: self.queue.late,
            addresses: addresses.len(),
            pooled_addresses,
            watched_edges: self.timeline.edges.len(),
            candidates: candidates.len(),
            pulse_matches: candidates.iter().filter(|c| c.matches).count(),
            window_start_s: start,
            window_end_s: end,
        };
        Outcome { summary, by_bus, addresses, edges: self.timeline.edges, candidates }
    }

    /// Rows so far that were further out of time order than the slack.
    pub fn late_rows(&self) -> u64 {
        self.queue.late
    }

    fn slot(&mut self, bus: u8, address: u32) -> u32 {
        let key = u64::from(address) | if self.config.by_bus { u64::from(bus) << 32 } else { 0 };
        if let Some(slot) = self.index.get(&key) {
            return *slot;
        }
        let slot = self.slots.len() as u32;
        self.index.insert(key, slot);
        self.slots.push(Slot::new(address, bus, watchers(&self.config, bus, address)));
        slot
    }

    fn drain(&mut self, limit: f64) {
        let Self { queue, timeline, slots, .. } = self;
        queue.drain(limit, |row, payload| timeline.take(row, payload, slots));
    }
}

fn watchers(config: &Config, bus: u8, address: u32) -> Vec<Watcher> {
    let mut watchers: Vec<Watcher> = Vec::new();
    for watch in config.watch.iter().filter(|watch| watch.address == address) {
        let other_bus = config.by_bus && watch.bus.is_some_and(|b| b != bus);
        if !other_bus && !watchers.iter().any(|w| (w.bit, w.bus) == (watch.bit, watch.bus)) {
            watchers.push(Watcher { bit: watch.bit, bus: watch.bus, last: None });
        }
    }
    watchers
}

fn candidates(slots: Vec<Slot>, config: &Config, start: f64, end: f64) -> Vec<Candidate> {
    let mut found = Vec::new();
    for slot in slots {
        let (address, bus) = (slot.address, config.by_bus.then_some(slot.bus));
        for track in slot.bits.into_tracks() {
            let (rank, toggles) = (track.rank, track.toggles);
            let Some(bit) = BitRef::from_global(track.bit.into()) else {
                continue;
            };
            let pulses_s = track.finish(start, end);
            let matches = config.pulses.matches(&pulses_s);
            found.push((rank, Candidate { address, bus, bit, toggles, pulses_s, matches }));
        }
    }
    found.sort_unstable_by_key(|(rank, _)| *rank);
    found.into_iter().map(|(_, candidate)| candidate).collect()
}
