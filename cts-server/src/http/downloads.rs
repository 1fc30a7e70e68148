//! Downloads from comma connect, which this service does not make: it opens no connections of its own.

use std::sync::Arc;

use http::StatusCode;

use super::app::App;
use super::problem::{Answer, Problem};
use super::request::Request;
use crate::failure::Failure;

/// `POST /v1/downloads`, `GET /v1/downloads/{download_id}`
pub(super) async fn refuse(_: Arc<App>, _: Request) -> Answer {
    let message = "this service does not download logs from comma connect";
    let fix = "Fetch the files yourself and name their path, or send them with POST /v1/uploads.";
    Err(Problem::with(StatusCode::NOT_FOUND, Failure::validation("not-offered", message, fix)))
}
