//! One bit of a CAN payload, in every spelling in common use.
//!
//! | spelling | byte | bit | who writes it so |
//! |---|---|---|---|
//! | `B4b5` | 4 | by [`BitOrder`]: 5 from the most significant (so 2), or 5 | the old can-bitwatch; opendbc notes |
//! | `B4m5` | 4 | 5 counted from the most significant: 2 | this crate, where the order must be plain |
//! | `B4.5`, `4.5`, `B4l5` | 4 | 5 counted from the least significant | this crate; [`BitRef`]'s `Display` |
//! | `b37`, `bit:37` | 37 / 8 | 37 % 8, from the least significant | openpilot's `GET_BIT(msg, 37U)` |
//! | `le:37` | 37 / 8 | 37 % 8 | DBC start bit of an Intel (`@1`) signal |
//! | `be:37` | 37 / 8 | 37 % 8 | DBC start bit of a Motorola (`@0`) signal |
//! | `MSB B26`, `msb:26` | (63 - 26) / 8 | (63 - 26) % 8 | the old cruise analyzer; first 8 bytes only |
//! | `[4]&0x24`, `4&0x24`, `d[4]&0x24` | 4 | one for every bit of the mask | C and Python sources |
//! | `[4]>>5`, `d[4]>>5` | 4 | 5 | C and Python sources |
//!
//! A DBC numbers the bits of a payload in one way for both byte orders: byte * 8 + bit, bit 0 the least significant of
//! its byte. Orders differ in where a signal goes on from its start bit: Intel upwards (37, 38, 39, 40), Motorola down
//! and then to the top of the next byte, the sawtooth (37, 36, … 32, 47). For one bit both numbers are the same.
//! Source: opendbc `dbc/*.dbc` `SG_` lines, openpilot `opendbc/safety/declarations.h` `GET_BIT`.
//!
//! Letters may be of either case, except that `B37` is refused: it could be a byte.

mod notation;
mod watch;

pub use notation::Notation;
pub use watch::{WatchSpec, parse_address, parse_watch_file};

use crate::{ErrorKind, Result};

/// The longest payload of a CAN FD frame, bytes.
pub const MAX_PAYLOAD: usize = 64;

/// One bit of a payload: byte 0 to 63, bit 0 (least significant) to 7.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct BitRef {
    byte: u8,
    lsb: u8,
}

/// What `Y` means in a label `BxbY`.
///
/// The old can-bitwatch counts from the most significant bit, while opendbc and the watch lists written for that very
/// tool mean bit `Y` of the byte. So the reading is a choice; the default is that of the old tool.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Hash, serde::Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BitOrder {
    /// `b0` is the most significant bit of the byte.
    #[default]
    Msb,
    /// `b0` is the least significant bit of the byte.
    Lsb,
}

impl BitRef {
    /// Bit `lsb` (from the least significant) of byte `byte`; `None` past byte 63 or bit 7.
    pub fn new(byte: u32, lsb: u32) -> Option<Self> {
        (byte < MAX_PAYLOAD as u32 && lsb < 8).then_some(Self { byte: byte as u8, lsb: lsb as u8 })
    }

    /// Bit by its number, byte * 8 + bit from the least significant; `None` from 512 on.
    pub fn from_global(index: u32) -> Option<Self> {
        Self::new(index / 8, index % 8)
    }

    /// The byte, 0 to 63.
    pub fn byte(self) -> u16 {
        self.byte.into()
    }

    /// The bit of the byte, 0 for the least significant.
    pub fn lsb(self) -> u8 {
        self.lsb
    }

    /// The bit of the byte, 0 for the most significant.
    pub fn msb(self) -> u8 {
        7 - self.lsb
    }

    /// byte * 8 + bit, 0 to 511: also the DBC start bit.
    pub fn global(self) -> u16 {
        self.byte() * 8 + u16::from(self.lsb)
    }

    /// The bit's value; false past the end of the payload.
    pub fn of(self, data: &[u8]) -> bool {
        data.get(usize::from(self.byte)).is_some_and(|b| b >> self.lsb & 1 == 1)
    }

    /// Reads a spelling of exactly one bit.
    ///
    /// # Errors
    /// `bad-param` when the text is none of the spellings of this module, or a mask of several bits.
    pub fn parse(text: &str, order: BitOrder) -> Result<Self> {
        match Self::parse_all(text, order)?[..] {
            [one] => Ok(one),
            _ => Err(bad_bit(text, "one bit, not a mask of several")),
        }
    }

    /// Reads a spelling of one bit or, as a mask, of several, least significant first.
    ///
    /// # Errors
    /// `bad-param` when the text is none of the spellings of this module.
    pub fn parse_all(text: &str, order: BitOrder) -> Result<Vec<Self>> {
        notation::parse(text.trim(), order).ok_or_else(|| bad_bit(text, FORMS))
    }
}

impl std::fmt::Display for BitRef {
    /// Writes `B4.5`: byte 4, bit 5 from the least significant.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "B{}.{}", self.byte, self.lsb)
    }
}

const FORMS: &str =
    "a bit such as `B4b5`, `B4.5`, `b37`, `le:37`, `be:37`, `MSB B26` or `[4]&0x20` (bytes 0 to 63)";

#[cold]
fn bad_bit(text: &str, expected: &str) -> crate::Error {
    ErrorKind::BadParam { name: "bit".into(), value: text.into(), expected: expected.into() }.into()
}

#[cfg(test)]
mod tests;
