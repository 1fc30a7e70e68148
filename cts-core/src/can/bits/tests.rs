use super::*;
use proptest::prelude::*;

fn check(text: &str, order: BitOrder, globals: &[u16]) {
    let bits = BitRef::parse_all(text, order).unwrap_or_else(|e| panic!("{e}"));
    assert_eq!(bits.iter().map(|b| b.global()).collect::<Vec<_>>(), globals, "{text}");
}

#[test]
fn every_spelling_of_the_table_names_its_bit() {
    for order in [BitOrder::Msb, BitOrder::Lsb] {
        for text in ["B4.5", "4.5", "B4l5", "B4m2", "b37", "bit:37", "le:37", "be:37", "MSB B26", "msb:26"] {
            check(text, order, &[37]);
        }
        for text in ["[4]&0x20", "4&0x20", "d[4]&0x20", "msg.dat[4] & 32", "[4]>>5", "d[4] >> 5", " LE:37 "] {
            check(text, order, &[37]);
        }
        check("[4]&0x24", order, &[34, 37]);
        check("B63.7", order, &[511]);
    }
}

#[test]
fn label_depends_on_the_order() {
    check("B4b5", BitOrder::Msb, &[34]);
    check("B4b5", BitOrder::Lsb, &[37]);
    check("b4b5", BitOrder::Lsb, &[37]);
    check("B6b0", BitOrder::Msb, &[55]);
}

#[test]
fn refuses_what_is_no_bit() {
    let wrong = [
        "",
        "B37",
        "B",
        "B4",
        "b",
        "B4b",
        "Bb5",
        "B4b8",
        "B64b0",
        "b512",
        "le:512",
        "le:",
        "MSB B64",
        "MSBB26",
        "4b5",
        "4:5",
        "-1.5",
        "B4.+5",
        "[4]&0",
        "[4]&0x100",
        "[4]&",
        "[64]&1",
        "[4]>>8",
        "computed",
        "d[[4]&1",
        "ß4.5",
        "B4ß5",
    ];
    for text in wrong {
        let error = BitRef::parse_all(text, BitOrder::Msb).expect_err(text);
        assert_eq!(error.code(), "bad-param", "{text}");
        assert!(error.to_string().contains("B4b5"), "{error}");
    }
    assert!(BitRef::parse("[4]&0x30", BitOrder::Msb).is_err());
}

fn spec(text: &str) -> Vec<(u32, Option<u8>, u16)> {
    let watches = WatchSpec::parse(text, BitOrder::Msb).unwrap_or_else(|e| panic!("{e}"));
    watches.iter().map(|w| (w.address, w.bus, w.bit.global())).collect()
}

#[test]
fn watch_specs_take_addresses_buses_and_masks() {
    assert_eq!(spec("0x027:B4b5"), [(0x27, None, 34)]);
    assert_eq!(spec("466:B6b0"), [(466, None, 55)]);
    assert_eq!(spec("1D2:b3"), [(0x1D2, None, 3)]);
    assert_eq!(spec("128@0x122:le:37"), [(0x122, Some(128), 37)]);
    assert_eq!(spec("0x241:MSB B8"), [(0x241, None, 55)]);
    assert_eq!(spec("0:1F4:b37"), [(0x1F4, Some(0), 37)]);
    assert_eq!(spec("2@0x27:[4]&0x24"), [(0x27, Some(2), 34), (0x27, Some(2), 37)]);
    for wrong in [
        "0x13A:computed",
        "0x027",
        "B4b5",
        ":B4b5",
        "256@1:b1",
        "0x:b1",
        "+5:b1",
        "1FFFFFFFF:b1",
        "0@0:1F4:b1",
    ] {
        let error = WatchSpec::parse(wrong, BitOrder::Msb).expect_err(wrong).to_string();
        assert!(error.contains(wrong) && error.contains("0x027:B4b5"), "{error}");
    }
}

#[test]
fn watch_file_has_names_comments_and_lines_in_errors() {
    let text = "# cruise\n0x241:B6b0 Cruise On # main\n\r\n0x241:MSB B8  Activated\n0x146:[5]&6\n466:b1";
    let watches = parse_watch_file(text, BitOrder::Lsb).unwrap();
    let shown: Vec<_> = watches.iter().map(|w| (w.to_string(), w.name.as_deref())).collect();
    let expected = [
        ("0x241:B6.0", Some("Cruise On")),
        ("0x241:B6.7", Some("Activated")),
        ("0x146:B5.1", None),
        ("0x146:B5.2", None),
        ("0x1D2:B0.1", None),
    ];
    assert_eq!(shown, expected.map(|(spec, name)| (spec.to_owned(), name)));
    let error = parse_watch_file("\n\n0x13A:computed", BitOrder::Msb).unwrap_err();
    assert_eq!(error.at().line, Some(3));
}

#[test]
fn bit_of_a_short_payload_is_false() {
    let bit = BitRef::from_global(37).unwrap();
    assert!(bit.of(&[0, 0, 0, 0, 0x20]));
    assert!(!bit.of(&[0xFF; 4]));
}

proptest! {
    #[test]
    fn every_spelling_reads_back(global in 0_u32..512, bus in proptest::option::of(any::<u8>()), address: u32) {
        let bit = BitRef::from_global(global).unwrap();
        for order in [BitOrder::Msb, BitOrder::Lsb] {
            for notation in [
                Notation::Label(order), Notation::Msb, Notation::Lsb, Notation::Global, Notation::Intel,
                Notation::Motorola, Notation::MsbGlobal, Notation::Mask, Notation::Shift,
            ] {
                if let Some(text) = bit.spell(notation) {
                    prop_assert_eq!(BitRef::parse(&text, order).unwrap(), bit, "{}", text);
                }
            }
            let watch = WatchSpec { address, bus, bit, name: None };
            prop_assert_eq!(WatchSpec::parse(&watch.to_string(), order).unwrap(), [watch]);
        }
    }

    #[test]
    fn any_text_is_read_or_refused(text in "[ -~ß\t]{0,12}") {
        let _ = WatchSpec::parse(&text, BitOrder::Msb);
        let _ = parse_watch_file(&text, BitOrder::Lsb);
    }
}
