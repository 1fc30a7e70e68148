//! What is timed. Each function returns something that depends on all of its work.

use std::io::Read;
use std::path::Path;

use cts_core::log::{
    Batch, Completeness, EventSchema, Input, Log, LogStream, ReadOptions, Segment, frames, map_segments,
    read_ahead, which,
};
use cts_core::table::{EventTable, EventTableOptions, Exporter, Format, FrameTable};
use cts_core::tool::{Ctx, Tool};
use cts_core::{Error, Result};
use serde_json::Map;
use zstd::zstd_safe::{DCtx, get_error_name};

/// Number of frames, and a sum over their addresses, buses and first bytes.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Walk {
    /// Frames met.
    pub frames: u64,
    /// Changes with every frame.
    pub sum: u64,
}

impl Walk {
    /// Adds all frames of a batch.
    ///
    /// # Errors
    /// When a frame cannot be read: the inputs are sound.
    pub fn add(&mut self, batch: &Batch) -> Result<()> {
        for event in batch.events() {
            for frame in frames(&event)? {
                let frame = frame?;
                let first = frame.data.first().copied().unwrap_or_default();
                self.frames += 1;
                self.sum += u64::from(frame.address) + u64::from(frame.bus) + u64::from(first);
            }
        }
        Ok(())
    }
}

/// libzstd alone, into `out`.
///
/// # Errors
/// When the input is no zstd.
pub fn zstd_alone(packed: &[u8], out: &mut Vec<u8>) -> std::io::Result<usize> {
    out.clear();
    DCtx::create().decompress(out, packed).map_err(|code| std::io::Error::other(get_error_name(code)))
}

/// libzstd alone, into a new buffer of `size` bytes.
///
/// # Errors
/// As [`zstd_alone`].
pub fn zstd_fresh(packed: &[u8], size: usize) -> std::io::Result<usize> {
    zstd_alone(packed, &mut Vec::with_capacity(size))
}

/// Decompresses and indexes the whole log.
///
/// # Errors
/// As [`Log::from_bytes`].
pub fn index(packed: &[u8]) -> Result<Log> {
    Log::from_bytes(packed, &ReadOptions::default())
}

/// All batches of a stream; returns the number of events.
///
/// # Errors
/// As [`LogStream`].
pub fn stream(packed: &[u8]) -> Result<u64> {
    let mut stream = LogStream::new(packed, &ReadOptions::default())?;
    let mut batch = Batch::default();
    while stream.next_batch(&mut batch)? {}
    Ok(stream.completeness().events)
}

/// All frames of a stream, on one thread.
///
/// # Errors
/// As [`LogStream`].
pub fn stream_frames(packed: &[u8]) -> Result<Walk> {
    let mut stream = LogStream::new(packed, &ReadOptions::default())?;
    let (mut batch, mut walk) = (Batch::default(), Walk::default());
    while stream.next_batch(&mut batch)? {
        walk.add(&batch)?;
    }
    Ok(walk)
}

/// All frames of a log that is indexed first.
///
/// # Errors
/// As [`Log::from_bytes`].
pub fn index_frames(packed: &[u8]) -> Result<Walk> {
    let mut walk = Walk::default();
    let log = index(packed)?;
    walk.add(&log)?;
    Ok(walk)
}

/// All frames, on two threads: one decompresses and scans, the other walks.
///
/// # Errors
/// As [`LogStream`].
pub fn ahead_frames(packed: &[u8]) -> Result<Walk> {
    let mut walk = Walk::default();
    read_ahead(LogStream::new(packed, &ReadOptions::default())?, |batch| walk.add(batch))?;
    Ok(walk)
}

/// Reads until `initData` and `carParams` are there and returns the bytes taken from the file for that.
///
/// # Errors
/// As [`LogStream`]; when one of the two is missing.
pub fn first_events(packed: &[u8]) -> Result<u64> {
    /// Source: openpilot `cereal/log.capnp` `Event.carParams`.
    const CAR_PARAMS: u16 = 67;
    let mut reader = Counting { reader: packed, bytes: 0 };
    let mut missing = vec![which::INIT_DATA, CAR_PARAMS];
    let mut stream = LogStream::new(&mut reader, &ReadOptions::default())?;
    let mut batch = Batch::default();
    while !missing.is_empty() && stream.next_batch(&mut batch)? {
        missing.retain(|which| batch.events().all(|event| event.which() != *which));
    }
    drop(stream);
    match missing.is_empty() {
        true => Ok(reader.bytes),
        false => Err(Error::io("find the first events", std::io::ErrorKind::NotFound.into())),
    }
}

/// Counts what is read.
pub struct Counting<R> {
    /// Where the bytes come from.
    pub reader: R,
    /// Bytes read so far.
    pub bytes: u64,
}

impl<R: Read> Read for Counting<R> {
    fn read(&mut self, buf: &mut [u8]) -> std::io::Result<usize> {
        let got = self.reader.read(buf)?;
        self.bytes += got as u64;
        Ok(got)
    }
}

/// The frame table of a log that is indexed; gives the rows.
pub fn frames_of(log: &Log) -> u64 {
    let mut table = FrameTable::new(false);
    table.push(log, 0, &mut Completeness::default());
    rows(table)
}

/// The table of a service of a log that is indexed; gives the rows.
///
/// # Errors
/// As [`EventTable::new`].
pub fn events_of(log: &Log, service: &str) -> Result<u64> {
    let mut table = EventTable::new(EventSchema::embedded(), service, EventTableOptions::default())?;
    table.push(log, None, 0, &mut Completeness::default())?;
    Ok(table.take().into_record_batch().map_or(0, |batch| batch.num_rows() as u64))
}

/// A tool on a log, its files into `dir`; gives the number of files.
///
/// # Errors
/// As [`Tool::run`].
pub fn run(tool: &Tool, log: &Path, dir: &Path) -> Result<usize> {
    let report = tool.run(&Ctx::new(dir), Some(Input::open(log)?), &Map::new())?;
    Ok(report.artifacts.len())
}

/// All CAN frames as an Arrow record batch, from a whole log; gives the rows.
///
/// # Errors
/// As [`Log::from_bytes`].
pub fn frame_table(packed: &[u8]) -> Result<u64> {
    Ok(frames_of(&index(packed)?))
}

/// The same with decompression on a second thread.
///
/// # Errors
/// As [`LogStream::new`].
pub fn frame_table_ahead(packed: &[u8]) -> Result<u64> {
    let mut table = FrameTable::new(false);
    let mut record = Completeness::default();
    let stream = LogStream::new(packed, &ReadOptions::default())?;
    read_ahead(stream, |batch| {
        table.push(batch, 0, &mut record);
        Ok(())
    })?;
    Ok(rows(table))
}

fn rows(mut table: FrameTable) -> u64 {
    table.take().into_record_batch().map_or(0, |batch| batch.num_rows() as u64)
}

/// Every service of a log as Parquet in memory; gives the rows.
///
/// # Errors
/// As [`LogStream::new`].
pub fn parquet(packed: &[u8]) -> Result<u64> {
    let open = |_: &str| Ok(Vec::new());
    let mut exporter = Exporter::all(EventSchema::embedded(), Format::Parquet, open);
    let mut record = Completeness::default();
    let stream = LogStream::new(packed, &ReadOptions::default())?;
    read_ahead(stream, |batch| exporter.push(batch, None, &mut record))?;
    Ok(exporter.finish()?.iter().map(|(_, rows, _)| rows).sum())
}

/// A route in a directory: frame tables of its segments on `threads` threads; gives the rows.
///
/// # Errors
/// As [`Input::open`].
pub fn route(dir: &Path, threads: usize) -> Result<u64> {
    let table = |_: &Segment, log: Result<Log>| Ok(frames_of(&log?));
    let mut sum = 0;
    map_segments(&mut Input::open(dir)?, threads, table, |rows: Result<u64>| {
        sum += rows?;
        Ok(())
    })?;
    Ok(sum)
}
