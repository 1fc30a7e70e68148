//! The long and the aligned table.

use proptest::prelude::*;

use super::{dbc, message, signal};
use crate::dbc::{Choice, Dbc, Presence, Signal};
use crate::decode::{Aligner, DecodeOptions, Decoder, LongNames, MIN_PERIOD_NS, Resample};
use crate::log::Frame;
use crate::table::{Table, Values};

const MS: u64 = MIN_PERIOD_NS;

fn two_messages() -> Dbc {
    let byte = |name, start| signal(name, start, 8, '1', '+', (0.5, 0.0));
    let gear = Signal { choices: vec![Choice { value: 1, text: "P".to_owned() }], ..byte("GEAR", 0) };
    let presence = Some(Presence { switch: "GEAR".to_owned(), ranges: vec![(1, 1)] });
    let hold = Signal { presence, ..byte("HOLD", 8) };
    dbc(vec![message(1, "A", 1, vec![byte("SPEED", 0)]), message(2, "B", 2, vec![gear, hold])])
}

fn cells(table: &Table) -> Vec<String> {
    let cell = |column: &crate::table::Column, row: usize| match &column.values {
        _ if column.is_null(row) => "-".to_owned(),
        Values::UInt64(v) => v[row].to_string(),
        Values::UInt8(v) => v[row].to_string(),
        Values::Float64(v) => v[row].to_string(),
        Values::Enum { numbers, names } => names[usize::from(numbers[row])].clone(),
        other => panic!("{other:?}"),
    };
    let line = |row| table.columns.iter().map(|c| cell(c, row)).collect::<Vec<_>>().join(" ");
    (0..table.rows()).map(line).collect()
}

#[test]
fn a_long_table_has_a_row_per_value_in_log_order() {
    let dbc = two_messages();
    let options = DecodeOptions { choices: true, ..DecodeOptions::default() };
    let mut decoder = Decoder::new(&[(None, &dbc)], options).unwrap().in_order();
    decoder.push_frame(10, &Frame { address: 2, bus: 1, data: &[1, 8] });
    decoder.push_frame(10, &Frame { address: 1, bus: 0, data: &[3] });
    decoder.push_frame(12, &Frame { address: 2, bus: 1, data: &[2, 8] });
    let mut names = LongNames::default();
    let first = cells(&decoder.take_long(&mut names).unwrap());
    assert_eq!(
        first,
        ["10 0 1 B GEAR 0.5 P", "10 0 1 B HOLD 4 -", "10 0 0 A SPEED 1.5 -", "12 0.000000002 1 B GEAR 1 -"]
    );
    decoder.push_frame(14, &Frame { address: 1, bus: 0, data: &[4] });
    assert_eq!(cells(&decoder.take_long(&mut names).unwrap()), ["14 0.000000004 0 A SPEED 2 -"]);
}

/// Frames of message A by time and value, cut into pieces; rows of the clock.
fn aligned(frames: &[(u64, u8)], cut: usize, period: u64, resample: Resample) -> Vec<String> {
    let dbc = two_messages();
    let options = DecodeOptions { messages: vec!["A".to_owned()], ..DecodeOptions::default() };
    let mut decoder = Decoder::new(&[(None, &dbc)], options).unwrap();
    decoder.set_origin(0);
    let mut aligner = Aligner::new(&decoder, |_| true, period, resample).unwrap();
    let mut rows = Vec::new();
    for piece in frames.chunks(cut) {
        for (time, value) in piece {
            decoder.push_frame(*time, &Frame { address: 1, bus: 0, data: &[*value] });
        }
        rows.extend(cells(&aligner.push(&decoder.take(), decoder.origin())));
    }
    rows.extend(cells(&aligner.finish()));
    rows
}

#[test]
fn ticks_hold_the_last_value_or_lie_on_a_line() {
    let frames =
        [(3 * MS, 2), (20 * MS, 4), (31 * MS, 6), (40 * MS, 8), (20_000 * MS, 10), (20_015 * MS, 20)];
    let as_of = ["10000000 0.01 1", "20000000 0.02 2", "30000000 0.03 2", "40000000 0.04 4"];
    // Twenty seconds without frames have no rows.
    let later = ["20000000000 20 5", "20010000000 20.01 5"];
    assert_eq!(aligned(&frames, 9, 10 * MS, Resample::AsOf), [&as_of[..], &later[..]].concat());
    let linear = aligned(&frames, 2, 10 * MS, Resample::Linear);
    let value = |row: usize| linear[row].rsplit(' ').next().unwrap().parse::<f64>().unwrap();
    let want = [1.0 + 7.0 / 17.0, 2.0, 2.0 + 10.0 / 11.0, 4.0, 5.0, 5.0 + 10.0 / 3.0];
    assert_eq!(linear.len(), want.len());
    want.iter().enumerate().for_each(|(row, want)| assert!((value(row) - want).abs() < 1e-12, "{row}"));
}

#[test]
fn a_clock_that_is_too_fast_is_refused() {
    let dbc = two_messages();
    let decoder = Decoder::new(&[(None, &dbc)], DecodeOptions::default()).unwrap();
    let error = Aligner::new(&decoder, |_| true, 10, Resample::AsOf).unwrap_err();
    assert_eq!(error.code(), "out-of-range");
}

proptest! {
    /// Cutting a log into pieces changes nothing, whatever the times are.
    #[test]
    fn pieces_do_not_show(
        steps in prop::collection::vec((prop_oneof![8 => 0u64..40, 1 => 900u64..2500, 1 => 9000u64..30_000], any::<u8>()), 1..40),
        cut in 1usize..10,
        linear: bool,
    ) {
        let mut time = 0;
        let frames: Vec<_> = steps.iter().map(|(step, value)| {
            time += step * MS;
            (time, *value)
        }).collect();
        // Frames of one time belong to one piece, as those of one event do.
        prop_assume!(frames.windows(2).all(|pair| pair[0].0 < pair[1].0));
        let resample = if linear { Resample::Linear } else { Resample::AsOf };
        let whole = aligned(&frames, frames.len(), 10 * MS, resample);
        prop_assert_eq!(aligned(&frames, cut, 10 * MS, resample), whole);
    }
}

#[test]
fn a_line_shows_what_is_in_the_frame() {
    let dbc = two_messages();
    let decoder = Decoder::new(&[(Some(1), &dbc)], DecodeOptions::default()).unwrap();
    let check = |bus, address, data: &[u8], want: Option<&str>| {
        let mut line = String::new();
        let known = decoder.describe(&Frame { address, bus, data }, &mut line);
        assert_eq!(known.then_some(line.as_str()), want);
    };
    check(1, 2, &[1, 5], Some("B GEAR=P(0.5) HOLD=2.5"));
    check(1, 2, &[2, 5], Some("B GEAR=1.0"));
    check(1, 2, &[], Some("B"));
    check(0, 2, &[2, 5], None);
    check(1, 3, &[2, 5], None);
}
