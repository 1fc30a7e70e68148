//! What a database knows of a log.

use super::{dbc, message, signal};
use crate::capnp::{Builder, Value};
use crate::dbc::Signal;
use crate::decode::CoverageReader;
use crate::log::{Completeness, EventSchema, Log, ReadOptions};

/// A log with one event that holds these frames.
fn log(frames: &[(u32, u8, &[u8])]) -> Log {
    let schema = EventSchema::embedded();
    let mut builder = Builder::new(schema.types(), schema.root());
    let frame = |(address, bus, data): &(u32, u8, &'static [u8])| {
        Value::Struct(vec![
            ("address", (*address).into()),
            ("src", (*bus).into()),
            ("dat", Value::Data(data)),
        ])
    };
    // The builder borrows for as long as the values live.
    let frames: Vec<(u32, u8, &'static [u8])> =
        frames.iter().map(|(a, b, d)| (*a, *b, &*Box::leak(d.to_vec().into_boxed_slice()))).collect();
    builder.set("logMonoTime", 7u64).unwrap();
    builder.set("can", Value::List(frames.iter().map(frame).collect())).unwrap();
    Log::from_bytes(&builder.finish(), &ReadOptions::default()).unwrap()
}

#[test]
fn known_and_unknown_bits_lengths_and_ranges() {
    let speed = Signal { min: 0.0, max: 20.0, ..signal("SPEED", 0, 8, '1', '+', (0.1, 0.0)) };
    let dbc = dbc(vec![message(1, "A", 2, vec![speed]), message(9, "GONE", 8, vec![])]);
    let log = log(&[(1, 0, &[0, 1]), (1, 0, &[255, 0]), (1, 0, &[3]), (5, 2, &[1]), (1, 128, &[9, 9])]);
    let mut reader = CoverageReader::new(&[(None, &dbc)]).unwrap();
    reader.push(&log, &mut Completeness::default());
    let coverage = reader.finish();
    let [a, other] = &coverage.addresses[..] else { panic!("{coverage:?}") };
    assert_eq!((a.message.as_deref(), a.frames, a.wrong_lengths()), (Some("A"), 3, 1));
    assert_eq!((a.changing_bits, a.known_changing_bits, &a.unknown_changing_bits[..]), (9, 8, &[8][..]));
    let [outside] = &a.out_of_range[..] else { panic!("{a:?}") };
    assert_eq!((outside.seen_min, outside.seen_max, outside.values), (0.0, 25.5, 1));
    assert_eq!((other.bus, other.address, other.message.as_deref()), (2, 5, None));
    assert_eq!(coverage.never_seen.iter().map(|m| m.address).collect::<Vec<_>>(), [9]);
}
