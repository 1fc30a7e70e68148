use super::*;
use crate::dbc::MessageId;

fn hex(text: &str) -> Vec<u8> {
    let (text, zeros) =
        text.split_once('+').map_or((text, 0), |(text, zeros)| (text, zeros.parse().unwrap()));
    let mut bytes: Vec<u8> =
        (0..text.len()).step_by(2).map(|at| u8::from_str_radix(&text[at..at + 2], 16).unwrap()).collect();
    bytes.resize(bytes.len() + zeros, 0);
    bytes
}

/// A database of one message with a checksum at that place.
fn checks(name: &str, address: u32, signal: &str) -> Checks {
    let text = format!("BO_ {address} M: 64 X\n SG_ CHECKSUM : {signal} (1,0) [0|0] \"\" X\n");
    Checks::of(&Dbc::parse(name, &text).0)
}

/// Payloads that opendbc's parser accepts, computed with its packer: database, place of the checksum, identifier,
/// payload (`+n`: and n zero bytes).
const ACCEPTED: &[(&str, &str, u32, &str)] = &[
    ("honda_civic_touring_2016_can_generated", "59|4@0+", 0x17C, "4b004b4bc000001a"),
    ("honda_civic_touring_2016_can_generated", "59|4@0+", 0x17C, "2a00073a4000002e"),
    ("honda_bosch_radarless_generated", "35|4@0+", 0x33DA, "c14000001c"),
    ("toyota_nodsu_pt_generated", "39|8@0+", 0x2E4, "8b4b4b4b57"),
    ("toyota_nodsu_pt_generated", "63|8@0+", 0x1D2, "30104b4b000000b1"),
    ("toyota_nodsu_pt_generated", "63|8@0+", 0x260, "01004dfce0febf51"),
    ("toyota_tss2_adas", "63|8@0+", 0x180, "0596966970b4b0f7"),
    ("subaru_global_2017_generated", "0|8@1+", 0x40, "16b54b8b4b000000"),
    ("subaru_global_2017_generated", "0|8@1+", 0x13A, "7c853ece47fa501f"),
    ("subaru_global_2017_generated", "0|8@1+", 0x119, "e5097b203702e707"),
    ("chrysler_pacifica_2017_hybrid_generated", "63|8@0+", 0x220, "5b4bbb4b00005061"),
    ("chrysler_ram_dt_generated", "63|8@0+", 0x31, "5b4bbb4b00005061"),
    ("fca_giorgio", "47|8@0+", 0xDE, "0b4b9b4b053e"),
    ("fca_giorgio", "55|8@0+", 0x106, "b4b3696000053b"),
    ("fca_giorgio", "31|8@0+", 0x122, "b4b0057e"),
    ("hyundai_canfd_generated", "0|16@1+", 0x185, "dbe3050000000000"),
    ("hyundai_canfd_generated", "0|16@1+", 0x50, "065b05db030000000000000000000000"),
    ("hyundai_canfd_generated", "0|16@1+", 0x2A4, "3f34054b4b4b4b+17"),
    ("hyundai_canfd_generated", "0|16@1+", 0x51, "aa8e05+29"),
    ("hyundai_canfd_generated", "0|16@1+", 0xA0, "2b26c80000000001100911090f0910090000000000000000"),
    ("vw_mqb", "0|8@1+", 0x9F, "f9b54bcb00000000"),
    ("vw_mqb", "0|8@1+", 0x120, "5ab5b41b00000000"),
    ("vw_mqb", "0|8@1+", 0x120, "f847060300006e00"),
    ("vw_mlb", "0|8@1+", 0x10B, "fff50000"),
    ("vw_pq", "0|8@1+", 0xD0, "1f5b4b0f0000"),
    ("vw_pq", "56|8@1+", 0x480, "cb000000000000cb"),
    ("vw_meb_generated", "0|8@1+", 0x13D, "e045360010+27"),
    ("vw_meb_generated", "0|8@1+", 0x10B, "77b534000000000000000083+20"),
    ("vw_meb_2024_generated", "0|8@1+", 0x10B, "9fb534000000000000000083+36"),
    ("comma_body", "63|8@0+", 0x201, "4b4b4b4b4b4b054b"),
    ("comma_body", "47|8@0+", 0x250, "4b4b4b4b05d1"),
    ("psa_aee2010_r3", "19|4@0+", 0x1CD, "85e970"),
    ("psa_aee2010_r3", "51|4@0+", 0x2F5, "e54b004b4bb4b1"),
    ("psa_aee2010_r3", "47|4@0+", 0x38D, "4b4b4b4b4b570000"),
    ("psa_aee2010_r3", "15|4@0+", 0x3F2, "40b54b6963000000"),
    ("psa_aee2010_r3", "23|4@0+", 0x42D, "0000854b"),
    ("psa_aee2010_r3", "7|4@0+", 0x452, "f34b0050000e"),
];

#[test]
fn payloads_that_opendbc_accepts() {
    for (name, place, address, payload) in ACCEPTED {
        let checks = checks(name, *address, place);
        let checks = checks.message(*address).unwrap();
        let data = hex(payload);
        assert_eq!(
            checks.checksum_ok(&data),
            Some(true),
            "{name} {address:#X} {payload}: {:02x?} not {:02x?}",
            checks.checksum().unwrap().read(&data),
            checks.expected_checksum(&data)
        );
        let mut again = data.clone();
        checks.checksum().unwrap().write(0x5A, &mut again);
        checks.set_checksum(&mut again);
        // Two checksums are right on the platform of 2024, and opendbc's packer sets the older one.
        assert_eq!(checks.checksum_ok(&again), Some(true));
        assert!(
            again == data || checks.algorithm() == Some(Algorithm::VolkswagenMeb2024),
            "{name} {address:#X}"
        );
        let mut wrong = data.clone();
        checks.checksum().unwrap().write(checks.checksum().unwrap().read(&data).unwrap() ^ 1, &mut wrong);
        assert_eq!(checks.checksum_ok(&wrong), Some(false));
        assert_eq!(checks.checksum_ok(&[]), None);
    }
}

#[test]
fn tesla_names_end_in_checksum() {
    for (address, payload, start) in
        [(0x370, "0000087f5eb24b55", 56), (0x2B9, "00002c5d5abab40c", 56), (0x257, "0eb5b44b01000000", 0)]
    {
        let text = format!(
            "BO_ {address} M: 8 X\n SG_ M_someChecksum : {start}|8@1+ (1,0) [0|0] \"\" X\n SG_ M_someCounter : 48|4@1+ (1,0) [0|0] \"\" X\n"
        );
        let checks = Checks::of(&Dbc::parse("tesla_model3_party", &text).0);
        let message = checks.message(address).unwrap();
        assert_eq!(message.checksum_ok(&hex(payload)), Some(true), "{payload}");
        assert!(message.counter().is_some());
    }
}

#[test]
fn counters_tell_how_many_frames_are_missing() {
    let text = "BO_ 1 M: 8 X\n SG_ COUNTER : 8|4@1+ (1,0) [0|15] \"\" X\n SG_ CHECKSUM : 0|8@1+ (1,0) [0|255] \"\" X\n";
    let checks = Checks::of(&Dbc::parse("subaru_global_2017", text).0);
    let message = checks.message(1).unwrap();
    assert_eq!(message.missing_between(3, 4), Some(0));
    assert_eq!(message.missing_between(15, 0), Some(0));
    assert_eq!(message.missing_between(15, 2), Some(2));
    assert_eq!(message.missing_between(4, 4), Some(15));
    let mut data = [0; 8];
    message.set(17, &mut data);
    assert_eq!((message.counter_value(&data), message.checksum_ok(&data), data[0]), (Some(1), Some(true), 2));
    assert!(Checks::of(&Dbc::parse("mazda_2017", text).0).is_empty());
}

/// Rules that opendbc does not verify, against sums done by hand from their statement.
#[test]
fn unverified_rules_are_optional() {
    let message =
        |address| Message { id: MessageId { address, extended: false }, size: 8, ..Message::default() };
    let check = |name: &str, address, data: &[u8]| {
        let dbc = Dbc { name: name.into(), messages: vec![message(address)], ..Dbc::default() };
        assert!(Checks::of(&dbc).is_empty());
        Checks::with_unverified(&dbc).message(address).unwrap().checksum_ok(data)
    };
    // Nibbles 1+2+3+4+5+6+7 = 28; 16 - 28 % 16 = 4.
    let nibbles = [0x12, 0x34, 0x56, 0x70, 0, 0, 0];
    assert_eq!(check("hyundai_can_generated", 0x260, &[nibbles.as_slice(), &[0x04]].concat()), Some(true));
    assert_eq!(check("hyundai_can_generated", 0x421, &[nibbles.as_slice(), &[0x40]].concat()), Some(true));
    assert_eq!(check("hyundai_can_generated", 0x421, &[nibbles.as_slice(), &[0x50]].concat()), Some(false));
    // The last byte does not count: 28 + 0 in bytes 0 to 6.
    assert_eq!(
        check("hyundai_can_generated", 0x394, &[0x12, 0x34, 0x56, 0x70, 0, 0, 0x04, 0x77]),
        Some(true)
    );
    // 3 bits set: 3 ^ 9 = 10 = 0b1010, two low ones in byte 5, two high ones in byte 7.
    assert_eq!(check("hyundai_can_generated", 0x386, &[0x03, 0xC1, 0, 0, 0, 0x80, 0, 0x80]), Some(true));
    assert_eq!(check("hyundai_can_generated", 0x340, &[1, 2, 3, 4, 5, 6, 21, 7]), Some(true));
    assert_eq!(check("hyundai_can_generated", 0x340, &[1, 2, 3, 4, 5, 6, 28, 7]), Some(true));
    // 0xFF - (16 + 32 + 2 + 5)
    assert_eq!(check("ford_lincoln_base_pt", 0x415, &[16, 32, 0x94, 0xFF - 55, 9, 9, 9, 9]), Some(true));
    // 0xFF - (1 + 2 + 3 + 4 + 6 + 2 + 1)
    assert_eq!(check("ford_lincoln_base_pt", 0x91, &[1, 2, 3, 4, 0xFF - 19, 6, 0x9F, 0]), Some(true));
}

/// The check values of the catalogued CRCs over "123456789": SAE J1850, and polynomial 0x1D beginning with 0.
#[test]
fn crc_8_as_catalogued() {
    assert_eq!(sums::crc8(0x1D, 0xFF, b"123456789") ^ 0xFF, 0x4B);
    assert_eq!(sums::crc8(0x2F, 0xFF, b"123456789") ^ 0xFF, 0xDF);
    assert_eq!(sums::crc8(0xD5, 0x00, b"123456789"), 0xBC);
}
