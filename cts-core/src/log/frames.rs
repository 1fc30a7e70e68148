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
    Ok(Frames::new(list))
}

/// Iterator over the frames of one event. A frame that cannot be read is an error item; the next may be fine.
///
/// Per frame: 16 bytes of the list and its payload. The layout that all builders write is read here; anything else
/// goes the general way of `read`, and a test holds that both agree. Bench: `log/frames`.
#[derive(Clone, Debug)]
pub struct Frames<'a> {
    list: Option<ListReader<'a>>,
    len: u32,
    next: u32,
    /// The segment of a list in the usual layout; empty for others.
    segment: &'a [u8],
    /// Byte offset of the next element in `segment`.
    at: usize,
}

/// Bytes of a `CanData` element: one data word, one pointer.
const ELEMENT: usize = 16;

impl<'a> Frames<'a> {
    #[inline]
    fn new(list: Option<ListReader<'a>>) -> Self {
        let len = list.map_or(0, |list| list.len());
        let usual = list.and_then(|list| list.inline_structs()).filter(|(_, _, step)| *step == ELEMENT);
        let one_word = list.is_some_and(|list| list.has_one_data_word());
        let (segment, at) =
            usual.filter(|_| one_word).map_or((&[][..], 0), |(segment, start, _)| (segment, start));
        Self { list, len, next: 0, segment, at }
    }

    /// The next frame, if it stands in the usual layout.
    #[inline]
    fn usual(&self) -> Option<Frame<'a>> {
        let element = self.segment.get(self.at..)?.first_chunk::<ELEMENT>()?;
        let data = payload(self.segment, self.at, element)?;
        Some(Frame { address: address(element), bus: bus(element), data })
    }

    /// The frames that are left, column by column, if the list is in the usual layout. A payload that is not is `None`.
    #[inline]
    pub(crate) fn columns(&self) -> Option<Columns<'a>> {
        let (segment, start) = (self.segment, self.at);
        let elements = segment.get(start..start + (self.len - self.next) as usize * ELEMENT)?;
        Some(Columns { elements: elements.as_chunks().0, segment, start })
    }
}

/// The frames of an event in the usual layout, column by column: loops over one column at a time are short enough for
/// the compiler to keep in registers.
pub(crate) struct Columns<'a> {
    elements: &'a [[u8; ELEMENT]],
    segment: &'a [u8],
    start: usize,
}

impl<'a> Columns<'a> {
    #[inline]
    pub(crate) fn addresses(&self) -> impl ExactSizeIterator<Item = u32> + use<'a> {
        self.elements.iter().map(address)
    }

    #[inline]
    pub(crate) fn buses(&self) -> impl ExactSizeIterator<Item = u8> + use<'a> {
        self.elements.iter().map(bus)
    }

    #[inline]
    pub(crate) fn payloads(&self) -> impl ExactSizeIterator<Item = Option<&'a [u8]>> + use<'a> {
        let (segment, start) = (self.segment, self.start);
        self.elements
            .iter()
            .enumerate()
            .map(move |(i, element)| payload(segment, start + i * ELEMENT, element))
    }
}

#[inline]
fn address(element: &[u8; ELEMENT]) -> u32 {
    u32::from_le_bytes([element[0], element[1], element[2], element[3]])
}

#[inline]
fn bus(element: &[u8; ELEMENT]) -> u8 {
    element[6]
}

/// The payload of the element at `at`, if a pointer to bytes in the same segment leads to it.
#[inline]
fn payload<'a>(segment: &'a [u8], at: usize, element: &[u8; ELEMENT]) -> Option<&'a [u8]> {
    /// A list pointer, and its elements are bytes.
    const MASK: u64 = 7 << 32 | 3;
    const BYTES: u64 = 2 << 32 | 1;
    let pointer = u64::from_le_bytes(*element.last_chunk::<8>()?);
    let len = (pointer >> 35) as usize;
    if pointer & MASK != BYTES || len > MAX_DATA {
        return None;
    }
    let offset = (pointer as u32 as i32 >> 2) as isize * 8;
    let start = (at + ELEMENT).wrapping_add_signed(offset);
    segment.get(start..start.wrapping_add(len))
}

impl<'a> Iterator for Frames<'a> {
    type Item = Result<Frame<'a>, Fault>;

    #[inline]
    fn next(&mut self) -> Option<Self::Item> {
        if self.next >= self.len {
            return None;
        }
        let frame = match self.usual() {
            Some(frame) => Ok(frame),
            None => read(self.list.as_ref()?, self.next),
        };
        self.next += 1;
        self.at += ELEMENT;
        Some(frame)
    }

    #[inline]
    fn size_hint(&self) -> (usize, Option<usize>) {
        // A hostile list of empty structs has any length: its bytes bound what is worth reserving.
        let left = (self.len - self.next) as usize;
        let real = self.list.map_or(0, |list| (list.bytes() / ELEMENT as u64) as usize);
        (left.min(real), Some(left))
    }
}

/// The general way to a frame: any layout that the encoding allows.
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

#[cfg(test)]
mod tests {
    use super::*;
    use crate::capnp::{Builder, Value};
    use crate::log::{EventSchema, Log, ReadOptions};
    use proptest::prelude::*;

    proptest! {
        /// Any event, also with damage inside the list: both ways give the same frames and faults.
        #[test]
        fn the_usual_layout_reads_as_the_general_way(
            list in prop::collection::vec((any::<u32>(), any::<u8>(), prop::collection::vec(any::<u8>(), 0..65)), 0..8),
            damage in prop::option::of((0.0f64..1.0, any::<u8>())),
        ) {
            let schema = EventSchema::embedded();
            let mut builder = Builder::new(schema.types(), schema.root());
            fn frame((address, bus, data): &(u32, u8, Vec<u8>)) -> Value<'_> {
                Value::Struct(vec![("address", (*address).into()), ("src", (*bus).into()), ("dat", Value::Data(data))])
            }
            builder.set("logMonoTime", 7u64).unwrap();
            builder.set("can", Value::List(list.iter().map(frame).collect())).unwrap();
            let mut bytes = builder.finish();
            if let Some((place, flip)) = damage {
                let at = 40 + ((bytes.len() - 40) as f64 * place) as usize;
                if let Some(byte) = bytes.get_mut(at) {
                    *byte ^= flip;
                }
            }
            let Ok(log) = Log::from_bytes(&bytes, &ReadOptions::default()) else { return Ok(()) };
            for event in log.events() {
                let Ok(fast) = frames(&event) else { continue };
                let general = (0..fast.len).map(|i| read(fast.list.as_ref().unwrap(), i));
                prop_assert!(fast.clone().eq(general));
                let Some(columns) = fast.columns() else { continue };
                let rows = columns.addresses().zip(columns.buses()).zip(columns.payloads());
                for (((address, bus), data), frame) in rows.zip(fast) {
                    if let Some(data) = data {
                        prop_assert_eq!(Ok(Frame { address, bus, data }), frame);
                    }
                }
            }
        }
    }
}
