//! The table of rlog-to-csv as input.
//!
//! | column | value |
//! |---|---|
//! | `segment` or `seg` | `pre`, `window` or `post`, in any case |
//! | `timestamp` | seconds |
//! | `address` | `0x027`, `39`, or hex without a prefix where it is no decimal number |
//! | `bus` | 0 to 255; 0 where it is missing or empty |
//! | `data_hex` or `data` | up to 64 bytes of hex; blanks, commas and `0x` are skipped |
//!
//! Columns may come in any order, others (`window`) are ignored; lines end in LF or CR LF. Per row: no allocation, one pass over each field.

use std::io::Read;

use csv::ByteRecord;

use super::{Bitwatch, Config, Outcome, Segment};
use crate::can::bits::{MAX_PAYLOAD, parse_address};
use crate::{Error, ErrorKind, Result};

/// Analyzes a table that can be opened again.
///
/// The table is read once; only if its rows are further out of time order than the slack, it is read a second time with
/// all rows in memory, so that the outcome is right for any order.
///
/// # Errors
/// Those of `open`, [`Bitwatch::new`] and [`read_csv`].
pub fn analyze_csv<R: Read>(config: Config, mut open: impl FnMut() -> Result<R>) -> Result<Outcome> {
    let mut engine = Bitwatch::new(config.clone())?;
    read_csv(open()?, &mut engine)?;
    if engine.late_rows() > 0 {
        engine = Bitwatch::new(Config { slack_s: f64::INFINITY, ..config })?;
        read_csv(open()?, &mut engine)?;
    }
    Ok(engine.finish())
}

/// Pushes every row of a table.
///
/// # Errors
/// `bad-csv` with line and column for a missing column or a value of another form; `io` when reading fails.
pub fn read_csv(input: impl Read, engine: &mut Bitwatch) -> Result<()> {
    let mut reader = csv::ReaderBuilder::new()
        .has_headers(false)
        .flexible(true)
        .terminator(csv::Terminator::Any(b'\n'))
        .buffer_capacity(64 * 1024)
        .from_reader(input.chain(END));
    let mut record = ByteRecord::new();
    if !reader.read_byte_record(&mut record).map_err(from_csv)? {
        return Err(bad("the file is empty: no header".into()).line(1));
    }
    let columns = Columns::find(&record)?;
    let mut data = [0; MAX_PAYLOAD];
    while reader.read_byte_record(&mut record).map_err(from_csv)? {
        if record.len() == 1 && field(&record, 0).is_empty() {
            continue;
        }
        let row = columns.row(&record, &mut data).map_err(|e| e.line(line(&reader, &record)))?;
        engine.push(row.t, row.segment, row.bus, row.address, &data[..row.len]);
    }
    Ok(())
}

/// Put after the input: with it every record ends in a line feed, which makes [`line`] right for the last one too.
const END: &[u8] = b"\n";

/// The line on which a record begins. The position in the record itself may be that of an empty line before it.
#[cold]
fn line<R: Read>(reader: &csv::Reader<R>, record: &ByteRecord) -> u64 {
    let inside = record.as_slice().iter().filter(|byte| **byte == b'\n').count() as u64;
    let begin = record.position().map_or(1, csv::Position::line);
    reader.position().line().saturating_sub(1 + inside).max(begin)
}

/// Where each value is.
struct Columns {
    segment: Option<usize>,
    seg: Option<usize>,
    timestamp: usize,
    address: usize,
    bus: Option<usize>,
    data_hex: Option<usize>,
    data: Option<usize>,
}

struct Row {
    t: f64,
    segment: Segment,
    bus: u8,
    address: u32,
    /// Length of the payload.
    len: usize,
}

impl Columns {
    fn find(header: &ByteRecord) -> Result<Self> {
        let find =
            |name: &str| header.iter().position(|h| h.trim_ascii().eq_ignore_ascii_case(name.as_bytes()));
        let need = |name: &str, found: Option<usize>| {
            found.ok_or_else(|| {
                let known = "segment,timestamp,address,bus,data_hex";
                bad(format!("no column `{name}` in the header; expected {known}")).line(1)
            })
        };
        let (segment, seg) = (find("segment"), find("seg"));
        let (data_hex, data) = (find("data_hex"), find("data"));
        need("segment", segment.or(seg))?;
        need("data_hex", data_hex.or(data))?;
        let (timestamp, address) = (need("timestamp", find("timestamp"))?, need("address", find("address"))?);
        Ok(Self { segment, seg, timestamp, address, bus: find("bus"), data_hex, data })
    }

    /// Reads a row; its payload goes to `data`.
    fn row(&self, record: &ByteRecord, data: &mut [u8; MAX_PAYLOAD]) -> Result<Row> {
        let wrong = |column: usize, form: &str| wrong(record, column, form);
        let (timestamp, address) = (field(record, self.timestamp), field(record, self.address));
        let segment = [self.segment, self.seg].into_iter().flatten().find_map(|c| segment(field(record, c)));
        let segment_column = self.segment.or(self.seg).unwrap_or(0);
        let bus = self.bus.map(|c| (c, field(record, c))).filter(|(_, text)| !text.is_empty());
        let hex = [self.data_hex, self.data].into_iter().flatten();
        let hex = hex.map(|c| (c, field(record, c))).find(|(_, text)| !text.is_empty());
        Ok(Row {
            t: number(timestamp).ok_or_else(|| wrong(self.timestamp, "a time in seconds"))?,
            segment: segment.ok_or_else(|| wrong(segment_column, "pre, window or post"))?,
            bus: match bus {
                Some((column, text)) => text_of(text)
                    .and_then(|bus| bus.parse().ok())
                    .ok_or_else(|| wrong(column, "a bus from 0 to 255"))?,
                None => 0,
            },
            address: text_of(address)
                .and_then(parse_address)
                .ok_or_else(|| wrong(self.address, "an address such as 0x027 or 39"))?,
            len: match hex {
                Some((column, text)) => {
                    unhex(text, data).ok_or_else(|| wrong(column, "up to 64 bytes of hex"))?
                }
                None => 0,
            },
        })
    }
}

fn field(record: &ByteRecord, column: usize) -> &[u8] {
    record.get(column).unwrap_or_default().trim_ascii()
}

fn text_of(field: &[u8]) -> Option<&str> {
    std::str::from_utf8(field).ok()
}

fn number(field: &[u8]) -> Option<f64> {
    text_of(field)?.parse().ok().filter(|t: &f64| t.is_finite())
}

fn segment(field: &[u8]) -> Option<Segment> {
    let all = [Segment::Pre, Segment::Window, Segment::Post];
    all.into_iter().find(|segment| field.eq_ignore_ascii_case(segment.name().as_bytes()))
}

/// Reads hex digits, skipping blanks, commas and `0x`, and gives the number of bytes. A lone digit is the low half of
/// the first byte, as if a 0 stood before all of them.
fn unhex(text: &[u8], data: &mut [u8; MAX_PAYLOAD]) -> Option<usize> {
    if let Some(len) = unhex_plain(text, data) {
        return Some(len);
    }
    let mut digits = [0; 2 * MAX_PAYLOAD];
    let mut count = 0;
    let mut rest = text;
    while let [first, tail @ ..] = rest {
        rest = match (first, tail) {
            (b'0', [b'x' | b'X', after @ ..]) => after,
            (b',', _) => tail,
            (blank, _) if blank.is_ascii_whitespace() => tail,
            _ => {
                *digits.get_mut(count)? = *first;
                count += 1;
                tail
            }
        };
    }
    if count.is_multiple_of(2) {
        return unhex_plain(&digits[..count], data);
    }
    digits.copy_within(..count, 1);
    digits[0] = b'0';
    unhex_plain(&digits[..count + 1], data)
}

/// Reads pairs of hex digits and nothing else.
fn unhex_plain(text: &[u8], data: &mut [u8; MAX_PAYLOAD]) -> Option<usize> {
    let len = text.len() / 2;
    if !text.len().is_multiple_of(2) || len > MAX_PAYLOAD {
        return None;
    }
    let mut bad = 0;
    for (byte, pair) in data.iter_mut().zip(text.chunks_exact(2)) {
        let (high, low) = (HEX[usize::from(pair[0])], HEX[usize::from(pair[1])]);
        bad |= high | low;
        *byte = high << 4 | low;
    }
    (bad < 16).then_some(len)
}

/// The value of each hex digit, 255 for other bytes.
const HEX: [u8; 256] = {
    let mut table = [255; 256];
    let mut value = 0;
    while value < 16 {
        let digit = b"0123456789ABCDEF"[value as usize];
        table[digit as usize] = value;
        table[digit.to_ascii_lowercase() as usize] = value;
        value += 1;
    }
    table
};

/// The column is that of the field's first byte, not counting quotes.
#[cold]
fn wrong(record: &ByteRecord, column: usize, form: &str) -> Error {
    let text: String = String::from_utf8_lossy(field(record, column)).chars().take(40).collect();
    let reason = format!("expected {form}, found `{text}`");
    match record.range(column) {
        Some(range) => bad(reason).column((range.start + column + 1) as u64),
        None => bad(format!("expected {form} in field {}, found nothing", column + 1)),
    }
}

#[cold]
fn bad(reason: String) -> Error {
    ErrorKind::BadCsv { reason }.into()
}

#[cold]
fn from_csv(error: csv::Error) -> Error {
    let line = error.position().map(csv::Position::line);
    let error = match error.into_kind() {
        csv::ErrorKind::Io(source) => Error::io("read", source),
        other => bad(format!("{other:?}")),
    };
    match line {
        Some(line) => error.line(line),
        None => error,
    }
}
