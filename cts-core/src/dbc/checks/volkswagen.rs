//! Volkswagen's checksums, whose constants depend on message and counter.
//!
//! Source: opendbc `opendbc/car/volkswagen/mqbcan.py` `VOLKSWAGEN_MQB_MEB_CONSTANTS`, `mlbcan.py`, `mebcan.py`.

use super::sums::crc8;

const POLYNOMIAL: u8 = 0x2F;

/// Per identifier the constants of the counters 0 to 15, the first one in the highest byte.
const CONSTANTS: &[(u32, u128)] = &[
    (0x040, 0x40404040_40404040_40404040_40404040),
    (0x086, 0x86868686_86868686_86868686_86868686),
    (0x09F, 0xF5F5F5F5_F5F5F5F5_F5F5F5F5_F5F5F5F5),
    (0x0AD, 0x3F6939DC_94F91464_D86A34CE_A255B52C),
    (0x0DB, 0x09FACA8E_62D5D1F0_31A0AFDA_4D1A0A97),
    (0x0FC, 0x775CA089_4B7CBBD6_1F6C4FF6_202B43DD),
    (0x0FD, 0xB4EFF849_1EE5C2C0_97193CC9_F198D661),
    (0x101, 0xAAAAAAAA_AAAAAAAA_AAAAAAAA_AAAAAAAA),
    (0x102, 0xD712857E_0B34FA16_7A252D8F_048E5D35),
    (0x106, 0x07070707_07070707_07070707_07070707),
    (0x10B, 0x775CA089_4B7CBBD6_1F6C4FF6_202B43DD),
    (0x116, 0xACACACAC_ACACACAC_ACACACAC_ACACACAC),
    (0x117, 0x16161616_16161616_16161616_16161616),
    (0x120, 0xC4E24FE4_F82F5681_9FE58344_053F97DF),
    (0x121, 0xE965AE6B_7B35E55F_4EC786A2_BBDDEBB4),
    (0x122, 0x377DF3A9_18466D4D_3D71929C_E53210B9),
    (0x126, 0xDADADADA_DADADADA_DADADADA_DADADADA),
    (0x12B, 0x6A38B427_22EFE1BB_F8808449_C79E1E2B),
    (0x12E, 0xF8E597C9_D6074721_66DDCF6F_A1947463),
    (0x139, 0xED031C13_C623787A_8B401451_BF6832BA),
    (0x13D, 0x20CA68D5_1B31E2DA_080AD4DE_9CE4355B),
    (0x14C, 0x16355915_9A2A97B8_0E4E30CC_B30701AD),
    (0x14D, 0x1A658196_C0DF1192_D361C695_8C2921B5),
    (0x187, 0x7FED17C2_7CEB4421_01FADB15_4A6B2305),
    (0x1A4, 0x69BB54E6_4E468D7B_EA87E9B3_63CEF8BF),
    (0x1AB, 0x13219B6A_9A62D465_18F1AB16_3289E726),
    (0x1F0, 0x2F3C2260_18EB6376_C5910F27_34047F02),
    (0x20A, 0x9DE836A1_CA3B1D33_E0D5BB5F_AE3C319F),
    (0x25D, 0xDA6B0EB2_78BD5A81_7BD64139_76B6D735),
    (0x26B, 0xCECCBD69_A13C1876_0F04F23A_93241951),
    (0x30C, 0x0F0F0F0F_0F0F0F0F_0F0F0F0F_0F0F0F0F),
    (0x30F, 0x0C0C0C0C_0C0C0C0C_0C0C0C0C_0C0C0C0C),
    (0x324, 0x27272727_27272727_27272727_27272727),
    (0x3BE, 0x1F28C685_E6F8B019_5B643521_E4F79C24),
    (0x3C0, 0xC3C3C3C3_C3C3C3C3_C3C3C3C3_C3C3C3C3),
    (0x3D5, 0xC539C7F9_92D824CE_F1B57AC4_BC60E3D1),
    (0x65D, 0xACB3ABEB_7AE13BF7_73BA7C9E_065F02D9),
];

/// The same for the platform of 2024, with the number of bytes that the checksum covers, itself included.
const CONSTANTS_2024: &[(u32, usize, u128)] = &[
    (0x0DB, 42, 0x09FACA8E_62D5D1F0_31A0AFDA_4D1A0A97),
    (0x0FC, 60, 0x69DCF964_6ACE552C_C4388FD1_C643B4B1),
    (0x102, 44, 0xD712857E_0B34FA16_7A252D8F_048E5D35),
    (0x10B, 44, 0x2CB11A75_BB657947_812BCC96_17DBC094),
    (0x139, 28, 0x969295B5_6EE3BDB4_FAAEBECB_CFA577EF),
    (0x13D, 28, 0x1871108D_D7AAB078_AC12AE0C_DDF18568),
];

/// CRC-8 of the bytes after the checksum and the message's constant, if it has one.
pub(super) fn mqb(address: u32, data: &[u8]) -> u8 {
    let constants = CONSTANTS.iter().find(|(id, _)| *id == address).map(|(_, constants)| *constants);
    crc(constants, data)
}

/// The same with the table of 2024 for the messages that are in it.
pub(super) fn meb_2024(address: u32, data: &[u8]) -> u8 {
    match CONSTANTS_2024.iter().find(|(id, ..)| *id == address) {
        Some((_, covered, constants)) => crc(Some(*constants), data.get(..*covered).unwrap_or(data)),
        None => mqb(address, data),
    }
}

fn crc(constants: Option<u128>, data: &[u8]) -> u8 {
    let covered = data.get(1..).unwrap_or(&[]);
    let counter = usize::from(covered.first().copied().unwrap_or(0) & 0xF);
    let constant = constants.map(|constants| constants.to_be_bytes()[counter]);
    crc8(POLYNOMIAL, 0xFF, covered.iter().chain(&constant)) ^ 0xFF
}

/// With what the xor of a message of the MLB platform begins; `None` for messages that have a CRC.
pub(super) fn mlb_start(address: u32) -> Option<u8> {
    Some(match address {
        0x109 => 0x08,
        0x10B => 0x0A,
        0x10C => 0x0D,
        0x10D => 0x0C,
        0x10F => 0x0E,
        0x111 => 0x10,
        0x30C => 0x0F,
        0x311 => 0x12,
        0x324 => 0x27,
        0x397 => 0x94,
        _ => return None,
    })
}
