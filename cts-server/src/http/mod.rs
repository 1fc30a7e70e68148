//! The service on the network: routes, answers, streams.
//!
//! Every route is one line of `routes::ROUTES`; dispatch, metrics and the OpenAPI document come from that table.
//! Handlers turn requests into calls of the engine and its results into JSON; they decide nothing about runs.

mod app;
mod artifacts;
mod body;
mod docs;
mod downloads;
mod follow;
mod guard;
mod health;
mod meta;
mod monitors;
mod openapi;
mod problem;
mod range;
mod recent;
mod reply;
mod request;
mod routes;
mod runs;
mod serve;
mod stats;
mod uploads;
mod view;
mod zip;

pub use app::{App, Facts};
pub use serve::serve;
