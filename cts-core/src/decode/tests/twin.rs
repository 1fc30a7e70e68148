//! Property: for any message and any frames the columns hold what the obvious decoding says.

use proptest::prelude::*;

use super::{dbc, message};
use crate::dbc::{ByteOrder, Choice, Message, Number, Presence, Signal, sign_extend};
use crate::decode::{DecodeOptions, Decoder};
use crate::log::Frame;
use crate::table::{Column, Values};

/// Whether the signal is in the frame, the obvious way: its switch is, and has one of the values.
fn is_present(message: &Message, signal: &Signal, data: &[u8]) -> bool {
    let Some(presence) = &signal.presence else { return true };
    let Some(switch) = message.signal(&presence.switch) else { return true };
    let Some(bits) = switch.raw_bits(data) else { return false };
    presence.ranges.iter().any(|(first, last)| (*first..=*last).contains(&bits))
        && is_present(message, switch, data)
}

fn any_signal() -> impl Strategy<Value = Signal> {
    let number = prop_oneof![
        4 => Just(Number::Unsigned),
        4 => Just(Number::Signed),
        1 => Just(Number::Float32),
        1 => Just(Number::Float64)
    ];
    let scale = prop_oneof![Just((1.0, 0.0)), (-1e3f64..1e3, -1e6f64..1e6), Just((0.057, 0.0))];
    let start = prop_oneof![3 => 0u16..64, 1 => 0u16..520];
    (start, 1u16..=64, any::<bool>(), number, scale).prop_map(|(start, size, little, number, scale)| {
        let size = match number {
            Number::Float32 => 32,
            Number::Float64 => 64,
            _ => size,
        };
        let order = if little { ByteOrder::LittleEndian } else { ByteOrder::BigEndian };
        let choices = (0..3).map(|value| Choice { value: value - 1, text: format!("c{value}") }).collect();
        let (factor, offset) = scale;
        Signal { start, size, order, number, factor, offset, choices, ..Signal::default() }
    })
}

/// Signals of which each may wait for one before it: switches nest.
fn any_message() -> impl Strategy<Value = Message> {
    let gate =
        prop::option::of((any::<prop::sample::Index>(), prop::collection::vec((0u64..8, 0u64..8), 1..3)));
    let signals = prop::collection::vec((any_signal(), gate), 1..12);
    (signals, 0u16..=64).prop_map(|(list, size)| {
        let mut signals: Vec<Signal> = Vec::new();
        for (i, (mut signal, gate)) in list.into_iter().enumerate() {
            signal.name = format!("S{i}");
            if let (Some((index, ranges)), true) = (gate, i > 0) {
                let switch = format!("S{}", index.index(i));
                signal.presence = Some(Presence { switch, ranges });
            }
            signals.push(signal);
        }
        message(0x123, "M", size, signals)
    })
}

fn payload() -> impl Strategy<Value = Vec<u8>> {
    let byte = prop_oneof![Just(0u8), Just(0xFF), 0u8..8, any::<u8>()];
    let len = prop_oneof![3 => Just(8usize), 1 => 0usize..=64];
    len.prop_flat_map(move |len| prop::collection::vec(byte.clone(), len))
}

/// A cell as bits of its physical value, or of its raw value as f64.
fn cell(column: &Column, row: usize) -> Option<u64> {
    let value = match &column.values {
        Values::UInt8(v) => f64::from(v[row]),
        Values::UInt16(v) => f64::from(v[row]),
        Values::UInt32(v) => f64::from(v[row]),
        Values::UInt64(v) => v[row] as f64,
        Values::Int8(v) => f64::from(v[row]),
        Values::Int16(v) => f64::from(v[row]),
        Values::Int32(v) => f64::from(v[row]),
        Values::Int64(v) => v[row] as f64,
        Values::Float32(v) => f64::from(v[row]),
        Values::Float64(v) => v[row],
        other => panic!("{other:?}"),
    };
    if column.is_null(row) {
        assert_eq!(value, 0.0);
        return None;
    }
    Some(if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() })
}

fn expected(message: &Message, signal: &Signal, data: &[u8], raw: bool) -> Option<u64> {
    let bits = signal.raw_bits(data).filter(|_| is_present(message, signal, data))?;
    let value = if raw { signal.raw_value(bits) } else { signal.physical(data)? };
    Some(if value.is_nan() { f64::NAN.to_bits() } else { value.to_bits() })
}

fn expected_choice<'a>(message: &Message, signal: &'a Signal, data: &[u8]) -> Option<&'a str> {
    let bits = signal.raw_bits(data).filter(|_| is_present(message, signal, data))?;
    let same = |value: i64| sign_extend(value as u64, signal.size) == sign_extend(bits, signal.size);
    signal.choices.iter().find(|choice| same(choice.value)).map(|choice| choice.text.as_str())
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(1024))]
    #[test]
    fn columns_hold_what_the_obvious_decoding_says(
        message in any_message(),
        payloads in prop::collection::vec(payload(), 1..20),
        raw: bool,
    ) {
        let dbc = dbc(vec![message.clone()]);
        let options = DecodeOptions { raw, choices: true, ..DecodeOptions::default() };
        let mut decoder = Decoder::new(&[(None, &dbc)], options).unwrap();
        // Two pieces: the decoder goes on as new after each.
        let (mut short, mut missing) = (0, 0);
        for half in payloads.chunks(payloads.len().div_ceil(2)) {
            let frame = |data| Frame { address: 0x123, bus: 1, data };
            let frames: Vec<_> = half.iter().enumerate().map(|(i, data)| (i as u64, frame(data))).collect();
            decoder.push_frames(&frames);
            short += half.iter().filter(|data| data.len() < usize::from(message.size)).count() as u64;
            let [table] = &decoder.take()[..] else { panic!("one message") };
            for signal in &message.signals {
                let column = table.table.column(&signal.name).unwrap();
                let choice = table.table.column(&format!("{}.choice", signal.name)).unwrap();
                let Values::Enum { numbers, names } = &choice.values else { panic!("{choice:?}") };
                prop_assert_eq!(column.len(), half.len());
                for (row, data) in half.iter().enumerate() {
                    let want = expected(&message, signal, data, raw);
                    prop_assert_eq!(cell(column, row), want, "{:?} in {:02X?}", signal, data);
                    missing += u64::from(want.is_none() && is_present(&message, signal, data));
                    let name = (!choice.is_null(row)).then(|| names[usize::from(numbers[row])].as_str());
                    prop_assert_eq!(name, expected_choice(&message, signal, data), "{:?}", signal);
                }
            }
        }
        let stats = &decoder.stats()[0];
        prop_assert_eq!((stats.frames, stats.short_frames), (payloads.len() as u64, short));
        prop_assert_eq!(stats.missing_values, missing);
    }
}
