//! Cuts, flips and garbage anywhere: no panic, nothing lost before the damage, recovery after it.

use std::io::Write;

use cts_core::log::{Batch, Log, LogStream, ReadOptions};
use proptest::prelude::*;

/// An event with `payload` words: framing, root, mono time, discriminant of `logMessage`, a text of that size.
fn event(mono_time: u64, payload: usize) -> Vec<u8> {
    let text = payload * 8;
    let mut words = vec![((4 + payload) as u64) << 32, 0x0001_0002_0000_0000, mono_time, 17];
    words.push(1 | 2 << 32 | (text as u64) << 35);
    let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    bytes.extend(
        (0..text).map(|i| if i + 1 == text { 0 } else { b'a' + (mono_time as usize + i) as u8 % 26 }),
    );
    bytes
}

/// A plain log and the offset at which each event ends.
fn log(sizes: &[usize]) -> (Vec<u8>, Vec<usize>) {
    let (mut bytes, mut ends) = (Vec::new(), Vec::new());
    for (i, size) in sizes.iter().enumerate() {
        bytes.extend(event(1_000_000 + i as u64, *size));
        ends.push(bytes.len());
    }
    (bytes, ends)
}

fn zst(plain: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 3).unwrap();
    encoder.write_all(plain).unwrap();
    encoder.finish().unwrap()
}

/// Mono times of all events, read whole and as a stream; both must agree. Empty for inputs that are no log.
fn times(bytes: &[u8]) -> Vec<u64> {
    let options = ReadOptions::default();
    let whole =
        Log::from_bytes(bytes, &options).map_or(vec![], |log| log.events().map(|e| e.mono_time()).collect());
    let mut streamed = vec![];
    if let Ok(mut stream) = LogStream::new(bytes, &options) {
        let mut batch = Batch::default();
        while let Ok(true) = stream.next_batch(&mut batch) {
            streamed.extend(batch.events().map(|e| e.mono_time()));
        }
    }
    assert_eq!(whole, streamed);
    whole
}

fn sizes() -> impl Strategy<Value = Vec<usize>> {
    prop::collection::vec(1usize..40, 4..40)
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(300))]

    #[test]
    fn a_cut_loses_only_the_cut_event(sizes in sizes(), at in 0.0f64..1.0) {
        let (bytes, ends) = log(&sizes);
        let at = (bytes.len() as f64 * at) as usize;
        let whole = ends.iter().filter(|end| **end <= at).count();
        let want: Vec<u64> = (0..whole).map(|i| 1_000_000 + i as u64).collect();
        prop_assert_eq!(times(&bytes[..at]), want);
    }

    #[test]
    fn a_flipped_byte_costs_its_own_event_at_most(sizes in sizes(), at in 0.0f64..1.0, flip in 1u8..=255) {
        let (mut bytes, ends) = log(&sizes);
        let at = (bytes.len() as f64 * at) as usize;
        bytes[at] ^= flip;
        let hit = ends.iter().filter(|end| **end <= at).count();
        prop_assume!(!swallows_exactly(&bytes, &ends, hit));
        let got = times(&bytes);
        for i in (0..sizes.len()).filter(|i| *i != hit) {
            // A flip in the first bytes may change the codec: then nothing precedes the damage.
            if at >= 8 || i < hit {
                prop_assert!(got.contains(&(1_000_000 + i as u64)), "event {} of {} lost, hit {}", i, sizes.len(), hit);
            }
        }
        prop_assert!(got.len() <= sizes.len());
    }

    #[test]
    fn garbage_between_events_is_skipped(
        sizes in sizes(),
        garbage in prop::collection::vec(any::<u8>(), 1..200),
        place in 0.0f64..1.0,
    ) {
        let (mut bytes, ends) = log(&sizes);
        let event = (sizes.len() as f64 * place) as usize;
        let at = if event == 0 { 0 } else { ends[event - 1] };
        bytes.splice(at..at, garbage);
        let got = times(&bytes);
        prop_assert!(at < 8 || (0..sizes.len()).all(|i| got.contains(&(1_000_000 + i as u64))));
    }

    #[test]
    fn damaged_compression_keeps_what_precedes_it(sizes in sizes(), at in 0.0f64..1.0, flip in 1u8..=255, cut: bool) {
        let (bytes, _) = log(&sizes);
        let half = bytes.len() / 2;
        let (first, second) = (zst(&bytes[..half]), zst(&bytes[half..]));
        let mut both = [first.clone(), second].concat();
        let at = (both.len() as f64 * at) as usize;
        if cut { both.truncate(at) } else { both[at] ^= flip }
        let got = times(&both);
        if at >= first.len() {
            let ends = log(&sizes).1;
            let whole = ends.iter().filter(|end| **end <= half).count();
            prop_assert!((0..whole).all(|i| got.contains(&(1_000_000 + i as u64))));
        }
    }

    #[test]
    fn any_bytes_are_read_without_a_panic(bytes in prop::collection::vec(any::<u8>(), 0..300), magic in 0usize..4) {
        let start: &[u8] = [&b""[..], &[0x28, 0xB5, 0x2F, 0xFD], b"BZh9", &[0, 0, 0, 0, 4, 0, 0, 0]][magic];
        times(&[start, &bytes].concat());
    }
}

/// Whether event `hit` of the damaged log claims to end exactly where a later event does: nothing tells that from a
/// sound log.
fn swallows_exactly(bytes: &[u8], ends: &[usize], hit: usize) -> bool {
    let start = if hit == 0 { 0 } else { ends[hit - 1] };
    let words = u32::from_le_bytes(bytes[start + 4..start + 8].try_into().unwrap()) as usize;
    bytes[start..start + 4] == [0; 4] && ends[hit + 1..].contains(&(start + 8 + words * 8))
}

#[test]
fn every_flip_of_a_bit_costs_its_own_event_at_most() {
    let (bytes, ends) = log(&[3, 4, 2, 20, 7, 5, 5, 20]);
    for (at, bit) in (8..bytes.len()).flat_map(|at| (0..8).map(move |bit| (at, bit))) {
        let mut bytes = bytes.clone();
        bytes[at] ^= 1 << bit;
        let hit = ends.iter().filter(|end| **end <= at).count();
        let got = times(&bytes);
        let lost: Vec<usize> =
            (0..8).filter(|i| *i != hit && !got.contains(&(1_000_000 + *i as u64))).collect();
        assert!(
            lost.is_empty() || swallows_exactly(&bytes, &ends, hit),
            "byte {at}, bit {bit}: {lost:?} lost"
        );
    }
}

#[test]
fn a_size_that_ends_at_the_next_root_costs_only_its_own_event() {
    // There the next event's root and mono time read as a table and a far pointer.
    let mut bytes = log(&[5; 12]).0;
    let second = event(1_000_000, 5).len();
    bytes[second + 4] += 1;
    bytes[second * 2 + 16] = 0x42;
    let got = times(&bytes);
    assert!(got.len() >= 11 && (3..12).all(|i| got.contains(&(1_000_000 + i))), "{got:?}");
}

#[test]
fn a_damaged_bzip2_block_costs_that_block() {
    // Text that does not compress well, so that the log has several blocks.
    let mut seed = 1u64;
    let mut plain = Vec::new();
    let mut count = 0;
    while plain.len() < 2_500_000 {
        let mut bytes = event(1_000_000 + count, 100);
        for byte in &mut bytes[40..] {
            seed = seed.wrapping_mul(6364136223846793005).wrapping_add(1442695040888963407);
            *byte = 1 + (seed >> 60) as u8;
        }
        plain.extend(bytes);
        count += 1;
    }
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(&plain).unwrap();
    let mut packed = encoder.finish().unwrap();
    assert_eq!(times(&packed).len() as u64, count);
    let middle = packed.len() / 2;
    packed[middle] ^= 0x55;
    let got = times(&packed);
    let lost = count - got.len() as u64;
    assert!(lost > 0 && lost < count / 2, "{lost} of {count} events lost");
    assert!(got.contains(&1_000_000) && got.contains(&(1_000_000 + count - 1)));
}

#[test]
fn hostile_sizes_are_refused_without_allocation() {
    let options = ReadOptions::default();
    // A zstd frame that claims 2^60 bytes of content and has none.
    let mut frame = vec![0x28, 0xB5, 0x2F, 0xFD, 0xC0];
    frame.extend([0x00]);
    frame.extend((1u64 << 60).to_le_bytes());
    assert!(Log::from_bytes(&frame, &options).is_err());
    // A bomb: more than the limit in a few hundred bytes.
    let limits = cts_core::log::Limits { max_log_bytes: 1 << 20, ..Default::default() };
    let options = ReadOptions { limits, ..ReadOptions::default() };
    let error = Log::from_bytes(&zst(&vec![0; 64 << 20]), &options).unwrap_err();
    assert_eq!(error.code(), "too-large");
    assert!(error.to_string().contains("max_log_bytes"), "{error}");
}

#[test]
fn a_bzip2_bomb_stops_at_the_limit() {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::best());
    encoder.write_all(&vec![0; 40 << 20]).unwrap();
    let packed = encoder.finish().unwrap();
    let limits = cts_core::log::Limits { max_log_bytes: 3 << 20, ..Default::default() };
    let mut decoder = cts_core::log::Decoder::new(&packed[..], &limits).unwrap();
    let mut out = Vec::new();
    assert_eq!(decoder.fill(&mut out, 1 << 30).unwrap_err().code(), "too-large");
    assert_eq!(out.len(), (3 << 20) + 1);
}
