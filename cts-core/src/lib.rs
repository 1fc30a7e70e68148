//! Reads openpilot driving logs.

pub mod capnp;
pub mod demo;
pub mod error;
pub mod log;
pub mod route;
pub mod table;

pub use error::{At, Class, Error, ErrorKind, Result};
