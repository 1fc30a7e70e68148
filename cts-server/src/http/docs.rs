//! The interface for people: the document as a page that needs nothing from elsewhere.

use std::sync::Arc;

use http::StatusCode;

use super::app::App;
use super::problem::Answer;
use super::reply;
use super::request::Request;

/// `GET /openapi.json`
pub(super) async fn openapi(app: Arc<App>, _: Request) -> Answer {
    Ok(reply::text(StatusCode::OK, "application/json", app.openapi.clone()))
}

/// `GET /docs`
pub(super) async fn page(_: Arc<App>, _: Request) -> Answer {
    Ok(reply::text(StatusCode::OK, "text/html; charset=utf-8", include_str!("docs.html")))
}
