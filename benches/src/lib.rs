//! Inputs of the benches and the operations they time, so that benches and the table of ratios measure the same.
//!
//! A made log stands for a real one where none is at hand; set `CTS_BENCH_LOG` to the path of a zstd log to measure
//! that one too.

pub mod input;
pub mod signals;
pub mod work;

pub use input::Input;
