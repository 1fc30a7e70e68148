//! From frames to the tables of their messages.

use rustc_hash::FxHashMap;
use serde::Serialize;

use super::group::Group;
use super::long::{LongNames, long_table};
use super::plan::{MessagePlan, check_names, plans};
use super::sorter::{Messages, PIECE, Sorter, UNKNOWN, group_of};
use super::verify::{CheckStats, Verifier, Verify};
use super::{DecodeOptions, Timed};
use crate::Result;
use crate::can::Bus;
use crate::dbc::{Checks, Dbc};
use crate::log::{Batch, CanService, Completeness, Frame, frames, which};
use crate::table::Table;

/// Gathers frames by message and decodes them.
///
/// Frames are taken from `can` events: what openpilot asks to send (`sendcan`) comes back there as returned frames.
///
/// Frames are sorted by message piece by piece, see `Sorter`. Bench: `decode/gather`.
#[derive(Debug)]
pub struct Decoder {
    options: DecodeOptions,
    messages: Messages,
    sorter: Sorter,
    groups: Vec<Group>,
    origin: Option<u64>,
    /// Frames of wanted buses that no database explains.
    unknown: u64,
    rows: usize,
    /// The group of each frame gathered, where the order between messages matters.
    order: Option<Vec<u32>>,
}

/// The decoded frames of one message.
#[derive(Clone, Debug, PartialEq)]
pub struct MessageTable {
    /// The database's name.
    pub database: String,
    /// The message's name.
    pub message: String,
    /// A name that no other message of the decoder has: the message's own, after `bus<N>.` or the database's name
    /// where an earlier one has that.
    pub label: String,
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
    /// See [`MessageTable::label`].
    pub label: String,
    /// Its address.
    pub address: u32,
    /// Frames seen.
    pub frames: u64,
    /// Of these, frames shorter than the message is declared.
    pub short_frames: u64,
    /// Values that are null because their frame was too short.
    pub missing_values: u64,
    /// Counters and checksums; `None` if the message has none, or they were not asked for.
    pub checks: Option<CheckStats>,
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
            messages: Messages::default(),
            sorter: Sorter::default(),
            groups: Vec::new(),
            origin: None,
            unknown: 0,
            rows: 0,
            order: None,
            options,
        };
        let mut known: Vec<Option<u8>> = Vec::new();
        databases.iter().for_each(|(bus, _)| {
            if !known.contains(bus) {
                known.push(*bus);
            }
        });
        let plan = |bus: &Option<u8>| {
            decoder.plan_all(*bus, databases.iter().filter(|(of, _)| of == bus).map(|(_, dbc)| *dbc))
        };
        let maps: Vec<usize> = known.iter().map(plan).collect();
        for src in 0..=u8::MAX {
            let own = known.iter().position(|bus| *bus == Some(Bus(src).number()));
            let map = own.or_else(|| known.iter().position(Option::is_none));
            if let Some(map) = map.filter(|_| decoder.wants(src)) {
                decoder.messages.connect(src, maps[map]);
            }
        }
        decoder.sorter = Sorter::new(decoder.groups.len());
        decoder.label();
        Ok(decoder)
    }

    /// Names that tell the messages of all databases apart.
    fn label(&mut self) {
        let mut count: FxHashMap<String, u32> = FxHashMap::default();
        for group in &mut self.groups {
            let seen = count.entry(group.plan.message.name.clone()).or_default();
            *seen += 1;
            group.label = match (*seen, group.of_bus) {
                (1, _) => group.plan.message.name.clone(),
                (_, Some(bus)) => format!("bus{bus}.{}", group.plan.message.name),
                (_, None) => format!("{}.{}", group.plan.database, group.plan.message.name),
            };
        }
    }

    /// Adds the messages of databases that explain the same bus; gives their map.
    fn plan_all<'d>(&mut self, bus: Option<u8>, databases: impl Iterator<Item = &'d Dbc>) -> usize {
        let verify = self.options.verify;
        let map = self.messages.add();
        for dbc in databases {
            let checks = if verify == Verify::No { Checks::default() } else { Checks::of(dbc) };
            for plan in plans(dbc, &self.options) {
                let checks = checks.message(plan.message.id.address).cloned();
                let verifier = checks.map(|checks| Verifier::new(checks, verify == Verify::Drop));
                if self.messages.insert(map, plan.message.id.address, self.groups.len()) {
                    self.groups.push(Group::new(plan, bus, verifier));
                }
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

    /// Remembers the order of frames of different messages, which [`Decoder::take_long`] needs.
    #[must_use]
    pub fn in_order(self) -> Self {
        Self { order: Some(Vec::new()), ..self }
    }

    /// Counts the seconds of column `t` from this time instead of that of the first event.
    pub fn set_origin(&mut self, mono_time: u64) {
        self.origin = Some(mono_time);
    }

    /// The mono time from which column `t` counts; 0 before the first event.
    pub fn origin(&self) -> u64 {
        self.origin.unwrap_or_default()
    }

    /// Appends the frames of `batch`. Frames that cannot be read are left out and noted in `record`. Times count
    /// from the first event that is not `initData`.
    pub fn push(&mut self, batch: &Batch, record: &mut Completeness) {
        let mut times = batch.events().filter(|event| event.which() != which::INIT_DATA);
        self.origin = self.origin.or_else(|| times.next().map(|event| event.mono_time()));
        let mut piece: Vec<Timed<'_>> = Vec::with_capacity(PIECE);
        for event in batch.events().filter(|event| CanService::of(event) == Some(CanService::Can)) {
            let mut note = |fault: &str| record.note_value(event.index(), event.offset(), fault);
            match frames(&event) {
                Ok(frames) => frames.for_each(|frame| match frame {
                    Ok(frame) => {
                        if piece.len() == PIECE {
                            self.push_piece(&piece);
                            piece.clear();
                        }
                        piece.push((event.mono_time(), frame));
                    }
                    Err(fault) => note(fault.0),
                }),
                Err(fault) => note(fault.0),
            }
        }
        self.push_piece(&piece);
    }

    /// Appends frames with their mono times (ns); those that are not wanted, not explained, or not right where that is
    /// asked for are left out.
    pub fn push_frames(&mut self, frames: &[(u64, Frame<'_>)]) {
        frames.chunks(PIECE).for_each(|piece| self.push_piece(piece));
    }

    /// As [`Decoder::push_frames`] for one frame; false if it is left out.
    pub fn push_frame(&mut self, mono_time: u64, frame: &Frame<'_>) -> bool {
        let slot = self.messages.find(frame.bus, frame.address);
        let Some(group) = group_of(slot) else {
            self.unknown += u64::from(slot == UNKNOWN);
            return false;
        };
        let mut mine = vec![0];
        self.groups[group].append(&[(mono_time, *frame)], &mut mine);
        self.rows += mine.len();
        if let Some(order) = &mut self.order {
            order.extend(mine.iter().map(|_| group as u32));
        }
        !mine.is_empty()
    }

    fn push_piece(&mut self, piece: &[Timed<'_>]) {
        let slots = piece.iter().map(|(_, frame)| self.messages.find(frame.bus, frame.address));
        let (groups, rows) = (&mut self.groups, &mut self.rows);
        self.unknown += self.sorter.sort(slots, |group, mine| {
            groups[group].append(piece, mine);
            *rows += mine.len();
        });
        if let Some(order) = &mut self.order {
            order.extend(self.sorter.kept());
        }
    }

    /// The plan of a frame's message.
    pub(super) fn plan(&self, frame: &Frame<'_>) -> Option<&MessagePlan> {
        group_of(self.messages.find(frame.bus, frame.address)).map(|group| &self.groups[group].plan)
    }

    /// Number of frames gathered since the last [`Decoder::take`].
    pub fn rows(&self) -> usize {
        self.rows
    }

    /// Decodes the frames gathered so far; the decoder goes on empty. One table for each message that was seen, in
    /// the order of the databases.
    pub fn take(&mut self) -> Vec<MessageTable> {
        self.take_grouped().into_iter().map(|(_, table)| table).collect()
    }

    /// As [`Decoder::take`], with the index of each group.
    fn take_grouped(&mut self) -> Vec<(usize, MessageTable)> {
        self.rows = 0;
        self.order.iter_mut().for_each(Vec::clear);
        let first = self.groups.iter().filter_map(|group| group.mono_time.first()).copied().min();
        let origin = *self.origin.get_or_insert(first.unwrap_or_default());
        let seen = self.groups.iter_mut().enumerate().filter(|(_, group)| !group.mono_time.is_empty());
        seen.map(|(index, group)| {
            let table = group.take(origin, &self.options);
            let MessageStats { database, message, address, label, .. } = group.stats();
            (index, MessageTable { database, message, label, address, table })
        })
        .collect()
    }

    /// Decodes the frames gathered so far into one table with a row per value, in the order of the log; the decoder
    /// goes on empty. Values that are not in their frame have no row. Needs [`Decoder::in_order`].
    ///
    /// Columns: `mono_time` (ns, u64), `t` (s, f64), `bus` (u8), `message` (dictionary), `signal` (dictionary),
    /// `value` (f64), `choice` (dictionary, null where the value has no name or names were not asked for).
    ///
    /// # Errors
    /// `too-large` for more names than a dictionary of 65536 holds.
    pub fn take_long(&mut self, names: &mut LongNames) -> Result<Table> {
        let order = self.order.as_mut().map(std::mem::take).unwrap_or_default();
        let tables = self.take_grouped();
        long_table(&order, &tables, names)
    }

    /// Forgets the frames gathered so far; [`Decoder::stats`] still counts them.
    pub fn discard(&mut self) {
        self.rows = 0;
        self.order.iter_mut().for_each(Vec::clear);
        self.groups.iter_mut().for_each(Group::discard);
    }

    /// Names and units of the wanted signals of each message that `wanted` accepts by its label.
    pub(super) fn columns(&self, wanted: impl Fn(&str) -> bool) -> Vec<(String, String, Option<String>)> {
        let groups = self.groups.iter().filter(|group| wanted(&group.label));
        let of = |group: &Group| {
            let label = group.label.clone();
            let signals =
                group.plan.signals.iter().map(move |s| (label.clone(), s.name.clone(), s.unit.clone()));
            signals.collect::<Vec<_>>()
        };
        groups.flat_map(of).collect()
    }

    /// What was seen of each message so far; those never seen are left out. Short frames and null values count
    /// once they are taken.
    pub fn stats(&self) -> Vec<MessageStats> {
        let seen = self.groups.iter().filter(|group| group.frames > 0);
        seen.map(Group::stats).collect()
    }

    /// Frames of the wanted buses that no wanted message explains.
    pub fn unknown_frames(&self) -> u64 {
        self.unknown
    }
}
