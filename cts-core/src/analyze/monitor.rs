//! Monitors: state machines that watch CAN traffic and panda states as they come, and say what changed.
//!
//! A [`Monitor`] is shown one event after the other: its time first, then its frames or panda states. What it notices
//! goes to [`Findings`], each with its time, so that a replayed log and a live source drive the same machine. Nothing
//! here reads logs, sleeps or writes.
//!
//! | monitor | notices |
//! |---|---|
//! | [`RxTrace`] | messages that fall silent and come back; changes of `safetyRxChecksInvalid` with the age of each signal |
//! | [`BusCheck`] | how many frames of some addresses came, by address and bus, in samples of fixed length |
//! | [`PandaWatch`] | the first state of each panda and every change of it |
//!
//! Memory: one entry for each message seen, at most [`MAX_MESSAGES`], and the last state of at most [`MAX_PANDAS`].

mod bus_check;
mod finding;
mod known;
mod panda;
mod panda_watch;
mod rx_trace;
mod sights;
#[cfg(test)]
mod tests;

pub use bus_check::{BusCheck, Count};
pub use finding::{Age, Finding, Findings, Seen, Silence};
pub use known::{CAN_BUS_CHECK, HYBRID_RX, name};
pub use panda::{PandaState, Scalar};
pub use panda_watch::{PandaLife, PandaWatch, Range};
pub use rx_trace::RxTrace;
pub use sights::{MAX_MESSAGES, Sight, Sights};

/// Pandas that are followed; cars have at most three.
pub const MAX_PANDAS: usize = 8;

/// A CAN message: which address on which bus, as logged.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Message {
    /// The bus, as [`crate::can::Bus`].
    pub bus: u8,
    /// The address.
    pub address: u32,
}

/// A state machine over a stream. Times are mono times in ns; small steps back are normal.
pub trait Monitor {
    /// An event of `can` or `pandaStates` begins. Called once before its frames or states.
    fn time(&mut self, at: u64, out: &mut Findings);

    /// A frame was logged.
    fn frame(&mut self, at: u64, message: Message, out: &mut Findings);

    /// The states of all pandas.
    fn pandas(&mut self, at: u64, states: &[PandaState], out: &mut Findings);

    /// The stream has ended.
    fn finish(&mut self, out: &mut Findings);
}
