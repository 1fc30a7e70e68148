//! Reads openpilot driving logs: events, CAN frames and Arrow tables, at the speed of decompression.
//!
//! A log (`rlog.zst`) is a stream of Cap'n Proto events, a minute a file. [`log::Log`] holds one segment in memory,
//! [`log::LogStream`] reads it batch by batch, [`log::Input`] reads all segments of a route. Everything readable is
//! delivered, before and after damage, and [`log::Completeness`] says what was not. [`table`] makes columns of frames
//! and events, [`tool`] holds the tools that the program `cts` runs.
//!
//! ```
//! use cts_core::demo::Drive;
//! use cts_core::log::{Completeness, EventSchema, Log, ReadOptions, frames};
//! use cts_core::table::{EventTable, EventTableOptions};
//!
//! // A log: here a synthetic drive of two seconds; `Log::open("rlog.zst", …)` for a real one.
//! let mut bytes = Vec::new();
//! Drive::new(1, 2).write(&mut bytes)?;
//! let log = Log::from_bytes(&bytes, &ReadOptions::default())?;
//! assert!(log.completeness().is_complete());
//!
//! // CAN frames, borrowed from the log.
//! let mut count = 0;
//! for event in log.events() {
//!     for frame in frames(&event)? {
//!         let frame = frame?;
//!         count += usize::from(frame.address == 0x13A && frame.bus == 0);
//!     }
//! }
//! assert_eq!(count, 100);
//!
//! // Two fields of a service as an Arrow record batch.
//! let fields = vec!["vEgo".to_owned(), "wheelSpeeds.fl".to_owned()];
//! let options = EventTableOptions { fields, ..EventTableOptions::default() };
//! let mut table = EventTable::new(EventSchema::embedded(), "carState", options)?;
//! table.push(&log, None, 0, &mut Completeness::default())?;
//! let batch = table.take().into_record_batch()?;
//! assert_eq!(batch.num_columns(), 6); // mono_time, t, segment, valid, and the two fields
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```

pub mod analyze;
pub mod can;
pub mod capnp;
pub mod dbc;
pub mod decode;
pub mod demo;
pub mod error;
pub mod io;
pub mod log;
pub mod report;
pub mod route;
pub mod table;
pub mod tool;

pub use error::{At, Class, Error, ErrorKind, Result};

/// The examples of the README, compiled with the documentation tests.
#[cfg(doctest)]
#[doc = include_str!("../../README.md")]
struct Readme;
