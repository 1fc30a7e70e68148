//! A log as a stream of batches: memory does not grow with the log.

use std::fs::File;
use std::io::Read;
use std::path::Path;

use super::batch::Batch;
use super::completeness::Completeness;
use super::decoder::{Codec, Decoder, Fill};
use super::scan::Scanner;
use super::segment::check;
use super::{Limits, ReadOptions};
use crate::{Error, Result};

/// Most decompressed bytes of the first batch.
const FIRST_BATCH: usize = 64 << 10;

/// Reads a log batch by batch.
pub struct LogStream<R> {
    decoder: Decoder<R>,
    scanner: Scanner,
    limits: Limits,
    strict: bool,
    /// The unfinished message at the end of the last batch.
    tail: Vec<u8>,
    /// Stream offset of `tail`.
    base: u64,
    want: usize,
    /// Bytes wanted of all batches but the first.
    full: usize,
    ended: bool,
    completeness: Completeness,
}

impl LogStream<File> {
    /// Opens a file.
    ///
    /// # Errors
    /// `no-such-file`, `io`, `not-a-log` for an empty file, `unknown-codec`.
    pub fn open(path: impl AsRef<Path>, options: &ReadOptions) -> Result<Self> {
        let path = path.as_ref();
        File::open(path)
            .map_err(|e| Error::io("open", e))
            .and_then(|file| Self::new(file, options))
            .map_err(|e| e.path(path))
    }
}

impl<R: Read> LogStream<R> {
    /// Reads from anything: a file, a pipe, bytes in memory.
    ///
    /// # Errors
    /// `io`, `not-a-log` for an empty input, `unknown-codec`.
    pub fn new(reader: R, options: &ReadOptions) -> Result<Self> {
        Ok(Self {
            decoder: Decoder::new(reader, &options.limits)?,
            scanner: Scanner::new(&options.limits),
            limits: options.limits.clone(),
            strict: options.strict,
            tail: Vec::new(),
            base: 0,
            want: FIRST_BATCH.min(options.batch_bytes),
            full: options.batch_bytes,
            ended: false,
            completeness: Completeness::default(),
        })
    }

    /// Replaces `batch` by the next events and returns whether there are any. Give the same batch again and again:
    /// its memory is reused.
    ///
    /// # Errors
    /// `io`, `too-large`; `not-a-log` when the stream ends without any event; in strict mode the first damage.
    pub fn next_batch(&mut self, batch: &mut Batch) -> Result<bool> {
        batch.clear();
        batch.bytes.append(&mut self.tail);
        batch.base = self.base;
        batch.first = self.completeness.events;
        while batch.entries.is_empty() && !self.ended {
            self.extend(batch)?;
            self.want = self.full;
        }
        batch.count_by_which(&mut self.completeness);
        check(&self.completeness, self.strict, self.ended)?;
        Ok(!batch.entries.is_empty())
    }

    /// Decompresses and scans one more piece.
    fn extend(&mut self, batch: &mut Batch) -> Result<()> {
        let before = batch.bytes.len();
        let fill = self.decoder.fill(&mut batch.bytes, self.want)?;
        self.completeness.bytes_read += (batch.bytes.len() - before) as u64;
        let last = fill != Fill::Data;
        let (bytes, entries) = (&batch.bytes, &mut batch.entries);
        let done = self.scanner.scan(bytes, 0, batch.base, last, entries, &mut self.completeness);
        if batch.entries.is_empty() && !last {
            // Nothing whole yet: forget what was skipped, keep the rest in place.
            batch.bytes.drain(..done);
            batch.base += done as u64;
            return Ok(());
        }
        self.tail.clear();
        self.tail.extend_from_slice(&batch.bytes[done..]);
        batch.bytes.truncate(done);
        self.base = batch.base + done as u64;
        match fill {
            Fill::Data => {}
            Fill::End => self.ended = true,
            Fill::Gap(damage) => {
                self.scanner = Scanner::new(&self.limits);
                self.completeness.note(super::Damage { offset: self.base, ..damage });
                if batch.entries.is_empty() {
                    batch.clear();
                    batch.base = self.base;
                }
            }
        }
        Ok(())
    }

    /// How the log is compressed.
    pub fn codec(&self) -> Codec {
        self.decoder.codec()
    }

    /// What was read so far and what had to be left out; final after [`LogStream::next_batch`] gave false.
    pub fn completeness(&self) -> &Completeness {
        &self.completeness
    }
}
