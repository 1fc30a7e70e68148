//! The service on the network: routes, answers, streams.
//!
//! Every route is one entry of `routes::ROUTES`; dispatch, metrics and the OpenAPI document come from that table.
//! Handlers turn requests into calls of the engine and its results into JSON; they decide nothing about runs.

mod app;
mod artifacts;
mod body;
mod condition;
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
mod route;
mod routes;
mod runs;
mod serve;
mod shape;
mod stats;
mod uploads;
mod view;
mod zip;

pub use app::App;
pub use serve::serve;
