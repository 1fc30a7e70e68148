//! `cts-lite`: the tools of the suite as a service over HTTP.
//!
//! Each run is a process of its own, so that nothing a tool does can harm the service. What is known of runs lies in
//! SQLite, what they write lies in files beside it; both survive the end of the service at any moment.

pub mod access;
pub mod cli;
pub mod clock;
pub mod config;
pub mod engine;
pub mod failure;
pub mod files;
pub mod hangup;
pub mod health_check;
pub mod http;
pub mod logging;
pub mod metrics;
pub mod service;
pub mod settings;
pub mod store;
pub mod system;
pub mod worker;
