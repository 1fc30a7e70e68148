//! The configuration: one table of fields ([`FIELDS`]), layers of values, and checks of the whole.
//!
//! A value comes from the highest layer that has it: defaults, the profile of the environment, the TOML file, `.env`,
//! environment variables, flags. Where each came from is kept, so that every message can name its place. All problems
//! are collected and reported at once.
//!
//! This room knows nothing of HTTP, of runs or of keys; [`Config::settings`] hands them what they need.

mod checks;
pub mod cli;
pub mod docs;
mod dotenv;
mod fields;
mod lists;
mod load;
mod problem;
mod reload;
mod settings;
mod settle;
mod show;
mod source;
#[cfg(test)]
mod tests;
mod toml_file;
mod values;

pub use fields::{Config, FIELDS, Field, Reload, field};
pub use lists::CorsOrigin;
pub use load::{Loaded, load};
pub use problem::{Level, Origin, Problem, Problems};
pub use reload::{Change, Reloaded, reload};
pub use show::{MASK, to_json, to_text};
pub use source::Sources;
pub use values::{Environment, Host, LogFormat, LogLevel, Secret};
