//! The bits of a counter or checksum.

use super::super::{Message, Signal};

/// A few bits of a payload, read and written as a raw value.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Field {
    name: String,
    /// DBC start bit of the signal.
    start: u16,
    /// Positions from the least significant.
    bits: Vec<u16>,
}

impl Field {
    /// The bits of a signal; `None` if no payload has them.
    pub fn of(signal: &Signal) -> Option<Self> {
        Some(Self { name: signal.name.clone(), start: signal.start, bits: signal.bits()? })
    }

    /// Bits in DBC numbering, from the least significant, whatever signals the message has there.
    pub(super) fn at(message: &Message, bits: &[u16]) -> Self {
        let same = message.signals.iter().find(|signal| signal.bits().as_deref() == Some(bits));
        let name = same.map_or(String::new(), |signal| signal.name.clone());
        Self { name, start: bits.first().copied().unwrap_or(0), bits: bits.to_vec() }
    }

    /// The name of the signal; empty if the database has none at that place.
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The byte that holds the start bit.
    pub(super) fn byte(&self) -> usize {
        usize::from(self.start / 8)
    }

    /// The start bit within its byte.
    pub(super) fn bit(&self) -> u16 {
        self.start % 8
    }

    /// The largest value.
    pub fn max(&self) -> u64 {
        if self.bits.len() >= 64 { u64::MAX } else { (1 << self.bits.len()) - 1 }
    }

    /// The value in `data`; `None` if the payload is too short.
    pub fn read(&self, data: &[u8]) -> Option<u64> {
        self.bits.iter().rev().try_fold(0, |value, bit| {
            let byte = data.get(usize::from(bit / 8))?;
            Some(value << 1 | u64::from(byte >> (bit % 8) & 1))
        })
    }

    /// Puts the value into `data`, as far as the payload reaches.
    pub fn write(&self, value: u64, data: &mut [u8]) {
        write_bits(&self.bits, value, data);
    }
}

/// Puts `value` at the positions `bits`, given from the least significant.
pub(in crate::dbc) fn write_bits(bits: &[u16], value: u64, data: &mut [u8]) {
    for (n, bit) in bits.iter().enumerate() {
        if let Some(byte) = data.get_mut(usize::from(bit / 8)) {
            let mask = 1 << (bit % 8);
            *byte = if value >> n & 1 == 1 { *byte | mask } else { *byte & !mask };
        }
    }
}
