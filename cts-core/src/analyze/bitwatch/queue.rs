//! Puts rows in time order, within the slack.

use super::Segment;
use crate::can::bits::MAX_PAYLOAD;

/// The first 8 bytes, little-endian, padded with zeros.
pub(super) fn first_word(data: &[u8]) -> u64 {
    if let Some(word) = data.first_chunk() {
        return u64::from_le_bytes(*word);
    }
    data.iter().rev().fold(0, |word, byte| word << 8 | u64::from(*byte))
}

/// A row on its way to the timeline.
#[derive(Clone, Copy, Debug)]
pub(super) struct Row {
    pub(super) t: f64,
    pub(super) word: u64,
    /// Where words 1 and on lie in [`Queue::rest`].
    rest: usize,
    pub(super) slot: u32,
    pub(super) bus: u8,
    pub(super) segment: Segment,
    words: u8,
}

/// Late rows that are handed out together: one by one, each would sort all that wait.
const MOST_LATE: usize = 1 << 14;

/// Rows that may still be overtaken by an earlier one.
#[derive(Debug)]
pub(super) struct Queue {
    rows: Vec<Row>,
    rest: Vec<u64>,
    sorted: bool,
    oldest: f64,
    pub(super) newest: f64,
    drained_to: f64,
    pub(super) late: u64,
    /// Late rows not yet handed out.
    late_waiting: usize,
}

impl Row {
    /// `word` is the [`first_word`] of the payload.
    pub(super) fn new(t: f64, slot: u32, bus: u8, segment: Segment, word: u64) -> Self {
        Self { t, word, rest: 0, slot, bus, segment, words: 1 }
    }
}

impl Default for Queue {
    fn default() -> Self {
        let (rows, rest) = (Vec::new(), Vec::new());
        let never = f64::NEG_INFINITY;
        Self {
            rows,
            rest,
            sorted: true,
            oldest: f64::INFINITY,
            newest: never,
            drained_to: never,
            late: 0,
            late_waiting: 0,
        }
    }
}

impl Queue {
    pub(super) fn push(&mut self, mut row: Row, data: &[u8]) {
        if data.len() > 8 {
            row.rest = self.rest.len();
            self.rest.extend(data[8..data.len().min(MAX_PAYLOAD)].chunks(8).map(first_word));
            row.words += (self.rest.len() - row.rest) as u8;
        }
        // A time that is no number before any other: nothing to compare with.
        row.t = if row.t.is_finite() { row.t } else { 0.0 };
        if row.t < self.drained_to {
            // Used where it comes, with the next rows that are due.
            self.late += 1;
            self.late_waiting += 1;
        } else {
            self.oldest = self.oldest.min(row.t);
        }
        self.sorted &= row.t >= self.newest;
        self.newest = self.newest.max(row.t);
        self.rows.push(row);
    }

    /// Waiting for twice the slack halves the number of rows that are moved to the front again.
    pub(super) fn is_due(&self, slack: f64) -> bool {
        self.newest - self.oldest > 2.0 * slack || self.late_waiting >= MOST_LATE
    }

    /// Hands out the rows up to `limit` in time order; rows of one time in the order they came.
    pub(super) fn drain(&mut self, limit: f64, mut take: impl FnMut(&Row, &[u64])) {
        if !self.sorted {
            self.rows.sort_by(|a, b| a.t.partial_cmp(&b.t).unwrap_or(std::cmp::Ordering::Equal));
        }
        let count = self.rows.partition_point(|row| row.t <= limit);
        let mut words = [0; MAX_PAYLOAD / 8];
        for row in &self.rows[..count] {
            let payload = payload(row, &self.rest, &mut words);
            take(row, payload);
        }
        if let Some(last) = count.checked_sub(1).map(|at| self.rows[at].t) {
            self.drained_to = self.drained_to.max(last);
        }
        self.keep_from(count);
    }

    fn keep_from(&mut self, count: usize) {
        self.rows.drain(..count);
        let old = std::mem::take(&mut self.rest);
        for row in self.rows.iter_mut().filter(|row| row.words > 1) {
            let from = row.rest;
            row.rest = self.rest.len();
            self.rest.extend(&old[from..from + usize::from(row.words) - 1]);
        }
        self.sorted = true;
        self.late_waiting = 0;
        self.oldest = self.rows.first().map_or(f64::INFINITY, |row| row.t);
    }
}

fn payload<'a>(row: &Row, rest: &[u64], words: &'a mut [u64; MAX_PAYLOAD / 8]) -> &'a [u64] {
    words[0] = row.word;
    let (count, from) = (usize::from(row.words), row.rest);
    if count > 1 {
        words[1..count].copy_from_slice(&rest[from..from + count - 1]);
    }
    &words[..count]
}
