//! Schemas from foreign text and foreign compiled requests: no panic, an end, and whatever loads can be asked for
//! names and can read any message.
#![no_main]

use std::sync::LazyLock;

use cts_core::capnp::{Message, Schema, ValueReader};
use cts_fuzz::{can_event, text_event};
use libfuzzer_sys::fuzz_target;

static MESSAGES: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| [text_event(1, 3), can_event(1, 3)]);

fuzz_target!(|input: &[u8]| {
    let schema = match std::str::from_utf8(input) {
        Ok(text) => Schema::from_snapshot(text).or_else(|_| Schema::from_request(input)),
        Err(_) => Schema::from_request(input),
    };
    let Ok(mut schema) = schema else { return };
    schema.adopt_names(&schema.clone());
    for index in 0..schema.structs().len().min(8) {
        ask(&schema, index);
        for bytes in MESSAGES.iter() {
            let root = Message::new(bytes)
                .and_then(Message::root)
                .expect("the message is right");
            let _ = ValueReader::new(&schema, bytes.len()).structure(index, root);
        }
    }
});

/// All names of a struct must be found, and others give an error.
fn ask(schema: &Schema, index: usize) {
    for field in schema.structure(index).fields.iter().take(8) {
        assert!(schema.find(index, &field.name).is_some());
        let _ = schema.resolve(index, &field.name);
        let _ = schema.resolve(index, &format!("{}.nothing", field.name));
    }
}
