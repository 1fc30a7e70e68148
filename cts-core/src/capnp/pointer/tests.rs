use super::*;
use proptest::prelude::*;

/// The example of the format description: one frame, address 0x1D2, data 11 22, src 128, valid false.
/// Source: openpilot `cereal/log.capnp` `Event`, `CanData`.
const CAN_EVENT: &str = "00000000080000000000000002000100ab8967452301000004000100000000000100000017000000\
                         0400000001000100d20100000000800001000000120000001122000000000000";

fn bytes(hex: &str) -> Vec<u8> {
    (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
}

#[test]
fn reads_the_worked_example() {
    let bytes = bytes(CAN_EVENT);
    let event = Message::new(&bytes).unwrap().root().unwrap();
    assert_eq!(event.u64(0), 0x0123_4567_89ab);
    assert_eq!((event.u16(4), event.bool(80)), (4, true));
    let frames = event.pointer(0).unwrap().list().unwrap().unwrap();
    assert_eq!(frames.len(), 1);
    let frame = frames.structure(0).unwrap();
    assert_eq!((frame.u32(0), frame.u8(6)), (0x1d2, 128));
    assert_eq!(frame.pointer(0).unwrap().data().unwrap(), [0x11, 0x22]);
    assert!(frame.pointer(1).is_none());
    assert_eq!(frame.u64(1), 0, "beyond the data section a field has its default");
}

#[test]
fn follows_single_and_double_far_pointers() {
    let mut single = bytes("01000000010000000300000000000000");
    single.extend(bytes("0200000001000000")); // segment 0: far pointer to segment 1, word 0
    single.extend(bytes("000000000100000007000000000000000000000000000000"));
    let root = Message::new(&single).unwrap().root().unwrap();
    assert_eq!(root.u64(0), 7);

    let mut double = bytes("0200000001000000020000000100000000000000");
    double.truncate(16);
    double.extend(bytes("0600000001000000")); // double far to segment 1, word 0
    double.extend(bytes("02000000020000000000000001000000")); // pad: far to segment 2, word 0; tag
    double.extend(bytes("0900000000000000"));
    let root = Message::new(&double).unwrap().root().unwrap();
    assert_eq!(root.u64(0), 9);
}

/// Reads everything that a reader without a schema can reach, a few levels deep.
fn walk(pointer: Pointer<'_>, depth: u32) {
    if depth == 0 {
        return;
    }
    let _ = pointer.data();
    if let Ok(Some(s)) = pointer.structure() {
        walk_struct(s, depth);
    }
    if let Ok(Some(list)) = pointer.list() {
        for i in 0..list.len().min(4) {
            let _ = (list.element(i, 8), list.bit(i));
            if let Ok(s) = list.structure(i) {
                walk_struct(s, depth - 1);
            }
            if let Ok(p) = list.pointer(i) {
                walk(p, depth - 1);
            }
        }
    }
}

fn walk_struct(s: StructReader<'_>, depth: u32) {
    let _ = (s.u64(0), s.u32(7), s.bool(100));
    (0..4).filter_map(|i| s.pointer(i)).for_each(|p| walk(p, depth - 1));
}

proptest! {
    #[test]
    fn hostile_words_never_panic(words in prop::collection::vec(word(), 1..12)) {
        let mut bytes = vec![1, 0, 0, 0, words.len() as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
        bytes.extend(words.iter().flat_map(|w| w.to_le_bytes()));
        if let Ok(message) = Message::new(&bytes) {
            walk(Pointer::new(message, message.segment(0).unwrap(), 0).unwrap(), 6);
        }
    }
}

/// Words that look like pointers more often than chance would.
fn word() -> impl Strategy<Value = u64> {
    let small = (0u64..8, 0u64..6, 0u64..8, 0u64..4);
    prop_oneof![any::<u64>(), small.prop_map(|(kind, offset, a, b)| kind | offset << 3 | a << 32 | b << 48)]
}
