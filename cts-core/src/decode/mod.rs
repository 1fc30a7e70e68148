//! Decoding: CAN frames and a DBC become columns of named physical values.
//!
//! A [`Decoder`] compiles databases into plans, gathers frames by message, and decodes a message's frames column by
//! column. What comes out are tables: one a message, one with a row per value, or one on a common clock
//! ([`Aligner`]). [`SignalExporter`] writes any of them while a log is read.
//!
//! This room knows databases, logs and tables; it does not know tools. Definition of right: the obvious decoding of
//! `dbc::Signal`, which a property test holds against the loops here.

mod align;
mod car;
mod coverage;
mod decoder;
mod export;
mod field;
mod group;
mod line;
mod long;
mod options;
mod plan;
mod sorter;
#[cfg(test)]
mod tests;
mod verify;

pub use align::{Aligner, MIN_PERIOD_NS, Resample};
pub use car::Car;
pub use coverage::{AddressCoverage, Coverage, CoverageReader, NeverSeen, OutOfRange};
pub use decoder::{Decoder, MessageStats, MessageTable};
pub use export::{Exported, Layout, SIGNALS, SignalExporter};
pub use long::LongNames;
pub use options::DecodeOptions;
pub use verify::{CheckStats, Verify};

/// A frame with its mono time, in ns.
type Timed<'a> = (u64, crate::log::Frame<'a>);
