//! A run of events with the bytes they borrow from.

use super::Completeness;
use super::event::{Entry, Event};

/// Some events of a log, in file order: all of a segment, or what fits the buffer of a stream.
#[derive(Debug, Default)]
pub struct Batch {
    pub(super) bytes: Vec<u8>,
    pub(super) entries: Vec<Entry>,
    /// Index in the log of the first event.
    pub(super) first: u64,
    /// Offset in the decompressed log of `bytes[0]`.
    pub(super) base: u64,
}

impl Batch {
    /// Number of events.
    pub fn len(&self) -> usize {
        self.entries.len()
    }

    /// Whether there are no events.
    pub fn is_empty(&self) -> bool {
        self.entries.is_empty()
    }

    /// The events in file order.
    #[inline]
    pub fn events(&self) -> impl ExactSizeIterator<Item = Event<'_>> + Clone {
        self.entries.iter().enumerate().map(|(i, entry)| self.lend(i, *entry))
    }

    /// The mono time from which seconds count when this is the first batch of a log: that of the first event that is
    /// not `initData`, which carries the start of the drive. `None` when there is no such event.
    pub fn start(&self) -> Option<u64> {
        let entry = self.entries.iter().find(|entry| entry.which != super::which::INIT_DATA)?;
        Some(entry.mono_time)
    }

    /// Event `index` of this batch.
    #[inline]
    pub fn event(&self, index: usize) -> Option<Event<'_>> {
        self.entries.get(index).map(|entry| self.lend(index, *entry))
    }

    #[inline]
    fn lend(&self, index: usize, entry: Entry) -> Event<'_> {
        let start = entry.offset as usize;
        let bytes = &self.bytes[start..start + entry.len as usize];
        Event { entry, bytes, index: self.first + index as u64, offset: self.base + u64::from(entry.offset) }
    }

    /// Positions of the events in order of mono time; events of equal time keep their order. The copy of
    /// `initData` stays first, although its time is the start of the drive.
    pub fn by_time(&self) -> Vec<u32> {
        let mut order: Vec<u32> = (0..self.entries.len() as u32).collect();
        let key = |i: &u32| {
            let entry = &self.entries[*i as usize];
            if entry.which == super::which::INIT_DATA { 0 } else { entry.mono_time }
        };
        order.sort_by_key(key);
        order
    }

    pub(super) fn clear(&mut self) {
        self.bytes.clear();
        self.entries.clear();
    }

    /// Adds this batch's events to the counts by service.
    pub(super) fn count_by_which(&self, record: &mut Completeness) {
        let mut counts = vec![0u64; 1 << 8];
        for entry in &self.entries {
            match counts.get_mut(entry.which as usize) {
                Some(count) => *count += 1,
                None => *record.by_which.entry(entry.which).or_default() += 1,
            }
        }
        for (which, count) in counts.into_iter().enumerate().filter(|(_, count)| *count > 0) {
            *record.by_which.entry(which as u16).or_default() += count;
        }
    }
}
