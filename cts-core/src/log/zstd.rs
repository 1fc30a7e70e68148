//! zstd frames: a whole input at once, or block by block with recovery at the next frame.

use std::io::Read;

use memchr::memmem;
use zstd::zstd_safe::{self, DCtx, DParameter, InBuffer, OutBuffer, ResetDirective};

use super::completeness::DamageKind;
use super::decoder::{Fill, Input, compression_damage};
use crate::{ErrorKind, Result};

/// First bytes of a frame. Source: RFC 8878 section 3.1.1.
pub(super) const MAGIC: [u8; 4] = [0x28, 0xB5, 0x2F, 0xFD];

/// Most decompressed bytes of one block. Source: RFC 8878 section 3.1.1.2.4.
const BLOCK: usize = 128 << 10;

/// Decompression of more than this ratio takes the slower way, whose buffer grows with real data only. Logs have
/// about 5; a lying header or a bomb has thousands.
const FAST_RATIO: u64 = 64;

/// Compressed bytes that are decompressed at a time: what comes out of them stays in the cache until `show` has looked
/// at it.
const PIECE: usize = 64 << 10;

/// What the decoder answers when it gets no memory. Source: zstd_errors.h, `ZSTD_error_memory_allocation`.
const NO_MEMORY: usize = 64usize.wrapping_neg();

/// The size of the buffer that an input needs at most; `None` when the input is for the careful way.
pub(super) fn whole_size(bytes: &[u8], limit: u64) -> Option<usize> {
    let bound = zstd_safe::decompress_bound(bytes).ok()?;
    (bound <= limit && bound <= FAST_RATIO * bytes.len() as u64).then_some(bound as usize)
}

/// Decompresses an undamaged input, given in pieces, into one buffer of `size` bytes, which `show` sees as it grows;
/// `None` when the input turns out to be damaged.
pub(super) fn decompress_whole<P: AsRef<[u8]>>(
    pieces: impl Iterator<Item = P>,
    size: usize,
    mut show: impl FnMut(&[u8]),
) -> Option<Vec<u8>> {
    let mut context = DCtx::try_create()?;
    // The decoder writes straight to `out` instead of a window of its own: `out` holds all that is to come.
    context.set_parameter(DParameter::StableOutBuffer(true)).ok()?;
    let mut out = Vec::with_capacity(size);
    let mut unfinished = 0;
    for given in pieces {
        for piece in given.as_ref().chunks(PIECE) {
            let mut source = InBuffer::around(piece);
            while source.pos() < piece.len() {
                let at = out.len();
                let target = &mut OutBuffer::around_pos(&mut out, at);
                unfinished = context.decompress_stream(target, &mut source).ok()?;
            }
            show(&out);
        }
    }
    (unfinished == 0).then_some(out)
}

#[cold]
fn no_memory() -> ErrorKind {
    ErrorKind::Io { action: "decompress zstd", source: std::io::ErrorKind::OutOfMemory.into() }
}

/// A zstd stream that is fed exactly what each block needs, so that an error names its block and everything
/// before it has been delivered.
pub(super) struct Zstd {
    context: DCtx<'static>,
    /// Bytes that the decoder wants next; 0 between frames.
    want: usize,
    /// Whether a frame was entered and not finished.
    inside: bool,
    ended: bool,
    /// Whether nothing was decoded since the latest damage: further damage is then the same gap.
    damaged: bool,
}

impl Zstd {
    pub(super) fn new() -> Result<Self> {
        let context = DCtx::try_create().ok_or_else(no_memory)?;
        Ok(Self { context, want: 0, inside: false, ended: false, damaged: false })
    }

    pub(super) fn fill<R: Read>(
        &mut self,
        input: &mut Input<R>,
        out: &mut Vec<u8>,
        want: usize,
    ) -> Result<Fill> {
        let (start, goal) = (out.len(), out.len() + want.max(1));
        out.reserve(want + BLOCK);
        while !self.ended && out.len() < goal {
            let before = out.len();
            let gap = self.block(input, out)?;
            self.damaged &= out.len() == before;
            if let Some(gap) = gap
                && !std::mem::replace(&mut self.damaged, true)
            {
                return Ok(gap);
            }
        }
        Ok(if out.len() > start { Fill::Data } else { Fill::End })
    }

    /// Decodes one block or header; a gap when it is damaged.
    fn block<R: Read>(&mut self, input: &mut Input<R>, out: &mut Vec<u8>) -> Result<Option<Fill>> {
        let want = if self.want == 0 { 5 } else { self.want };
        let bytes = input.peek(want)?;
        if bytes.is_empty() || (self.inside && bytes.len() < want) {
            self.ended = true;
            return Ok(self.inside.then(|| {
                let reason = "the file ends inside a zstd frame";
                Fill::Gap(compression_damage(DamageKind::Cut, input.offset(), reason))
            }));
        }
        let mut source = InBuffer::around(&bytes[..want.min(bytes.len())]);
        if out.capacity() - out.len() < BLOCK {
            out.reserve(BLOCK);
        }
        let at = out.len();
        let result = self.context.decompress_stream(&mut OutBuffer::around_pos(out, at), &mut source);
        let used = source.pos();
        input.consume(used);
        match result {
            Ok(next) => {
                self.inside = next != 0;
                self.want = next;
                Ok(None)
            }
            // Says nothing about the input.
            Err(NO_MEMORY) => Err(no_memory().into()),
            Err(code) => self.resume(input, zstd_safe::get_error_name(code)).map(Some),
        }
    }

    /// After an error: looks for the next frame in the rest of the input.
    #[cold]
    fn resume<R: Read>(&mut self, input: &mut Input<R>, reason: &str) -> Result<Fill> {
        let damage = compression_damage(DamageKind::Compression, input.offset(), reason);
        let _ = self.context.reset(ResetDirective::SessionOnly);
        (self.want, self.inside) = (0, false);
        // The frame that failed may still start at the first unread byte: look behind it.
        let skip = input.peek(1)?.len().min(1);
        input.consume(skip);
        loop {
            let bytes = input.peek(BLOCK)?;
            match memmem::find(bytes, &MAGIC) {
                Some(at) => {
                    input.consume(at);
                    return Ok(Fill::Gap(damage));
                }
                None if bytes.len() < MAGIC.len() => {
                    self.ended = true;
                    return Ok(Fill::Gap(damage));
                }
                None => {
                    let skip = bytes.len() - (MAGIC.len() - 1);
                    input.consume(skip);
                }
            }
        }
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_code_for_no_memory_is_that_of_the_decoder() {
        let name = zstd::zstd_safe::get_error_name(super::NO_MEMORY);
        assert!(name.contains("not enough memory"), "{name}");
    }
}
