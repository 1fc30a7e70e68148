//! The one list of routes, and the way from a request to one of them.

use std::future::Future;
use std::pin::Pin;
use std::sync::Arc;

use http::Method;

use super::app::App;
use super::problem::Answer;
use super::request::Request;
use super::{artifacts, docs, downloads, follow, health, meta, monitors, runs, stats, uploads, zip};

/// One route.
pub(super) struct Route {
    pub(super) method: &'static str,
    /// The path, with `{name}` for parts that clients choose.
    pub(super) path: &'static str,
    pub(super) tag: &'static str,
    pub(super) summary: &'static str,
    /// Query parameters: name, JSON type, meaning.
    pub(super) query: &'static [(&'static str, &'static str, &'static str)],
    /// Name of the schema of the body, if there is one.
    pub(super) body: Option<&'static str>,
    /// Media type and name of the schema of a successful answer.
    pub(super) reply: (&'static str, &'static str),
    /// Status of a successful answer.
    pub(super) status: u16,
    /// Statuses of problems that are part of the contract.
    pub(super) problems: &'static [u16],
    pub(super) call: Handler,
}

/// A handler.
pub(super) type Handler = fn(Arc<App>, Request) -> Pin<Box<dyn Future<Output = Answer> + Send>>;

/// Where a request leads.
pub(super) enum Found {
    /// A route, and what stands in the place of the names in its path.
    Route(&'static Route, Vec<String>),
    /// The path exists, with these methods.
    Method(String),
    /// Nowhere.
    Nothing,
}

impl Found {
    /// The pattern of the path, for metrics.
    pub(super) fn endpoint(&self) -> &'static str {
        match self {
            Self::Route(route, _) => route.path,
            Self::Method(_) => "(method)",
            Self::Nothing => "(none)",
        }
    }
}

/// Finds the route of a request. `HEAD` is answered as `GET` without the body, except for streams.
pub(super) fn find(method: &Method, path: &str) -> Found {
    let wanted = if *method == Method::HEAD { "GET" } else { method.as_str() };
    let mut allowed: Vec<&str> = Vec::new();
    for route in ROUTES {
        let Some(params) = matched(route.path, path) else { continue };
        let endless = *method == Method::HEAD && route.reply.0 == "text/event-stream";
        if route.method == wanted && !endless {
            return Found::Route(route, params);
        }
        allowed.push(route.method);
        if route.method == "GET" && route.reply.0 != "text/event-stream" {
            allowed.push("HEAD");
        }
    }
    match allowed.is_empty() {
        true => Found::Nothing,
        false => Found::Method(allowed.join(", ")),
    }
}

/// The parts of `path` that stand for the names of `pattern`; `None` if it does not fit.
fn matched(pattern: &str, path: &str) -> Option<Vec<String>> {
    let (mut want, mut have) = (pattern.split('/'), path.split('/'));
    let mut params = Vec::new();
    loop {
        match (want.next(), have.next()) {
            (None, None) => return Some(params),
            (Some(want), Some(have)) if want.starts_with('{') && !have.is_empty() => {
                // `{run_id}.zip`: a name may be followed by an ending.
                let (_, ending) = want.split_once('}')?;
                params.push(super::request::decoded(have.strip_suffix(ending)?));
            }
            (Some(want), Some(have)) if want == have => {}
            _ => return None,
        }
    }
}

macro_rules! call {
    ($($path:tt)+) => { |app, request| Box::pin($($path)+(app, request)) };
}

const JSON: &str = "application/json";

const fn get(
    path: &'static str,
    tag: &'static str,
    summary: &'static str,
    reply: &'static str,
    call: Handler,
) -> Route {
    Route {
        method: "GET",
        path,
        tag,
        summary,
        query: &[],
        body: None,
        reply: (JSON, reply),
        status: 200,
        problems: &[],
        call,
    }
}

/// All routes.
pub(super) static ROUTES: &[Route] = &[
    get(
        "/v1/version",
        "service",
        "Versions of the interface, for negotiation",
        "Version",
        call!(meta::version),
    ),
    get(
        "/v1/capabilities",
        "service",
        "Tools and monitors with their parameters",
        "Capabilities",
        call!(meta::capabilities),
    ),
    get("/v1/health", "health", "Health in one word", "Health", call!(health::health)),
    get("/v1/health/simple", "health", "That the service answers", "HealthSimple", call!(health::simple)),
    get("/v1/health/live", "health", "Liveness", "HealthSimple", call!(health::live)),
    Route {
        problems: &[503],
        ..get(
            "/v1/health/ready",
            "health",
            "Readiness: store, disk, queue, worker start",
            "HealthReady",
            call!(health::ready),
        )
    },
    get("/v1/health/detailed", "health", "All checks", "HealthDetailed", call!(health::detailed)),
    get("/v1/health/comprehensive", "health", "All checks", "HealthDetailed", call!(health::detailed)),
    Route {
        method: "POST",
        body: Some("RunRequest"),
        problems: &[400, 403, 404, 409, 413, 422, 429, 503],
        ..get(
            "/v1/runs",
            "runs",
            "Starts a run; `Idempotency-Key` makes repetition harmless",
            "Run",
            call!(runs::create),
        )
    },
    Route {
        query: &[
            ("status", "string", "Only runs of this state; `pending` means `queued`"),
            ("tool_id", "string", "Only runs of this tool"),
            ("name", "string", "Only runs whose name contains this"),
            ("limit", "integer", "At most so many, up to 1000"),
            ("offset", "integer", "Leaves out so many"),
            ("before", "string", "Only runs older than the run of this id; see the header `CTS-Next-Before`"),
        ],
        problems: &[422],
        ..get("/v1/runs", "runs", "Runs, the newest first", "RunList", call!(runs::list))
    },
    Route { problems: &[404], ..get("/v1/runs/{run_id}", "runs", "A run", "RunFull", call!(runs::get)) },
    Route {
        method: "DELETE",
        ..get("/v1/runs/{run_id}", "runs", "Cancels a run", "Canceled", call!(runs::cancel))
    },
    Route {
        reply: ("text/event-stream", "LogStream"),
        problems: &[404],
        ..get(
            "/v1/runs/{run_id}/logs",
            "logs",
            "Follows the log; resumes after `Last-Event-ID`",
            "LogStream",
            call!(follow::follow),
        )
    },
    Route {
        query: &[("limit", "integer", "The last so many lines")],
        problems: &[422],
        ..get(
            "/v1/runs/{run_id}/logs/list",
            "logs",
            "The last lines of the log",
            "LogList",
            call!(follow::list),
        )
    },
    get(
        "/v1/runs/{run_id}/artifacts",
        "artifacts",
        "Artifacts of a run",
        "ArtifactList",
        call!(artifacts::list),
    ),
    Route {
        reply: ("application/zip", "Bytes"),
        problems: &[404],
        ..get(
            "/v1/runs/{run_id}/artifacts.zip",
            "artifacts",
            "All artifacts of a run in one archive",
            "Bytes",
            call!(zip::all),
        )
    },
    Route {
        problems: &[404],
        ..get(
            "/v1/artifacts/{artifact_id}",
            "artifacts",
            "Data of an artifact",
            "Artifact",
            call!(artifacts::get),
        )
    },
    Route {
        reply: ("application/octet-stream", "Bytes"),
        problems: &[404, 416],
        ..get(
            "/v1/artifacts/{artifact_id}/download",
            "artifacts",
            "Bytes of an artifact, also in ranges",
            "Bytes",
            call!(artifacts::bytes),
        )
    },
    Route {
        reply: ("application/octet-stream", "Bytes"),
        problems: &[404, 416],
        ..get(
            "/v1/artifacts/{artifact_id}/content",
            "artifacts",
            "Bytes of an artifact, also in ranges",
            "Bytes",
            call!(artifacts::bytes),
        )
    },
    Route {
        method: "POST",
        body: Some("UploadRequest"),
        status: 201,
        problems: &[400, 413, 422],
        ..get(
            "/v1/uploads",
            "uploads",
            "Announces an upload, or takes a form with the field `file`",
            "Upload",
            call!(uploads::create),
        )
    },
    Route {
        problems: &[404],
        ..get("/v1/uploads/{upload_id}", "uploads", "How much has arrived", "Upload", call!(uploads::get))
    },
    Route {
        method: "PUT",
        body: Some("Bytes"),
        problems: &[400, 404, 409, 413],
        ..get(
            "/v1/uploads/{upload_id}/content",
            "uploads",
            "Takes the bytes, or with `Content-Range` a part",
            "Upload",
            call!(uploads::put),
        )
    },
    Route {
        method: "POST",
        problems: &[400, 404, 409],
        ..get(
            "/v1/uploads/{upload_id}/finalize",
            "uploads",
            "Checks size and hash; runs may use it then",
            "Upload",
            call!(uploads::finalize),
        )
    },
    Route {
        method: "POST",
        body: Some("DownloadRequest"),
        status: 202,
        problems: &[400, 403, 404, 409, 413, 422, 429, 503],
        ..get(
            "/v1/downloads",
            "downloads",
            "Fetches a drive from comma connect; answers when it is done, or before with `Prefer: respond-async`",
            "Download",
            call!(downloads::create),
        )
    },
    Route {
        query: &[
            ("status", "string", "Only downloads of this state"),
            ("limit", "integer", "At most so many, up to 1000"),
        ],
        problems: &[422],
        ..get(
            "/v1/downloads",
            "downloads",
            "Downloads, the newest first",
            "DownloadList",
            call!(downloads::list),
        )
    },
    Route {
        problems: &[404],
        ..get("/v1/downloads/{download_id}", "downloads", "A download", "Download", call!(downloads::get))
    },
    Route {
        method: "DELETE",
        problems: &[404],
        ..get(
            "/v1/downloads/{download_id}",
            "downloads",
            "Cancels a download; what has come stays",
            "Download",
            call!(downloads::cancel),
        )
    },
    Route {
        method: "POST",
        body: Some("MonitorRequest"),
        problems: &[400, 403, 404, 413, 422, 429, 503],
        ..get("/v1/monitors", "monitors", "Starts a monitor", "Monitor", call!(monitors::create))
    },
    Route {
        method: "POST",
        body: Some("MonitorRequest"),
        problems: &[400, 403, 404, 413, 422, 429, 503],
        ..get("/v1/monitors/start", "monitors", "Starts a monitor", "Monitor", call!(monitors::create))
    },
    get("/v1/monitors", "monitors", "Monitors, the newest first", "MonitorList", call!(monitors::list)),
    Route {
        problems: &[404],
        ..get("/v1/monitors/{monitor_id}", "monitors", "A monitor", "Monitor", call!(monitors::status))
    },
    Route {
        problems: &[404],
        ..get("/v1/monitors/{monitor_id}/status", "monitors", "A monitor", "Monitor", call!(monitors::status))
    },
    Route {
        method: "DELETE",
        problems: &[404],
        ..get("/v1/monitors/{monitor_id}", "monitors", "Stops a monitor", "Monitor", call!(monitors::stop))
    },
    Route {
        method: "POST",
        problems: &[404],
        ..get(
            "/v1/monitors/{monitor_id}/stop",
            "monitors",
            "Stops a monitor",
            "Monitor",
            call!(monitors::stop),
        )
    },
    Route {
        status: 101,
        problems: &[404, 426, 429],
        ..get(
            "/v1/monitors/{monitor_id}/stream",
            "monitors",
            "A WebSocket: each text message is an event; closed with 1000 after the event `end`",
            "MonitorEvent",
            call!(monitors::stream),
        )
    },
    Route {
        reply: ("text/plain", "Text"),
        problems: &[404],
        ..get("/metrics", "service", "Numbers for Prometheus", "Text", call!(stats::prometheus))
    },
    Route {
        problems: &[404],
        ..get("/v1/metrics", "service", "Numbers as JSON", "Metrics", call!(stats::json))
    },
    get("/v1/config/status", "service", "The configuration in short", "ConfigStatus", call!(stats::config)),
    get("/openapi.json", "service", "This document", "Any", call!(docs::openapi)),
    Route {
        reply: ("text/html", "Text"),
        ..get("/docs", "service", "This document for people", "Text", call!(docs::page))
    },
    Route {
        reply: ("text/html", "Text"),
        ..get("/redoc", "service", "This document for people", "Text", call!(docs::page))
    },
];

#[cfg(test)]
mod tests {
    use super::*;

    fn at(method: &str, path: &str) -> (String, Vec<String>) {
        match find(&method.parse().unwrap(), path) {
            Found::Route(route, params) => (route.path.to_owned(), params),
            Found::Method(allowed) => (format!("allow {allowed}"), Vec::new()),
            Found::Nothing => ("none".to_owned(), Vec::new()),
        }
    }

    #[test]
    fn paths_lead_to_routes() {
        assert_eq!(at("GET", "/v1/runs/a"), ("/v1/runs/{run_id}".to_owned(), vec!["a".to_owned()]));
        assert_eq!(at("HEAD", "/v1/health").0, "/v1/health");
        assert_eq!(at("GET", "/v1/runs/a/artifacts.zip").0, "/v1/runs/{run_id}/artifacts.zip");
        assert_eq!(at("GET", "/v1/runs/a%2Fb/logs").1, ["a/b"]);
        assert_eq!(at("HEAD", "/v1/runs/a/logs").0, "allow GET");
        assert_eq!(at("PATCH", "/v1/runs").0, "allow POST, GET, HEAD");
        for path in ["/", "/v1", "/v1/runs/", "/v1/runs//logs", "/v1/runs/a/b", "/v1/health/x", "//v1/health"]
        {
            assert_eq!(at("GET", path).0, "none", "{path}");
        }
    }

    #[test]
    fn routes_are_unique() {
        for (i, route) in ROUTES.iter().enumerate() {
            let same = |other: &&Route| (other.method, other.path) == (route.method, route.path);
            assert!(!ROUTES[..i].iter().any(|other| same(&other)), "{} {}", route.method, route.path);
        }
    }
}
