//! A whole segment in memory, indexed.

use std::fs::File;
use std::io::Read;
use std::ops::Deref;
use std::path::Path;

use super::ReadOptions;
use super::batch::Batch;
use super::completeness::{Completeness, Damage};
use super::decoder::{Codec, decompress_all, too_large};
use super::scan::Scanner;
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
        File::open(path)
            .map_err(|e| Error::io("open", e))
            .and_then(|file| Self::from_reader(file, options))
            .map_err(|e| e.path(path))
    }

    /// Reads all of `reader`.
    ///
    /// # Errors
    /// `io`; else as [`Log::from_bytes`].
    pub fn from_reader(reader: impl Read, options: &ReadOptions) -> Result<Self> {
        let limit = options.limits.max_log_bytes;
        let mut bytes = Vec::new();
        let mut reader = reader.take(limit + 1);
        reader.read_to_end(&mut bytes).map_err(|e| Error::io("read", e))?;
        if bytes.len() as u64 > limit {
            return Err(too_large(limit));
        }
        let (codec, bytes, gaps) = match Codec::detect(&bytes)? {
            Codec::Plain => (Codec::Plain, bytes, Vec::new()),
            _ => decompress_all(&bytes, &options.limits)?,
        };
        Self::index(codec, bytes, gaps, options)
    }

    /// Reads a log that is in memory, compressed or not.
    ///
    /// # Errors
    /// `not-a-log` when there is no event in it, `unknown-codec`, `too-large`; in strict mode the first damage.
    pub fn from_bytes(bytes: &[u8], options: &ReadOptions) -> Result<Self> {
        let (codec, bytes, gaps) = decompress_all(bytes, &options.limits)?;
        Self::index(codec, bytes, gaps, options)
    }

    fn index(codec: Codec, bytes: Vec<u8>, gaps: Vec<Damage>, options: &ReadOptions) -> Result<Self> {
        let mut record = Completeness { bytes_read: bytes.len() as u64, ..Completeness::default() };
        // Events of real logs have about 220 bytes; what is too much is never touched.
        let mut entries = Vec::with_capacity(bytes.len() / 128);
        let mut start = 0;
        // Bytes on both sides of a gap in the compressed stream do not continue one another.
        let ends = gaps.iter().map(|gap| gap.offset as usize).chain([bytes.len()]);
        for (i, end) in ends.enumerate() {
            let mut scanner = Scanner::new(&options.limits);
            scanner.scan(&bytes[..end], start, 0, true, &mut entries, &mut record);
            if let Some(gap) = gaps.get(i) {
                record.note(gap.clone());
            }
            start = end;
        }
        let batch = Batch { bytes, entries, first: 0, base: 0 };
        batch.count_by_which(&mut record);
        check(&record, options.strict, true)?;
        Ok(Self { batch, codec, completeness: record })
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
