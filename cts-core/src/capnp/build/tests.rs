use proptest::prelude::*;

use super::*;
use crate::capnp::{Message, ValueReader, hex};
use crate::log::{EventSchema, Log, ReadOptions, frames};

fn schema() -> &'static Schema {
    EventSchema::embedded().types()
}

fn index(name: &str) -> usize {
    schema().structs().iter().position(|s| s.name == name).unwrap()
}

/// Reads a message back: its root and what could not be read.
fn read(index: usize, bytes: &[u8]) -> Value<'_> {
    let root = Message::new(bytes).unwrap().root().unwrap();
    let mut reader = ValueReader::new(schema(), bytes.len());
    let value = reader.structure(index, root);
    assert_eq!(reader.faults, []);
    value
}

fn text(value: &Value<'_>) -> String {
    serde_json::to_string(value).unwrap()
}

/// One frame, address 0x1D2, data 11 22, src 128, valid false: the bytes that other writers make of it.
#[test]
fn writes_the_worked_example() {
    let frame =
        vec![("address", 0x1d2u32.into()), ("src", 128u8.into()), ("dat", Value::Data(&[0x11, 0x22]))];
    let mut builder = Builder::new(schema(), index("Event"));
    builder.set("logMonoTime", 0x0123_4567_89abu64).unwrap().set("valid", false).unwrap();
    builder.set("can", Value::List(vec![Value::Struct(frame)])).unwrap();
    assert_eq!(
        hex(&builder.finish()).to_lowercase(),
        "00000000080000000000000002000100ab8967452301000004000100000000000100000017000000\
         0400000001000100d20100000000800001000000120000001122000000000000"
    );
}

#[test]
fn sizes_are_those_the_compiler_gave() {
    let mut compared = 0;
    for line in include_str!("../../../schema/cereal.txt").lines() {
        let words: Vec<&str> = line.split(' ').collect();
        if let ["struct", name, _, data, pointers, ..] = words[..] {
            let given = (data.parse().unwrap(), pointers.parse().unwrap());
            assert_eq!(schema().size(index(name)), given, "{name}");
            compared += 1;
        }
    }
    assert!(compared > 200, "{compared}");
}

#[test]
fn dotted_paths_share_the_structs_on_the_way() {
    let mut builder = Builder::new(schema(), index("Event"));
    for (path, value) in
        [("carState.vEgo", 1.5), ("carState.wheelSpeeds.fl", 2.5), ("carState.wheelSpeeds.rr", -3.0)]
    {
        builder.set(path, value).unwrap();
    }
    builder.set("carState.gearShifter", Value::Name("drive")).unwrap();
    let bytes = builder.finish();
    assert_eq!(bytes.len(), 8 * (1 + 1 + 3 + 16 + 2), "table, root, Event, CarState, WheelSpeeds");
    let value = text(&read(index("Event"), &bytes));
    assert!(value.contains(r#""wheelSpeeds":{"fl":2.5,"fr":0.0,"rl":0.0,"rr":-3.0}"#), "{value}");
    assert!(value.contains(r#""gearShifter":"drive""#), "{value}");
}

#[test]
fn defaults_and_groups_and_unions() {
    let mut builder = Builder::new(schema(), index("CarParams"));
    builder.set("deprecated.radarTimeStep", 0.25).unwrap();
    builder.set("lateralTuning.torque.friction", 0.5).unwrap();
    let bytes = builder.finish();
    let value = text(&read(index("CarParams"), &bytes));
    assert!(value.contains(r#""radarTimeStep":0.25"#) && value.contains(r#""friction":0.5"#), "{value}");
    let empty = Builder::new(schema(), index("CarParams")).finish();
    let value = text(&read(index("CarParams"), &empty));
    assert!(
        value.contains(r#""radarTimeStep":0.05"#) && value.contains(r#""lateralTuning":{"pid""#),
        "{value}"
    );
}

#[test]
fn refuses_what_does_not_fit() {
    let code = |path: &str, value: Value<'_>| {
        Builder::new(schema(), index("Event")).set(path, value).map(|_| ()).unwrap_err().code()
    };
    assert_eq!(code("carState.vEgo", true.into()), "bad-param");
    assert_eq!(code("carState.vEgoo", 1.0.into()), "no-such-field");
    assert_eq!(code("carState.gearShifter", Value::Name("warp")), "bad-param");
    assert_eq!(code("carState.canErrorCounter", (-1).into()), "out-of-range");
    assert_eq!(code("deviceState.memoryUsagePercent", 128.into()), "out-of-range");
    assert_eq!(code("can.address", 1u32.into()), "bad-param");
}

#[test]
fn a_message_of_thousands_of_words() {
    let payload = |i: u32| u64::from(i.wrapping_mul(0x0101_0101)).to_le_bytes();
    let payloads: Vec<_> = (0..2000).map(payload).collect();
    let fields = |i: usize| vec![("address", (i as u32).into()), ("dat", Value::Data(&payloads[i]))];
    let list = (0..2000).map(|i| Value::Struct(fields(i))).collect();
    let mut builder = Builder::new(schema(), index("Event"));
    builder.set("sendcan", Value::List(list)).unwrap();
    let bytes = builder.finish();
    assert!(bytes.len() > 8 * 6000);
    let log = Log::from_bytes(&bytes, &ReadOptions { strict: true, ..ReadOptions::default() }).unwrap();
    let event = log.events().next().unwrap();
    let read: Vec<_> = frames(&event).unwrap().map(|frame| frame.unwrap()).collect();
    assert_eq!(read.len(), 2000);
    assert!(read.iter().enumerate().all(|(i, f)| f.address == i as u32 && f.data == payloads[i]));
}

/// A value of some of the fields of a struct, as `choices` decide.
fn some_struct(index: usize, depth: u32, choices: &mut impl FnMut() -> u64) -> Value<'static> {
    let s = schema().structure(index);
    let members: Vec<_> = s.fields.iter().filter_map(|f| f.which).collect();
    let active = (!members.is_empty()).then(|| members[choices() as usize % members.len()]);
    let mut fields = Vec::new();
    for field in s.fields.iter().filter(|f| f.which.is_none() || f.which == active) {
        if field.which.is_some() || choices() & 3 > 0 {
            let value = match &field.kind {
                FieldKind::Group(group) => some_struct(*group, depth, choices),
                FieldKind::Slot { ty, .. } => some_value(ty, depth, choices),
            };
            fields.push((field.name.as_str(), value));
        }
    }
    Value::Struct(fields)
}

fn some_value(ty: &Type, depth: u32, choices: &mut impl FnMut() -> u64) -> Value<'static> {
    let bits = choices();
    match ty {
        Type::Bool => Value::Bool(bits & 1 == 1),
        Type::Int8 => Value::Int(i64::from(bits as i8)),
        Type::Int16 => Value::Int(i64::from(bits as i16)),
        Type::Int32 => Value::Int(i64::from(bits as i32)),
        Type::Int64 => Value::Int(bits as i64),
        Type::UInt8 => Value::UInt(u64::from(bits as u8)),
        Type::UInt16 => Value::UInt(u64::from(bits as u16)),
        Type::UInt32 => Value::UInt(u64::from(bits as u32)),
        Type::UInt64 => Value::UInt(bits),
        Type::Float32 => Value::Float(f64::from(bits as i16) / 8.0),
        Type::Float64 => Value::Float(bits as i64 as f64),
        Type::Enum(index) => {
            let names = &schema().enumeration(*index).enumerants;
            Value::Name(&names[bits as usize % names.len()])
        }
        Type::Text => Value::Text(["", "grüße", "eight ch"][bits as usize % 3].into()),
        Type::Data => Value::Data(&b"0123456789abcdef"[..bits as usize % 17]),
        Type::Struct(_) if depth == 0 => Value::Null,
        Type::Struct(index) => some_struct(*index, depth - 1, choices),
        Type::List(_) if depth == 0 => Value::List(vec![]),
        Type::List(ty) => Value::List((0..bits % 11).map(|_| some_value(ty, depth - 1, choices)).collect()),
        Type::Void | Type::AnyPointer => Value::Null,
    }
}

/// Whether `read` has everything that was `given`.
fn covers(given: &Value<'_>, read: &Value<'_>) -> bool {
    match (given, read) {
        (Value::Struct(given), Value::Struct(read)) => {
            given.iter().all(|(name, value)| read.iter().any(|(n, read)| n == name && covers(value, read)))
        }
        (Value::List(given), Value::List(read)) => {
            given.len() == read.len() && given.iter().zip(read).all(|(given, read)| covers(given, read))
        }
        (Value::Null, _) => true,
        _ => given == read,
    }
}

/// The fields at the top that were not given have the values they have in an empty message.
fn leaves_the_rest(index: usize, given: &Value<'_>, read: &Value<'_>, empty: &Value<'_>) -> bool {
    let (Value::Struct(given), Value::Struct(read), Value::Struct(empty)) = (given, read, empty) else {
        return false;
    };
    let s = schema().structure(index);
    let untouched =
        |name: &str| given.iter().all(|(n, _)| *n != name) && s.fields.iter().any(|f| f.name == name);
    read.iter().filter(|(name, _)| untouched(name)).all(|field| empty.contains(field))
}

proptest! {
    #[test]
    fn what_is_built_is_what_is_read(
        index in prop_oneof![Just(index("Event")), Just(index("CarParams")), 0..schema().structs().len()],
        choices in prop::collection::vec(any::<u64>(), 1..200),
    ) {
        let mut stream = choices.iter().cycle().zip(0u64..).map(|(c, i)| c.rotate_left(i as u32) ^ i);
        let given = some_struct(index, 3, &mut || stream.next().unwrap());
        let mut builder = Builder::new(schema(), index);
        if let Value::Struct(fields) = &given {
            for (name, value) in fields {
                builder.set(name, value.clone()).unwrap();
            }
        }
        let (bytes, empty) = (builder.finish(), Builder::new(schema(), index).finish());
        let read_back = read(index, &bytes);
        prop_assert!(covers(&given, &read_back), "{given:?}\n{read_back:?}");
        prop_assert!(leaves_the_rest(index, &given, &read_back, &read(index, &empty)), "{given:?}\n{read_back:?}");
    }
}
