//! Reading and writing the spellings of a bit; the table is in the parent module.

use super::{BitOrder, BitRef};

/// A spelling of a bit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Notation {
    /// `B4b5` in the given order.
    Label(BitOrder),
    /// `B4m5`, from the most significant.
    Msb,
    /// `B4.5`, from the least significant.
    Lsb,
    /// `b37`.
    Global,
    /// `le:37`.
    Intel,
    /// `be:37`.
    Motorola,
    /// `MSB B26`; bits past the eighth byte have none.
    MsbGlobal,
    /// `[4]&0x20`.
    Mask,
    /// `[4]>>5`.
    Shift,
}

impl BitRef {
    /// Writes the bit in a spelling; `None` where that spelling cannot name it.
    pub fn spell(self, notation: Notation) -> Option<String> {
        let (byte, lsb, msb, global) = (self.byte(), self.lsb(), self.msb(), self.global());
        Some(match notation {
            Notation::Label(BitOrder::Msb) => format!("B{byte}b{msb}"),
            Notation::Label(BitOrder::Lsb) => format!("B{byte}b{lsb}"),
            Notation::Msb => format!("B{byte}m{msb}"),
            Notation::Lsb => self.to_string(),
            Notation::Global => format!("b{global}"),
            Notation::Intel => format!("le:{global}"),
            Notation::Motorola => format!("be:{global}"),
            Notation::MsbGlobal => format!("MSB B{}", 63_u16.checked_sub(global)?),
            Notation::Mask => format!("[{byte}]&0x{:02X}", 1 << lsb),
            Notation::Shift => format!("[{byte}]>>{lsb}"),
        })
    }
}

/// All bits that `text` names, or `None`.
pub(super) fn parse(text: &str, order: BitOrder) -> Option<Vec<BitRef>> {
    // `B37` could be byte 37 of the old labels, or a number of the `MSB Bnn` kind.
    if text.strip_prefix('B').is_some_and(|rest| number(rest).is_some()) {
        return None;
    }
    let text = text.to_ascii_lowercase();
    if let Some((byte, mask)) = text.split_once('&') {
        return masked(index(byte.trim_end())?, hex_or_decimal(mask.trim_start())?);
    }
    if let Some((byte, shift)) = text.split_once(">>") {
        return one(BitRef::new(index(byte.trim_end())?, number(shift.trim_start())?));
    }
    one(numbered(&text).or_else(|| labeled(&text, order)))
}

fn one(bit: Option<BitRef>) -> Option<Vec<BitRef>> {
    bit.map(|b| vec![b])
}

/// `b37`, `bit:37`, `le:37`, `be:37`, `msb b26`, `msb:26`.
fn numbered(text: &str) -> Option<BitRef> {
    if let Some(rest) = text.strip_prefix("msb") {
        let digits = match rest.strip_prefix(':') {
            Some(digits) => digits,
            None => rest.strip_prefix(' ')?.trim_start().strip_prefix('b')?,
        };
        return BitRef::from_global(63_u32.checked_sub(number(digits)?)?);
    }
    let digits = ["bit:", "le:", "be:"].iter().find_map(|p| text.strip_prefix(p));
    BitRef::from_global(number(digits?)?)
}

/// `b4b5`, `b4m5`, `b4l5`, `b4.5`, `4.5`, and `b37`.
fn labeled(text: &str, order: BitOrder) -> Option<BitRef> {
    let body = text.strip_prefix('b');
    let rest = body.unwrap_or(text);
    let Some(at) = rest.find(|c: char| !c.is_ascii_digit()) else {
        return BitRef::from_global(number(body?)?);
    };
    let (byte, bit) = (number(&rest[..at])?, number(rest.get(at + 1..)?)?);
    let from_msb = || BitRef::new(byte, 7_u32.checked_sub(bit)?);
    match (rest.as_bytes()[at], body.is_some(), order) {
        (b'b', true, BitOrder::Msb) | (b'm', true, _) => from_msb(),
        (b'b', true, BitOrder::Lsb) | (b'l', true, _) | (b'.', _, _) => BitRef::new(byte, bit),
        _ => None,
    }
}

fn masked(byte: u32, mask: u32) -> Option<Vec<BitRef>> {
    if !(1..=0xFF).contains(&mask) {
        return None;
    }
    (0..8).filter(|bit| mask >> bit & 1 == 1).map(|bit| BitRef::new(byte, bit)).collect()
}

/// `4`, `[4]`, or a name before the bracket: `d[4]`, `msg.dat[4]`.
fn index(text: &str) -> Option<u32> {
    let Some(inner) = text.strip_suffix(']') else {
        return number(text);
    };
    let (name, digits) = inner.split_once('[')?;
    let plain = name.chars().all(|c| c.is_ascii_alphanumeric() || c == '_' || c == '.');
    if plain { number(digits.trim()) } else { None }
}

fn hex_or_decimal(text: &str) -> Option<u32> {
    match text.strip_prefix("0x") {
        Some(hex) if hex.bytes().all(|b| b.is_ascii_hexdigit()) => u32::from_str_radix(hex, 16).ok(),
        _ => number(text),
    }
}

/// Digits only: no sign, no blanks.
fn number(text: &str) -> Option<u32> {
    if text.bytes().all(|b| b.is_ascii_digit()) { text.parse().ok() } else { None }
}
