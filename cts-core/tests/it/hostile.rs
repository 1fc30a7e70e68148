//! Logs made to keep a reader busy: the work must stay near linear in their size. A quadratic step would turn these
//! seconds into hours, so that no clock needs to be asserted. `CTS_HOSTILE_MB` sets their size.

use cts_core::log::{Batch, Log, LogStream, ReadOptions};

fn megabytes() -> usize {
    let size = std::env::var("CTS_HOSTILE_MB").ok().and_then(|text| text.parse().ok());
    size.unwrap_or(4) << 20
}

/// An event that claims to be `words` words long; only 4 follow.
fn claim(words: u64) -> Vec<u8> {
    [words << 32, 0x0001_0002_0000_0000, 1_000_000, 17, 0].iter().flat_map(|w| w.to_le_bytes()).collect()
}

fn repeat(piece: &[u8]) -> Vec<u8> {
    piece.repeat(megabytes() / piece.len())
}

/// Reads the log both ways, which must agree; returns the number of events.
fn read(name: &str, bytes: &[u8]) -> usize {
    let options = ReadOptions::default();
    let whole = Log::from_bytes(bytes, &options);
    let mut streamed = Vec::new();
    if let Ok(mut stream) = LogStream::new(bytes, &options) {
        let mut batch = Batch::default();
        while let Ok(true) = stream.next_batch(&mut batch) {
            streamed.extend(batch.events().map(|e| e.offset()));
        }
    }
    let whole: Vec<u64> = whole.map_or(vec![], |log| log.events().map(|e| e.offset()).collect());
    assert!(whole == streamed, "{name}: {} events whole, {} streamed", whole.len(), streamed.len());
    whole.len()
}

#[test]
fn root_pointers_everywhere() {
    read("roots", &repeat(&[0, 0, 0, 0, 2, 0, 1, 0]));
    read("tables and roots", &repeat(&[0, 0, 0, 0, 4, 0, 0, 0, 0, 0, 0, 0, 2, 0, 1, 0]));
}

#[test]
fn claims_beyond_the_end() {
    let events = read("claim, event", &repeat(&[claim(8 << 20), claim(4)].concat()));
    assert!(events > 0);
    read("claims", &repeat(&claim(7 << 20)));
    read("small claims", &repeat(&claim(1000)));
    let mut one = claim((60 << 20) / 8);
    one.extend(repeat(&claim(60_000)));
    read("one giant claim over claims", &one);
}

#[test]
fn large_claims_that_end_at_events() {
    // Each claim ends where another event begins; in their first bytes there are, or are not, runs of good events.
    for (name, piece) in [
        ("nested claims", claim(5 * 8000 + 4)),
        ("nested claims, an event each", [claim(10 * 8000 + 4), claim(4)].concat()),
        ("nested claims, two events each", [claim(15 * 8000 + 4), claim(4), claim(4)].concat()),
        ("nested claims, three events each", [claim(20 * 8000 + 4), claim(4), claim(4), claim(4)].concat()),
    ] {
        assert!(read(name, &repeat(&piece)) > 0);
    }
}

#[test]
fn other_roots_and_garbage() {
    // A root of three data words: readable, but not what a search looks for.
    let other: Vec<u8> =
        [5u64 << 32, 0x0001_0003_0000_0000, 1, 17, 0, 0].iter().flat_map(|w| w.to_le_bytes()).collect();
    read("other roots", &repeat(&other));
    read("other roots, garbage", &repeat(&[&other[..], &[0xFF; 8]].concat()));
    read("events, garbage", &repeat(&[&claim(4)[..], &[0xFF; 8]].concat()));
}

#[test]
fn compressed_pieces_of_nothing() {
    let frame = zstd::bulk::compress(&claim(4), 1).unwrap();
    read("small zstd frames", &repeat(&frame));
    read("skippable frames", &repeat(&[0x50, 0x2A, 0x4D, 0x18, 0, 0, 0, 0]));
    read("zstd magics", &[frame.clone(), repeat(&[0x28, 0xB5, 0x2F, 0xFD])].concat());
    read("zstd magics and reserved bits", &[frame.clone(), repeat(&[0x28, 0xB5, 0x2F, 0xFD, 0xFF])].concat());
    read("zstd, then garbage", &[frame, repeat(&[1, 2, 3, 4])].concat());
    let magic = [0x31, 0x41, 0x59, 0x26, 0x53, 0x59];
    read("bzip2 block magics", &[&b"BZh9"[..], &repeat(&magic)].concat());
    read("bzip2 blocks of nothing", &[&b"BZh9"[..], &repeat(&[&magic[..], &[0; 24]].concat())].concat());
    read("bzip2 ends", &[&b"BZh9"[..], &repeat(&[0x17, 0x72, 0x45, 0x38, 0x50, 0x90, 0, 0, 0, 0])].concat());
}
