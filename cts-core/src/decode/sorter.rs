//! Frames of many messages, sorted by message.
//!
//! Frames come in an order that no processor can foresee, with lengths that differ from message to message. Sorted by
//! message in pieces that stay in the cache, each message appends many frames of one length at once. Per frame: one
//! load for its place, one count, one position. Bench: `decode/gather`.

use rustc_hash::FxHashMap;

/// Frames of a piece. Their positions fit 16 bits, and they fit the second-level cache.
pub(super) const PIECE: usize = 2048;

/// Where a frame belongs: one of these, or behind them its message.
pub(super) type Slot = u32;
/// A bus that is not wanted, or that no database stands for.
const UNWANTED: Slot = 0;
/// No message explains the frame.
pub(super) const UNKNOWN: Slot = 1;
/// The slot of the first message.
const FIRST: Slot = 2;

/// Standard identifiers.
const STANDARD: usize = 1 << 11;

/// The message of a slot.
#[inline]
pub(super) fn group_of(slot: Slot) -> Option<usize> {
    slot.checked_sub(FIRST).map(|group| group as usize)
}

/// Which message a bus and an address mean.
#[derive(Debug)]
pub(super) struct Messages {
    /// The map of each bus, as logged. The first knows nothing.
    map: Vec<u16>,
    /// Slots of standard identifiers, map by map.
    near: Vec<Slot>,
    /// Slots of other identifiers, by map.
    far: Vec<FxHashMap<u32, Slot>>,
}

impl Default for Messages {
    fn default() -> Self {
        Self { map: vec![0; 256], near: vec![UNWANTED; STANDARD], far: vec![FxHashMap::default()] }
    }
}

impl Messages {
    /// Adds an empty map and gives its index.
    pub(super) fn add(&mut self) -> usize {
        self.near.resize(self.near.len() + STANDARD, UNKNOWN);
        self.far.push(FxHashMap::default());
        self.far.len() - 1
    }

    /// Lets frames of this bus, as logged, be explained by a map.
    pub(super) fn connect(&mut self, src: u8, map: usize) {
        self.map[usize::from(src)] = map as u16;
    }

    /// Gives an address of a map to a message; false if it has one.
    pub(super) fn insert(&mut self, map: usize, address: u32, group: usize) -> bool {
        let place = match address as usize {
            near @ 0..STANDARD => &mut self.near[map * STANDARD + near],
            _ => self.far[map].entry(address).or_insert(UNKNOWN),
        };
        let free = *place == UNKNOWN;
        if free {
            *place = group as Slot + FIRST;
        }
        free
    }

    /// Where a frame belongs.
    #[inline]
    pub(super) fn find(&self, bus: u8, address: u32) -> Slot {
        let map = usize::from(self.map[usize::from(bus)]);
        match address as usize {
            near @ 0..STANDARD => self.near[map * STANDARD + near],
            _ if map == 0 => UNWANTED,
            _ => self.far[map].get(&address).copied().unwrap_or(UNKNOWN),
        }
    }
}

/// Sorts the frames of a piece by slot; frames of one slot keep their order.
#[derive(Debug, Default)]
pub(super) struct Sorter {
    /// The slot of each frame of the piece.
    slots: Vec<Slot>,
    /// Where the positions of each slot's frames end.
    ends: Vec<u16>,
    /// Positions of frames, slot by slot.
    positions: Vec<u16>,
    mine: Vec<u16>,
}

impl Sorter {
    pub(super) fn new(groups: usize) -> Self {
        Self { ends: vec![0; groups + FIRST as usize], ..Self::default() }
    }

    /// Calls `append` for each message with frames among those of these slots, [`PIECE`] at most: with the message and the
    /// positions of its frames, of which it may take out some. Gives the number of frames that are unknown.
    pub(super) fn sort(
        &mut self,
        slots: impl Iterator<Item = Slot>,
        mut append: impl FnMut(usize, &mut Vec<u16>),
    ) -> u64 {
        self.slots.clear();
        self.slots.extend(slots);
        let unknown = self.place();
        let mut start = 0;
        for (slot, end) in self.ends.iter().map(|end| usize::from(*end)).enumerate() {
            let all = &self.positions[std::mem::replace(&mut start, end)..end];
            let Some(group) = group_of(slot as Slot).filter(|_| !all.is_empty()) else { continue };
            self.mine.clear();
            self.mine.extend_from_slice(all);
            append(group, &mut self.mine);
            if self.mine.len() < all.len() {
                all.iter().for_each(|at| self.slots[usize::from(*at)] = UNWANTED);
                self.mine.iter().for_each(|at| self.slots[usize::from(*at)] = slot as Slot);
            }
        }
        unknown
    }

    /// Fills `positions` and `ends`.
    fn place(&mut self) -> u64 {
        self.ends.fill(0);
        for slot in &self.slots {
            self.ends[*slot as usize] += 1;
        }
        let unknown = u64::from(self.ends[UNKNOWN as usize]);
        let mut start = 0;
        for end in &mut self.ends {
            start += std::mem::replace(end, start);
        }
        self.positions.resize(self.slots.len(), 0);
        for (at, slot) in self.slots.iter().enumerate() {
            let next = &mut self.ends[*slot as usize];
            self.positions[usize::from(*next)] = at as u16;
            *next += 1;
        }
        unknown
    }

    /// The messages of the frames last sorted, in their order, without those that are left out.
    pub(super) fn kept(&self) -> impl Iterator<Item = u32> {
        self.slots.iter().filter_map(|slot| slot.checked_sub(FIRST))
    }
}
