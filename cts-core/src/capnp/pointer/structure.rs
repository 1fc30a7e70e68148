//! Structs.

use super::{Fault, Message, Pointer, WORD};

/// A struct: a data section and pointers. A field beyond either section reads as its default, as the encoding
/// asks for, so that old and new schemas understand each other.
#[derive(Clone, Copy, Debug)]
pub struct StructReader<'a> {
    pub(super) message: Message<'a>,
    pub(super) segment: &'a [u8],
    pub(super) data: &'a [u8],
    /// Byte offset of the pointer section in `segment`.
    pub(super) pointers_at: usize,
    pub(super) pointers: u16,
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
    pub(super) fn new(
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
