//! Everything that can be read of a message without a schema, within its budget.
#![no_main]

use cts_core::capnp::{Budget, ElementSize, Fault, ListReader, Message, Pointer, StructReader};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|input: &[u8]| {
    if let Ok(message) = Message::new(input) {
        walk_message(message);
    }
    let Some((split, words)) = input.split_first() else {
        return;
    };
    let framed = frame(words, usize::from(*split));
    walk_message(Message::new(&framed).expect("the table is right"));
});

/// The words behind a table of three segments, of which the first ends after `split` words.
fn frame(bytes: &[u8], split: usize) -> Vec<u8> {
    let words = (bytes.len() / 8).max(1);
    let first = split % words + 1;
    let second = (words - first) / 2;
    let table = [2, first, second, words - first - second];
    let mut framed: Vec<u8> = table.iter().flat_map(|n| (*n as u32).to_le_bytes()).collect();
    framed.extend(&bytes[..bytes.len() / 8 * 8]);
    framed.resize(16 + words * 8, 0);
    framed
}

fn walk_message(message: Message<'_>) {
    let mut budget = Budget::for_message(message.bytes().len());
    if let Ok(root) = message.root() {
        let _ = walk_struct(&root, &mut budget);
    }
}

fn walk(pointer: Pointer<'_>, budget: &mut Budget) -> Result<(), Fault> {
    if pointer.is_null() {
        return Ok(());
    }
    budget.enter()?;
    if let Ok(text) = pointer.text() {
        budget.charge(1, text.len() as u64)?;
        assert!(text.len() <= pointer.data()?.len());
    }
    if let Ok(Some(structure)) = pointer.structure() {
        walk_struct(&structure, budget)?;
    } else if let Ok(Some(list)) = pointer.list() {
        walk_list(&list, budget)?;
    }
    budget.leave();
    Ok(())
}

fn walk_struct(reader: &StructReader<'_>, budget: &mut Budget) -> Result<(), Fault> {
    budget.charge(1, reader.data().len() as u64)?;
    for offset in [0, 1, 7, u32::MAX / 64, u32::MAX] {
        let _ = (
            reader.u8(offset),
            reader.u16(offset),
            reader.u32(offset),
            reader.u64(offset),
            reader.bool(offset),
        );
    }
    (0..).map_while(|i| reader.pointer(i)).try_for_each(|pointer| {
        budget.charge(1, 0)?;
        walk(pointer, budget)
    })
}

fn walk_list(list: &ListReader<'_>, budget: &mut Budget) -> Result<(), Fault> {
    budget.charge(u64::from(list.len()), list.bytes())?;
    for i in 0..list.len() {
        let _ = list.bit(i);
        for want in [0, 1, 8] {
            let _ = list.element(i, want);
        }
        match list.size() {
            ElementSize::Pointer => walk(list.pointer(i)?, budget)?,
            ElementSize::Bit => {}
            _ => walk_struct(&list.structure(i)?, budget)?,
        }
    }
    assert!(list.structure(list.len()).is_err() && list.pointer(list.len()).is_err());
    Ok(())
}
