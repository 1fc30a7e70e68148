//! Reads openpilot driving logs.

pub mod error;
pub mod route;

pub use error::{At, Class, Error, ErrorKind, Result};
