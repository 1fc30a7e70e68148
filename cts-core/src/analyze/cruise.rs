//! Cruise: what the driver and cruise control did, and which bits have to do with it.
//!
//! Frames (mono time, bus, address, data) and samples (mono time, number, value) go into [`Cruise`] one by one; its
//! [`Profile`] says what they mean. [`Cruise::finish`] gives an [`Outcome`] with the tracks, the markers and their
//! windows, the engaged intervals, and counts per message and bit; [`events()`] tells it as a story, [`candidates()`]
//! ranks the bits.
//!
//! Only received frames count (bus 0 to 127), and a message on two buses is two messages.

mod bits;
mod distinct;
mod engine;
mod events;
mod marker;
mod outcome;
mod queue;
pub mod score;
mod span;
mod spec;
pub mod subaru;
mod track;

#[cfg(test)]
mod tests;

pub use bits::{BitStats, MessageStats, Phase, WindowCount};
pub use engine::{Config, Cruise};
pub use events::{Event, events};
pub use marker::{Marker, MarkerRule};
pub use outcome::{Engaged, Outcome, on_spans};
pub use score::{Candidate, candidates};
pub use span::{Span, Spans};
pub use spec::{Profile, Role, Source, TrackSpec};
pub use track::{Change, Track};
