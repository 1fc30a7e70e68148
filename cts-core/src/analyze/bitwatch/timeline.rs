//! Rows in time order: what toggles where, edges, and the bounds of the window.

use super::Segment;
use super::outcome::Edge;
use super::queue::Row;
use super::slot::{Delta, Slot};

/// What has been seen so far.
#[derive(Debug, Default)]
pub(super) struct Timeline {
    /// Start of the window if given.
    start: Option<f64>,
    first_row: Option<f64>,
    last_row: f64,
    window: Option<(f64, f64)>,
    /// Rows of one time form a group, and belong to the window if one of them does: the old tool looks segments up by
    /// time, and for equal times `window` sorts last.
    group_t: f64,
    group_in_window: bool,
    group: Vec<Delta>,
    rank: u64,
    pub(super) edges: Vec<Edge>,
}

impl Timeline {
    /// `start` is the start of the window, seconds, if given.
    pub(super) fn new(start: Option<f64>) -> Self {
        Self { start, ..Self::default() }
    }

    pub(super) fn take(&mut self, row: &Row, payload: &[u64], slots: &mut [Slot]) {
        if row.t != self.group_t {
            self.close_group(slots);
            self.group_t = row.t;
        }
        self.first_row.get_or_insert(row.t);
        self.last_row = row.t;
        if row.segment == Segment::Window {
            self.group_in_window = true;
            let (_, end) = self.window.get_or_insert((row.t, row.t));
            *end = end.max(row.t);
        }
        let slot = &mut slots[row.slot as usize];
        slot.bits.next(row.slot, payload, &mut self.group);
        if !slot.watchers.is_empty() {
            self.watch(row, payload, slot);
        }
    }

    fn watch(&mut self, row: &Row, payload: &[u64], slot: &mut Slot) {
        let (address, bus, t_s, segment) = (slot.address, row.bus, row.t, row.segment);
        for watcher in slot.watchers.iter_mut().filter(|w| w.bus.is_none_or(|bus| bus == row.bus)) {
            let (word, bit) = (usize::from(watcher.bit.global()) / 64, watcher.bit.global() % 64);
            let rising = payload.get(word).is_some_and(|word| word >> bit & 1 == 1);
            if watcher.last.replace(rising).is_some_and(|last| last != rising) {
                self.edges.push(Edge { address, bus, bit: watcher.bit, t_s, rising, segment });
            }
        }
    }

    pub(super) fn close_group(&mut self, slots: &mut [Slot]) {
        let (start, _) = self.bounds();
        for delta in self.group.drain(..) {
            let bits = &mut slots[delta.slot as usize].bits;
            if self.group_in_window {
                bits.inside(delta, self.group_t, start, &mut self.rank);
            } else {
                bits.outside(delta);
            }
        }
        self.group_in_window = false;
    }

    /// Start and end of the window. The start is final as soon as a row lies in the window.
    pub(super) fn bounds(&self) -> (f64, f64) {
        let first = self.first_row.unwrap_or(0.0);
        let (start, end) = self.window.unwrap_or((first, self.last_row));
        (self.start.unwrap_or(start), end)
    }
}
