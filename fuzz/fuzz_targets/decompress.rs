//! [`Decoder`] over arbitrary bytes, also behind the magic of each codec: no panic, an end, and no more bytes than
//! the limit allows.
#![no_main]

use cts_core::log::{Decoder, Fill, Limits};
use libfuzzer_sys::fuzz_target;

const LIMIT: usize = 1 << 20;
/// What one step of a codec may deliver beyond the limit before it is seen.
const STEP: usize = 256 << 10;

fuzz_target!(|input: &[u8]| {
    let Some(([mode, want], rest)) = input.split_first_chunk::<2>() else {
        return;
    };
    let magic: &[u8] = match mode % 4 {
        0 => b"",
        1 => &[0x28, 0xB5, 0x2F, 0xFD],
        2 => b"BZh9",
        _ => b"BZh1\x31\x41\x59\x26\x53\x59",
    };
    let bytes = [magic, rest].concat();
    let limits = Limits {
        max_log_bytes: LIMIT as u64,
        ..Limits::default()
    };
    let Ok(mut decoder) = Decoder::new(&bytes[..], &limits) else {
        return;
    };
    let want = usize::from(*want) << 10;
    let (mut out, mut gaps) = (Vec::new(), 0);
    loop {
        match decoder.fill(&mut out, want) {
            Ok(Fill::Data) => {}
            Ok(Fill::Gap(damage)) => {
                gaps += 1;
                assert!(damage.file_offset.is_some_and(|at| at <= bytes.len() as u64));
                assert!(gaps <= bytes.len(), "gaps without progress");
            }
            Ok(Fill::End) => break,
            Err(_) => break,
        }
    }
    assert!(out.len() <= LIMIT + STEP, "{} bytes delivered", out.len());
});
