//! CAN frames as a table.
//!
//! Per frame the loop reads 16 bytes of the list and at most two words of payload and appends to four vectors, one column
//! after the other; what all frames of an event share is appended once per event. Bench: `table/frames`.

use std::sync::Arc;

use super::Table;
use super::column::{Column, Values};
use super::events::seconds;
use super::plan::Origin;
use crate::capnp::Fault;
use crate::log::{Batch, CanService, Completeness, Event, Frame, Frames, frames};

/// Builds the table of all CAN frames, batch by batch.
///
/// Columns: `mono_time` (ns, u64: of the event, shared by its frames), `t` (s since the origin, f64), `bus` (u8),
/// `address` (u32), `data` (binary, 0 to 64 bytes), `service` (`can` or `sendcan`). No column has nulls.
#[derive(Debug)]
pub struct FrameTable {
    mono_time: Vec<u64>,
    t: Vec<f64>,
    bus: Vec<u8>,
    address: Vec<u32>,
    ends: Vec<i32>,
    data: Vec<u8>,
    service: Vec<u16>,
    names: Arc<Vec<String>>,
    sendcan: bool,
}

impl FrameTable {
    /// An empty table; with `sendcan` it takes the requests to send too, which appear in `can` again as returned
    /// or rejected frames.
    pub fn new(sendcan: bool) -> Self {
        let names = [CanService::Can, CanService::Sendcan].map(|s| s.name().to_owned());
        Self {
            mono_time: vec![],
            t: vec![],
            bus: vec![],
            address: vec![],
            ends: vec![0],
            data: vec![],
            service: vec![],
            names: Arc::new(names.to_vec()),
            sendcan,
        }
    }

    /// Number of frames collected since the last [`FrameTable::take`].
    pub fn rows(&self) -> usize {
        self.bus.len()
    }

    /// Appends the frames of `batch`. Frames that cannot be read are left out and noted in `record`.
    pub fn push(&mut self, batch: &Batch, origin: Origin, record: &mut Completeness) {
        self.push_events(batch, origin, record, |table, frames, fault| {
            if !table.append_all(&frames) {
                table.append_each(frames, &|_| true, fault);
            }
        });
    }

    /// As [`FrameTable::push`], for the frames that `keep` accepts.
    pub fn push_if(
        &mut self,
        batch: &Batch,
        origin: Origin,
        record: &mut Completeness,
        keep: impl Fn(&Frame<'_>) -> bool,
    ) {
        self.push_events(batch, origin, record, |table, frames, fault| {
            table.append_each(frames, &keep, fault);
        });
    }

    /// Calls `append` with the frames of each event, and completes the columns that all frames of an event share.
    fn push_events(
        &mut self,
        batch: &Batch,
        origin: Origin,
        record: &mut Completeness,
        append: impl Fn(&mut Self, Frames<'_>, &mut dyn FnMut(Fault)),
    ) {
        self.reserve(batch);
        for event in batch.events() {
            let service = match CanService::of(&event) {
                Some(CanService::Can) => 0,
                Some(CanService::Sendcan) if self.sendcan => 1,
                _ => continue,
            };
            let mut fault = |fault: Fault| record.note_value(event.index(), event.offset(), fault.0);
            match frames(&event) {
                Ok(frames) => append(self, frames, &mut fault),
                Err(unreadable) => fault(unreadable),
            }
            let rows = self.bus.len();
            self.mono_time.resize(rows, event.mono_time());
            self.t.resize(rows, seconds(event.mono_time(), origin));
            self.service.resize(rows, service);
        }
    }

    /// Appends all frames of an event at once; false, and nothing is appended, when they are not in the usual layout.
    fn append_all(&mut self, frames: &Frames<'_>) -> bool {
        let Some(columns) = frames.columns() else { return false };
        let (rows, bytes) = (self.bus.len(), self.data.len());
        for payload in columns.payloads() {
            let Some(payload) = payload else {
                self.data.truncate(bytes);
                self.ends.truncate(rows + 1);
                return false;
            };
            self.append_payload(payload);
        }
        self.address.extend(columns.addresses());
        self.bus.extend(columns.buses());
        true
    }

    fn append_each(
        &mut self,
        frames: Frames<'_>,
        keep: &impl Fn(&Frame<'_>) -> bool,
        fault: &mut dyn FnMut(Fault),
    ) {
        for frame in frames {
            match frame {
                Ok(frame) if keep(&frame) => self.append(&frame),
                Ok(_) => {}
                Err(unreadable) => fault(unreadable),
            }
        }
    }

    /// Makes room for all frames of a batch at once, by the size of its events: a frame takes 24 bytes there. Growing
    /// event by event would move the columns again and again.
    fn reserve(&mut self, batch: &Batch) {
        let can =
            |event: &Event<'_>| CanService::of(event).is_some_and(|s| self.sendcan || s == CanService::Can);
        let bytes: usize = batch.events().filter(can).map(|event| event.bytes().len()).sum();
        let frames = bytes / 24;
        self.mono_time.reserve(frames);
        self.t.reserve(frames);
        self.service.reserve(frames);
        self.bus.reserve(frames);
        self.address.reserve(frames);
        self.ends.reserve(frames);
        self.data.reserve(frames * 8);
    }

    #[inline]
    fn append(&mut self, frame: &Frame<'_>) {
        self.bus.push(frame.bus);
        self.address.push(frame.address);
        self.append_payload(frame.data);
    }

    #[inline]
    fn append_payload(&mut self, payload: &[u8]) {
        // Most payloads have 8 bytes: a copy of known size is one move.
        match <&[u8; 8]>::try_from(payload) {
            Ok(eight) => self.data.extend_from_slice(eight),
            Err(_) => self.data.extend_from_slice(payload),
        }
        self.ends.push(self.data.len() as i32);
    }

    /// Takes the rows collected so far; the table goes on empty.
    pub fn take(&mut self) -> Table {
        let empty = Self { names: self.names.clone(), ..Self::new(self.sendcan) };
        let Self { mono_time, t, bus, address, ends, data, service, names, .. } =
            std::mem::replace(self, empty);
        Table {
            columns: vec![
                Column::new("mono_time", Values::UInt64(mono_time)).with_unit(Some("ns")),
                Column::new("t", Values::Float64(t)).with_unit(Some("s")),
                Column::new("bus", Values::UInt8(bus)),
                Column::new("address", Values::UInt32(address)),
                Column::new("data", Values::Data { ends, bytes: data }),
                Column::new("service", Values::Enum { numbers: service, names }),
            ],
        }
    }
}
