//! Small cases of the engine: CAN FD, buses, order, the shapes of the files.

use super::Segment::{Post, Pre, Window};
use super::*;

#[test]
fn no_rows_give_headers_only() {
    let outcome = run(Config::default(), &[]);
    assert_eq!(text(&outcome, "per_address.json"), "{}");
    assert_eq!(text(&outcome, "counts.csv"), "address,pre,window,post,delta\r\n");
    assert_eq!((outcome.summary.window_start_s, outcome.summary.window_end_s), (0.0, 0.0));
}

#[test]
fn fd_payloads_have_bits_past_63_and_keep_all_bytes() {
    let payload = |last: u8| [vec![0xAA; 63], vec![last]].concat();
    let rows = [
        (0.0, Pre, 0, 0x5, payload(0)),
        (1.0, Window, 0, 0x5, payload(0x80)),
        (3.0, Window, 0, 0x5, payload(0)),
        (9.0, Post, 0, 0x5, payload(0)),
    ];
    let outcome = run(Config { watch: watch(&["5:B63.7"]), ..Config::default() }, &rows);
    assert_eq!(text(&outcome, "candidates_window_only.csv"), "address,global_idx,toggles\r\n0x005,511,2\r\n");
    assert_eq!(outcome.candidates[0].pulses_s, [] as [f64; 0], "its rise is the start of the window");
    assert_eq!(outcome.edges.len(), 2);
    assert!(text(&outcome, "bit_edges.csv").contains("0x005,63,0,7,511,1.0,00:00.000,0->1,window\r\n"));
    assert_eq!(outcome.addresses[0].segments[0].top_payloads[0].data.len(), 64);
    assert_eq!(outcome.addresses[0].segments[1].unique_payloads, 2);
}

#[test]
fn payloads_of_several_lengths_are_distinct_but_zero_padded() {
    let data = [vec![1], vec![1, 0], vec![1], vec![], vec![1; 12], vec![1]];
    let rows: Vec<Row> = (0..).zip(data).map(|(t, data)| (f64::from(t), Window, 0, 1, data)).collect();
    let outcome = run(Config::default(), &rows);
    let notes = &outcome.addresses[0].segments[0];
    assert_eq!(notes.unique_payloads, 4);
    assert_eq!((notes.top_payloads[0].count, &notes.top_payloads[0].data[..]), (3, &[1][..]));
    let bit_0 = outcome.candidates.iter().find(|c| c.bit.global() == 0).unwrap();
    assert_eq!(bit_0.toggles, 2, "only the empty payload clears bit 0");
    assert_eq!(outcome.candidates.iter().filter(|c| c.bit.byte() > 0).count(), 11);
}

#[test]
fn by_bus_adds_a_column_and_a_level() {
    let rows = [
        (0.0, Pre, 1, 0x152, vec![0]),
        (0.0, Pre, 0, 0x152, vec![1]),
        (1.0, Window, 1, 0x152, vec![2]),
        (2.0, Window, 1, 0x152, vec![0]),
        (2.0, Window, 0, 0x152, vec![1]),
    ];
    let watch = watch(&["0x152:b1", "0@0x152:b0"]);
    let outcome = run(Config { by_bus: true, watch: watch.clone(), ..Config::default() }, &rows);
    assert_eq!(
        text(&outcome, "counts.csv"),
        "address,bus,pre,window,post,delta\r\n0x152,0,1,1,0,0\r\n0x152,1,1,2,0,1\r\n"
    );
    assert_eq!(
        text(&outcome, "candidates_window_only.csv"),
        "address,bus,global_idx,toggles\r\n0x152,1,1,2\r\n"
    );
    assert!(text(&outcome, "accel_hunt.csv").ends_with("\r\n0x152,1,1,[],False\r\n"));
    let edges = text(&outcome, "bit_edges.csv");
    assert!(edges.starts_with("address,bus,byte,") && edges.contains("0x152,1,0,6,1,1,1.0,"), "{edges}");
    let json: serde_json::Value = serde_json::from_str(&text(&outcome, "per_address.json")).unwrap();
    assert_eq!(json["0x152"]["1"]["window"]["unique_payloads"], 2);
    assert_eq!((outcome.summary.addresses, outcome.summary.pooled_addresses), (2, 0));
    let pooled = run(Config { watch, ..Config::default() }, &rows);
    assert_eq!((pooled.summary.addresses, pooled.summary.pooled_addresses), (1, 1));
    assert_eq!(pooled.edges.len(), 2, "a watch with a bus looks at that bus only");
}

#[test]
fn rows_within_the_slack_are_put_in_order_and_later_ones_counted() {
    let row = |t: f64, value: u8| (t, Window, 0, 1, vec![value]);
    let ordered = [row(0.0, 0), row(1.0, 1), row(1.5, 0), row(2.0, 1), row(9.0, 0), row(9.5, 0)];
    let swapped = [row(0.0, 0), row(1.5, 0), row(1.0, 1), row(2.0, 1), row(9.0, 0), row(9.5, 0)];
    let config = Config { watch: watch(&["1:b0"]), ..Config::default() };
    let (expected, outcome) = (run(config.clone(), &ordered), run(config.clone(), &swapped));
    assert_eq!((outcome.edges, outcome.candidates), (expected.edges, expected.candidates));
    assert_eq!(outcome.summary.late_rows, 0);
    let late = [&ordered[..], &[row(0.5, 1)]].concat();
    assert_eq!(run(config.clone(), &late).summary.late_rows, 1);
    assert_eq!(run(Config { slack_s: f64::INFINITY, ..config }, &late).summary.late_rows, 0);
}

#[test]
fn times_that_are_no_numbers_do_no_harm() {
    let rows =
        [f64::NAN, 1.0, f64::INFINITY, f64::NEG_INFINITY, 2.0].map(|t| (t, Window, 0, 1, vec![t as u8]));
    assert_eq!(run(Config::default(), &rows).summary.rows, 5);
}

#[test]
fn rejects_settings_that_make_no_sense() {
    let bad = [
        Config { window_start_s: Some(f64::NAN), ..Config::default() },
        Config { slack_s: -1.0, ..Config::default() },
        Config {
            pulses: PulsePattern { tolerance_s: f64::INFINITY, ..PulsePattern::default() },
            ..Config::default()
        },
    ];
    for config in bad {
        assert_eq!(Bitwatch::new(config).unwrap_err().code(), "out-of-range");
    }
    let defaults: Vec<String> = Config::default().watch.iter().map(ToString::to_string).collect();
    assert_eq!(defaults, ["0x027:B4.2", "0x027:B5.6", "0x67A:B3.0", "0x321:B5.6"]);
}
