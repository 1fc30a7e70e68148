//! The service from outside: over HTTP, with real processes, and with workers that misbehave.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "the rooms of one test binary")]

mod artifacts;
mod client;
mod clients;
#[path = "../../../cts-core/tests/connect/comma.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod comma;
mod downloads;
mod errors;
mod faults;
mod keys;
mod lab;
mod logs;
mod metrics;
mod monitors;
mod old_client;
mod restart;
mod runs;
mod security;
mod uploads;
