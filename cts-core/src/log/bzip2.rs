//! bzip2 streams, block by block.
//!
//! A block is self-contained and carries its own CRC but starts at any bit. Each is cut out at the magic numbers
//! and decoded as a stream of its own, so that a damaged block costs that block only and never delivers garbage.
//! Source: the format as written by bzip2 1.0.8; the same cut is what `bzip2recover` makes.

use bzip2::{Decompress, Status};

use super::completeness::DamageKind;
use super::decoder::{Fill, compression_damage};

const BLOCK_MAGIC: u64 = 0x3141_5926_5359;
const END_MAGIC: u64 = 0x1772_4538_5090;
const MAGIC_BITS: u64 = 48;
const MASK: u64 = (1 << MAGIC_BITS) - 1;
/// Most bytes that one block decodes to, run-length coding included: 900 kB of level 9, times 255/5.
const MAX_BLOCK: usize = 900_000 * 51;
/// Fewest bits of a block: magic, CRC, flag, origin, map of used bytes, two Huffman tables, an end symbol.
const MIN_BITS: u64 = MAGIC_BITS + 32 + 1 + 24 + 32 + 18 + 1 + 16;
/// More bits than any block has: 900,000 symbols of at most 20 bits, and the tables.
const MAX_BITS: u64 = 900_000 * 20 + (1 << 20);

/// Bytes that are decoded at once.
const STEP: usize = 1 << 20;

pub(super) struct Bzip2 {
    bytes: Vec<u8>,
    /// Bit at which the search for the next magic number begins.
    bit: u64,
    /// First bit of the block that was found last.
    block: Option<u64>,
    /// Whether the latest block was damaged. Further damage before the next good block is the same gap.
    damaged: bool,
}

impl Bzip2 {
    pub(super) fn new(bytes: Vec<u8>) -> Self {
        Self { bytes, bit: 0, block: None, damaged: false }
    }

    /// Appends whole blocks until there are `want` bytes more. It stops early above `most` bytes.
    pub(super) fn fill(&mut self, out: &mut Vec<u8>, want: usize, most: usize) -> Fill {
        let (start, goal) = (out.len(), out.len() + want.max(1));
        let most = start.saturating_add(most);
        while out.len() < goal.min(most.saturating_add(1)) {
            let Some((block, end, last)) = self.next_block() else {
                return if out.len() > start { Fill::Data } else { Fill::End };
            };
            match self.decode(block, end, last, out, most) {
                Ok(()) => self.damaged = false,
                Err(_) if self.damaged => {}
                Err(gap) => {
                    self.damaged = true;
                    return gap;
                }
            }
        }
        Fill::Data
    }

    /// First and last bit of the next block, and whether no magic number follows it.
    fn next_block(&mut self) -> Option<(u64, u64, bool)> {
        loop {
            let found = self.next_magic();
            let block = self.block.take();
            self.block = found.and_then(|(at, magic)| (magic == BLOCK_MAGIC).then_some(at));
            let end = found.map_or(self.bytes.len() as u64 * 8, |(at, _)| at);
            match block {
                Some(start) => return Some((start, end, found.is_none())),
                None if found.is_none() => return None,
                None => {}
            }
        }
    }

    /// Finds the next magic number at any bit.
    fn next_magic(&mut self) -> Option<(u64, u64)> {
        let total = self.bytes.len() as u64 * 8;
        let mut window = 0u64;
        let mut bit = self.bit;
        let from = bit;
        while bit < total {
            // Whole bytes: the window then holds eight possible positions.
            let byte = self.bytes[(bit / 8) as usize];
            if bit.is_multiple_of(8)
                && bit - from >= MAGIC_BITS
                && total - bit >= 8
                && !may_hold_magic(window, byte)
            {
                window = window << 8 | u64::from(byte);
                bit += 8;
                continue;
            }
            window = window << 1 | u64::from(byte >> (7 - bit % 8) & 1);
            bit += 1;
            let tail = window & MASK;
            if bit - from >= MAGIC_BITS && (tail == BLOCK_MAGIC || tail == END_MAGIC) {
                self.bit = bit;
                return Some((bit - MAGIC_BITS, tail));
            }
        }
        self.bit = total;
        None
    }

    /// Decodes the block between two bits; `last` when no magic number follows it.
    fn decode(&self, start: u64, end: u64, last: bool, out: &mut Vec<u8>, most: usize) -> Result<(), Fill> {
        let before = out.len();
        let result = match self.may_be_block(start, end) {
            true => decode_stream(&self.as_stream(start, end.min(start + MAX_BITS)), out, most),
            false => Err("block header is damaged"),
        };
        result.map_err(|reason| {
            out.truncate(before);
            let (kind, reason) = match last {
                true => (DamageKind::Cut, "the file ends inside a bzip2 block"),
                false => (DamageKind::Compression, reason),
            };
            Fill::Gap(compression_damage(kind, start / 8, reason))
        })
    }

    /// A cheap look before a decoder is made, which costs as much as decoding kilobytes: the block is long enough,
    /// its origin lies inside it, and it uses a byte at all.
    fn may_be_block(&self, start: u64, end: u64) -> bool {
        let at = start + MAGIC_BITS + 32 + 1;
        end - start >= MIN_BITS && self.bits(at, 24) < 900_000 && self.bits(at + 24, 16) != 0
    }

    /// A stream of this one block: header, the block's bits, end magic, and the block's CRC as the stream's.
    fn as_stream(&self, start: u64, end: u64) -> Vec<u8> {
        let mut writer = BitWriter { bytes: b"BZh9".to_vec(), byte: 0, bits: 0 };
        let mut bit = start;
        while bit < end {
            let count = (end - bit).min(8) as u32;
            writer.put(self.bits(bit, count), count);
            bit += u64::from(count);
        }
        let crc = self.bits(start + MAGIC_BITS, 32);
        writer.put(END_MAGIC, MAGIC_BITS as u32);
        writer.put(crc, 32);
        writer.finish()
    }

    /// `count` bits from `bit` on; zeros beyond the end.
    fn bits(&self, bit: u64, count: u32) -> u64 {
        let first = (bit / 8) as usize;
        let mut value = 0u64;
        for i in 0..8 {
            value = value << 8 | u64::from(self.bytes.get(first + i).copied().unwrap_or(0));
        }
        (value << (bit % 8)) >> (64 - count)
    }
}

/// Whether a magic number may end inside the next byte: its first 40 bits then stand somewhere in the window.
fn may_hold_magic(window: u64, byte: u8) -> bool {
    let all = (window as u128) << 8 | u128::from(byte);
    (0..8).any(|shift| {
        let tail = (all >> shift) as u64 & MASK;
        tail == BLOCK_MAGIC || tail == END_MAGIC
    })
}

/// Appends what the stream holds. Stops without an error as soon as `out` has more than `most` bytes, by one.
fn decode_stream(stream: &[u8], out: &mut Vec<u8>, most: usize) -> Result<(), &'static str> {
    let mut decoder = Decompress::new(false);
    let start = out.len();
    let stop = most.min(start + MAX_BLOCK).saturating_add(1);
    loop {
        let at = start + decoder.total_out() as usize;
        out.resize(stop.min(at + STEP), 0);
        let used = decoder.total_in() as usize;
        let status = decoder.decompress(&stream[used..], &mut out[at..]);
        let room = out.len();
        out.truncate(start + decoder.total_out() as usize);
        match status {
            Ok(Status::StreamEnd) => return Ok(()),
            Ok(_) if out.len() > most => return Ok(()),
            Ok(_) if out.len() == stop => return Err("block larger than the format allows"),
            Ok(_) if out.len() < room => return Err("block is cut"),
            Ok(_) => {}
            Err(_) => return Err("block does not decode, or its CRC is wrong"),
        }
    }
}

struct BitWriter {
    bytes: Vec<u8>,
    /// The lowest `bits` bits are not yet in `bytes`; there are fewer than 8.
    byte: u64,
    bits: u32,
}

impl BitWriter {
    /// Appends the lowest `count` bits of `value`, at most 48, which has no others.
    fn put(&mut self, value: u64, count: u32) {
        self.byte = self.byte << count | value;
        self.bits += count;
        while self.bits >= 8 {
            self.bits -= 8;
            self.bytes.push((self.byte >> self.bits) as u8);
        }
    }

    fn finish(mut self) -> Vec<u8> {
        if self.bits > 0 {
            self.put(0, 8 - self.bits);
        }
        self.bytes
    }
}
