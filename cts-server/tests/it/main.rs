//! The service from outside: over HTTP, with real processes, and with workers that misbehave.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "the rooms of one test binary")]

mod artifacts;
mod client;
mod clients;
mod clocks;
#[path = "../../../cts-core/tests/connect/comma.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod comma;
mod disks;
mod downloads;
mod errors;
mod faults;
mod keys;
mod lab;
mod limits;
mod logs;
mod machine;
mod metrics;
mod monitors;
mod old_client;
mod queue;
mod restart;
mod retention;
mod reuse;
mod runs;
mod security;
mod stores;
mod uploads;
