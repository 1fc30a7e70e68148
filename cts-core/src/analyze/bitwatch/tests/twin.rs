//! The analysis once more, slow and obvious: all rows in memory, every question asked anew.

use std::collections::BTreeSet;

use proptest::prelude::*;

use super::*;
use crate::can::bits::BitRef;

const ALL: [Segment; 3] = [Segment::Pre, Segment::Window, Segment::Post];

fn bit(data: &[u8], index: u16) -> bool {
    BitRef::from_global(index.into()).unwrap().of(data)
}

fn sorted(rows: &[Row]) -> Vec<Row> {
    let mut rows = rows.to_vec();
    rows.sort_by(|a, b| a.0.total_cmp(&b.0));
    rows
}

/// (time, new value) of every change of a bit.
fn toggles(rows: &[&Row], index: u16) -> Vec<(f64, bool)> {
    let pairs = rows.windows(2).map(|pair| (pair[1].0, bit(&pair[0].4, index), bit(&pair[1].4, index)));
    pairs.filter(|(_, before, after)| before != after).map(|(t, _, after)| (t, after)).collect()
}

/// Whether the rows of a time belong to the window.
fn in_window(rows: &[Row], t: f64) -> bool {
    rows.iter().any(|row| row.0 == t && row.1 == Segment::Window)
}

fn bounds(rows: &[Row], config: &Config) -> (f64, f64) {
    let window: Vec<f64> = rows.iter().filter(|row| row.1 == Segment::Window).map(|row| row.0).collect();
    let of = |times: &[f64]| Some((*times.first()?, *times.last()?));
    let all: Vec<f64> = rows.iter().map(|row| row.0).collect();
    let (start, end) = of(&window).or(of(&all)).unwrap_or((0.0, 0.0));
    (config.window_start_s.unwrap_or(start), end)
}

fn pulses(toggles: &[(f64, bool)], start: f64, end: f64) -> Vec<f64> {
    let mut high = toggles.iter().rfind(|(t, _)| *t <= start).is_some_and(|(_, value)| *value);
    let (mut rise, mut found) = (None, Vec::new());
    for &(t, value) in toggles.iter().filter(|(t, _)| *t >= start && *t <= end) {
        if !high && value {
            rise = Some(t);
        } else if high && !value {
            found.extend(rise.take().map(|rise| t - rise));
        }
        high = value;
    }
    found.extend(rise.filter(|_| high && end > start).map(|rise| end - rise));
    found
}

fn candidates(rows: &[Row], config: &Config) -> Vec<Candidate> {
    let key = |row: &Row| (row.3, config.by_bus.then_some(row.2));
    let keys: BTreeSet<_> = rows.iter().map(key).collect();
    let (start, end) = bounds(rows, config);
    let mut found = Vec::new();
    for (address, bus) in keys {
        let own: Vec<&Row> = rows.iter().filter(|row| key(row) == (address, bus)).collect();
        for index in 0..512 {
            let toggles = toggles(&own, index);
            if toggles.is_empty() || !toggles.iter().all(|(t, _)| in_window(rows, *t)) {
                continue;
            }
            let first =
                (1..own.len()).find(|i| bit(&own[*i].4, index) != bit(&own[*i - 1].4, index)).unwrap();
            let rank = rows.iter().position(|row| std::ptr::eq(row, own[first])).unwrap();
            let (pulses_s, bit) = (pulses(&toggles, start, end), BitRef::from_global(index.into()).unwrap());
            let near = |p: &f64| (p - config.pulses.length_s).abs() <= config.pulses.tolerance_s;
            let matches = pulses_s.len() == config.pulses.count && pulses_s.iter().all(near);
            found.push((
                rank,
                Candidate { address, bus, bit, toggles: toggles.len() as u64, pulses_s, matches },
            ));
        }
    }
    found.sort_by_key(|(rank, candidate)| (*rank, candidate.bit));
    found.into_iter().map(|(_, candidate)| candidate).collect()
}

fn edges(rows: &[Row], config: &Config) -> Vec<Edge> {
    let mut edges = Vec::new();
    for (at, (t_s, segment, bus, address, data)) in rows.iter().enumerate() {
        for watch in config.watch.iter().filter(|w| w.address == *address && w.bus.is_none_or(|b| b == *bus))
        {
            let same_bus = |b: u8| b == *bus || (watch.bus.is_none() && !config.by_bus);
            let last = rows[..at].iter().rfind(|row| row.3 == *address && same_bus(row.2));
            let rising = watch.bit.of(data);
            if last.is_some_and(|row| watch.bit.of(&row.4) != rising) {
                let (address, bus, bit, t_s, segment) = (*address, *bus, watch.bit, *t_s, *segment);
                edges.push(Edge { address, bus, bit, t_s, rising, segment });
            }
        }
    }
    edges
}

fn notes(rows: &[Row], by_bus: bool) -> Vec<AddressNotes> {
    let key = |row: &Row| (row.3, by_bus.then_some(row.2));
    let mut all: Vec<AddressNotes> = Vec::new();
    for row in rows {
        let (address, bus) = key(row);
        if all.iter().any(|n| (n.address, n.bus) == (address, bus)) {
            continue;
        }
        let own: Vec<&Row> = rows.iter().filter(|row| key(row) == (address, bus)).collect();
        let first = |segment| own.iter().position(|row| row.1 == segment);
        let mut present: Vec<_> = ALL.into_iter().filter(|s| first(*s).is_some()).collect();
        present.sort_by_key(|s| first(*s));
        let segments = present.into_iter().map(|s| segment_notes(&own, s)).collect();
        all.push(AddressNotes { address, bus, segments });
    }
    all
}

fn segment_notes(own: &[&Row], segment: Segment) -> SegmentNotes {
    let mut seen: Vec<TopPayload> = Vec::new();
    let rows: Vec<_> = own.iter().filter(|row| row.1 == segment).collect();
    for row in &rows {
        match seen.iter_mut().find(|top| top.data == row.4) {
            Some(top) => top.count += 1,
            None => seen.push(TopPayload { data: row.4.clone(), count: 1 }),
        }
    }
    let unique_payloads = seen.len();
    seen.sort_by_key(|top| std::cmp::Reverse(top.count));
    seen.truncate(5);
    SegmentNotes { segment, rows: rows.len() as u64, unique_payloads, top_payloads: seen }
}

fn any_payload() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0_u8), Just(1), Just(0x80), any::<u8>()];
    prop_oneof![
        8 => proptest::collection::vec(prop_oneof![Just(0_u8), Just(1), Just(3)], 2),
        2 => proptest::collection::vec(byte.clone(), 0..=9),
        1 => proptest::collection::vec(byte, 60..=64),
    ]
}

fn any_row() -> impl Strategy<Value = Row> {
    let t = (-2_i32..12).prop_map(|t| f64::from(t) / 2.0);
    let segment = prop_oneof![1 => Just(Segment::Pre), 4 => Just(Segment::Window), 1 => Just(Segment::Post)];
    let bus = prop_oneof![Just(0_u8), Just(1), Just(128)];
    (t, segment, bus, prop_oneof![Just(1_u32), Just(2)], any_payload())
}

fn any_config() -> impl Strategy<Value = Config> {
    let start = proptest::option::of((-2_i32..12).prop_map(|t| f64::from(t) / 2.0));
    let pulses = (0_usize..3, 0_i32..6, 0_i32..3).prop_map(|(count, length, tolerance)| PulsePattern {
        count,
        length_s: f64::from(length) / 2.0,
        tolerance_s: f64::from(tolerance) / 2.0,
    });
    (start, any::<bool>(), any::<bool>(), pulses).prop_map(
        |(window_start_s, by_bus, exclude_returned, pulses)| {
            let watch = watch(&["1:b0", "1@1:b0", "2:[0]&3", "1:B1.1", "2:b500"].map(|s| s));
            Config { watch, window_start_s, pulses, by_bus, exclude_returned, slack_s: f64::INFINITY }
        },
    )
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(512))]

    #[test]
    fn engine_equals_twin(
        rows in proptest::collection::vec(any_row(), 0..60),
        config in any_config(),
        by_segment: bool,
        slack in prop_oneof![Just(f64::INFINITY), Just(0.0), Just(0.5), Just(1.0)],
    ) {
        let mut rows = rows;
        if by_segment {
            // As rlog-to-csv labels them: the segment follows from the time.
            for row in &mut rows {
                row.1 = ALL[usize::from(row.0 >= 1.0) + usize::from(row.0 > 3.5)];
            }
        }
        if slack.is_finite() {
            rows = sorted(&rows);
        }
        let outcome = run(Config { slack_s: slack, ..config.clone() }, &rows);
        let kept: Vec<Row> = rows.iter().filter(|r| r.2 < 128 || !config.exclude_returned).cloned().collect();
        let ordered = sorted(&kept);
        prop_assert_eq!(&outcome.addresses, &notes(&kept, config.by_bus));
        prop_assert_eq!(&outcome.edges, &edges(&ordered, &config));
        prop_assert_eq!(&outcome.candidates, &candidates(&ordered, &config));
        let summary = &outcome.summary;
        prop_assert_eq!((summary.window_start_s, summary.window_end_s), bounds(&ordered, &config));
        prop_assert_eq!((summary.rows, summary.late_rows), (kept.len() as u64, 0));
        prop_assert_eq!(summary.excluded_rows, (rows.len() - kept.len()) as u64);
    }
}
