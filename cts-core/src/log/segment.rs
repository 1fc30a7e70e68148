//! A whole segment in memory, indexed.

use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::Path;

use super::batch::Batch;
use super::completeness::{Completeness, Damage};
use super::decoder::{Codec, Decoder, FULL_READ, Fill, too_large};
use super::event::Entry;
use super::scan::Scanner;
use super::{Limits, ReadOptions, zstd};
use crate::{Error, ErrorKind, Result};

/// A segment in memory: its decompressed bytes and an index of its events (24 bytes each).
///
/// Dereferences to its one [`Batch`]. Memory: the decompressed size plus the index, about 1.1 times.
#[derive(Debug)]
pub struct Log {
    batch: Batch,
    codec: Codec,
    completeness: Completeness,
}

impl Log {
    /// Reads a file.
    ///
    /// # Errors
    /// `no-such-file`, `io`; else as [`Log::from_bytes`].
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        let path = path.as_ref();
        let open = || File::open(path).map_err(|e| Error::io("open", e));
        let read = || {
            let file = open()?;
            if !file.metadata().is_ok_and(|metadata| metadata.is_file()) {
                return Self::from_reader(file, options);
            }
            let limits = limits(options);
            match Self::from_pieces(read_all(file, limits.max_log_bytes)?, options)? {
                Some(log) => Ok(log),
                None => Self::from_decoder(Decoder::new(open()?, &limits)?, options),
            }
        };
        read().map_err(|e| e.path(path))
    }

    /// Reads all of `reader`.
    ///
    /// # Errors
    /// `io`; else as [`Log::from_bytes`].
    pub fn from_reader(reader: impl Read, options: &ReadOptions) -> Result<Self> {
        let bytes = read_all(reader, limits(options).max_log_bytes)?;
        match Codec::detect(&bytes)? {
            Codec::Plain => Self::plain(bytes, options),
            _ => Self::from_bytes(&bytes, options),
        }
    }

    /// Reads a log that is in memory, compressed or not.
    ///
    /// # Errors
    /// `not-a-log` when there is no event in it, `unknown-codec`, `too-large`; in strict mode the first damage.
    pub fn from_bytes(bytes: &[u8], options: &ReadOptions) -> Result<Self> {
        let limits = limits(options);
        if Codec::detect(bytes)? == Codec::Zstd
            && let Some(size) = zstd::whole_size(bytes, limits.max_log_bytes)
            && let Some(log) = Self::whole(std::iter::once(bytes), size, options)
        {
            return log;
        }
        Self::from_decoder(Decoder::new(bytes, &limits)?, options)
    }

    /// As [`Log::from_bytes`], and frees the compressed bytes as they are used, so that both forms of the log are
    /// never in memory together; `None` when the input is for the careful way.
    fn from_pieces(bytes: Vec<u8>, options: &ReadOptions) -> Result<Option<Self>> {
        match Codec::detect(&bytes)? {
            Codec::Plain => return Self::plain(bytes, options).map(Some),
            Codec::Bzip2 => return Ok(None),
            Codec::Zstd => {}
        }
        let Some(size) = zstd::whole_size(&bytes, limits(options).max_log_bytes) else { return Ok(None) };
        let pieces: Vec<Vec<u8>> = bytes.chunks(FREED).map(<[u8]>::to_vec).collect();
        drop(bytes);
        Self::whole(pieces.into_iter(), size, options).transpose()
    }

    fn plain(bytes: Vec<u8>, options: &ReadOptions) -> Result<Self> {
        let mut index = Index::new(options, bytes.len());
        index.scan(&bytes, true);
        index.into_log(Codec::Plain, bytes, options)
    }

    /// An undamaged zstd input of at most `size` bytes; `None` when it is damaged.
    fn whole<P: AsRef<[u8]>>(
        pieces: impl Iterator<Item = P>,
        size: usize,
        options: &ReadOptions,
    ) -> Option<Result<Self>> {
        let mut index = Index::new(options, size);
        let bytes = zstd::decompress_whole(pieces, size, |bytes| index.scan(bytes, false))?;
        index.scan(&bytes, true);
        Some(index.into_log(Codec::Zstd, bytes, options))
    }

    /// The careful way, for damaged inputs and other codecs.
    fn from_decoder<R: Read>(mut decoder: Decoder<R>, options: &ReadOptions) -> Result<Self> {
        let mut index = Index::new(options, 0);
        let mut out = Vec::new();
        loop {
            match decoder.fill(&mut out, FULL_READ)? {
                Fill::Data => index.scan(&out, false),
                Fill::Gap(damage) => {
                    index.scan(&out, true);
                    index.gap(Damage { offset: out.len() as u64, ..damage }, &options.limits);
                }
                Fill::End => {
                    index.scan(&out, true);
                    return index.into_log(decoder.codec(), out, options);
                }
            }
        }
    }

    /// How the log was compressed.
    pub fn codec(&self) -> Codec {
        self.codec
    }

    /// What was read and what had to be left out.
    pub fn completeness(&self) -> &Completeness {
        &self.completeness
    }
}

/// Compressed bytes that are freed at a time: more than allocators keep for themselves.
const FREED: usize = 512 << 10;

/// All bytes of `reader`.
fn read_all(reader: impl Read, limit: u64) -> Result<Vec<u8>> {
    let mut bytes = Vec::new();
    let mut reader = reader.take(limit.saturating_add(1));
    reader.read_to_end(&mut bytes).map_err(|e| Error::io("read", e))?;
    if bytes.len() as u64 > limit { Err(too_large(limit)) } else { Ok(bytes) }
}

/// The limits of a log in memory: its index has offsets of 32 bits.
fn limits(options: &ReadOptions) -> Limits {
    let max_log_bytes = options.limits.max_log_bytes.min(u32::MAX.into());
    Limits { max_log_bytes, ..options.limits.clone() }
}

/// An index that grows with the bytes.
struct Index {
    scanner: Scanner,
    entries: Vec<Entry>,
    record: Completeness,
    /// Where the first event that is not yet noted begins.
    done: usize,
}

impl Index {
    /// An index with room for a log of about `bytes` bytes: events of real logs have about 220.
    fn new(options: &ReadOptions, bytes: usize) -> Self {
        let (entries, record) = (Vec::with_capacity(bytes / 200), Completeness::default());
        Self { scanner: Scanner::new(&options.limits), entries, record, done: 0 }
    }

    /// Notes the events in `bytes`, which begin as they did before; `last` when nothing follows.
    fn scan(&mut self, bytes: &[u8], last: bool) {
        self.done = self.scanner.scan(bytes, self.done, 0, last, &mut self.entries, &mut self.record);
    }

    /// Notes a gap: bytes on both sides of it do not continue one another.
    fn gap(&mut self, damage: Damage, limits: &Limits) {
        self.scanner = Scanner::new(limits);
        self.done = damage.offset as usize;
        self.record.note(damage);
    }

    fn into_log(self, codec: Codec, bytes: Vec<u8>, options: &ReadOptions) -> Result<Log> {
        let mut record = self.record;
        record.bytes_read = bytes.len() as u64;
        let batch = Batch { bytes, entries: self.entries, first: 0, base: 0 };
        batch.count_by_which(&mut record);
        check(&record, options.strict, true)?;
        Ok(Log { batch, codec, completeness: record })
    }
}

impl Deref for Log {
    type Target = Batch;

    fn deref(&self) -> &Batch {
        &self.batch
    }
}

/// The errors that a record shows: no event at all once the reading has `ended`, or damage in strict mode.
pub(super) fn check(record: &Completeness, strict: bool, ended: bool) -> Result<()> {
    if ended && record.events == 0 {
        return Err(no_events(record));
    }
    match record.strict_error() {
        Some(error) if strict => Err(error),
        _ => Ok(()),
    }
}

#[cold]
fn no_events(record: &Completeness) -> Error {
    let reason = match record.damage.first() {
        Some(damage) => format!("no event in {} bytes ({})", record.bytes_read, damage.reason),
        None => "the file holds no event".to_owned(),
    };
    ErrorKind::NotALog { reason }.into()
}
