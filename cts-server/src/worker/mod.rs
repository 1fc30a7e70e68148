//! Runs of tools in processes of their own.
//!
//! A worker is this program, started as `cts-lite worker`. The service tells it one [`Job`] over its standard input
//! and hears [`Said`] from its standard output, a JSON object a line. Nothing that a worker does can harm the
//! service: what it says is bounded and checked, what it uses is limited, and it is killed with all its children.
//!
//! This room knows processes and tools. It must not know the store, the queue and HTTP.

mod child;
mod limits;
mod pool;
mod process;
mod proto;
mod tree;
mod verdict;

pub use child::main;
pub use limits::{apply as apply_limits, peak_memory};
pub use pool::Pool;
pub use process::{Exit, Heard, Process};
pub use proto::{Job, JobLimits, Said};
pub use verdict::{Ending, MAX_ARTIFACTS, seen, verdict};
