//! Names of routes and segments, and the local files they stand for.
//!
//! This room knows how openpilot, its tools and its servers name a drive, and in which directory layouts the
//! logs of a drive lie. It reads directories only: no log bytes, no network, no environment. The directories
//! to search are the caller's business.
//!
//! [`resolve`] is the one entry for text from a user: a path that exists, or else a route.

mod find;
mod layout;
mod name;
mod slice;
mod spec;
mod target;
#[cfg(test)]
mod tests;
mod url;

pub use find::{Found, SegmentFile, find, from_path, resolve};
pub use layout::LogKind;
pub use name::{DongleId, LogId, Route};
pub use slice::{MAX_SEGMENT, Slice};
pub use spec::{RouteSpec, Selector};
pub use target::Target;
