//! Reads openpilot driving logs.

pub mod analyze;
pub mod can;
pub mod capnp;
pub mod error;
pub mod log;
pub mod route;
pub mod table;

pub use error::{At, Class, Error, ErrorKind, Result};
