//! From frames to the tables of their messages.

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::DecodeOptions;
use super::group::Group;
use super::plan::{check_names, plans};
use crate::Result;
use crate::can::Bus;
use crate::dbc::Dbc;
use crate::log::{Batch, CanService, Completeness, Frame, frames, which};
use crate::table::Table;

/// Gathers frames by message and decodes them.
///
/// Frames are taken from `can` events: what openpilot asks to send (`sendcan`) comes back there as returned frames.
///
/// Per frame: its bus and address lead to its message by two loads, then its time, bus, length and payload are
/// appended to that message's vectors. Bench: `decode/gather`.
#[derive(Debug)]
pub struct Decoder {
    options: DecodeOptions,
    /// The database of each bus number in the log, as an index of `maps`.
    by_bus: Vec<Option<u8>>,
    /// The messages of each database.
    maps: Vec<AddressMap>,
    groups: Vec<Group>,
    origin: Option<u64>,
    /// Frames of wanted buses that no database explains.
    unknown: u64,
    rows: usize,
}

/// The decoded frames of one message.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageTable {
    /// The database's name.
    pub database: String,
    /// The message's name.
    pub message: String,
    /// Its address.
    pub address: u32,
    /// Columns: `mono_time` (ns, u64), `t` (s, f64), `bus` (u8), then the signals (f64, or the smallest type that
    /// holds all raw values). Rows in the order of the log.
    pub table: Table,
}

/// What was seen of a message.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct MessageStats {
    /// The database's name.
    pub database: String,
    /// The message's name.
    pub message: String,
    /// Its address.
    pub address: u32,
    /// Frames decoded.
    pub frames: u64,
    /// Of these, frames shorter than the message is declared.
    pub short_frames: u64,
    /// Values that are null because their frame was too short.
    pub missing_values: u64,
}

/// Which message an address means.
#[derive(Debug)]
struct AddressMap {
    /// Standard identifiers: group by address, or `NONE`.
    near: Vec<u32>,
    far: FxHashMap<u32, u32>,
}

const NONE: u32 = u32::MAX;

impl AddressMap {
    #[inline]
    fn find(&self, address: u32) -> Option<usize> {
        let group = match self.near.get(address as usize) {
            Some(group) => *group,
            None => *self.far.get(&address)?,
        };
        (group != NONE).then_some(group as usize)
    }
}

impl Decoder {
    /// A decoder of frames by these databases. A database stands for the bus it comes with; one without a bus for
    /// all buses that have none of their own. Of several for a bus, the first that knows a message explains it.
    ///
    /// # Errors
    /// `no-such-message` and `no-such-signal` for a wanted name that no database has.
    pub fn new(databases: &[(Option<u8>, &Dbc)], options: DecodeOptions) -> Result<Self> {
        let all: Vec<_> = databases.iter().map(|(_, dbc)| *dbc).collect();
        check_names(&all, &options)?;
        let mut decoder = Self {
            by_bus: vec![None; 256],
            maps: Vec::new(),
            groups: Vec::new(),
            origin: None,
            unknown: 0,
            rows: 0,
            options,
        };
        let mut known: Vec<Option<u8>> = Vec::new();
        databases.iter().for_each(|(bus, _)| {
            if !known.contains(bus) {
                known.push(*bus);
            }
        });
        for bus in &known {
            let map = decoder.map(databases.iter().filter(|(of, _)| of == bus).map(|(_, dbc)| *dbc));
            decoder.maps.push(map);
        }
        for src in 0..=u8::MAX {
            let own = known.iter().position(|bus| *bus == Some(Bus(src).number()));
            let map = own.or_else(|| known.iter().position(Option::is_none));
            let wanted = decoder.wants(src);
            decoder.by_bus[usize::from(src)] = map.filter(|_| wanted).map(|map| map as u8);
        }
        Ok(decoder)
    }

    /// The messages of databases that explain the same bus.
    fn map<'d>(&mut self, databases: impl Iterator<Item = &'d Dbc>) -> AddressMap {
        const STANDARD: usize = 1 << 11;
        let mut map = AddressMap { near: vec![NONE; STANDARD], far: FxHashMap::default() };
        for plan in databases.flat_map(|dbc| plans(dbc, &self.options)) {
            let (address, group) = (plan.message.id.address, self.groups.len() as u32);
            let place = match map.near.get_mut(address as usize) {
                Some(place) => place,
                None => map.far.entry(address).or_insert(NONE),
            };
            if *place == NONE {
                *place = group;
                self.groups.push(Group::new(plan));
            }
        }
        map
    }

    fn wants(&self, src: u8) -> bool {
        let (bus, options) = (Bus(src), &self.options);
        (options.buses.is_empty() || options.buses.contains(&src))
            && (bus.is_received()
                || bus.is_returned() && options.returned
                || bus.is_rejected() && options.rejected)
    }

    /// Counts the seconds of column `t` from this time instead of that of the first event.
    pub fn set_origin(&mut self, mono_time: u64) {
        self.origin = Some(mono_time);
    }

    /// Appends the frames of `batch`. Frames that cannot be read are left out and noted in `record`. Times count
    /// from the first event that is not `initData`.
    pub fn push(&mut self, batch: &Batch, record: &mut Completeness) {
        let mut times = batch.events().filter(|event| event.which() != which::INIT_DATA);
        self.origin = self.origin.or_else(|| times.next().map(|event| event.mono_time()));
        for event in batch.events().filter(|event| CanService::of(event) == Some(CanService::Can)) {
            let mut note = |fault: &str| record.note_value(event.index(), event.offset(), fault);
            match frames(&event) {
                Ok(frames) => frames.for_each(|frame| match frame {
                    Ok(frame) => self.push_frame(event.mono_time(), &frame),
                    Err(fault) => note(fault.0),
                }),
                Err(fault) => note(fault.0),
            }
        }
    }

    /// Appends a frame.
    #[inline]
    pub fn push_frame(&mut self, mono_time: u64, frame: &Frame<'_>) {
        let Some(map) = self.by_bus[usize::from(frame.bus)] else { return };
        let map = &self.maps[usize::from(map)];
        let Some(group) = map.find(frame.address) else {
            self.unknown += 1;
            return;
        };
        self.groups[group].push(mono_time, frame.bus, frame.data);
        self.rows += 1;
    }

    /// Number of frames gathered since the last [`Decoder::take`].
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Decodes the frames gathered so far; the decoder goes on empty. One table for each message that was seen, in
    /// the order of the databases.
    pub fn take(&mut self) -> Vec<MessageTable> {
        self.rows = 0;
        let first = self.groups.iter().filter_map(|group| group.mono_time.first()).min().copied();
        let origin = *self.origin.get_or_insert(first.unwrap_or_default());
        let seen = self.groups.iter_mut().filter(|group| !group.mono_time.is_empty());
        seen.map(|group| MessageTable {
            database: group.plan.database.clone(),
            message: group.plan.message.name.clone(),
            address: group.plan.message.id.address,
            table: group.take(origin, &self.options),
        })
        .collect()
    }

    /// What was seen of each message so far; those never seen are left out. Null values count once taken.
    pub fn stats(&self) -> Vec<MessageStats> {
        let seen = self.groups.iter().filter(|group| group.frames > 0);
        seen.map(|group| MessageStats {
            database: group.plan.database.clone(),
            message: group.plan.message.name.clone(),
            address: group.plan.message.id.address,
            frames: group.frames,
            short_frames: group.short,
            missing_values: group.missing,
        })
        .collect()
    }

    /// Frames of the wanted buses that no wanted message explains.
    pub fn unknown_frames(&self) -> u64 {
        self.unknown
    }
}
