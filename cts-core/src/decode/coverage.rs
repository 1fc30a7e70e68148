//! What databases know of a log, and what they do not.

use std::collections::BTreeMap;

use serde::Serialize;

use super::long::number;
use super::{DecodeOptions, Decoder, MessageTable};
use crate::Result;
use crate::can::Bus;
use crate::dbc::{Dbc, Message, Signal};
use crate::log::{Batch, CanService, Completeness, Frame, frames};
use crate::table::Values;

/// What databases know of a log.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct Coverage {
    /// Every address that was seen, by bus.
    pub addresses: Vec<AddressCoverage>,
    /// Messages of the databases of which no frame was seen.
    pub never_seen: Vec<NeverSeen>,
}

/// An address on a bus.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct AddressCoverage {
    /// The bus, as logged.
    pub bus: u8,
    /// The address.
    pub address: u32,
    /// The message that explains it.
    pub message: Option<String>,
    /// Frames seen.
    pub frames: u64,
    /// Frames by number of bytes.
    pub lengths: BTreeMap<u8, u64>,
    /// Bytes that the message is declared to have.
    pub declared_size: Option<u16>,
    /// Bits that took both values.
    pub changing_bits: u32,
    /// Of these, bits that belong to a signal.
    pub known_changing_bits: u32,
    /// Of these, bits that belong to none, in DBC numbering (byte * 8 + bit).
    pub unknown_changing_bits: Vec<u16>,
    /// Signals whose values leave the range that the database states.
    pub out_of_range: Vec<OutOfRange>,
}

/// A signal whose values leave its range. Values are physical, in the signal's unit.
#[derive(Clone, Debug, Default, PartialEq, Serialize)]
pub struct OutOfRange {
    /// The signal.
    pub signal: String,
    /// The stated range.
    pub min: f64,
    /// See `min`.
    pub max: f64,
    /// The smallest value seen.
    pub seen_min: f64,
    /// The largest value seen.
    pub seen_max: f64,
    /// Values outside.
    pub values: u64,
}

/// A message of which no frame was seen.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct NeverSeen {
    /// The database.
    pub database: String,
    /// The bus it stands for; `None`: any.
    pub bus: Option<u8>,
    /// The message.
    pub message: String,
    /// Its address.
    pub address: u32,
}

/// Gathers the coverage of a log. Memory is bounded by the number of addresses and by a piece of frames.
#[derive(Debug)]
pub struct CoverageReader<'d> {
    databases: Vec<(Option<u8>, &'d Dbc)>,
    decoder: Decoder,
    seen: BTreeMap<(u8, u32), Seen>,
}

/// Frames that are gathered before their values are looked at.
const PIECE: usize = 1 << 17;

#[derive(Debug)]
struct Seen {
    frames: u64,
    lengths: BTreeMap<u8, u64>,
    first: [u8; 64],
    changed: [u8; 64],
    ranges: BTreeMap<String, Range>,
}

#[derive(Clone, Copy, Debug)]
struct Range {
    low: f64,
    high: f64,
    outside: u64,
}

impl<'d> CoverageReader<'d> {
    /// A reader for these databases, as for [`Decoder::new`].
    ///
    /// # Errors
    /// None: no names are asked for.
    pub fn new(databases: &[(Option<u8>, &'d Dbc)]) -> Result<Self> {
        let decoder = Decoder::new(databases, DecodeOptions::default())?;
        Ok(Self { databases: databases.to_vec(), decoder, seen: BTreeMap::new() })
    }

    /// Looks at the received frames of `batch`. Those that cannot be read are noted in `record`.
    pub fn push(&mut self, batch: &Batch, record: &mut Completeness) {
        self.decoder.push(batch, record);
        let can = batch.events().filter(|event| CanService::of(event) == Some(CanService::Can));
        for frame in can.filter_map(|event| frames(&event).ok()).flatten().flatten() {
            if Bus(frame.bus).is_received() {
                self.seen.entry((frame.bus, frame.address)).or_default().push(&frame);
            }
        }
        if self.decoder.rows() >= PIECE {
            self.ranges();
        }
    }

    /// What was seen.
    pub fn finish(mut self) -> Coverage {
        self.ranges();
        let addresses = self.seen.iter().map(|((bus, address), seen)| {
            seen.coverage(*bus, *address, message(&self.databases, *bus, *address))
        });
        let never = self.databases.iter().flat_map(|(of, dbc)| {
            let unseen = dbc.messages.iter().filter(|message| {
                let on = |bus: u8| of.is_none_or(|of| of == bus);
                !self.seen.keys().any(|(bus, address)| on(*bus) && *address == message.id.address)
            });
            unseen.map(|message| NeverSeen {
                database: dbc.name.clone(),
                bus: *of,
                message: message.name.clone(),
                address: message.id.address,
            })
        });
        Coverage { addresses: addresses.collect(), never_seen: never.collect() }
    }

    /// Takes the values of the frames gathered into account.
    fn ranges(&mut self) {
        for MessageTable { address, table, .. } in self.decoder.take() {
            let Some(Values::UInt8(buses)) = table.columns.get(2).map(|column| &column.values) else {
                continue;
            };
            for column in table.columns.iter().skip(3) {
                for (row, bus) in buses.iter().enumerate() {
                    let Some(seen) = self.seen.get_mut(&(*bus, address)) else { continue };
                    let message = message(&self.databases, *bus, address);
                    let signal = message.and_then(|message| message.signal(&column.name));
                    if let (Some(signal), Some(value)) = (signal, number(column, row)) {
                        seen.value(signal, value);
                    }
                }
            }
        }
    }
}

/// The message that explains an address on a bus, as the decoder chooses it.
fn message<'d>(databases: &[(Option<u8>, &'d Dbc)], bus: u8, address: u32) -> Option<&'d Message> {
    let own = databases.iter().any(|(of, _)| *of == Some(bus));
    let wanted = if own { Some(bus) } else { None };
    databases.iter().filter(|(of, _)| *of == wanted).find_map(|(_, dbc)| dbc.message(address))
}

impl Default for Seen {
    fn default() -> Self {
        let (lengths, ranges) = (BTreeMap::new(), BTreeMap::new());
        Self { frames: 0, lengths, first: [0; 64], changed: [0; 64], ranges }
    }
}

impl Seen {
    fn push(&mut self, frame: &Frame<'_>) {
        *self.lengths.entry(frame.data.len() as u8).or_default() += 1;
        for (i, byte) in frame.data.iter().enumerate().take(64) {
            match self.frames {
                0 => self.first[i] = *byte,
                _ => self.changed[i] |= self.first[i] ^ byte,
            }
        }
        self.frames += 1;
    }

    fn value(&mut self, signal: &Signal, value: f64) {
        if !self.ranges.contains_key(&signal.name) {
            self.ranges.insert(signal.name.clone(), Range { low: value, high: value, outside: 0 });
        }
        let Some(range) = self.ranges.get_mut(&signal.name) else { return };
        (range.low, range.high) = (range.low.min(value), range.high.max(value));
        // Half a step beside the range is a matter of rounding.
        let slack = signal.factor.abs() / 2.0;
        let outside = value < signal.min - slack || value > signal.max + slack;
        range.outside += u64::from(outside && signal.min < signal.max);
    }

    fn coverage(&self, bus: u8, address: u32, message: Option<&Message>) -> AddressCoverage {
        let mut known = [0u8; 64];
        for bit in message.iter().flat_map(|m| &m.signals).filter_map(Signal::bits).flatten() {
            known[usize::from(bit / 8)] |= 1 << (bit % 8);
        }
        let changing = (0u16..512).filter(|bit| self.changed[usize::from(bit / 8)] >> (bit % 8) & 1 == 1);
        let (mine, unknown): (Vec<u16>, Vec<u16>) =
            changing.partition(|bit| known[usize::from(bit / 8)] >> (bit % 8) & 1 == 1);
        let outside = message.iter().flat_map(|m| &m.signals).filter_map(|signal| {
            let range = self.ranges.get(&signal.name).filter(|range| range.outside > 0)?;
            Some(OutOfRange {
                signal: signal.name.clone(),
                min: signal.min,
                max: signal.max,
                seen_min: range.low,
                seen_max: range.high,
                values: range.outside,
            })
        });
        AddressCoverage {
            bus,
            address,
            message: message.map(|message| message.name.clone()),
            frames: self.frames,
            lengths: self.lengths.clone(),
            declared_size: message.map(|message| message.size),
            changing_bits: (mine.len() + unknown.len()) as u32,
            known_changing_bits: mine.len() as u32,
            unknown_changing_bits: unknown,
            out_of_range: outside.collect(),
        }
    }
}

impl AddressCoverage {
    /// Frames whose length is not the declared one.
    pub fn wrong_lengths(&self) -> u64 {
        let other = |len: u8| self.declared_size.is_some_and(|size| size != u16::from(len));
        self.lengths.iter().filter(|(len, _)| other(**len)).map(|(_, frames)| frames).sum()
    }
}
