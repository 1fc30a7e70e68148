//! What was read and waits: frames and samples in order of time, until nothing older is to be expected.

use std::collections::VecDeque;

/// Frames and samples of one mono time, packed into one run of bytes.
#[derive(Debug, Default)]
pub(super) struct Block {
    pub(super) t: u64,
    bytes: Vec<u8>,
}

/// One thing of a block.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) enum Item<'a> {
    Frame { bus: u8, address: u32, data: &'a [u8] },
    Sample { id: u32, value: f64 },
}

/// Tag, bus, length of data, address or number.
const HEAD: usize = 7;

impl Block {
    pub(super) fn add(&mut self, item: Item<'_>) {
        let value;
        let (tag, bus, number, data) = match item {
            Item::Frame { bus, address, data } => (0, bus, address, &data[..data.len().min(64)]),
            Item::Sample { id, value: v } => {
                value = v.to_le_bytes();
                (1, 0, id, &value[..])
            }
        };
        self.bytes.extend_from_slice(&[tag, bus, data.len() as u8]);
        self.bytes.extend_from_slice(&number.to_le_bytes());
        self.bytes.extend_from_slice(data);
    }

    pub(super) fn items(&self) -> impl Iterator<Item = Item<'_>> {
        let mut rest = &self.bytes[..];
        std::iter::from_fn(move || {
            let (head, tail) = rest.split_first_chunk::<HEAD>()?;
            let [tag, bus, len, a, b, c, d] = *head;
            let (data, after) = tail.split_at_checked(usize::from(len))?;
            rest = after;
            let number = u32::from_le_bytes([a, b, c, d]);
            Some(match (tag, data.first_chunk::<8>()) {
                (1, Some(value)) => Item::Sample { id: number, value: f64::from_le_bytes(*value) },
                _ => Item::Frame { bus, address: number, data },
            })
        })
    }
}

/// Blocks in order of time. The first `looked_at` have given their signals and wait for their windows.
#[derive(Debug, Default)]
pub(super) struct Queue {
    blocks: VecDeque<Block>,
    looked_at: usize,
    open: Block,
    spare: Vec<Vec<u8>>,
    pub(super) newest: u64,
    /// Blocks that came later than the order could mend.
    pub(super) late: u64,
}

impl Queue {
    /// Adds an item; whether it begins a new time.
    pub(super) fn push(&mut self, t: u64, item: Item<'_>) -> bool {
        let new = self.open.t != t || self.open.bytes.is_empty();
        if new {
            self.close();
            self.open = Block { t, bytes: self.spare.pop().unwrap_or_default() };
            self.newest = self.newest.max(t);
        }
        self.open.add(item);
        new
    }

    /// Puts the newest block in its place.
    pub(super) fn close(&mut self) {
        let mut block = std::mem::take(&mut self.open);
        if block.bytes.is_empty() {
            return;
        }
        let oldest = self.looked_at.checked_sub(1).map(|at| self.blocks[at].t);
        if let Some(oldest) = oldest.filter(|oldest| block.t < *oldest) {
            self.late += 1;
            block.t = oldest;
        }
        let mut at = self.blocks.len();
        while at > self.looked_at && self.blocks[at - 1].t > block.t {
            at -= 1;
        }
        self.blocks.insert(at, block);
    }

    /// The next block whose signals are due: older than `limit`.
    pub(super) fn look(&mut self, limit: u64) -> Option<&Block> {
        let block = self.blocks.get(self.looked_at).filter(|block| block.t <= limit)?;
        self.looked_at += 1;
        Some(block)
    }

    /// The next block whose windows are known: looked at, and older than `limit`.
    pub(super) fn take(&mut self, limit: u64) -> Option<Block> {
        // The last one that was looked at stays: it says what is late.
        let last = usize::from(limit != u64::MAX);
        let due = self.looked_at > last && self.blocks.front().is_some_and(|block| block.t <= limit);
        if !due {
            return None;
        }
        self.looked_at -= 1;
        self.blocks.pop_front()
    }

    /// Gives a block's memory back.
    pub(super) fn recycle(&mut self, block: Block) {
        let mut bytes = block.bytes;
        bytes.clear();
        if self.spare.len() < 64 {
            self.spare.push(bytes);
        }
    }
}
