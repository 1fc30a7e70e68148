//! Where the bits of a signal lie, and the loops that take them out of many payloads at once.
//!
//! A message's payloads are held as lanes: lane `k` has bytes `8 k` to `8 k + 7` of every frame as one word each,
//! once read as little-endian and, where a signal needs it, once as big-endian. In words of the signal's own byte
//! order its bits are one run, in one word or across two neighbours, at any start and size: no loads at odd bytes.
//!
//! Per value: one load, a shift, a mask, and for physical values an or, two subtractions and a multiplication, all in
//! vector registers. Shifts, masks and lanes are hoisted. Bench: `decode/tables`.

use crate::dbc::{ByteOrder, Number, Signal};

/// Payloads of many frames as words.
#[derive(Debug, Default)]
pub(super) struct Lanes {
    /// Bytes of each lane, the first one lowest.
    pub(super) little: Vec<Vec<u64>>,
    /// The same words with their bytes turned around; empty where no signal asks for them.
    pub(super) big: Vec<Vec<u64>>,
}

/// The place of a signal's bits within the lanes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Field {
    pub(super) order: ByteOrder,
    /// The lane with the least significant bits.
    pub(super) low: usize,
    /// How far its words are shifted to the right.
    right: u32,
    /// The lane with the rest, and how far its words are shifted to the left.
    high: Option<(usize, u32)>,
    mask: u64,
    /// Bits, 1 to 64.
    pub(super) size: u16,
    /// Bytes a frame must have to hold all bits.
    pub(super) need: u8,
}

impl Field {
    /// The place of `signal`; `None` if no payload can hold it.
    pub(super) fn of(signal: &Signal) -> Option<Self> {
        let bits = signal.bits()?;
        let need = u8::try_from(bits.iter().max()? / 8 + 1).ok()?;
        let (size, order) = (signal.size, signal.order);
        let mask = u64::MAX >> (64 - u32::from(size));
        // Counted in the order in which the words of its byte order have their bits.
        let first = match order {
            ByteOrder::LittleEndian => signal.start,
            ByteOrder::BigEndian => signal.start / 8 * 8 + (7 - signal.start % 8),
        };
        let (lane, at) = (usize::from(first / 64), u32::from(first % 64));
        let beyond = (at + u32::from(size)).saturating_sub(64);
        let (low, right, high) = match (order, beyond) {
            (ByteOrder::LittleEndian, 0) => (lane, at, None),
            (ByteOrder::LittleEndian, _) => (lane, at, Some((lane + 1, 64 - at))),
            (ByteOrder::BigEndian, 0) => (lane, 64 - at - u32::from(size), None),
            (ByteOrder::BigEndian, _) => (lane + 1, 64 - beyond, Some((lane, beyond))),
        };
        Some(Self { order, low, right, high, mask, size, need })
    }

    /// The last lane that the field reads.
    pub(super) fn last_lane(&self) -> usize {
        self.high.map_or(self.low, |(lane, _)| lane.max(self.low))
    }

    /// The first lane that the field reads.
    pub(super) fn first_lane(&self) -> usize {
        self.high.map_or(self.low, |(lane, _)| lane.min(self.low))
    }

    /// The raw bits of every frame, made into `T`.
    #[inline]
    fn map<T>(&self, lanes: &Lanes, convert: impl Fn(u64) -> T) -> Vec<T> {
        let lanes = match self.order {
            ByteOrder::LittleEndian => &lanes.little,
            ByteOrder::BigEndian => &lanes.big,
        };
        let (right, mask) = (self.right, self.mask);
        let Some(low) = lanes.get(self.low) else { return Vec::new() };
        match self.high.and_then(|(lane, left)| Some((lanes.get(lane)?, left))) {
            None => low.iter().map(|word| convert(word >> right & mask)).collect(),
            Some((high, left)) => {
                let both = low.iter().zip(high);
                both.map(|(low, high)| convert((low >> right | high << left) & mask)).collect()
            }
        }
    }

    /// The raw bits of one frame, given as little-endian words.
    pub(super) fn one(&self, words: &[u64; 8]) -> u64 {
        let word = |lane: usize| {
            let word = words.get(lane).copied().unwrap_or(0);
            if self.order == ByteOrder::BigEndian { word.swap_bytes() } else { word }
        };
        let high = self.high.map_or(0, |(lane, left)| word(lane) << left);
        (word(self.low) >> self.right | high) & self.mask
    }

    /// The raw bits of every frame.
    pub(super) fn bits(&self, lanes: &Lanes) -> Vec<u64> {
        self.map(lanes, |bits| bits)
    }

    /// Whether the raw bits of every frame lie in one of the ranges.
    pub(super) fn within(&self, lanes: &Lanes, ranges: &[(u64, u64)]) -> Vec<bool> {
        match ranges {
            [(first, last)] => self.map(lanes, |bits| *first <= bits && bits <= *last),
            _ => self.map(lanes, |bits| ranges.iter().any(|(first, last)| *first <= bits && bits <= *last)),
        }
    }

    /// raw * factor + offset of every frame, rounded after each step as in [`Signal::physical`].
    pub(super) fn physical(&self, lanes: &Lanes, number: Number, factor: f64, offset: f64) -> Vec<f64> {
        // An integer below 2^52 put into the mantissa of 2^52 is 2^52 + integer: exact, and unlike the conversion
        // instruction for 64 bits it exists for vectors everywhere. A sign is added as a bias, likewise exact.
        const BIG: f64 = (1u64 << 52) as f64;
        let small = self.size <= 52;
        let sign = 1u64 << (self.size - 1);
        match number {
            Number::Unsigned if small => {
                self.map(lanes, |bits| (f64::from_bits(bits | BIG.to_bits()) - BIG) * factor + offset)
            }
            Number::Signed if small => {
                let bias = BIG + sign as f64;
                self.map(lanes, |bits| {
                    (f64::from_bits((bits ^ sign) | BIG.to_bits()) - bias) * factor + offset
                })
            }
            Number::Unsigned => self.map(lanes, |bits| bits as f64 * factor + offset),
            Number::Signed => self.map(lanes, |bits| signed(bits, sign) as f64 * factor + offset),
            Number::Float32 => {
                self.map(lanes, |bits| f64::from(f32::from_bits(bits as u32)) * factor + offset)
            }
            Number::Float64 => self.map(lanes, |bits| f64::from_bits(bits) * factor + offset),
        }
    }

    /// The raw values of every frame, in the smallest type that holds all of them.
    pub(super) fn raw(&self, lanes: &Lanes, number: Number) -> crate::table::Values {
        use crate::table::Values::*;
        let sign = 1u64 << (self.size - 1);
        match (number, self.size) {
            (Number::Unsigned, ..=8) => UInt8(self.map(lanes, |bits| bits as u8)),
            (Number::Unsigned, ..=16) => UInt16(self.map(lanes, |bits| bits as u16)),
            (Number::Unsigned, ..=32) => UInt32(self.map(lanes, |bits| bits as u32)),
            (Number::Unsigned, _) => UInt64(self.bits(lanes)),
            (Number::Signed, ..=8) => Int8(self.map(lanes, |bits| signed(bits, sign) as i8)),
            (Number::Signed, ..=16) => Int16(self.map(lanes, |bits| signed(bits, sign) as i16)),
            (Number::Signed, ..=32) => Int32(self.map(lanes, |bits| signed(bits, sign) as i32)),
            (Number::Signed, _) => Int64(self.map(lanes, |bits| signed(bits, sign))),
            (Number::Float32, _) => Float32(self.map(lanes, |bits| f32::from_bits(bits as u32))),
            (Number::Float64, _) => Float64(self.map(lanes, f64::from_bits)),
        }
    }
}

/// Two's complement whose sign bit is `sign`.
#[inline]
fn signed(bits: u64, sign: u64) -> i64 {
    (bits ^ sign).wrapping_sub(sign) as i64
}
