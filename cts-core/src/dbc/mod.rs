//! DBC databases: what the bits of a car's CAN messages mean.
//!
//! Knows the text format, where databases lie, and how payloads are checked and built. Knows nothing of logs.

mod cars;
mod checks;
mod diff;
mod encode;
mod finding;
mod generate;
mod lint;
mod model;
mod packages;
mod parse;
mod show;
mod source;

pub use cars::{fingerprints, for_brand, for_car};
pub use checks::{Algorithm, Checks, Field, MessageChecks};
pub use diff::{Change, diff};
pub use encode::Value;
pub use finding::{CODES, Finding, Part, Severity};
pub use lint::lint;
pub use model::{ByteOrder, Choice, Dbc, Message, MessageId, Number, Presence, Signal, sign_extend};
pub use show::draw;
pub use source::{BUILTIN, Loaded, Origin, Search};
