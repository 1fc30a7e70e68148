//! `cts` as a client: against the real service, and against one that does everything wrong.

#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "tests")]
#![expect(unreachable_pub, reason = "the rooms of one test binary")]

mod cts;
mod faults;
mod monitors;
mod protocol;
mod script;
mod service;
mod transfers;
