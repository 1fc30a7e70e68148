//! Cap'n Proto: framing, pointers, schemas given as data, and plans of field offsets.
//!
//! Knows the encoding only; nothing of openpilot stands here, and nothing of Arrow. Everything reads borrowed
//! bytes that may be hostile: each access is checked against its segment and answers a [`Fault`], never a panic,
//! and nothing is allocated because a header asks for it.
//!
//! Source of the encoding: <https://capnproto.org/encoding.html>.

mod build;
mod message;
mod pointer;
mod request;
pub mod schema;
mod snapshot;
mod value;

pub use build::{Builder, Place};
pub use message::{Header, Message, header};
pub use pointer::{ElementSize, ListReader, Pointer, StructReader};
pub use schema::Schema;
pub use value::{Value, ValueReader, hex};

/// Bytes per word, the unit of all sizes in the encoding.
pub const WORD: usize = 8;

/// Why a pointer or value cannot be read. Cheap to make; callers add the place when they report it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("bad pointer: {0}")]
pub struct Fault(pub &'static str);

impl From<Fault> for crate::Error {
    #[cold]
    fn from(fault: Fault) -> Self {
        crate::ErrorKind::BadPointer { reason: fault.0 }.into()
    }
}

/// How much one message may make a reader do.
///
/// Pointers can share targets and lists of empty structs take no bytes, so a small message can describe an
/// enormous value. Whoever walks a value charges what it visits; the budget is a multiple of the message's own
/// size, which honest messages never reach.
#[derive(Clone, Debug)]
pub struct Budget {
    words_left: u64,
    /// Nesting levels that remain.
    pub depth_left: u32,
}

impl Budget {
    /// A budget for one message of `bytes` bytes, 64 levels deep (the usual limit of Cap'n Proto readers).
    pub fn for_message(bytes: usize) -> Self {
        Self { words_left: 1024 + 2 * bytes as u64, depth_left: 64 }
    }

    /// Takes `elements` list elements of `bytes` bytes in total.
    ///
    /// # Errors
    /// When the message's budget is used up.
    #[inline]
    pub fn charge(&mut self, elements: u64, bytes: u64) -> Result<(), Fault> {
        let words = elements.max(bytes / WORD as u64);
        match self.words_left.checked_sub(words) {
            Some(left) => {
                self.words_left = left;
                Ok(())
            }
            None => Err(Fault("value is larger than its message can hold (traversal limit)")),
        }
    }

    /// Adds the words of `more`, for a value that is visited once more on purpose.
    pub fn extend(&mut self, more: &Self) {
        self.words_left = self.words_left.saturating_add(more.words_left);
    }

    /// Goes one level down; pair it with [`Budget::leave`].
    ///
    /// # Errors
    /// When the nesting limit is reached.
    #[inline]
    pub fn enter(&mut self) -> Result<(), Fault> {
        match self.depth_left.checked_sub(1) {
            Some(left) => {
                self.depth_left = left;
                Ok(())
            }
            None => Err(Fault("nested deeper than 64 levels (nesting limit)")),
        }
    }

    /// Comes back one level up.
    #[inline]
    pub fn leave(&mut self) {
        self.depth_left += 1;
    }
}
