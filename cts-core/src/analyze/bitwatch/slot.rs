//! What is kept of one address: the last payload, which bits toggled outside the window, counts.

use super::Segment;
use super::outcome::{AddressNotes, SegmentNotes};
use super::pulse::Track;
use super::tally::Tally;
use crate::can::bits::BitRef;

/// State of one address, or of one address on one bus.
#[derive(Debug)]
pub(super) struct Slot {
    pub(super) address: u32,
    /// Bus of the first row.
    pub(super) bus: u8,
    /// Rows came from more than one bus.
    pub(super) several_buses: bool,
    pub(super) watchers: Vec<Watcher>,
    pub(super) bits: Bits,
    segments: Vec<(Segment, Tally)>,
}

/// One watched bit of a slot.
#[derive(Debug)]
pub(super) struct Watcher {
    pub(super) bit: BitRef,
    /// Only rows of this bus.
    pub(super) bus: Option<u8>,
    pub(super) last: Option<bool>,
}

impl Slot {
    pub(super) fn new(address: u32, bus: u8, watchers: Vec<Watcher>) -> Self {
        let (bits, segments) = (Bits::default(), Vec::new());
        Self { address, bus, several_buses: false, watchers, bits, segments }
    }

    /// Counts a row. `word` is as for [`Tally::add`].
    pub(super) fn count(&mut self, segment: Segment, bus: u8, data: &[u8], word: u64) {
        self.several_buses |= bus != self.bus;
        // At most three, in the order of their first rows.
        let at = match self.segments.iter().position(|(s, _)| *s == segment) {
            Some(at) => at,
            None => {
                self.segments.push((segment, Tally::default()));
                self.segments.len() - 1
            }
        };
        self.segments[at].1.add(data, word);
    }

    pub(super) fn notes(&self, by_bus: bool) -> AddressNotes {
        let notes = |(segment, tally): &(Segment, Tally)| SegmentNotes {
            segment: *segment,
            rows: tally.rows,
            unique_payloads: tally.unique(),
            top_payloads: tally.top(),
        };
        let bus = by_bus.then_some(self.bus);
        AddressNotes { address: self.address, bus, segments: self.segments.iter().map(notes).collect() }
    }
}

/// Bits of a payload by 64-bit words; a missing word is zero, as the old tool pads short payloads.
#[derive(Debug, Default)]
pub(super) struct Bits {
    seen: bool,
    words: Vec<Word>,
    tracks: Vec<Track>,
}

#[derive(Debug, Default)]
struct Word {
    last: u64,
    /// Bits that toggled outside the window.
    outside: u64,
    /// Bits that have a track.
    tracked: u64,
}

/// Bits of one word that changed in one row.
#[derive(Clone, Copy, Debug)]
pub(super) struct Delta {
    pub(super) slot: u32,
    word: u8,
    changed: u64,
    value: u64,
}

impl Bits {
    /// Takes the next payload of the slot numbered `slot` and adds what changed to `deltas`.
    ///
    /// Runs once a row: one XOR for payloads up to 8 bytes.
    pub(super) fn next(&mut self, slot: u32, payload: &[u64], deltas: &mut Vec<Delta>) {
        if self.words.len() < payload.len() {
            self.words.resize_with(payload.len(), Word::default);
        }
        for (at, word) in self.words.iter_mut().enumerate() {
            let value = payload.get(at).copied().unwrap_or(0);
            let changed = std::mem::replace(&mut word.last, value) ^ value;
            if changed != 0 && self.seen {
                deltas.push(Delta { slot, word: at as u8, changed, value });
            }
        }
        self.seen = true;
    }

    /// Takes a change that lies outside the window: its bits are no candidates any more.
    pub(super) fn outside(&mut self, delta: Delta) {
        let word = &mut self.words[usize::from(delta.word)];
        word.outside |= delta.changed;
        if word.tracked & delta.changed != 0 {
            word.tracked &= !delta.changed;
            let gone = |track: &Track| {
                track.bit / 64 == u16::from(delta.word) && delta.changed >> (track.bit % 64) & 1 == 1
            };
            self.tracks.retain(|track| !gone(track));
        }
    }

    /// Takes a change at `t` inside the window that starts at `start`, seconds.
    pub(super) fn inside(&mut self, delta: Delta, t: f64, start: f64, rank: &mut u64) {
        let word = &mut self.words[usize::from(delta.word)];
        let mut rest = delta.changed & !word.outside;
        while rest != 0 {
            let bit = u16::from(delta.word) * 64 + rest.trailing_zeros() as u16;
            let mask = rest & rest.wrapping_neg();
            rest ^= mask;
            let at = if word.tracked & mask != 0 {
                self.tracks.iter().position(|track| track.bit == bit)
            } else {
                word.tracked |= mask;
                self.tracks.push(Track::new(bit, *rank));
                *rank += 1;
                Some(self.tracks.len() - 1)
            };
            if let Some(track) = at.and_then(|at| self.tracks.get_mut(at)) {
                track.toggle(t, delta.value & mask != 0, start);
            }
        }
    }

    pub(super) fn into_tracks(self) -> Vec<Track> {
        self.tracks
    }
}
