//! Decoding: the databases, and what is timed.

use cts_core::Result;
use cts_core::dbc::{Dbc, Search};
use cts_core::decode::{DecodeOptions, Decoder, Layout, SignalExporter};
use cts_core::log::{CanService, Completeness, Frame, Log, LogStream, ReadOptions, frames};
use cts_core::table::Format;

/// The database for an input: that of `CTS_BENCH_DBC` for the log of `CTS_BENCH_LOG`, else the built-in one of the demo
/// drive's car.
///
/// # Errors
/// When it cannot be read.
pub fn dbc_of(input: &str) -> Result<Dbc> {
    let named = std::env::var("CTS_BENCH_DBC").ok().filter(|_| input != "made");
    Search::default().load(named.as_deref().unwrap_or("subaru_global")).map(|loaded| loaded.dbc)
}

/// All received frames of a log, with their times.
///
/// # Errors
/// When a frame cannot be read: the inputs are sound.
pub fn frames_of(log: &Log) -> Result<Vec<(u64, Frame<'_>)>> {
    let mut all = Vec::new();
    for event in log.events().filter(|event| CanService::of(event) == Some(CanService::Can)) {
        for frame in frames(&event)? {
            all.push((event.mono_time(), frame?));
        }
    }
    Ok(all)
}

/// A decoder of every signal.
///
/// # Errors
/// None for sound databases.
pub fn decoder(dbc: &Dbc) -> Result<Decoder> {
    Decoder::new(&[(None, dbc)], DecodeOptions::default())
}

/// Gathers and decodes every signal of the frames into columns; gives the number of cells, null or not.
pub fn tables(decoder: &mut Decoder, frames: &[(u64, Frame<'_>)]) -> u64 {
    decoder.push_frames(frames);
    decoder.take().iter().map(|table| (table.table.rows() * (table.table.columns.len() - 3)) as u64).sum()
}

/// Only gathers.
pub fn gather(decoder: &mut Decoder, frames: &[(u64, Frame<'_>)]) -> u64 {
    decoder.push_frames(frames);
    let rows = decoder.rows() as u64;
    decoder.discard();
    rows
}

/// The obvious decoding of the same values, without building tables.
pub fn obvious(dbc: &Dbc, frames: &[(u64, Frame<'_>)]) -> f64 {
    let received = frames.iter().filter(|(_, frame)| frame.bus < 128);
    let known = received.filter_map(|(_, frame)| Some((dbc.message(frame.address)?, frame)));
    known.flat_map(|(m, frame)| m.signals.iter().filter_map(|signal| signal.physical(frame.data))).sum()
}

/// From the packed log to a Parquet file per message, in memory; gives the rows.
///
/// # Errors
/// As [`LogStream::new`].
pub fn parquet(packed: &[u8], dbc: &Dbc) -> Result<u64> {
    let decoder = Decoder::new(&[(None, dbc)], DecodeOptions::default())?;
    let open = |_: &str| Ok(Vec::new());
    let mut exporter = SignalExporter::new(decoder, Layout::Messages, |_| true, Format::Parquet, open)?;
    let mut record = Completeness::default();
    let mut stream = LogStream::new(packed, &ReadOptions::default())?;
    let mut batch = cts_core::log::Batch::default();
    while stream.next_batch(&mut batch)? {
        exporter.push(&batch, &mut record)?;
    }
    Ok(exporter.finish()?.files.iter().map(|(_, rows, _)| rows).sum())
}
