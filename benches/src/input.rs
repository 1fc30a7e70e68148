//! The logs to measure.

use std::path::PathBuf;

/// A log in memory, compressed and not.
pub struct Input {
    /// Name in bench ids: `made` or the file's.
    pub name: String,
    /// As zstd.
    pub packed: Vec<u8>,
    /// Decompressed.
    pub plain: Vec<u8>,
}

impl Input {
    /// The made log, and the one of `CTS_BENCH_LOG` where that is set.
    ///
    /// # Errors
    /// When the file cannot be read or is no zstd.
    pub fn all() -> std::io::Result<Vec<Self>> {
        let mut all = vec![Self::made()?];
        if let Some(path) = std::env::var_os("CTS_BENCH_LOG").map(PathBuf::from) {
            let packed = std::fs::read(&path)?;
            let plain = zstd::decode_all(&packed[..])?;
            let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
            all.push(Self { name, packed, plain });
        }
        Ok(all)
    }

    /// A minute of driving as [`made_log`] has it, packed as a device does: zstd level 10, one frame.
    ///
    /// # Errors
    /// When the compressor fails.
    pub fn made() -> std::io::Result<Self> {
        let plain = made_log(6000);
        let packed = zstd::bulk::compress(&plain, 10)?;
        Ok(Self { name: "made".to_owned(), packed, plain })
    }
}

/// A log of `ticks` steps of 10 ms: in each a `can` event of about 22 frames, a `sendcan` event of 3 and four
/// structs like `carState`; at its start `initData` and `carParams`. The same bytes each time.
pub fn made_log(ticks: u64) -> Vec<u8> {
    let mut log = Builder { bytes: Vec::new(), random: 0x9E37_79B9_7F4A_7C15 };
    log.structure(1, 0, 2, 200);
    log.structure(2, 67, 40, 100);
    for tick in 0..ticks {
        let time = 1_000_000_000 + tick * 10_000_000;
        log.frames(time, 4, 20 + tick % 5);
        log.frames(time + 1_000, 16, 3);
        for (i, (which, words)) in [(21, 30), (96, 6), (97, 6), (128, 8)].into_iter().enumerate() {
            log.structure(time + 2_000 + i as u64, which, words, 1);
        }
    }
    log.bytes
}

/// Writes events. Source: openpilot `cereal/log.capnp` `Event`, `CanData`; layouts as in its structs.
struct Builder {
    bytes: Vec<u8>,
    random: u64,
}

impl Builder {
    fn words(&mut self, words: &[u64]) {
        self.bytes.extend(words.iter().flat_map(|word| word.to_le_bytes()));
    }

    fn next(&mut self) -> u64 {
        self.random ^= self.random << 13;
        self.random ^= self.random >> 7;
        self.random ^= self.random << 17;
        self.random
    }

    /// An event with a struct of `words` data words and one text of `text` words. Every fourth word carries noise,
    /// as measured values do; the others stay.
    fn structure(&mut self, time: u64, which: u16, words: u64, text: u64) {
        let total = 4 + words + 1 + text;
        self.words(&[total << 32, 0x0001_0002_0000_0000, time, u64::from(which), words << 32 | 1 << 48]);
        for i in 0..words {
            let noise = if i % 4 == 0 { self.next() & 0xFFFF } else { 0 };
            self.words(&[0x4048_0000_0000_0000 + (i << 40) + noise]);
        }
        self.words(&[1 | 2 << 32 | (text * 8) << 35]);
        self.bytes.extend((0..text * 8).map(|i| if i + 1 == text * 8 { 0 } else { b'a' + (i % 23) as u8 }));
    }

    /// An event of `count` frames with 8 bytes each, a third of them noise.
    fn frames(&mut self, time: u64, which: u16, count: u64) {
        const FRAME: u64 = 3;
        let total = 4 + 1 + count * FRAME + count;
        self.words(&[total << 32, 0x0001_0002_0000_0000, time, u64::from(which)]);
        self.words(&[1 | 7 << 32 | (count * FRAME) << 35, count << 2 | 1 << 32 | 2 << 48]);
        for i in 0..count {
            // From this pointer to the data behind the list.
            let offset = (count - i - 1) * FRAME + 1 + i;
            let address = 0x100 + 0x21 * i;
            self.words(&[address | (i % 3) << 48, 1 | offset << 2 | 2 << 32 | 8 << 35, 0]);
        }
        for i in 0..count {
            let noise = self.next() & 0xFF_FF00;
            self.words(&[0x1122_3344_0000_0000 + (i << 56) + noise]);
        }
    }
}
