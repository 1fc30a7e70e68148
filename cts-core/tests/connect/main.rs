//! Downloads from a service that does everything wrong that the real one may. The real one cannot be reached in tests.

#![expect(clippy::unwrap_used, unreachable_pub, reason = "the rooms of one test binary")]

mod comma;
mod drives;
mod faults;
mod lab;
mod layout;
mod secrets;
