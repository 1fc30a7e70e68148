//! Planted events in small streams of frames, and properties of the parts.

use proptest::prelude::*;

use super::marker::Pairing;
use super::outcome::Outcome;
use super::*;
use crate::dbc::Search;

const MS: u64 = 1_000_000;
const RULE: MarkerRule = MarkerRule { enabled: true, pre: 1500 * MS, post: 1500 * MS, timeout: 15_000 * MS };

fn config() -> Config {
    Config { marker: RULE, filter: false, margin: 500 * MS }
}

/// A frame of eight bytes with these bits set.
fn bits(set: &[u32]) -> [u8; 8] {
    set.iter().fold(0u64, |word, bit| word | 1 << bit).to_le_bytes()
}

/// `ticks` frames of 0x390 and others, 10 ms apart from t = 100 s; `state` gives the bits of each tick.
fn drive(config: Config, ticks: u64, state: impl Fn(u64) -> Vec<(u32, Vec<u32>)>) -> Outcome {
    let mut cruise = Cruise::new(config);
    cruise.follow(subaru::profile()).unwrap();
    for tick in 0..ticks {
        let t = 100_000 * MS + tick * 10 * MS;
        for (address, set) in state(tick) {
            cruise.frame(t, 0, address, &bits(&set));
        }
    }
    cruise.finish().unwrap()
}

/// When the left and right lamps are lit, in ticks.
fn lamps(left: &'static [(u64, u64)], right: &'static [(u64, u64)]) -> impl Fn(u64) -> Vec<(u32, Vec<u32>)> {
    let lit = |spans: &[(u64, u64)], tick| spans.iter().any(|(from, to)| (*from..*to).contains(&tick));
    move |tick| {
        let mut set = Vec::new();
        set.extend(lit(left, tick).then_some(50));
        set.extend(lit(right, tick).then_some(51));
        vec![(0x390, set)]
    }
}

#[test]
fn windows_follow_the_rule() {
    let check = |left, right, ticks, want: &[(u64, Option<u64>)]| {
        let outcome = drive(config(), ticks, lamps(left, right));
        let ticks = |t: u64| (t - 100_000 * MS) / (10 * MS);
        let got: Vec<_> = outcome.markers.iter().map(|m| (ticks(m.left), m.right.map(ticks))).collect();
        assert_eq!(got, want);
        outcome
    };
    // The last left rise opens.
    let outcome = check(&[(300, 340), (400, 440)], &[(900, 940)], 3000, &[(400, Some(900))]);
    let [message] = &outcome.messages[..] else { panic!("one message") };
    // From 1.5 s before to 1.5 s after, both ends included.
    assert_eq!(message.frames, [250, 801, 1949]);
    assert_eq!(message.windows, [WindowCount { window: 0, frames: 801, unique: 3 }]);
    assert_eq!(message.unique(), [1, 3, 1]);
    // Too far apart, then both at once: that counts as left and is still open at the end.
    let outcome = check(&[(100, 140), (2000, 2040)], &[(1700, 1740), (2000, 2040)], 2200, &[(2000, None)]);
    assert_eq!((outcome.windows.as_slice().len(), outcome.whole_log), (1, false));
    // A left rise too old at the end is nothing: then the whole log is the window.
    let outcome = check(&[(100, 140)], &[], 3000, &[]);
    assert_eq!((outcome.whole_log, outcome.messages[0].frames), (true, [0, 3000, 0]));
    // Overlapping windows are one.
    let outcome = check(
        &[(300, 310), (500, 510)],
        &[(400, 410), (700, 710)],
        2000,
        &[(300, Some(400)), (500, Some(700))],
    );
    assert_eq!(outcome.windows.as_slice().len(), 1);
    let outcome = drive(
        Config { marker: MarkerRule { enabled: false, ..RULE }, ..config() },
        500,
        lamps(&[(1, 2)], &[(3, 4)]),
    );
    assert!(outcome.whole_log && outcome.markers.is_empty());
}

#[test]
fn a_filter_counts_only_engaged_frames() {
    let state = |tick| {
        let on = (500..1000).contains(&tick);
        vec![(0x241, if on { vec![55] } else { vec![] }), (0x100, vec![(tick % 8) as u32])]
    };
    let outcome = drive(Config { filter: true, ..config() }, 2000, state);
    let engaged = outcome.engaged.as_ref().unwrap();
    assert_eq!((engaged.spans.len(), engaged.open), (1, false));
    assert_eq!(engaged.spans[0], Span { start: 105_000 * MS, end: 110_000 * MS });
    // 5 s, half a second before and after, both ends included.
    assert!(outcome.messages.iter().all(|m| m.total() == 601), "{:?}", outcome.messages);
    assert_eq!(outcome.filtered, 2 * (2000 - 601));
}

#[test]
fn items_out_of_order_are_mended_and_later_ones_counted() {
    let mut cruise = Cruise::new(config());
    cruise.follow(subaru::profile()).unwrap();
    let order = [0u64, 1, 2, 4, 3, 5, 300, 301, 4];
    for tick in order {
        let set = if tick >= 4 { vec![43] } else { vec![] };
        cruise.frame(100_000 * MS + tick * 10 * MS, 0, 0x146, &bits(&set));
    }
    let outcome = cruise.finish().unwrap();
    assert_eq!(
        outcome.tracks[1].changes.len() + outcome.tracks[0].changes.len() + outcome.tracks[2].changes.len(),
        1
    );
    assert_eq!(outcome.late, 1);
    assert_eq!(outcome.messages[0].total(), 9);
}

#[test]
fn echoes_are_left_out_and_buses_kept_apart() {
    let mut cruise = Cruise::new(config());
    cruise.follow(subaru::profile()).unwrap();
    for (bus, set) in [(1, 43), (0, 43), (128, 43), (192, 43), (1, 44)] {
        cruise.frame(100_000 * MS, bus, 0x146, &bits(&[set]));
    }
    let outcome = cruise.finish().unwrap();
    assert_eq!((outcome.frames, outcome.left_out), (3, 2));
    assert_eq!(outcome.messages.iter().map(|m| (m.bus, m.total())).collect::<Vec<_>>(), [(0, 1), (1, 2)]);
    let main = outcome.main(Role::Set).unwrap();
    assert_eq!((main.bus, main.changes.len()), (Some(0), 0));
}

#[test]
fn a_garbage_time_does_not_swallow_the_rest() {
    let mut cruise = Cruise::new(config());
    cruise.follow(subaru::profile()).unwrap();
    for t in [100_000 * MS, u64::MAX - 5, 100_010 * MS, 100_020 * MS] {
        cruise.frame(t, 0, 0x146, &bits(&[]));
    }
    let outcome = cruise.finish().unwrap();
    assert_eq!((outcome.late, outcome.last_t, outcome.messages[0].total()), (1, 100_020 * MS, 3));
}

#[test]
fn checksums_and_counters_rank_behind_states() {
    let outcome = drive(config(), 6000, |tick| {
        let (left, right) =
            (if (1000..1040).contains(&tick) { vec![50] } else { vec![] }, (1500..1540).contains(&tick));
        let mut lamp = left;
        lamp.extend(right.then_some(51));
        let state: &[u32] = if (1100..1400).contains(&tick) { &[20] } else { &[] };
        let word = state.iter().fold(0u64, |w, b| w | 1 << b) | (tick & 15) << 8 | ((tick * 37) & 255) << 32;
        let mut data = word.to_le_bytes();
        data[0] = data[1..].iter().chain(&[0x00, 0x01]).fold(0u8, |s, b| s.wrapping_add(*b));
        let word = u64::from_le_bytes(data);
        vec![(0x390, lamp), (0x100, (0..64).filter(|b| word >> b & 1 == 1).collect())]
    });
    let ranked = candidates(&outcome.messages);
    let of: Vec<_> = ranked.iter().filter(|c| c.address == 0x100).collect();
    assert_eq!((of[0].bit, of[0].stats.toggles(), of[0].stats.in_windows), (20, 2, 2));
    assert!(
        of[1..].iter().all(|c| c.score < 5.0 && (c.busy || c.checksum || c.window_lift < 0.1)),
        "{of:#?}"
    );
    assert!(of.iter().filter(|c| c.bit < 8).all(|c| c.checksum));
}

#[test]
fn the_profile_agrees_with_the_built_in_database() {
    let dbc = Search::new([]).load("subaru_global_2017_generated").unwrap().dbc;
    for track in subaru::profile().tracks {
        let Source::Can { address, signals, .. } = track.source else { panic!("{}", track.name) };
        let message = dbc.message(address).unwrap_or_else(|| panic!("0x{address:X}"));
        for signal in signals {
            let known =
                message.signal(&signal.name).unwrap_or_else(|| panic!("{} {}", message.name, signal.name));
            let place =
                |s: &crate::dbc::Signal| (s.start, s.size, s.number, s.factor.to_bits(), s.offset.to_bits());
            assert_eq!(place(known), place(&signal), "{}", signal.name);
            assert!(signal.size == 1 || known.order == signal.order, "{}", signal.name);
        }
    }
}

#[test]
fn many_payloads_are_estimated() {
    let mut distinct = super::distinct::Distinct::default();
    for i in 0..16_384u64 {
        distinct.add(super::distinct::hash(&i.to_le_bytes()));
        distinct.add(super::distinct::hash(&i.to_le_bytes()));
    }
    assert_eq!(distinct.count(), 16_384);
    (0..1_000_000u64).for_each(|i| distinct.add(super::distinct::hash(&i.to_le_bytes())));
    let error = distinct.count() as f64 / 1e6 - 1.0;
    assert!(error.abs() < 0.03, "{error}");
}

proptest! {
    #[test]
    fn a_union_holds_what_its_spans_hold(list in prop::collection::vec((0u64..200, 0u64..20), 0..20)) {
        let spans: Vec<Span> = list.iter().map(|(start, len)| Span { start: *start, end: start + len }).collect();
        let union = Spans::union(spans.clone());
        for t in 0..230 {
            let inside = spans.iter().any(|span| span.contains(t));
            prop_assert_eq!(union.find(t).is_some(), inside);
        }
        prop_assert!(union.as_slice().windows(2).all(|pair| pair[0].end < pair[1].start));
    }

    #[test]
    fn markers_are_what_the_rule_says(list in prop::collection::vec((0u64..400, any::<bool>(), any::<bool>()), 0..40)) {
        let rule = MarkerRule { enabled: true, pre: 3, post: 2, timeout: 50 };
        let mut steps = list;
        steps.sort_unstable();
        steps.dedup_by_key(|step| step.0);
        let (mut pairing, mut got) = (Pairing::default(), Vec::new());
        steps.iter().for_each(|(t, left, right)| got.extend(pairing.step(*t, *left, *right, &rule)));
        got.extend(pairing.finish(400, &rule));
        // The slow twin: each right rise looks back for the last rise of either.
        let mut want = Vec::new();
        for (i, (t, left, right)) in steps.iter().enumerate() {
            let before = steps[..i].iter().rev().find(|(_, l, r)| *l || *r);
            if let Some((open, true, _)) = before.filter(|_| !left && *right && t - before.unwrap().0 <= rule.timeout) {
                want.push(Marker { left: *open, right: Some(*t) });
            }
        }
        if let Some((open, true, _)) = steps.iter().rev().find(|(_, l, r)| *l || *r).filter(|s| 400 - s.0 <= rule.timeout) {
            want.push(Marker { left: *open, right: None });
        }
        prop_assert_eq!(got, want);
    }

    /// Each frame lies in exactly one phase, and in a window when a marker says so.
    #[test]
    fn phases_part_the_frames(left in prop::collection::btree_set(0u64..6000, 0..8), right in prop::collection::btree_set(0u64..6000, 0..8)) {
        let (l, r) = (left, right);
        let outcome = drive(config(), 6000, |tick| {
            let mut set = Vec::new();
            set.extend(l.contains(&tick).then_some(50));
            set.extend(r.contains(&tick).then_some(51));
            vec![(0x390, set)]
        });
        let [message] = &outcome.messages[..] else { panic!("one message") };
        prop_assert_eq!(message.total(), 6000);
        let windows = Spans::union(outcome.markers.iter().map(|marker| marker.window(&RULE)));
        if outcome.whole_log {
            prop_assert!(outcome.markers.is_empty() && message.frames[1] == 6000);
        } else {
            prop_assert_eq!(&outcome.windows, &windows);
            let inside = (0..6000).filter(|tick| windows.find(100_000 * MS + tick * 10 * MS).is_some()).count();
            prop_assert_eq!(message.frames[1], inside as u64);
        }
        prop_assert_eq!(message.windows.iter().map(|w| w.frames).sum::<u64>(), message.frames[1]);
    }
}
