//! CAN frames of `can` and `sendcan` events.

use super::{Event, which};
use crate::capnp::{Fault, ListReader};

/// Where a frame was logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum CanService {
    /// `can`: received, returned or rejected; see [`Frame::bus`].
    Can,
    /// `sendcan`: openpilot's request to send. The frame appears in `can` too, as returned or rejected.
    Sendcan,
}

impl CanService {
    /// The service's name.
    pub fn name(self) -> &'static str {
        match self {
            Self::Can => "can",
            Self::Sendcan => "sendcan",
        }
    }

    /// The service of an event; `None` for events without frames.
    #[inline]
    pub fn of(event: &Event<'_>) -> Option<Self> {
        match event.which() {
            which::CAN => Some(Self::Can),
            which::SENDCAN => Some(Self::Sendcan),
            _ => None,
        }
    }
}

/// One CAN frame.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Frame<'a> {
    /// CAN identifier without flag bits. Above 0x7FF it is surely extended; the log does not say more.
    pub address: u32,
    /// `src` of the log: bus number plus conventions, see `can::Bus`.
    pub bus: u8,
    /// Payload: up to 8 bytes, up to 64 with CAN FD.
    pub data: &'a [u8],
}

/// Most bytes of a CAN FD payload.
const MAX_DATA: usize = 64;

/// The frames of a `can` or `sendcan` event, in the order in which panda received them. All share the event's mono
/// time: about 10 ms of traffic. No frames for other events.
///
/// Source: openpilot `cereal/log.capnp` `CanData`: address bytes 0–3, src byte 6, data pointer 0.
///
/// # Errors
/// When the list cannot be read.
#[inline]
pub fn frames<'a>(event: &Event<'a>) -> Result<Frames<'a>, Fault> {
    let list = match (CanService::of(event), event.value()?) {
        (Some(_), Some(pointer)) => pointer.list()?,
        _ => None,
    };
    Ok(Frames { list, next: 0 })
}

/// Iterator over the frames of one event. A frame that cannot be read is an error item; the next may be fine.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    list: Option<ListReader<'a>>,
    next: u32,
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Fault>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        let list = self.list.as_ref().filter(|list| self.next < list.len())?;
        let frame = read(list, self.next);
        self.next += 1;
        Some(frame)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        // A hostile list of empty structs has any length: its bytes bound what is worth reserving.
        let left = self.list.map_or(0, |list| (list.len() - self.next) as usize);
        let real = self.list.map_or(0, |list| (list.bytes() / 16) as usize);
        (left.min(real), Some(left))
    }
}

#[inline]
fn read<'a>(list: &ListReader<'a>, index: u32) -> Result<Frame<'a>, Fault> {
    let frame = list.structure(index)?;
    if frame.data().is_empty() {
        return Err(Fault("frame without an address"));
    }
    let data = frame.pointer(0).map_or(Ok(&[][..]), |pointer| pointer.data())?;
    if data.len() > MAX_DATA {
        return Err(Fault("frame with more than 64 bytes"));
    }
    Ok(Frame { address: frame.u32(0), bus: frame.u8(6), data })
}
