//! What the service is and what it can do.

use std::collections::BTreeMap;
use std::sync::Arc;

use cts_core::tool;
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::app::App;
use super::problem::Answer;
use super::reply;
use super::request::Request;
use crate::failure::Failure;

/// Versions of this interface.
#[derive(Serialize, ToSchema)]
pub(super) struct Version {
    /// Of the interface.
    api_version: &'static str,
    /// Older clients refuse to go on.
    min_client_version: &'static str,
    /// Shown by clients as a warning.
    deprecated_features: [&'static str; 0],
}

/// `GET /v1/version`: clients compare their own version with `min_client_version`, the oldest client of the Python
/// project that understands the answers.
pub(super) async fn version(_: Arc<App>, _: Request) -> Answer {
    Ok(reply::json(&Version { api_version: "0.1.0", min_client_version: "0.8.0", deprecated_features: [] }))
}

/// What the service can do.
#[derive(Serialize, ToSchema)]
pub(super) struct Capabilities {
    tools: Vec<Capability>,
    monitors: Vec<Capability>,
    /// Of the program.
    api_version: &'static str,
    features: [&'static str; 6],
}

/// A tool or a monitor.
#[derive(Serialize, Deserialize, ToSchema)]
struct Capability {
    id: String,
    name: String,
    description: String,
    /// `analyzer` or `monitor`
    category: String,
    version: Option<String>,
    parameters: BTreeMap<String, Parameter>,
    /// More of monitors: `is_real_time`, `requires_hardware`, `data_stream_type`.
    #[serde(flatten)]
    #[schema(value_type = Object)]
    more: Map<String, Value>,
}

/// A parameter of a tool; all fields are always there.
#[derive(Serialize, Deserialize, ToSchema)]
struct Parameter {
    /// `str`, `int`, `float`, `bool` or `list`
    r#type: String,
    default: Value,
    description: String,
    choices: Option<Vec<Value>>,
    required: bool,
    /// `0` of switches, `*` of lists.
    nargs: Option<String>,
}

/// `GET /v1/capabilities`
pub(super) async fn capabilities(_: Arc<App>, _: Request) -> Answer {
    let mut all = tool::capabilities();
    let mut of = |kind: &str| {
        serde_json::from_value(all[kind].take()).map_err(|e| {
            let message = format!("the definitions of tools have another form: {e}");
            Failure::system("capabilities", message, "Report this.")
        })
    };
    Ok(reply::json(&Capabilities {
        tools: of("tools")?,
        monitors: of("monitors")?,
        api_version: env!("CARGO_PKG_VERSION"),
        features: [
            "health_check",
            "tool_discovery",
            "parameter_validation",
            "uploads",
            "log_streaming",
            "monitors",
        ],
    }))
}
