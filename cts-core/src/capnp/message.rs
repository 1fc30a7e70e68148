//! The standard stream framing: a segment table, then the segments.

use super::{Fault, Pointer, StructReader, WORD};

/// Most segments that a message may have; more is damage. openpilot's builders make one to a few.
const MAX_SEGMENTS: usize = 512;

/// What stands at the start of a buffer.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Header {
    /// A complete segment table.
    Message {
        /// Bytes of the segment table.
        table: usize,
        /// Bytes of the whole message, the table included.
        total: usize,
    },
    /// The buffer ends before the table does.
    NeedMore,
    /// No segment table.
    Bad(&'static str),
}

/// Reads the segment table at the start of `bytes`; a message above `max_message` bytes is damage.
#[inline]
pub fn header(bytes: &[u8], max_message: usize) -> Header {
    let Some(first) = bytes.first_chunk::<8>() else {
        return Header::NeedMore;
    };
    let count = u32::from_le_bytes([first[0], first[1], first[2], first[3]]) as usize + 1;
    let size = u32::from_le_bytes([first[4], first[5], first[6], first[7]]) as usize;
    if count == 1 {
        return finish(WORD, size, max_message);
    }
    many_segments(bytes, count, max_message)
}

#[cold]
fn many_segments(bytes: &[u8], count: usize, max_message: usize) -> Header {
    if count > MAX_SEGMENTS {
        return Header::Bad("segment count above 512");
    }
    let table = table_bytes(count);
    if bytes.len() < table {
        return Header::NeedMore;
    }
    let words = (0..count).map(|i| read_u32(bytes, 4 + 4 * i) as usize).sum();
    finish(table, words, max_message)
}

#[inline]
fn finish(table: usize, words: usize, max_message: usize) -> Header {
    if words == 0 {
        return Header::Bad("message of no words");
    }
    if words > max_message / WORD {
        return Header::Bad("message larger than the limit (max_message_bytes)");
    }
    Header::Message { table, total: table + words * WORD }
}

/// Bytes of a segment table for `count` segments: a count, a size each, padded to whole words.
fn table_bytes(count: usize) -> usize {
    (4 + 4 * count).next_multiple_of(WORD)
}

fn read_u32(bytes: &[u8], at: usize) -> u32 {
    bytes.get(at..at + 4).map_or(0, |b| u32::from_le_bytes([b[0], b[1], b[2], b[3]]))
}

/// One framed message, borrowed. Copying it copies two pointers.
#[derive(Clone, Copy, Debug)]
pub struct Message<'a> {
    /// The whole message with its table.
    bytes: &'a [u8],
    /// The first segment, where the root pointer is.
    first: &'a [u8],
}

impl<'a> Message<'a> {
    /// Wraps exactly one message.
    ///
    /// # Errors
    /// When `bytes` is not as long as its segment table says.
    #[inline]
    pub fn new(bytes: &'a [u8]) -> Result<Self, Fault> {
        match header(bytes, usize::MAX) {
            Header::Message { table, total } if total == bytes.len() => {
                let first = read_u32(bytes, 4) as usize * WORD;
                match bytes.get(table..table + first) {
                    Some(first) => Ok(Self { bytes, first }),
                    None => Err(Fault("first segment leaves the message")),
                }
            }
            Header::Bad(reason) => Err(Fault(reason)),
            _ => Err(Fault("message is cut")),
        }
    }

    /// The bytes of the message, its segment table included.
    #[inline]
    pub fn bytes(&self) -> &'a [u8] {
        self.bytes
    }

    /// Segment `id`, in whole words.
    pub fn segment(&self, id: u32) -> Option<&'a [u8]> {
        if id == 0 {
            return Some(self.first);
        }
        let count = read_u32(self.bytes, 0) as usize + 1;
        let id = id as usize;
        if id >= count {
            return None;
        }
        let size = |i: usize| read_u32(self.bytes, 4 + 4 * i) as usize * WORD;
        let start = table_bytes(count) + (0..id).map(size).sum::<usize>();
        self.bytes.get(start..start + size(id))
    }

    /// The root struct.
    ///
    /// # Errors
    /// When the root pointer is null, no struct pointer or leads outside.
    #[inline]
    pub fn root(self) -> Result<StructReader<'a>, Fault> {
        Pointer::new(self, self.first, 0)?.structure()?.ok_or(Fault("root pointer is null"))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MIB: usize = 1 << 20;

    #[test]
    fn reads_tables_and_refuses_absurd_ones() {
        let check = |bytes: &[u8], want| assert_eq!(header(bytes, MIB), want, "{bytes:02x?}");
        check(&[0; 7], Header::NeedMore);
        check(&[0; 8], Header::Bad("message of no words"));
        check(&[0, 0, 0, 0, 5, 0, 0, 0], Header::Message { table: 8, total: 48 });
        check(&[1, 0, 0, 0, 5, 0, 0, 0], Header::NeedMore);
        check(&[1, 0, 0, 0, 5, 0, 0, 0, 2, 0, 0, 0, 0, 0, 0, 0], Header::Message { table: 16, total: 72 });
        check(&[255, 2, 0, 0, 5, 0, 0, 0], Header::Bad("segment count above 512"));
        check(&[255; 8], Header::Bad("segment count above 512"));
        check(
            &[0, 0, 0, 0, 255, 255, 255, 255],
            Header::Bad("message larger than the limit (max_message_bytes)"),
        );
    }

    #[test]
    fn segments_are_found_by_number() {
        let mut bytes = vec![2, 0, 0, 0, 1, 0, 0, 0, 0, 0, 0, 0, 2, 0, 0, 0];
        bytes.extend([1; 8]);
        bytes.extend([3; 16]);
        let message = Message::new(&bytes).unwrap();
        assert_eq!(message.segment(0), Some(&[1; 8][..]));
        assert_eq!(message.segment(1), Some(&[][..]));
        assert_eq!(message.segment(2), Some(&[3; 16][..]));
        assert_eq!(message.segment(3), None);
    }
}
