//! Reads openpilot driving logs.

pub mod analyze;
pub mod can;
pub mod error;

pub use error::{At, Class, Error, ErrorKind, Result};
