//! `cts` as a client: against the real service, and against one that does everything wrong.

#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "tests")]
#![expect(unreachable_pub, reason = "the rooms of one test binary")]

#[path = "../../../cts-core/tests/connect/comma.rs"]
#[expect(dead_code, reason = "other tests use more of it")]
mod comma;
mod cts;
mod downloads;
mod faults;
mod monitors;
mod protocol;
mod script;
mod service;
// SSL_CERT_FILE counts only where the system keeps its certificates in files.
#[cfg(all(unix, not(target_vendor = "apple")))]
mod tls;
mod transfers;
