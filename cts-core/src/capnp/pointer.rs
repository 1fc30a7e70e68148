//! Checked pointers, structs and lists over borrowed words.

mod list;
mod structure;

pub use list::{ElementSize, ListReader};
pub use structure::StructReader;

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

#[cfg(test)]
mod tests;
