//! How often each distinct payload of an address occurs in one segment.

use rustc_hash::FxHashMap;

use super::outcome::TopPayload;

/// Longest payload that is counted as one word.
const WORD: usize = 8;
/// How many of the most common payloads are reported.
const TOP: usize = 5;

/// Payloads of one address and segment.
///
/// Nearly every address has one length, so payloads of the first length seen (up to 8 bytes) are counted as bare words;
/// only others are kept as bytes. The hash is fast, not keyed: a forged log can slow the counting down.
#[derive(Debug, Default)]
pub(super) struct Tally {
    pub(super) rows: u64,
    word_len: Option<usize>,
    words: FxHashMap<u64, Seen>,
    others: FxHashMap<Box<[u8]>, Seen>,
}

#[derive(Clone, Copy, Debug)]
struct Seen {
    count: u32,
    /// Number of distinct payloads before this one.
    rank: u32,
}

impl Tally {
    /// Counts a payload; `word` is its first 8 bytes, little-endian, padded with zeros.
    pub(super) fn add(&mut self, data: &[u8], word: u64) {
        self.rows += 1;
        let new = Seen { count: 0, rank: self.unique() as u32 };
        let seen = if data.len() <= WORD && *self.word_len.get_or_insert(data.len()) == data.len() {
            self.words.entry(word).or_insert(new)
        } else if let Some(seen) = self.others.get_mut(data) {
            seen
        } else {
            self.others.entry(data.into()).or_insert(new)
        };
        seen.count = seen.count.saturating_add(1);
    }

    /// Number of distinct payloads.
    pub(super) fn unique(&self) -> usize {
        self.words.len() + self.others.len()
    }

    /// The five most common payloads, the first seen first among equals.
    pub(super) fn top(&self) -> Vec<TopPayload> {
        let len = self.word_len.unwrap_or(0);
        let words = best(self.words.iter().map(|(word, seen)| (*seen, *word)));
        let words = words.into_iter().map(|(seen, word)| (seen, word.to_le_bytes()[..len].to_vec()));
        let others = best(self.others.iter().map(|(data, seen)| (*seen, data)));
        let others = others.into_iter().map(|(seen, data)| (seen, data.to_vec()));
        let top = best(words.chain(others)).into_iter();
        top.map(|(seen, data)| TopPayload { data, count: seen.count.into() }).collect()
    }
}

fn best<T>(payloads: impl Iterator<Item = (Seen, T)>) -> Vec<(Seen, T)> {
    let order = |(seen, _): &(Seen, T)| (std::cmp::Reverse(seen.count), seen.rank);
    let mut all: Vec<_> = payloads.collect();
    if all.len() > TOP {
        all.select_nth_unstable_by_key(TOP, order);
        all.truncate(TOP);
    }
    all.sort_unstable_by_key(order);
    all
}
