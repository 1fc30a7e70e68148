//! How each make computes its checksums.

use super::super::Message;
use super::{Field, volkswagen};

/// A rule for checksums. `d` are the payload's bytes, `a` is the identifier.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Algorithm {
    /// 8 less all nibbles of `a` and `d` but the last, plus 3 for an identifier of more than 11 bits; 4 bits.
    Honda,
    /// Length, bytes of `a`, and all of `d` but the last byte.
    Toyota,
    /// Bytes of `a` and all of `d` but the first byte.
    Subaru,
    /// CRC-8 (SAE J1850) of all but the last byte.
    Chrysler,
    /// CRC-8 of polynomial 0x1D that begins with 0, over all but the last byte, xor a constant by identifier.
    FcaGiorgio,
    /// CRC-16 (XMODEM) of `d[2..]` and `a`, xor a constant by length.
    HyundaiCanfd,
    /// CRC-8 of polynomial 0x2F over `d[1..]` and a constant by identifier and counter.
    VolkswagenMqb,
    /// The same with constants and lengths of the later platform, or else as [`Algorithm::VolkswagenMqb`].
    VolkswagenMeb2024,
    /// Xor of all bytes but the checksum's and a constant by identifier, or else as [`Algorithm::VolkswagenMqb`].
    VolkswagenMlb,
    /// Xor of all bytes but the checksum's.
    VolkswagenPq,
    /// Two low bytes of `a`, and all bytes but the checksum's.
    Tesla,
    /// CRC-8 of polynomial 0xD5 over all but the last byte, from the end to the beginning.
    CommaBody,
    /// A constant by identifier less all nibbles but the checksum's; 4 bits.
    Psa,
    /// Not verified by opendbc. The sum of all bytes but the checksum's (Subaru before the global platform).
    SumOfOthers,
    /// Not verified by opendbc. CRC-8 (SAE J1850) over bytes 0 to 6 (Nissan, MG).
    J1850First7,
    /// Not verified by opendbc. CRC-8 of polynomial 0x1D that begins with 0 over `d[1..]`, xor a constant (Rivian).
    Rivian(u8),
    /// Not verified by opendbc. 16 less all nibbles but the checksum's, of `d` up to that byte (Hyundai, Kia).
    HyundaiNibbles,
    /// Not verified by opendbc. Set bits outside bits 6 and 7 of the odd bytes, xor 9 (Hyundai, Kia wheel speeds).
    HyundaiWheels,
    /// Not verified by opendbc. A CRC-8 or one of two sums, by car: any of them is accepted, the CRC is set (Hyundai,
    /// Kia steering and emergency braking).
    HyundaiByCar,
    /// Not verified by opendbc. 0xFF less `d[0]`, `d[1]` and the quality and counter in `d[2]` (Ford brakes).
    FordBrakes,
    /// Not verified by opendbc. 0xFF less five bytes and the quality and counter in `d[6]` (Ford yaw).
    FordYaw,
}

impl Algorithm {
    /// What opendbc verifies in a database, by the beginning of its name.
    pub fn of_database(name: &str) -> Option<Self> {
        let rules: &[(&str, Self)] = &[
            ("honda_", Self::Honda),
            ("acura_", Self::Honda),
            ("toyota_", Self::Toyota),
            ("lexus_", Self::Toyota),
            ("subaru_global", Self::Subaru),
            ("chrysler_", Self::Chrysler),
            ("fca_giorgio", Self::FcaGiorgio),
            ("hyundai_canfd_generated", Self::HyundaiCanfd),
            ("vw_mqb", Self::VolkswagenMqb),
            // Before its shorter relative.
            ("vw_meb_2024", Self::VolkswagenMeb2024),
            ("vw_meb", Self::VolkswagenMqb),
            ("vw_mlb", Self::VolkswagenMlb),
            ("vw_pq", Self::VolkswagenPq),
            ("tesla_model3_party", Self::Tesla),
            ("comma_body", Self::CommaBody),
            ("psa_", Self::Psa),
        ];
        rules.iter().find(|(prefix, _)| name.starts_with(prefix)).map(|(_, rule)| *rule)
    }

    /// A rule that opendbc's senders or its safety code know, for a message that its parser does not verify.
    ///
    /// Source: opendbc `opendbc/car/*/*can.py`, `opendbc/safety/modes/`.
    pub fn unverified(database: &str, message: &Message) -> Option<(Field, Self)> {
        let byte = |n: u16| Field::at(message, &(n * 8..n * 8 + 8).collect::<Vec<_>>());
        let at = |bits: &[u16]| Field::at(message, bits);
        let is = |prefixes: &[&str]| prefixes.iter().any(|prefix| database.starts_with(prefix));
        if is(&["subaru_forester_2017", "subaru_outback_20"]) {
            let signal =
                message.signals.iter().find(|signal| signal.name == "Checksum" && signal.size == 8)?;
            return Some((Field::of(signal)?, Self::SumOfOthers));
        }
        if is(&["nissan_leaf", "nissan_x_trail", "mg"]) {
            let checked = byte(7);
            let named = matches!(checked.name().to_lowercase().as_str(), name if name.contains("checksum") || name.contains("crc"));
            return named.then_some((checked, Self::J1850First7));
        }
        if is(&["rivian_primary_actuator"]) {
            let constant = match message.id.address {
                0x208 => 0xB1,
                0x150 => 0x9A,
                0x120 => 0x63,
                0x321 => 0x97,
                0x160 => 0x12,
                0x162 => 0xD1,
                _ => return None,
            };
            return Some((byte(0), Self::Rivian(constant)));
        }
        if is(&["hyundai_can_generated", "hyundai_kia_generic"]) {
            return Some(match message.id.address {
                0x260 => (at(&[56, 57, 58, 59]), Self::HyundaiNibbles),
                0x421 => (at(&[60, 61, 62, 63]), Self::HyundaiNibbles),
                0x394 => (at(&[48, 49, 50, 51]), Self::HyundaiNibbles),
                0x386 => (at(&[46, 47, 62, 63]), Self::HyundaiWheels),
                0x340 => (byte(6), Self::HyundaiByCar),
                0x38D => (byte(7), Self::HyundaiByCar),
                _ => return None,
            });
        }
        if is(&["ford_lincoln_base_pt"]) {
            return match message.id.address {
                0x415 => Some((byte(3), Self::FordBrakes)),
                0x91 => Some((byte(4), Self::FordYaw)),
                _ => None,
            };
        }
        None
    }

    /// Whether `found` is a right checksum of `data`.
    pub(super) fn accepts(self, address: u32, field: &Field, data: &[u8], found: u64) -> bool {
        if found == self.compute(address, field, data) {
            return true;
        }
        match self {
            Self::VolkswagenMeb2024 => found == u64::from(volkswagen::mqb(address, data)),
            Self::HyundaiByCar => {
                let first = sum(data.iter().take(6));
                [first, first + u64::from(byte(data, 7))].iter().any(|sum| sum & 0xFF == found)
            }
            _ => false,
        }
    }

    /// The checksum that belongs into `field` of `data`.
    pub(super) fn compute(self, address: u32, field: &Field, data: &[u8]) -> u64 {
        let all_but_last = data.split_last().map_or(data, |(_, rest)| rest);
        let after = |n: usize| data.get(n..).unwrap_or(&[]);
        let others = || data.iter().enumerate().filter(|(at, _)| *at != field.byte()).map(|(_, byte)| byte);
        let bytes_of_address: u64 = address.to_le_bytes().iter().map(|byte| u64::from(*byte)).sum();
        match self {
            Self::Honda => honda(address, data),
            Self::Toyota => (data.len() as u64 + bytes_of_address + sum(all_but_last)) & 0xFF,
            Self::Subaru => (bytes_of_address + sum(after(1))) & 0xFF,
            Self::Chrysler => (crc8(0x1D, 0xFF, all_but_last) ^ 0xFF).into(),
            Self::FcaGiorgio => {
                let xor = match address {
                    0xDE => 0x10,
                    0x106 => 0xF6,
                    0x122 => 0xF1,
                    _ => 0x0A,
                };
                (crc8(0x1D, 0, all_but_last) ^ xor).into()
            }
            Self::HyundaiCanfd => hyundai_canfd(address, data).into(),
            Self::VolkswagenMqb => volkswagen::mqb(address, data).into(),
            Self::VolkswagenMeb2024 => volkswagen::meb_2024(address, data).into(),
            Self::VolkswagenMlb => match volkswagen::mlb_start(address) {
                Some(start) => others().fold(start, |sum, byte| sum ^ byte).into(),
                None => volkswagen::mqb(address, data).into(),
            },
            Self::VolkswagenPq => others().fold(0, |sum, byte| sum ^ byte).into(),
            Self::Tesla => {
                let low: u64 = address.to_le_bytes().iter().take(2).map(|byte| u64::from(*byte)).sum();
                (low + sum(others())) & 0xFF
            }
            Self::CommaBody => crc8(0xD5, 0xFF, all_but_last.iter().rev()).into(),
            Self::Psa => {
                let start: u64 = match address {
                    0x452 => 0x4,
                    0x38D => 0x7,
                    0x42D => 0xC,
                    _ => 0xB,
                };
                start.wrapping_sub(nibbles_but(field, data)) & 0xF
            }
            Self::SumOfOthers => sum(others()) & 0xFF,
            Self::J1850First7 => (crc8(0x1D, 0xFF, data.iter().take(7)) ^ 0xFF).into(),
            Self::Rivian(xor) => (crc8(0x1D, 0, after(1)) ^ xor).into(),
            Self::HyundaiNibbles => {
                let upto = data.get(..=field.byte()).unwrap_or(data);
                16_u64.wrapping_sub(nibbles_but(field, upto)) & 0xF
            }
            Self::HyundaiWheels => {
                let set = data.iter().enumerate().map(|(at, byte)| match at % 2 {
                    0 => byte.count_ones(),
                    _ => (byte & 0x3F).count_ones(),
                });
                (u64::from(set.sum::<u32>()) ^ 9) & 0xF
            }
            Self::HyundaiByCar => (crc8(0x1D, 0x22, others()) ^ 0xDF).into(),
            Self::FordBrakes => {
                let d2 = byte(data, 2);
                ford(sum(data.iter().take(2)) + u64::from(d2 >> 6) + u64::from(d2 >> 2 & 15))
            }
            Self::FordYaw => {
                let d6 = byte(data, 6);
                let bytes = sum(data.iter().take(4)) + u64::from(byte(data, 5));
                ford(bytes + u64::from(d6 >> 6) + u64::from(d6 >> 4 & 3))
            }
        }
    }
}

fn byte(data: &[u8], at: usize) -> u8 {
    data.get(at).copied().unwrap_or(0)
}

fn sum<'a>(bytes: impl IntoIterator<Item = &'a u8>) -> u64 {
    bytes.into_iter().map(|byte| u64::from(*byte)).sum()
}

fn nibbles(byte: u8) -> u64 {
    u64::from(byte >> 4) + u64::from(byte & 0xF)
}

/// All nibbles but that of the checksum.
fn nibbles_but(field: &Field, data: &[u8]) -> u64 {
    let masked = |(at, byte): (usize, &u8)| match (at == field.byte(), field.bit() >= 4) {
        (true, true) => nibbles(byte & 0x0F),
        (true, false) => nibbles(byte & 0xF0),
        (false, _) => nibbles(*byte),
    };
    data.iter().enumerate().map(masked).sum()
}

fn honda(address: u32, data: &[u8]) -> u64 {
    let of_address: u64 = address.to_le_bytes().iter().map(|byte| nibbles(*byte)).sum();
    let of_data: u64 = match data.split_last() {
        Some((last, rest)) => rest.iter().map(|byte| nibbles(*byte)).sum::<u64>() + u64::from(last >> 4),
        None => 0,
    };
    let start: u64 = if address > 0x7FF { 11 } else { 8 };
    start.wrapping_sub(of_address + of_data) & 0xF
}

fn ford(sum: u64) -> u64 {
    0xFF_u64.wrapping_sub(sum) & 0xFF
}

/// CRC-8, most significant bit first; `crc` is the register at the start.
pub(super) fn crc8<'a>(polynomial: u8, mut crc: u8, data: impl IntoIterator<Item = &'a u8>) -> u8 {
    for byte in data {
        crc ^= byte;
        for _ in 0..8 {
            crc = crc << 1 ^ if crc & 0x80 != 0 { polynomial } else { 0 };
        }
    }
    crc
}

/// CRC-16 of polynomial 0x1021 that begins with 0, over the data after the checksum and the identifier's two low bytes.
fn hyundai_canfd(address: u32, data: &[u8]) -> u16 {
    let [low, high, ..] = address.to_le_bytes();
    let mut crc = 0_u16;
    for byte in data.get(2..).unwrap_or(&[]).iter().chain(&[low, high]) {
        crc ^= u16::from(*byte) << 8;
        for _ in 0..8 {
            crc = crc << 1 ^ if crc & 0x8000 != 0 { 0x1021 } else { 0 };
        }
    }
    crc ^ match data.len() {
        8 => 0x5F29,
        16 => 0x041D,
        24 => 0x819D,
        32 => 0x9F5B,
        _ => 0,
    }
}
