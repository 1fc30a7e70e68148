//! Reads openpilot driving logs.

pub mod analyze;
pub mod can;
pub mod capnp;
pub mod demo;
pub mod error;
pub mod log;
pub mod route;
pub mod table;
pub mod tool;

pub use error::{At, Class, Error, ErrorKind, Result};
