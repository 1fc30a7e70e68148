//! CAN: frames and their bits.
//!
//! Knows what a frame is and how people name a bit in it. Knows nothing of logs, files or tools.

pub mod bits;
mod bus;

pub use bus::Bus;
