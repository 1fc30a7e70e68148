//! openpilot logs: from the bytes of a file to events and CAN frames, with a record of what could not be read.
//!
//! Bytes flow one way: [`Decoder`] decompresses, the scanner finds the messages and their headers, a [`Batch`]
//! holds both and lends [`Event`]s. [`Log`] is one batch of a whole segment; [`LogStream`] yields batches of
//! bounded size, so that its memory does not grow with the log. Both use the same code and give the same events.
//!
//! This room does not know Arrow, DBC files or tools, and reads the schema only to name services.

mod batch;
mod bzip2;
mod completeness;
mod decoder;
mod event;
mod frames;
mod info;
mod input;
mod merge;
mod parallel;
mod pipeline;
mod scan;
mod segment;
mod service;
mod stream;
mod zstd;

pub use batch::Batch;
pub use completeness::{Completeness, Damage, DamageKind};
pub use decoder::{Codec, Decoder, Fill};
pub use event::{Event, which};
pub use frames::{CanService, Frame, Frames, frames};
pub use info::{BusRate, LogInfo, ServiceRate};
pub use input::{Input, InputRecord, Segment, SegmentRecord, SegmentStream};
pub use merge::merge_by_time;
pub use parallel::map_segments;
pub use pipeline::read_ahead;
pub use segment::Log;
pub use service::{EventSchema, Service};
pub use stream::LogStream;

/// Bounds that guard against hostile or damaged input. The defaults are far above what any real log needs.
#[derive(Clone, Debug)]
pub struct Limits {
    /// Most decompressed bytes of one file: 4 GiB less one. A real segment has below 200 MB.
    pub max_log_bytes: u64,
    /// Most bytes of one message: 64 MiB. Larger ones count as damage.
    pub max_message_bytes: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Self { max_log_bytes: u64::from(u32::MAX), max_message_bytes: 64 << 20 }
    }
}

/// How to read a log.
#[derive(Clone, Debug)]
pub struct ReadOptions {
    /// Bounds against hostile input.
    pub limits: Limits,
    /// Whether damage is an error. By default everything readable is delivered and the damage recorded.
    pub strict: bool,
    /// About how many decompressed bytes a [`LogStream`] puts into one batch. Smaller batches cost time, larger ones
    /// memory. The first is smaller, so that the head of a log is there after a few kilobytes.
    pub batch_bytes: usize,
}

impl Default for ReadOptions {
    fn default() -> Self {
        Self { limits: Limits::default(), strict: false, batch_bytes: 512 << 10 }
    }
}
