//! Arbitrary bytes between valid events: the log as a whole and the log as a stream, cut anywhere into batches, give
//! the same events and the same record, and every byte is either delivered or accounted for.
#![no_main]

use cts_core::log::{Batch, Completeness, Limits, Log, LogStream, ReadOptions, frames};
use cts_fuzz::{can_event, text_event};
use libfuzzer_sys::fuzz_target;

type Seen = Vec<(u64, u64, u16, usize)>;

fn seen(batch: &Batch) -> Seen {
    for event in batch.events() {
        if let Ok(frames) = frames(&event) {
            let size = event.bytes().len();
            assert!(frames.size_hint().0 <= size);
            let _ = frames
                .take(size)
                .flatten()
                .map(|frame| frame.data.len())
                .sum::<usize>();
        }
    }
    batch
        .events()
        .map(|e| (e.offset(), e.mono_time(), e.which(), e.bytes().len()))
        .collect()
}

fn streamed(bytes: &[u8], options: &ReadOptions) -> Option<(Seen, Completeness)> {
    let mut stream = LogStream::new(bytes, options).ok()?;
    let (mut batch, mut all) = (Batch::default(), Vec::new());
    while stream.next_batch(&mut batch).ok()? {
        all.extend(seen(&batch));
    }
    Some((all, stream.completeness().clone()))
}

fuzz_target!(|input: &[u8]| {
    let Some(([mode, step], rest)) = input.split_first_chunk::<2>() else {
        return;
    };
    let mut bytes = Vec::new();
    for i in 0..u64::from(mode & 3) {
        bytes.extend(text_event(1_000_000 + i, 2));
    }
    bytes.extend(rest);
    for i in 0..u64::from(mode >> 2 & 3) {
        bytes.extend(can_event(2_000_000 + i, i));
    }
    let limits = Limits {
        max_log_bytes: 4 << 20,
        max_message_bytes: 1 << 20,
    };
    let batch_bytes = if mode & 16 == 0 {
        1 << 20
    } else {
        1 + usize::from(*step)
    };
    compare(
        &bytes,
        &ReadOptions {
            limits,
            batch_bytes,
            ..ReadOptions::default()
        },
    );
});

fn compare(bytes: &[u8], options: &ReadOptions) -> Option<()> {
    let whole = Log::from_bytes(bytes, options).ok();
    let stream = streamed(bytes, options);
    assert_eq!(whole.is_some(), stream.is_some());
    let (whole, (seen_stream, record)) = whole.zip(stream)?;
    let seen_whole = seen(&whole);
    assert_eq!(seen_whole, seen_stream);
    let want = whole.completeness();
    assert_eq!(
        (want.damage_count, want.bytes_skipped),
        (record.damage_count, record.bytes_skipped)
    );
    assert_eq!(want.damage, record.damage);
    let delivered: usize = seen_whole.iter().map(|(_, _, _, len)| *len).sum();
    assert_eq!(delivered as u64 + want.bytes_skipped, want.bytes_read);
    Some(())
}
