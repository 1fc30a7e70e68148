//! Checked pointers, structs and lists over borrowed words.

use super::{Fault, Message, WORD};

/// A pointer word inside a segment, not yet followed.
#[derive(Clone, Copy, Debug)]
pub struct Pointer<'a> {
    message: Message<'a>,
    segment: &'a [u8],
    /// Byte offset of the pointer word; in range by construction.
    at: usize,
}

/// A pointer after its far hops: the word that says what it is, and where its content starts.
struct Target<'a> {
    segment: &'a [u8],
    word: u64,
    start: usize,
}

const STRUCT: u64 = 0;
const LIST: u64 = 1;
const FAR: u64 = 2;

#[inline]
fn word_at(segment: &[u8], at: usize) -> Option<u64> {
    let bytes = segment.get(at..)?.first_chunk::<8>()?;
    Some(u64::from_le_bytes(*bytes))
}

impl<'a> Pointer<'a> {
    #[inline]
    pub(super) fn new(message: Message<'a>, segment: &'a [u8], at: usize) -> Result<Self, Fault> {
        if at + WORD <= segment.len() {
            Ok(Self { message, segment, at })
        } else {
            Err(Fault("pointer outside its segment"))
        }
    }

    /// Follows the pointer to its content; `None` for a null pointer.
    #[inline]
    fn target(self) -> Result<Option<Target<'a>>, Fault> {
        let word = word_at(self.segment, self.at).ok_or(Fault("pointer outside its segment"))?;
        if word == 0 {
            return Ok(None);
        }
        if word & 3 == FAR {
            return self.far(word).map(Some);
        }
        let start = near(self.at, word, self.segment.len())?;
        Ok(Some(Target { segment: self.segment, word, start }))
    }

    /// A far pointer: over a landing pad in another segment, of one word or of two.
    #[cold]
    fn far(self, word: u64) -> Result<Target<'a>, Fault> {
        let (segment, pad) = self.far_place(word)?;
        let first = word_at(segment, pad).ok_or(Fault("far pointer leaves its segment"))?;
        if word & 4 == 0 {
            if first & 3 == FAR {
                return Err(Fault("far pointer leads to a far pointer"));
            }
            let start = near(pad, first, segment.len())?;
            return Ok(Target { segment, word: first, start });
        }
        let tag = word_at(segment, pad + WORD).ok_or(Fault("double far pointer leaves its segment"))?;
        if first & 7 != FAR {
            return Err(Fault("double far pointer without a far pointer on its landing pad"));
        }
        let (segment, start) = self.far_place(first)?;
        Ok(Target { segment, word: tag, start })
    }

    fn far_place(self, word: u64) -> Result<(&'a [u8], usize), Fault> {
        let segment = self.message.segment((word >> 32) as u32).ok_or(Fault("far pointer to no segment"))?;
        Ok((segment, (word as u32 >> 3) as usize * WORD))
    }

    /// The struct it points to; `None` for a null pointer.
    ///
    /// # Errors
    /// When the pointer is of another kind or leads outside its segment.
    #[inline]
    pub fn structure(self) -> Result<Option<StructReader<'a>>, Fault> {
        let Some(target) = self.target()? else {
            return Ok(None);
        };
        if target.word & 3 != STRUCT {
            return Err(Fault("expected a struct pointer"));
        }
        let data = (target.word >> 32) as u16 as usize * WORD;
        let pointers = (target.word >> 48) as u16;
        StructReader::new(self.message, target.segment, target.start, data, pointers).map(Some)
    }

    /// The list it points to; `None` for a null pointer.
    ///
    /// # Errors
    /// When the pointer is of another kind or the list leads outside its segment.
    #[inline]
    pub fn list(self) -> Result<Option<ListReader<'a>>, Fault> {
        let Some(target) = self.target()? else {
            return Ok(None);
        };
        if target.word & 3 != LIST {
            return Err(Fault("expected a list pointer"));
        }
        ListReader::new(self.message, &target).map(Some)
    }

    /// The bytes of a `Data` value; empty for a null pointer.
    ///
    /// # Errors
    /// When the pointer is no list of bytes or leads outside its segment.
    #[inline]
    pub fn data(self) -> Result<&'a [u8], Fault> {
        let Some(target) = self.target()? else {
            return Ok(&[]);
        };
        if target.word & 3 != LIST || (target.word >> 32) & 7 != ElementSize::Byte as u64 {
            return Err(Fault("expected a list of bytes"));
        }
        let count = (target.word >> 35) as usize;
        target.segment.get(target.start..target.start + count).ok_or(Fault("list leaves its segment"))
    }

    /// The bytes of a `Text` value without its closing NUL; empty for a null pointer. They should be UTF-8 but
    /// nothing guarantees it.
    ///
    /// # Errors
    /// As [`Pointer::data`].
    #[inline]
    pub fn text(self) -> Result<&'a [u8], Fault> {
        let bytes = self.data()?;
        Ok(bytes.strip_suffix(&[0]).unwrap_or(bytes))
    }

    /// Whether the pointer is null, which reads as the field's default.
    #[inline]
    pub fn is_null(self) -> bool {
        word_at(self.segment, self.at) == Some(0)
    }
}

/// Start of the content of a near pointer at byte `at`.
#[inline]
fn near(at: usize, word: u64, len: usize) -> Result<usize, Fault> {
    let offset = i64::from(word as u32 as i32 >> 2);
    let start = at as i64 + WORD as i64 + offset * WORD as i64;
    match usize::try_from(start) {
        Ok(start) if start <= len => Ok(start),
        _ => Err(Fault("pointer leaves its segment")),
    }
}

/// A struct: a data section and pointers. A field beyond either section reads as its default, as the encoding
/// asks for, so that old and new schemas understand each other.
#[derive(Clone, Copy, Debug)]
pub struct StructReader<'a> {
    message: Message<'a>,
    segment: &'a [u8],
    data: &'a [u8],
    /// Byte offset of the pointer section in `segment`.
    pointers_at: usize,
    pointers: u16,
}

macro_rules! scalar {
    ($($name:ident: $type:ty, $bytes:literal;)*) => {$(
        #[doc = concat!("The `", stringify!($type), "` at `offset`, counted in units of its own size; 0 beyond the data section.")]
        #[inline]
        pub fn $name(&self, offset: u32) -> $type {
            let at = offset as usize * $bytes;
            match self.data.get(at..).and_then(|rest| rest.first_chunk::<$bytes>()) {
                Some(bytes) => <$type>::from_le_bytes(*bytes),
                None => 0,
            }
        }
    )*};
}

impl<'a> StructReader<'a> {
    #[inline]
    fn new(
        message: Message<'a>,
        segment: &'a [u8],
        start: usize,
        data_bytes: usize,
        pointers: u16,
    ) -> Result<Self, Fault> {
        let pointers_at = start + data_bytes;
        if pointers_at + pointers as usize * WORD > segment.len() {
            return Err(Fault("struct leaves its segment"));
        }
        Ok(Self { message, segment, data: &segment[start..pointers_at], pointers_at, pointers })
    }

    /// The value of a null struct pointer: every field reads as its default.
    pub fn empty(message: Message<'a>) -> Self {
        Self { message, segment: &[], data: &[], pointers_at: 0, pointers: 0 }
    }

    /// The message the struct is part of.
    #[inline]
    pub fn message(&self) -> Message<'a> {
        self.message
    }

    /// The data section.
    #[inline]
    pub fn data(&self) -> &'a [u8] {
        self.data
    }

    scalar! {
        u8: u8, 1;
        u16: u16, 2;
        u32: u32, 4;
        u64: u64, 8;
    }

    /// The bit at `offset`; false beyond the data section.
    #[inline]
    pub fn bool(&self, offset: u32) -> bool {
        self.u8(offset / 8) >> (offset % 8) & 1 == 1
    }

    /// Number of pointers that the writer's schema had.
    #[inline]
    pub fn pointer_count(&self) -> u16 {
        self.pointers
    }

    /// Pointer `index`; `None` beyond the pointer section, which reads like null.
    #[inline]
    pub fn pointer(&self, index: u32) -> Option<Pointer<'a>> {
        if index >= u32::from(self.pointers) {
            return None;
        }
        let at = self.pointers_at + index as usize * WORD;
        Some(Pointer { message: self.message, segment: self.segment, at })
    }
}

/// Size class of list elements, as the encoding numbers them.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
#[repr(u8)]
pub enum ElementSize {
    /// No bits: `List(Void)`.
    Void = 0,
    /// One bit.
    Bit = 1,
    /// One byte.
    Byte = 2,
    /// Two bytes.
    TwoBytes = 3,
    /// Four bytes.
    FourBytes = 4,
    /// Eight bytes.
    EightBytes = 5,
    /// A pointer.
    Pointer = 6,
    /// Structs in line, described by a tag word.
    Composite = 7,
}

/// A list. Elements are read through the type that the schema gives.
#[derive(Clone, Copy, Debug)]
pub struct ListReader<'a> {
    message: Message<'a>,
    segment: &'a [u8],
    /// Byte offset of the first element.
    start: usize,
    len: u32,
    size: ElementSize,
    /// Bytes from one element to the next; 0 for bits and void.
    step: usize,
    /// Bytes of the data section of one element read as a struct.
    data_bytes: usize,
    /// Pointers of one element read as a struct.
    pointers: u16,
}

impl<'a> ListReader<'a> {
    #[inline]
    fn new(message: Message<'a>, target: &Target<'a>) -> Result<Self, Fault> {
        let count = (target.word >> 35) as u32;
        let (segment, start) = (target.segment, target.start);
        let (size, step, pointers) = match (target.word >> 32) & 7 {
            0 => (ElementSize::Void, 0, 0),
            1 => (ElementSize::Bit, 0, 0),
            2 => (ElementSize::Byte, 1, 0),
            3 => (ElementSize::TwoBytes, 2, 0),
            4 => (ElementSize::FourBytes, 4, 0),
            5 => (ElementSize::EightBytes, 8, 0),
            6 => (ElementSize::Pointer, 8, 1),
            _ => return Self::composite(message, segment, start, count),
        };
        let bytes =
            if size == ElementSize::Bit { (count as usize).div_ceil(8) } else { count as usize * step };
        if start + bytes > segment.len() {
            return Err(Fault("list leaves its segment"));
        }
        let data_bytes = if pointers == 1 { 0 } else { step };
        Ok(Self { message, segment, start, len: count, size, step, data_bytes, pointers })
    }

    #[inline]
    fn composite(message: Message<'a>, segment: &'a [u8], start: usize, words: u32) -> Result<Self, Fault> {
        let tag = word_at(segment, start).ok_or(Fault("list leaves its segment"))?;
        if tag & 3 != STRUCT {
            return Err(Fault("list of structs without a struct tag"));
        }
        let len = tag as u32 >> 2;
        let data_bytes = (tag >> 32) as u16 as usize * WORD;
        let pointers = (tag >> 48) as u16;
        let step = data_bytes + pointers as usize * WORD;
        let bytes = words as usize * WORD;
        if start + WORD + bytes > segment.len() {
            return Err(Fault("list leaves its segment"));
        }
        if len as u64 * step as u64 > bytes as u64 {
            return Err(Fault("list has more elements than words"));
        }
        let (start, size) = (start + WORD, ElementSize::Composite);
        Ok(Self { message, segment, start, len, size, step, data_bytes, pointers })
    }

    /// Number of elements.
    #[inline]
    pub fn len(&self) -> u32 {
        self.len
    }

    /// Whether the list has no elements.
    #[inline]
    pub fn is_empty(&self) -> bool {
        self.len == 0
    }

    /// Size class of the elements.
    #[inline]
    pub fn size(&self) -> ElementSize {
        self.size
    }

    /// Bytes that the elements take.
    #[inline]
    pub fn bytes(&self) -> u64 {
        u64::from(self.len) * self.step as u64
    }

    /// Element `index` as a struct. A list of plain values reads as structs with that value as first field.
    ///
    /// # Errors
    /// When the element is a bit, or `index` is beyond the list.
    #[inline]
    pub fn structure(&self, index: u32) -> Result<StructReader<'a>, Fault> {
        if index >= self.len || self.size == ElementSize::Bit {
            return Err(Fault("no such struct in the list"));
        }
        let start = self.start + index as usize * self.step;
        StructReader::new(self.message, self.segment, start, self.data_bytes, self.pointers)
    }

    /// Whether each element has exactly one word of data.
    #[inline]
    pub fn has_one_data_word(&self) -> bool {
        self.data_bytes == WORD
    }

    /// For structs in line: the segment, the byte offset of the first element in it, and the bytes of one element. For
    /// hot loops that read a known layout themselves; the elements lie inside the segment.
    #[inline]
    pub fn inline_structs(&self) -> Option<(&'a [u8], usize, usize)> {
        (self.size == ElementSize::Composite).then_some((self.segment, self.start, self.step))
    }

    /// Element `index` as a pointer.
    ///
    /// # Errors
    /// When the elements have no pointers, or `index` is beyond the list.
    #[inline]
    pub fn pointer(&self, index: u32) -> Result<Pointer<'a>, Fault> {
        if index >= self.len || self.pointers == 0 {
            return Err(Fault("expected a list of pointers"));
        }
        let at = self.start + index as usize * self.step + self.data_bytes;
        Pointer::new(self.message, self.segment, at)
    }

    /// The data bytes of element `index`, at least `want` of them; the elements of a list of structs give the
    /// start of their data section.
    ///
    /// # Errors
    /// When the elements are smaller than `want`.
    #[inline]
    pub fn element(&self, index: u32, want: usize) -> Result<&'a [u8], Fault> {
        if index >= self.len || self.data_bytes < want {
            return Err(Fault("list elements are smaller than their type"));
        }
        let at = self.start + index as usize * self.step;
        Ok(&self.segment[at..at + want])
    }

    /// Element `index` of a list of bits.
    ///
    /// # Errors
    /// When the elements are no bits, or `index` is beyond the list.
    #[inline]
    pub fn bit(&self, index: u32) -> Result<bool, Fault> {
        if index >= self.len || self.size != ElementSize::Bit {
            return Err(Fault("expected a list of bits"));
        }
        Ok(self.segment[self.start + index as usize / 8] >> (index % 8) & 1 == 1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    /// The example of the format description: one frame, address 0x1D2, data 11 22, src 128, valid false.
    /// Source: openpilot `cereal/log.capnp` `Event`, `CanData`.
    const CAN_EVENT: &str = "00000000080000000000000002000100ab8967452301000004000100000000000100000017000000\
                             0400000001000100d20100000000800001000000120000001122000000000000";

    fn bytes(hex: &str) -> Vec<u8> {
        (0..hex.len()).step_by(2).map(|i| u8::from_str_radix(&hex[i..i + 2], 16).unwrap()).collect()
    }

    #[test]
    fn reads_the_worked_example() {
        let bytes = bytes(CAN_EVENT);
        let event = Message::new(&bytes).unwrap().root().unwrap();
        assert_eq!(event.u64(0), 0x0123_4567_89ab);
        assert_eq!((event.u16(4), event.bool(80)), (4, true));
        let frames = event.pointer(0).unwrap().list().unwrap().unwrap();
        assert_eq!(frames.len(), 1);
        let frame = frames.structure(0).unwrap();
        assert_eq!((frame.u32(0), frame.u8(6)), (0x1d2, 128));
        assert_eq!(frame.pointer(0).unwrap().data().unwrap(), [0x11, 0x22]);
        assert!(frame.pointer(1).is_none());
        assert_eq!(frame.u64(1), 0, "beyond the data section a field has its default");
    }

    #[test]
    fn follows_single_and_double_far_pointers() {
        let mut single = bytes("01000000010000000300000000000000");
        single.extend(bytes("0200000001000000")); // segment 0: far pointer to segment 1, word 0
        single.extend(bytes("000000000100000007000000000000000000000000000000"));
        let root = Message::new(&single).unwrap().root().unwrap();
        assert_eq!(root.u64(0), 7);

        let mut double = bytes("0200000001000000020000000100000000000000");
        double.truncate(16);
        double.extend(bytes("0600000001000000")); // double far to segment 1, word 0
        double.extend(bytes("02000000020000000000000001000000")); // pad: far to segment 2, word 0; tag
        double.extend(bytes("0900000000000000"));
        let root = Message::new(&double).unwrap().root().unwrap();
        assert_eq!(root.u64(0), 9);
    }

    /// Reads everything that a reader without a schema can reach, a few levels deep.
    fn walk(pointer: Pointer<'_>, depth: u32) {
        if depth == 0 {
            return;
        }
        let _ = pointer.data();
        if let Ok(Some(s)) = pointer.structure() {
            walk_struct(s, depth);
        }
        if let Ok(Some(list)) = pointer.list() {
            for i in 0..list.len().min(4) {
                let _ = (list.element(i, 8), list.bit(i));
                if let Ok(s) = list.structure(i) {
                    walk_struct(s, depth - 1);
                }
                if let Ok(p) = list.pointer(i) {
                    walk(p, depth - 1);
                }
            }
        }
    }

    fn walk_struct(s: StructReader<'_>, depth: u32) {
        let _ = (s.u64(0), s.u32(7), s.bool(100));
        (0..4).filter_map(|i| s.pointer(i)).for_each(|p| walk(p, depth - 1));
    }

    proptest! {
        #[test]
        fn hostile_words_never_panic(words in prop::collection::vec(word(), 1..12)) {
            let mut bytes = vec![1, 0, 0, 0, words.len() as u8, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0];
            bytes.extend(words.iter().flat_map(|w| w.to_le_bytes()));
            if let Ok(message) = Message::new(&bytes) {
                walk(Pointer::new(message, message.segment(0).unwrap(), 0).unwrap(), 6);
            }
        }
    }

    /// Words that look like pointers more often than chance would.
    fn word() -> impl Strategy<Value = u64> {
        let small = (0u64..8, 0u64..6, 0u64..8, 0u64..4);
        prop_oneof![
            any::<u64>(),
            small.prop_map(|(kind, offset, a, b)| kind | offset << 3 | a << 32 | b << 48)
        ]
    }
}
