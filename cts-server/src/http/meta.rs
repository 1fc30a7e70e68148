//! What the service is and what it can do.

use std::sync::Arc;

use cts_core::tool;
use serde_json::{Value, json};

use super::app::App;
use super::problem::Answer;
use super::reply;
use super::request::Request;

/// Version of this interface; clients compare their own with `min_client_version`.
const API_VERSION: &str = "0.1.0";
/// The oldest client of the Python project that understands the answers.
const MIN_CLIENT_VERSION: &str = "0.8.0";

/// `GET /v1/version`
pub(super) async fn version(_: Arc<App>, _: Request) -> Answer {
    Ok(reply::json(&json!({
        "api_version": API_VERSION, "min_client_version": MIN_CLIENT_VERSION, "deprecated_features": [],
    })))
}

/// `GET /v1/capabilities`
pub(super) async fn capabilities(_: Arc<App>, _: Request) -> Answer {
    let mut capabilities = tool::capabilities();
    capabilities["api_version"] = env!("CARGO_PKG_VERSION").into();
    capabilities["features"] = Value::from(vec![
        "health_check",
        "tool_discovery",
        "parameter_validation",
        "uploads",
        "log_streaming",
        "monitors",
    ]);
    Ok(reply::json(&capabilities))
}
