//! DBC databases: what the bits of a car's CAN messages mean.
//!
//! Knows the text format, where databases lie, and how payloads are checked and built. Knows nothing of logs.

mod finding;
mod model;
mod parse;

pub use finding::{CODES, Finding, Part, Severity};
pub use model::{ByteOrder, Choice, Dbc, Message, MessageId, Number, Presence, Signal, sign_extend};
