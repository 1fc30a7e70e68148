//! Lists.

use super::{Fault, Message, Pointer, STRUCT, StructReader, Target, WORD, word_at};

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
    pub(super) message: Message<'a>,
    pub(super) segment: &'a [u8],
    /// Byte offset of the first element.
    pub(super) start: usize,
    pub(super) len: u32,
    pub(super) size: ElementSize,
    /// Bytes from one element to the next; 0 for bits and void.
    pub(super) step: usize,
    /// Bytes of the data section of one element read as a struct.
    pub(super) data_bytes: usize,
    /// Pointers of one element read as a struct.
    pub(super) pointers: u16,
}

impl<'a> ListReader<'a> {
    #[inline]
    pub(super) fn new(message: Message<'a>, target: &Target<'a>) -> Result<Self, Fault> {
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
