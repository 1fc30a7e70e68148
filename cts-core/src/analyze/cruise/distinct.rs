//! How many distinct payloads: exact for a segment, estimated in bounded memory for long drives.

use rustc_hash::FxHashSet;

/// Distinct values kept; beyond, only a sample of them is.
const ROOM: usize = 16_384;

/// Counts distinct payloads.
///
/// Keeps the hashes that end in `level` zero bits; when there are too many, the level rises and half of them go. Up to
/// 16384 payloads of up to 8 bytes the count is exact, since their hash is one to one; beyond it is off by about 1 %.
#[derive(Clone, Debug, Default)]
pub(super) struct Distinct {
    kept: FxHashSet<u64>,
    level: u32,
}

impl Distinct {
    #[inline]
    pub(super) fn add(&mut self, hash: u64) {
        if hash.trailing_zeros() < self.level || !self.kept.insert(hash) {
            return;
        }
        while self.kept.len() > ROOM {
            self.level += 1;
            let level = self.level;
            self.kept.retain(|hash| hash.trailing_zeros() >= level);
        }
    }

    pub(super) fn count(&self) -> u64 {
        (self.kept.len() as u64) << self.level
    }
}

/// A hash of a payload: one to one for payloads of one length up to 8 bytes.
#[inline]
pub(super) fn hash(data: &[u8]) -> u64 {
    let mut state = (data.len() as u64).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    for chunk in data.chunks(8) {
        let mut word = [0; 8];
        word[..chunk.len()].copy_from_slice(chunk);
        state = mix(state ^ u64::from_le_bytes(word));
    }
    state
}

/// The finalizer of SplitMix64 (Steele, Lea, Flood 2014), a permutation.
#[inline]
pub(super) fn mix(mut x: u64) -> u64 {
    x = (x ^ (x >> 30)).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    x = (x ^ (x >> 27)).wrapping_mul(0x94D0_49BB_1331_11EB);
    x ^ (x >> 31)
}
