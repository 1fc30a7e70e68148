//! Where logs come from besides local files; each source is behind a feature that is off by default.
//!
//! This room alone opens sockets, starts threads and waits. It knows routes, and nothing of what is in a log.

#[cfg(feature = "connect")]
pub mod connect;
