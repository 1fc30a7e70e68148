//! Decoding: CAN frames and a DBC become columns of named physical values.
//!
//! A [`Decoder`] compiles databases into plans, gathers frames by message, and decodes a message's frames column by
//! column. What comes out are tables: one a message, one long one or one on a common clock
//!.
//!
//! This room knows databases, logs and tables; it does not know tools. Definition of right: the obvious decoding of
//! `dbc::Signal`, which a property test holds against the loops here.

mod decoder;
mod field;
mod group;
mod options;
mod plan;
#[cfg(test)]
mod tests;

pub use decoder::{Decoder, MessageStats, MessageTable};
pub use options::DecodeOptions;
