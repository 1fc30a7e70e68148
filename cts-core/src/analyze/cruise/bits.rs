//! What is kept of one message on one bus: counts by phase, distinct payloads, and how each bit toggled.
//!
//! Hot loop: one XOR per eight bytes, then a step per changed bit. Nothing is allocated for a bit that has toggled
//! before.

use super::distinct::{Distinct, hash};

/// Edges kept of a bit that no track follows; a bit with more is a counter, a checksum or a number.
const KEPT_EDGES: usize = 256;

/// Where a frame lies relative to the windows.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Phase {
    /// Before the first window.
    Pre,
    /// In a window.
    Window,
    /// Behind a window.
    Post,
}

/// Where a frame lies.
#[derive(Clone, Copy, Debug)]
pub(super) struct Place {
    pub(super) phase: Phase,
    /// Number of the window, if it is in one.
    pub(super) window: Option<u32>,
    /// Whether cruise control did something about then.
    pub(super) near: bool,
}

/// Frames of one message in one window.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct WindowCount {
    /// Number of the window.
    pub window: u32,
    /// Frames.
    pub frames: u64,
    /// Distinct payloads among them.
    pub unique: u64,
}

/// A bit that toggled.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct BitStats {
    /// 0 to 1.
    pub rises: u64,
    /// 1 to 0.
    pub falls: u64,
    /// Of both, inside windows.
    pub in_windows: u64,
    /// Of both, near something that cruise control did.
    pub near: u64,
    /// The edges: mono time in ns, whether rising. `None` for a bit that toggles too often to be worth it.
    pub edges: Option<Vec<(u64, bool)>>,
}

/// One message on one bus.
#[derive(Debug)]
pub struct MessageStats {
    /// The bus.
    pub bus: u8,
    /// The address.
    pub address: u32,
    /// Frames before, in and behind windows.
    pub frames: [u64; 3],
    /// Frames near something that cruise control did.
    pub near: u64,
    /// Mono time of the first frame, in ns.
    pub first_t: u64,
    /// Mono time of the last frame, in ns.
    pub last_t: u64,
    /// The frames in each window.
    pub windows: Vec<WindowCount>,
    unique: [Distinct; 3],
    current: Option<(u32, u64, Distinct)>,
    /// Number of the last byte of the latest frame.
    last_byte: u16,
    /// Frames whose first, whose last byte is the sum of the rest.
    sums: [u64; 2],
    last: Vec<u64>,
    /// By bit.
    bits: Vec<Option<Box<BitStats>>>,
    /// Bits whose edges are all kept.
    followed: Vec<u16>,
}

impl MessageStats {
    pub(super) fn new(bus: u8, address: u32, followed: Vec<u16>) -> Self {
        Self {
            bus,
            address,
            frames: [0; 3],
            near: 0,
            first_t: 0,
            last_t: 0,
            windows: Vec::new(),
            unique: Default::default(),
            current: None,
            last_byte: 0,
            sums: [0; 2],
            last: Vec::new(),
            bits: Vec::new(),
            followed,
        }
    }

    /// All frames.
    pub fn total(&self) -> u64 {
        self.frames.iter().sum()
    }

    /// Distinct payloads before, in and behind windows.
    pub fn unique(&self) -> [u64; 3] {
        [0, 1, 2].map(|phase| self.unique[phase].count())
    }

    /// The bits that toggled, by number.
    pub fn bits(&self) -> impl Iterator<Item = (u16, &BitStats)> {
        let numbered = self.bits.iter().enumerate();
        numbered.filter_map(|(bit, stats)| Some((bit as u16, stats.as_deref()?)))
    }

    pub(super) fn add(&mut self, t: u64, data: &[u8], place: Place) {
        let first = self.total() == 0;
        let (phase, hash) = (place.phase as usize, hash(data));
        if first {
            self.first_t = t;
        }
        self.last_t = t;
        self.frames[phase] += 1;
        self.near += u64::from(place.near);
        self.unique[phase].add(hash);
        self.check_sums(data);
        self.count_window(place.window, hash);
        self.toggles(t, data, place, first);
    }

    /// Sums that some makes put into the first byte (Subaru) or the last one (Toyota, with the length).
    ///
    /// Source: opendbc `can/dbc.py`, rules for `subaru_global_` and `toyota_`.
    fn check_sums(&mut self, data: &[u8]) {
        self.last_byte = data.len().saturating_sub(1) as u16;
        let ([first, .., last], address) = (data, self.address.to_le_bytes()) else { return };
        let sum = address.iter().chain(data).fold(0u8, |sum, byte| sum.wrapping_add(*byte));
        self.sums[0] += u64::from(sum.wrapping_sub(*first) == *first);
        self.sums[1] += u64::from(sum.wrapping_sub(*last).wrapping_add(data.len() as u8) == *last);
    }

    /// Whether the bit belongs to a checksum over the frame, as all but a few damaged frames show.
    pub fn is_checksum(&self, bit: u16) -> bool {
        let holds = |good: u64| self.total() >= 16 && good * 100 >= self.total() * 98;
        let bytes = (self.bits.len() / 8).max(1) as u16;
        let last = self.last_byte.min(bytes - 1);
        (bit / 8 == 0 && holds(self.sums[0])) || (bit / 8 == last && holds(self.sums[1]))
    }

    fn count_window(&mut self, window: Option<u32>, hash: u64) {
        if self.current.as_ref().map(|current| current.0) != window {
            self.close_window();
            self.current = window.map(|window| (window, 0, Distinct::default()));
        }
        if let Some((_, frames, unique)) = &mut self.current {
            *frames += 1;
            unique.add(hash);
        }
    }

    fn close_window(&mut self) {
        if let Some((window, frames, unique)) = self.current.take() {
            self.windows.push(WindowCount { window, frames, unique: unique.count() });
        }
    }

    fn toggles(&mut self, t: u64, data: &[u8], place: Place, first: bool) {
        let words = data.len().div_ceil(8);
        if self.last.len() < words {
            self.last.resize(words, 0);
            self.bits.resize_with(words * 64, || None);
        }
        for (at, chunk) in data.chunks(8).enumerate() {
            let mut word = [0; 8];
            word[..chunk.len()].copy_from_slice(chunk);
            let value = u64::from_le_bytes(word);
            let mut changed = std::mem::replace(&mut self.last[at], value) ^ value;
            // Bytes that a shorter frame lacks did not change.
            if chunk.len() < 8 {
                let mask = (1u64 << (chunk.len() * 8)) - 1;
                self.last[at] |= (value ^ changed) & !mask;
                changed &= mask;
            }
            if first {
                continue;
            }
            while changed != 0 {
                let bit = at * 64 + changed.trailing_zeros() as usize;
                let up = value >> (bit % 64) & 1 == 1;
                changed &= changed - 1;
                self.toggle(t, bit, up, place);
            }
        }
    }

    #[inline]
    fn toggle(&mut self, t: u64, bit: usize, up: bool, place: Place) {
        let Self { bits, followed, .. } = self;
        let stats =
            bits[bit].get_or_insert_with(|| Box::new(BitStats { edges: Some(vec![]), ..Default::default() }));
        stats.rises += u64::from(up);
        stats.falls += u64::from(!up);
        stats.in_windows += u64::from(place.phase == Phase::Window);
        stats.near += u64::from(place.near);
        if let Some(edges) = &mut stats.edges {
            if edges.len() < KEPT_EDGES || followed.contains(&(bit as u16)) {
                edges.push((t, up));
            } else {
                stats.edges = None;
            }
        }
    }

    /// Ends the input. Without any window the whole log is the window.
    pub(super) fn finish(&mut self, no_window: bool) {
        self.close_window();
        if no_window {
            self.frames.swap(0, 1);
            self.unique.swap(0, 1);
            let (frames, unique) = (self.frames[1], self.unique[1].count());
            self.windows.push(WindowCount { window: 0, frames, unique });
            for stats in self.bits.iter_mut().flatten() {
                stats.in_windows = stats.rises + stats.falls;
            }
        }
    }
}

impl BitStats {
    /// All toggles.
    pub fn toggles(&self) -> u64 {
        self.rises + self.falls
    }
}
