//! Decompression: told apart by content, never by name, and tolerant of damage.

use std::io::Read;

use super::Limits;
use super::bzip2::Bzip2;
use super::completeness::{Damage, DamageKind};
use super::zstd::Zstd;
use crate::{Error, ErrorKind, Result};

/// How a log is compressed.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Codec {
    /// zstd frames, one or many. Devices write one without content size since 2025-02.
    Zstd,
    /// bzip2 streams, one or many.
    Bzip2,
    /// Not compressed.
    Plain,
}

impl Codec {
    /// `zstd`, `bzip2` or `none`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Zstd => "zstd",
            Self::Bzip2 => "bzip2",
            Self::Plain => "none",
        }
    }

    /// Tells the codec by the first bytes of a file.
    ///
    /// Source: RFC 8878 section 3.1 (zstd and skippable frames); bzip2 `BZh`, level, block or end magic.
    ///
    /// # Errors
    /// `unknown-codec` for containers that are certainly something else, such as gzip.
    pub fn detect(start: &[u8]) -> Result<Self> {
        let is = |magic: &[u8]| start.starts_with(magic);
        let skippable = start.len() >= 4 && start[0] & 0xF0 == 0x50 && start[1..4] == [0x2A, 0x4D, 0x18];
        if is(&super::zstd::MAGIC) || skippable {
            return Ok(Self::Zstd);
        }
        if is(b"BZh") && start.get(3).is_some_and(|level| (b'1'..=b'9').contains(level)) {
            return Ok(Self::Bzip2);
        }
        let other =
            [(&[0x1F, 0x8B][..], "gzip"), (b"\xFD7zXZ", "xz"), (b"PK\x03\x04", "zip"), (b"\x89MCAP", "MCAP")];
        match other.into_iter().find(|(magic, _)| is(magic)) {
            Some((_, codec)) => {
                let help = "give a log as zstd, bzip2 or uncompressed".to_owned();
                Err(ErrorKind::UnknownCodec { codec: codec.to_owned(), help }.into())
            }
            None => Ok(Self::Plain),
        }
    }
}

/// What a call of [`Decoder::fill`] did.
#[derive(Debug, PartialEq, Eq)]
pub enum Fill {
    /// Bytes were appended.
    Data,
    /// The stream is damaged; what follows does not continue what came before. The damage's offset is 0, the
    /// caller knows it. Damaged pieces one behind the other are one gap.
    Gap(Damage),
    /// The input is used up.
    End,
}

/// Compressed input with a window of unread bytes.
pub(super) struct Input<R> {
    reader: R,
    buf: Vec<u8>,
    /// First unread byte of `buf`.
    pos: usize,
    /// Bytes of the file before `buf`.
    before: u64,
    ended: bool,
}

/// Bytes asked of the reader at first, and at most. Small first, so that the head of a log costs kilobytes.
const FIRST_READ: usize = 16 << 10;
pub(super) const FULL_READ: usize = 256 << 10;

impl<R: Read> Input<R> {
    fn new(reader: R) -> Self {
        Self { reader, buf: Vec::new(), pos: 0, before: 0, ended: false }
    }

    /// The unread bytes, at least `want` of them unless the input ends before.
    #[inline]
    pub(super) fn peek(&mut self, want: usize) -> Result<&[u8]> {
        while self.buf.len() - self.pos < want && !self.ended {
            self.read_more(want)?;
        }
        Ok(&self.buf[self.pos..])
    }

    fn read_more(&mut self, want: usize) -> Result<()> {
        self.buf.drain(..self.pos);
        self.before += self.pos as u64;
        self.pos = 0;
        // As much again as was read so far: the head of a log costs little, the rest comes in large pieces.
        let step = FIRST_READ.max((self.before as usize).saturating_add(self.buf.len()));
        let more = step.max(want - self.buf.len()).min(FULL_READ) as u64;
        let got = (&mut self.reader).take(more).read_to_end(&mut self.buf);
        self.ended = got.map_err(|e| Error::io("read", e))? as u64 != more;
        Ok(())
    }

    pub(super) fn consume(&mut self, bytes: usize) {
        self.pos += bytes;
    }

    /// Offset in the file of the next unread byte.
    pub(super) fn offset(&self) -> u64 {
        self.before + self.pos as u64
    }

    /// Everything that is left.
    pub(super) fn rest(&mut self, limit: u64) -> Result<Vec<u8>> {
        let mut all = self.buf.split_off(self.pos);
        let room = limit.saturating_sub(all.len() as u64);
        let got =
            (&mut self.reader).take(room + 1).read_to_end(&mut all).map_err(|e| Error::io("read", e))?;
        self.ended = true;
        self.before += (self.pos + all.len()) as u64;
        self.buf.clear();
        self.pos = 0;
        if got as u64 > room { Err(too_large(limit)) } else { Ok(all) }
    }
}

#[cold]
pub(super) fn too_large(limit: u64) -> Error {
    let what = "decompressed log".to_owned();
    ErrorKind::TooLarge { what, limit, name: "max_log_bytes" }.into()
}

/// Damage of the compressed stream at `file_offset`.
pub(super) fn compression_damage(kind: DamageKind, file_offset: u64, reason: impl Into<String>) -> Damage {
    let reason = reason.into();
    Damage { kind, offset: 0, len: 0, file_offset: Some(file_offset), event: None, reason }
}

/// A decompressor over any [`Read`].
///
/// It holds one compressed block and the window of the codec, never the whole input; only bzip2 input, whose
/// blocks start at any bit, is held compressed.
pub struct Decoder<R> {
    input: Input<R>,
    state: State,
    codec: Codec,
    left: u64,
    limit: u64,
}

enum State {
    Zstd(Zstd),
    Bzip2(Bzip2),
    Plain,
}

impl<R: Read> Decoder<R> {
    /// Looks at the first bytes and prepares the codec.
    ///
    /// # Errors
    /// `io`; `unknown-codec`; `not-a-log` for an empty input.
    pub fn new(reader: R, limits: &Limits) -> Result<Self> {
        let mut input = Input::new(reader);
        let start = input.peek(8)?;
        if start.is_empty() {
            return Err(ErrorKind::NotALog { reason: "the file is empty".to_owned() }.into());
        }
        let codec = Codec::detect(start)?;
        let state = match codec {
            Codec::Zstd => State::Zstd(Zstd::new()?),
            Codec::Bzip2 => State::Bzip2(Bzip2::new(input.rest(limits.max_log_bytes)?)),
            Codec::Plain => State::Plain,
        };
        Ok(Self { input, state, codec, left: limits.max_log_bytes, limit: limits.max_log_bytes })
    }

    /// The codec that the content showed.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// Appends about `want` decompressed bytes to `out`, by whole blocks of the codec.
    ///
    /// # Errors
    /// `io`; `too-large` beyond `max_log_bytes`. Damage is not an error: it is a [`Fill::Gap`].
    pub fn fill(&mut self, out: &mut Vec<u8>, want: usize) -> Result<Fill> {
        let before = out.len();
        let fill = match &mut self.state {
            State::Zstd(zstd) => zstd.fill(&mut self.input, out, want)?,
            State::Bzip2(bzip2) => bzip2.fill(out, want, usize::try_from(self.left).unwrap_or(usize::MAX)),
            State::Plain => self.plain(out, want)?,
        };
        let got = (out.len() - before) as u64;
        self.left = self.left.checked_sub(got).ok_or_else(|| too_large(self.limit))?;
        Ok(fill)
    }

    fn plain(&mut self, out: &mut Vec<u8>, want: usize) -> Result<Fill> {
        let bytes = self.input.peek(1)?;
        let take = bytes.len().min(want.max(1));
        out.extend_from_slice(&bytes[..take]);
        self.input.consume(take);
        Ok(if take == 0 { Fill::End } else { Fill::Data })
    }
}
