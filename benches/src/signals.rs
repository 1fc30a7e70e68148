//! Decoding: a database for the made log, and what is timed.

use std::path::PathBuf;

use cts_core::Result;
use cts_core::dbc::{ByteOrder, Dbc, Message, MessageId, Number, Signal};
use cts_core::decode::{DecodeOptions, Decoder, Layout, SignalExporter};
use cts_core::log::{CanService, Completeness, Frame, Log, LogStream, ReadOptions, frames};
use cts_core::table::Format;

/// The database for an input: that of `CTS_BENCH_DBC` for the log of `CTS_BENCH_LOG`, else the made one.
///
/// # Errors
/// When the file cannot be read.
pub fn dbc_of(input: &str) -> std::io::Result<Dbc> {
    match std::env::var_os("CTS_BENCH_DBC").map(PathBuf::from).filter(|_| input != "made") {
        Some(path) => {
            let name = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
            Ok(Dbc::from_bytes(&name, &std::fs::read(path)?).0)
        }
        None => Ok(made_dbc()),
    }
}

/// Messages for all addresses of the made log, each with eight signals as cars have them: flags, bytes, words of both
/// byte orders, signed and not, and one that crosses bytes.
fn made_dbc() -> Dbc {
    let signal = |name: &str, start, size, order, number, factor, offset| Signal {
        name: name.to_owned(),
        start,
        size,
        order,
        number,
        factor,
        offset,
        ..Signal::default()
    };
    use ByteOrder::{BigEndian as Big, LittleEndian as Little};
    use Number::{Signed, Unsigned};
    let message = |i: u32| Message {
        id: MessageId { address: 0x100 + 0x21 * i, extended: false },
        name: format!("M{i}"),
        size: 8,
        signals: vec![
            signal("CHECKSUM", 0, 8, Little, Unsigned, 1.0, 0.0),
            signal("COUNTER", 8, 4, Little, Unsigned, 1.0, 0.0),
            signal("SPEED", 12, 13, Little, Unsigned, 0.057, 0.0),
            signal("ACTIVE", 26, 1, Little, Unsigned, 1.0, 0.0),
            signal("ANGLE", 39, 16, Big, Signed, 0.0573, 0.0),
            signal("RATE", 51, 12, Big, Signed, 1.0, 0.0),
            signal("LEVER", 58, 3, Big, Unsigned, 1.0, 0.0),
            signal("LEVEL", 15, 16, Big, Unsigned, 0.01, -67.67),
        ],
        ..Message::default()
    };
    Dbc { name: "made".to_owned(), messages: (0..25).map(message).collect(), ..Dbc::default() }
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
