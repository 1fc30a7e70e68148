//! Schemas made to keep a reader busy or to exhaust its stack: refused, quickly.

use capnp::message::Builder;
use capnp::schema_capnp::{code_generator_request, node, type_};
use cts_core::capnp::{Message, Schema, Value, ValueReader};

fn refused(text: &str, reason: &str) {
    let error = Schema::from_snapshot(text).unwrap_err();
    assert_eq!(error.code(), "bad-schema");
    assert!(error.to_string().contains(reason), "{error}");
}

#[test]
fn groups_that_hold_themselves_are_refused() {
    refused("group A 1\n a group A", "part of itself");
    refused("struct A 1 0 0\n b group B\ngroup B 2\n c group C\ngroup C 3\n b group B", "twice");
    refused("group B 2\n c group C\ngroup C 3\n b group B", "part of itself");
    let deep: String = (0..100).map(|i| format!("group G{i} {i}\n a group G{}\n", i + 1)).collect();
    refused(&(deep + "group G100 100"), "nested too deep");
    // Two fields each, ever deeper: 2^60 values.
    let wide: String =
        (0..60).map(|i| format!("group G{i} 1\n a group G{}\n b group G{0}\n", i + 1)).collect();
    refused(&(wide + "group G60 1"), "twice");
}

#[test]
fn types_nested_without_end_are_refused() {
    let (open, close) = ("List(".repeat(100_000), ")".repeat(100_000));
    refused(&format!("struct A 1 0 1\n a {open}Int8{close} 0"), "nested too deep");
}

/// A request with a node per number; `build` fills it.
fn request(nodes: u64, build: impl Fn(u64, node::Builder<'_>)) -> Vec<u8> {
    let mut message = Builder::new_default();
    let root = message.init_root::<code_generator_request::Builder<'_>>();
    let mut list = root.init_nodes(nodes as u32);
    for i in 0..nodes {
        let mut node = list.reborrow().get(i as u32);
        node.set_id(i);
        node.set_display_name(format!("a.capnp:N{i}"));
        build(i, node);
    }
    capnp::serialize::write_message_to_words(&message)
}

fn struct_field(node: node::Builder<'_>, target: u64) -> type_::struct_::Builder<'_> {
    let mut field = node.init_struct().init_fields(1).get(0);
    field.set_name("a");
    field.set_discriminant_value(0xFFFF);
    let mut ty = field.init_slot().init_type().init_struct();
    ty.set_type_id(target);
    ty
}

#[test]
fn compiled_schemas_without_end_are_refused() {
    // Each struct holds the next: fine when short, a stack overflow when not.
    let chain = |n| {
        request(n, |i, node| {
            struct_field(node, (i + 1) % n);
        })
    };
    assert_eq!(Schema::from_request(&chain(100)).unwrap().structs().len(), 100);
    assert_eq!(Schema::from_request(&chain(100_000)).unwrap_err().code(), "bad-schema");

    // Node 0 holds node 1 of Text; node 1, generic, holds itself with its parameter put into a list, for ever.
    let endless = request(2, |i, mut node| {
        node.set_is_generic(i == 1);
        let brand = struct_field(node, 1).init_brand();
        let mut scope = brand.init_scopes(1).get(0);
        scope.set_scope_id(1);
        let mut ty = scope.init_bind(1).get(0).init_type();
        match i {
            0 => ty.set_text(()),
            _ => {
                let mut inner = ty.init_struct();
                inner.set_type_id(1);
                let mut scope = inner.init_brand().init_scopes(1).get(0);
                scope.set_scope_id(1);
                let mut parameter = scope.init_bind(1).get(0).init_type().init_any_pointer().init_parameter();
                parameter.set_scope_id(1);
                parameter.set_parameter_index(0);
            }
        }
    });
    assert_eq!(Schema::from_request(&endless).unwrap_err().code(), "bad-schema");
    let own_group = request(1, |_, node| {
        let mut field = node.init_struct().init_fields(1).get(0);
        field.set_discriminant_value(0xFFFF);
        field.init_group().set_type_id(0);
    });
    assert_eq!(Schema::from_request(&own_group).unwrap_err().code(), "bad-schema");
}

#[test]
fn a_list_of_fields_without_bytes_is_refused() {
    // The last struct's list of fields, a pointer with a tag word, is said to hold two million of no bytes.
    let mut bytes = request(1, |_, node| {
        node.init_struct().init_fields(1);
    });
    let tag = bytes.chunks_exact(8).rposition(|word| word == [4, 0, 0, 0, 3, 0, 4, 0]).unwrap() * 8;
    bytes[tag..tag + 8].copy_from_slice(&(2_000_000u64 << 2).to_le_bytes());
    let error = Schema::from_request(&bytes).unwrap_err();
    assert!(error.to_string().contains("without end"), "{error}");
}

#[test]
fn a_list_of_structs_without_bytes_stays_small() {
    let fields: String = (0..100).map(|i| format!(" f{i} Text {i}\n")).collect();
    let schema =
        Schema::from_snapshot(&format!("struct A 1 0 1\n l List(B) 0\nstruct B 2 0 100\n{fields}")).unwrap();
    // Root of one pointer, list of 2^20 elements of no bytes, and 128 KiB that would pay for their number.
    let mut words = vec![0, 1 << 48, 1 | 7 << 32, 1 << 22];
    words.resize(1 << 14, 0);
    words[0] = (words.len() as u64 - 1) << 32;
    let bytes: Vec<u8> = words.iter().flat_map(|word: &u64| word.to_le_bytes()).collect();
    let mut reader = ValueReader::new(&schema, bytes.len());
    let value = reader.structure(0, Message::new(&bytes).unwrap().root().unwrap());
    let Value::Struct(fields) = value else { panic!("no struct") };
    assert_eq!(fields.len(), 1);
    let (_, Value::List(elements)) = &fields[0] else { return };
    assert!(elements.iter().filter(|e| **e != Value::Null).count() < 50_000);
    assert!(!reader.faults.is_empty());
}
