use proptest::prelude::*;

use super::*;

fn read(text: &str) -> Result<Outcome> {
    analyze_csv(Config::default(), || Ok(text.as_bytes()))
}

fn tops(text: &str) -> Vec<(u32, Vec<u8>)> {
    let outcome = read(text).unwrap();
    let first = |notes: &AddressNotes| notes.segments[0].top_payloads[0].data.clone();
    outcome.addresses.iter().map(|notes| (notes.address, first(notes))).collect()
}

#[test]
fn takes_every_form_the_old_tool_takes() {
    let header = "data_hex,timestamp,bus,segment,address\n";
    let rows = "\"0x01, 0x02\",0,0,PRE,0x1\n00 0a FF,1e0,1, Window ,16\r\nABC,2,,post,1D2\n\n,3,0,pre,0X3\n";
    let expected = vec![(1, vec![1, 2]), (16, vec![0, 10, 255]), (0x1D2, vec![0x0A, 0xBC]), (3, vec![])];
    assert_eq!(tops(&format!("{header}{rows}")), expected);
    assert_eq!(tops("\u{feff}seg,timestamp,address,data\npre,0,1,FF\n"), [(1, vec![0xFF])]);
    assert_eq!(tops("segment,seg,timestamp,address,data_hex,data\n,pre,0,1,,0F"), [(1, vec![0x0F])]);
    assert_eq!(read("segment,timestamp,address,data\n").unwrap().summary.rows, 0);
}

fn check_error(text: &str, line: u64, column: Option<u64>, part: &str) {
    let error = read(text).unwrap_err();
    assert_eq!(error.code(), "bad-csv");
    assert_eq!((error.at().line, error.at().column), (Some(line), column), "{error}");
    assert!(error.to_string().contains(part), "{error}");
}

#[test]
fn errors_have_line_and_column() {
    let header = "window,segment,timestamp,address,bus,data_hex\r\n1,pre,0.0,0x1,0,00\r\n";
    let cases = [
        ("1,during,0.0,0x1,0,00", 3, "pre, window or post, found `during`"),
        ("1,pre,soon,0x1,0,00", 7, "a time in seconds, found `soon`"),
        ("1,pre,nan,0x1,0,00", 7, "a time in seconds"),
        ("1,pre,0.5,x1,0,00", 11, "an address"),
        ("1,pre,0.5,-1,0,00", 11, "an address"),
        ("1,pre,0.5,0x1,256,00", 15, "a bus from 0 to 255"),
        ("1,pre,0.5,0x1,0,0G", 17, "up to 64 bytes of hex"),
    ];
    for (row, column, part) in cases {
        check_error(&format!("{header}{row}\r\n"), 3, Some(column), part);
    }
    check_error(&format!("{header}1,pre\r\n"), 3, None, "found nothing");
    check_error(&format!("{header}1,pre,0,1,0,{}\r\n", "00".repeat(65)), 3, Some(13), "64 bytes");
    for (end, last) in [("\n", ""), ("\r\n", ""), ("\n", "\n"), ("\r\n", "\r\n")] {
        let lines = [
            "segment,timestamp,address,data",
            "",
            "pre,0,1,\"00\n00\"",
            "",
            "",
            "pre,0,1,\"\"",
            "pre,0,?,00",
        ];
        check_error(&(lines.join(end) + last), 8, Some(7), "an address");
    }
    check_error("", 1, None, "empty");
    check_error("segment,timestamp,address\n", 1, None, "no column `data_hex`");
    check_error("timestamp,address,data\n", 1, None, "no column `segment`");
}

proptest! {
    #[test]
    fn any_bytes_are_read_or_refused(bytes: Vec<u8>) {
        let _ = analyze_csv(Config::default(), || Ok(&bytes[..]));
        let header = b"segment,timestamp,address,bus,data\n";
        let _ = analyze_csv(Config::default(), || Ok(std::io::Cursor::new([&header[..], &bytes].concat())));
    }

    #[test]
    fn any_fields_are_read_or_refused(
        rows in proptest::collection::vec(("(pre|WINDOW|post|x|)", "[-0-9.e]{0,6}", "[0-9A-Gx]{0,5}", "[0-9-]{0,3}", "[0-9A-Gx ,]{0,9}"), 0..9),
    ) {
        let lines = rows.iter().map(|(s, t, a, b, d)| format!("{s},{t},{a},{b},\"{d}\"\n"));
        let text = format!("segment,timestamp,address,bus,data\n{}", lines.collect::<String>());
        if let Ok(outcome) = read(&text) {
            prop_assert_eq!(outcome.summary.rows, rows.len() as u64);
        }
    }

    #[test]
    fn rows_written_as_rlog_to_csv_does_are_read_back(
        rows in proptest::collection::vec((0_u32..9_999_999, any::<u8>(), any::<u32>(), proptest::collection::vec(any::<u8>(), 0..=64)), 1..20),
    ) {
        let mut text = "window,segment,timestamp,address,bus,data_hex\r\n".to_owned();
        let mut expected = Vec::new();
        for (micros, bus, address, data) in rows {
            let t = f64::from(micros) / 1e6;
            let hex: String = data.iter().map(|b| format!("{b:02X}")).collect();
            text += &format!("1,window,{t:.6},0x{address:03X},{bus},{hex}\r\n");
            expected.push((t, Segment::Window, bus, address, data));
        }
        let config = Config { slack_s: f64::INFINITY, ..Config::default() };
        prop_assert_eq!(read(&text).unwrap(), run(config, &expected));
    }
}
