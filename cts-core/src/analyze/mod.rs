//! What a log shows: analyses over frames and signals.
//!
//! Knows frames, bits and times. Knows nothing of log files, parameters, command lines or where results are stored: an
//! engine takes rows one by one and hands back a typed outcome, which it can write to anything that takes bytes.

pub mod bitwatch;
pub mod cruise;
pub mod monitor;
