//! Which bit of which address on which bus: `0x027:B4b5`.

use super::{BitOrder, BitRef};
use crate::{Error, ErrorKind, Result};

/// A bit to watch.
///
/// Written `[BUS@]ADDRESS:BIT`, with any spelling of a bit of [the parent module](super): `0x027:B4b5`, `466:B6b0`,
/// `0@0x027:[4]&0x30`. Addresses are read by [`parse_address`]. openpilot's cabana names messages `BUS:HEX`; that form
/// is taken as well when a bit follows, `0:1F4:b37`, except before a spelling that has a colon itself.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WatchSpec {
    /// The address.
    pub address: u32,
    /// The bus, or every bus.
    pub bus: Option<u8>,
    /// The bit.
    pub bit: BitRef,
    /// What a watch file calls it.
    pub name: Option<String>,
}

impl WatchSpec {
    /// Reads one spec; a mask of several bits gives several watches.
    ///
    /// # Errors
    /// `bad-param`, naming the spec and the accepted forms.
    pub fn parse(text: &str, order: BitOrder) -> Result<Vec<Self>> {
        let (address, bus, bits) = parts(text.trim(), order).ok_or_else(|| bad_watch(text))?;
        Ok(bits.into_iter().map(|bit| Self { address, bus, bit, name: None }).collect())
    }

    /// Reads several specs, in order.
    ///
    /// # Errors
    /// `bad-param` for the first that cannot be read.
    pub fn parse_list<T: AsRef<str>>(specs: &[T], order: BitOrder) -> Result<Vec<Self>> {
        let mut watches = Vec::new();
        for spec in specs {
            watches.extend(Self::parse(spec.as_ref(), order)?);
        }
        Ok(watches)
    }
}

impl std::fmt::Display for WatchSpec {
    /// Writes `0@0x027:B4.2`, without the bus if there is none; [`WatchSpec::parse`] reads it back in either order.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        if let Some(bus) = self.bus {
            write!(f, "{bus}@")?;
        }
        write!(f, "0x{:03X}:{}", self.address, self.bit)
    }
}

/// Reads a watch file: one spec a line, then optionally blanks and a name; `#` starts a comment.
///
/// # Errors
/// `bad-param` with the line.
pub fn parse_watch_file(text: &str, order: BitOrder) -> Result<Vec<WatchSpec>> {
    let mut watches = Vec::new();
    for (number, line) in (1_u64..).zip(text.lines()) {
        let line = line.split_once('#').map_or(line, |(before, _)| before).trim();
        if line.is_empty() {
            continue;
        }
        let (spec, name) = split_name(line);
        let parsed = WatchSpec::parse(spec, order).map_err(|e| e.line(number))?;
        watches.extend(parsed.into_iter().map(|w| WatchSpec { name: name.map(str::to_owned), ..w }));
    }
    Ok(watches)
}

/// Splits at the first blank, or at the second when the spec is one of `MSB B26`.
fn split_name(line: &str) -> (&str, Option<&str>) {
    let blank_after = |from: usize| line[from..].find(char::is_whitespace).map(|at| from + at);
    let Some(first) = blank_after(0) else {
        return (line, None);
    };
    let rest = line[first..].trim_start();
    let is_msb = line[..first].rsplit(':').next().is_some_and(|bit| bit.eq_ignore_ascii_case("msb"));
    let end = if is_msb { blank_after(line.len() - rest.len()) } else { Some(first) };
    match end {
        Some(end) => (&line[..end], Some(line[end..].trim())),
        None => (line, None),
    }
}

fn parts(text: &str, order: BitOrder) -> Option<(u32, Option<u8>, Vec<BitRef>)> {
    let (bus, rest) = match text.split_once('@') {
        Some((bus, rest)) => (Some(bus.trim().parse().ok()?), rest),
        None => (None, text),
    };
    let (address, bit) = rest.split_once(':')?;
    if let Ok(bits) = BitRef::parse_all(bit, order) {
        return Some((parse_address(address)?, bus, bits));
    }
    let (hex, bit) = bit.split_once(':')?;
    if bus.is_some() || !hex.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    let bits = BitRef::parse_all(bit, order).ok()?;
    Some((u32::from_str_radix(hex, 16).ok()?, Some(address.trim().parse().ok()?), bits))
}

/// Reads an address: `0x027` hex, `466` decimal, and hex without a prefix where it is no decimal number (`1D2`).
///
/// `None` for anything else, and past 32 bits.
pub fn parse_address(text: &str) -> Option<u32> {
    let text = text.trim();
    let (digits, hex) = match text.strip_prefix("0x").or_else(|| text.strip_prefix("0X")) {
        Some(digits) => (digits, true),
        None => (text, text.bytes().any(|b| !b.is_ascii_digit())),
    };
    // `from_str_radix` would take a sign.
    if !digits.bytes().all(|b| b.is_ascii_hexdigit()) {
        return None;
    }
    u32::from_str_radix(digits, if hex { 16 } else { 10 }).ok()
}

#[cold]
fn bad_watch(text: &str) -> Error {
    ErrorKind::BadParam {
        name: "watch".into(),
        value: text.into(),
        expected: "[BUS@]ADDRESS:BIT such as `0x027:B4b5`, `466:B6b0`, `0@0x027:B4.5`, `0x027:b37`, \
                   `0x027:le:37`, `0x027:MSB B26` or `0x027:[4]&0x30`"
            .into(),
    }
    .into()
}
