//! One event, borrowed from the log that holds it.

use crate::Result;
use crate::capnp::{Fault, Message, Pointer, StructReader};

/// Numbers on the wire of the union members that the crate itself must know. All others come from the schema.
///
/// Source: openpilot `cereal/log.capnp` `Event`; a test compares them with the embedded schema.
pub mod which {
    /// `initData`.
    pub const INIT_DATA: u16 = 0;
    /// `can`.
    pub const CAN: u16 = 4;
    /// `sendcan`.
    pub const SENDCAN: u16 = 16;
    /// `sentinel`.
    pub const SENTINEL: u16 = 71;
}

/// What the scanner knows of an event.
#[derive(Clone, Copy, Debug)]
pub(super) struct Entry {
    /// Nanoseconds of the publisher's clock.
    pub mono_time: u64,
    /// Byte offset within the batch.
    pub offset: u32,
    /// Bytes of the message, its segment table included.
    pub len: u32,
    /// Union discriminant.
    pub which: u16,
    pub valid: bool,
}

/// Reads the fields of the `Event` struct itself: mono time, discriminant, valid.
///
/// Source: openpilot `cereal/log.capnp` `Event`: `logMonoTime` bytes 0–7, discriminant bytes 8–9, `valid` bit 80,
/// stored inverted because its default is true.
#[inline]
pub(super) fn header(root: &StructReader<'_>) -> (u64, u16, bool) {
    (root.u64(0), root.u16(4), !root.bool(80))
}

/// As [`header`], from the data section of an event in the usual layout.
#[inline]
pub(super) fn usual_header(data: &[u8; 16]) -> (u64, u16, bool) {
    let [time @ .., a, b, flags, _, _, _, _, _] = *data;
    (u64::from_le_bytes(time), u16::from_le_bytes([a, b]), flags & 1 == 0)
}

/// One item of a log: a time, a service and its value.
#[derive(Clone, Copy, Debug)]
pub struct Event<'a> {
    pub(super) entry: Entry,
    pub(super) bytes: &'a [u8],
    pub(super) index: u64,
    pub(super) offset: u64,
}

impl<'a> Event<'a> {
    /// `logMonoTime`: when the publisher built the event, in ns of a clock that starts with the device.
    #[inline]
    pub fn mono_time(&self) -> u64 {
        self.entry.mono_time
    }

    /// Number of the union member on the wire, which tells the service.
    #[inline]
    pub fn which(&self) -> u16 {
        self.entry.which
    }

    /// `valid`: what the sender says of its own data.
    #[inline]
    pub fn valid(&self) -> bool {
        self.entry.valid
    }

    /// Index within the log, from 0, in file order.
    #[inline]
    pub fn index(&self) -> u64 {
        self.index
    }

    /// Offset of the event in the decompressed log.
    #[inline]
    pub fn offset(&self) -> u64 {
        self.offset
    }

    /// The framed message.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// The `Event` struct.
    ///
    /// # Errors
    /// None for events that a log delivers: the scanner has followed the same pointer.
    #[inline]
    pub fn root(&self) -> Result<StructReader<'a>, Fault> {
        Message::new(self.bytes)?.root()
    }

    /// The pointer to the service's value; `None` when it is absent.
    ///
    /// # Errors
    /// As [`Event::root`].
    #[inline]
    pub fn value(&self) -> Result<Option<Pointer<'a>>, Fault> {
        Ok(self.root()?.pointer(0))
    }
}
