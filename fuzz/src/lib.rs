//! Inputs that the targets and the seeds share: small valid logs, plain and compressed.

use std::io::Write;

/// A `logMessage` event with a text of `payload` words.
///
/// Source: openpilot `cereal/log.capnp` `Event`: mono time bytes 0–7, discriminant bytes 8–9 (17: `logMessage`).
pub fn text_event(mono_time: u64, payload: usize) -> Vec<u8> {
    let text = payload * 8;
    let mut words = vec![((4 + payload) as u64) << 32, 0x0001_0002_0000_0000, mono_time, 17];
    words.push(1 | 2 << 32 | (text as u64) << 35);
    let mut bytes: Vec<u8> = words.iter().flat_map(|w| w.to_le_bytes()).collect();
    bytes.extend((0..text).map(|i| if i + 1 == text { 0 } else { b'a' + (i % 26) as u8 }));
    bytes
}

/// A `can` event with `count` frames of 8 bytes.
///
/// Source: openpilot `cereal/log.capnp` `CanData`: address bytes 0–3, src byte 6, data pointer 0; pointers 0 and 1.
pub fn can_event(mono_time: u64, count: u64) -> Vec<u8> {
    const FRAME: u64 = 3;
    let words = 5 + count * FRAME + count;
    let mut all = vec![words << 32, 0x0001_0002_0000_0000, mono_time, 4];
    all.push(1 | 7 << 32 | (count * FRAME) << 35);
    all.push(count << 2 | 1 << 32 | 2 << 48);
    for i in 0..count {
        // From this pointer word to the data behind the list.
        let offset = (count - i - 1) * FRAME + 1 + i;
        all.extend([0x200 + i, 1 | offset << 2 | 2 << 32 | 8 << 35, 0]);
    }
    all.extend((0..count).map(|i| i.wrapping_mul(0x0123_4567_89ab_cdef)));
    all.iter().flat_map(|w| w.to_le_bytes()).collect()
}

/// A valid plain log of a few events.
pub fn log() -> Vec<u8> {
    let mut bytes = Vec::new();
    for i in 0..4 {
        bytes.extend(text_event(1_000_000 + i, 1 + i as usize * 3));
        bytes.extend(can_event(1_000_100 + i, i));
    }
    bytes
}

/// One zstd frame.
pub fn zstd_frame(plain: &[u8]) -> Vec<u8> {
    zstd::bulk::compress(plain, 1).unwrap_or_default()
}

/// One bzip2 stream.
pub fn bzip2_stream(plain: &[u8]) -> Vec<u8> {
    let mut encoder = bzip2::write::BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    match encoder.write_all(plain).and_then(|()| encoder.finish()) {
        Ok(bytes) => bytes,
        Err(_) => Vec::new(),
    }
}
