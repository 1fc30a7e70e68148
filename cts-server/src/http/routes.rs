//! The one list of routes. Dispatch, allowed methods, labels of metrics and the OpenAPI document come from it.

use super::downloads::Body as NewDownload;
use super::health::{HealthDetailed, HealthReady, HealthSimple, HealthWord};
use super::meta::{Capabilities, Version};
use super::route::{Handler, Query, Route};
use super::runs::Canceled;
use super::shape::{ANY, FILE, Shape, bytes, json, list, text};
use super::stats::{ConfigStatus, Numbers};
use super::uploads::Announcement;
use super::view::{
    ArtifactView, DownloadView, FullRunView, LogList, MonitorEvent, MonitorView, RunView, UploadView,
};
use super::{artifacts, docs, downloads, follow, health, meta, monitors, runs, stats, uploads, zip};
use crate::engine::Wish;

macro_rules! call {
    ($($path:tt)+) => { |app, request| Box::pin($($path)+(app, request)) };
}

type Str = &'static str;

const fn get(path: Str, summary: Str, reply: Shape, call: Handler) -> Route {
    Route::new(("GET", path), summary, reply, call)
}

const fn post(path: Str, summary: Str, reply: Shape, call: Handler) -> Route {
    Route::new(("POST", path), summary, reply, call)
}

const fn put(path: Str, summary: Str, reply: Shape, call: Handler) -> Route {
    Route::new(("PUT", path), summary, reply, call)
}

const fn delete(path: Str, summary: Str, reply: Shape, call: Handler) -> Route {
    Route::new(("DELETE", path), summary, reply, call)
}

const LOG_STREAM: Shape = text(
    "text/event-stream",
    "Server-sent events: each line of the log with its number as id; comments while nothing happens; the event `end` with \
     `[DONE]` at the end.",
);
const HTML: Shape = text("text/html", "A page.");
const SAMPLES: Shape = text("text/plain", "Samples in the text format of Prometheus.");
const ARTIFACT: Shape = bytes("*/*");

const LIMIT: Query = ("limit", "integer", "At most so many, up to 1000");
const OFFSET: Query = ("offset", "integer", "Leaves out so many");
const TOOL: Query = ("tool_id", "string", "Only those of this tool");
const PARTS: &[(Str, Str)] = &[
    ("Range", "`bytes=FIRST-LAST`: a part"),
    ("If-Range", "The tag or date of what is there already: all of it if that has changed"),
    ("If-None-Match", "Tags of what is there already: 304 if nothing has changed"),
    ("If-Modified-Since", "A date: 304 if nothing has changed since"),
    ("If-Match", "Tags: 412 if none of them holds"),
    ("If-Unmodified-Since", "A date: 412 if it has changed since"),
];
const START: &[u16] = &[400, 403, 404, 413, 422, 429, 503];

/// All routes.
pub(super) static ROUTES: &[Route] = &[
    get("/v1/version", "Versions of the interface", json::<Version>(), call!(meta::version)),
    get(
        "/v1/capabilities",
        "Tools and monitors with their parameters",
        json::<Capabilities>(),
        call!(meta::capabilities),
    ),
    get("/v1/health", "Health in one word", json::<HealthWord>(), call!(health::health)),
    get("/v1/health/simple", "That it answers", json::<HealthSimple>(), call!(health::simple)),
    get("/v1/health/live", "Liveness", json::<HealthSimple>(), call!(health::simple)),
    get(
        "/v1/health/ready",
        "Readiness: store, disk, queue, worker start",
        json::<HealthReady>(),
        call!(health::ready),
    )
    .fails(&[503]),
    get("/v1/health/detailed", "All checks", json::<HealthDetailed>(), call!(health::detailed)),
    get("/v1/health/comprehensive", "All checks", json::<HealthDetailed>(), call!(health::detailed)),
    post("/v1/runs", "Starts a run", json::<RunView<'_>>(), call!(runs::create))
        .headers(&[("Idempotency-Key", "Equal for repetitions of one request, which give the same run")])
        .takes(&[json::<Wish>()])
        .fails(&[400, 403, 404, 409, 413, 422, 429, 503]),
    get("/v1/runs", "Runs, the newest first", list::<RunView<'_>>(), call!(runs::list))
        .query(&[
            ("status", "string", "Only those of this state; `pending` means `queued`"),
            TOOL,
            ("name", "string", "Only those whose name contains this"),
            LIMIT,
            OFFSET,
            (
                "before",
                "string",
                "Only those older than the run of this id; see the header `CTS-Next-Before`",
            ),
        ])
        .fails(&[422]),
    get("/v1/runs/{run_id}", "A run", json::<FullRunView<'_>>(), call!(runs::get)).fails(&[404]),
    delete("/v1/runs/{run_id}", "Cancels a run", json::<Canceled<'_>>(), call!(runs::cancel)),
    get("/v1/runs/{run_id}/logs", "Follows the log", LOG_STREAM, call!(follow::follow))
        .headers(&[("Last-Event-ID", "Number of the last line that was seen; those after it follow")])
        .fails(&[404]),
    get("/v1/runs/{run_id}/logs/list", "Last lines", json::<LogList<'_>>(), call!(follow::list))
        .query(&[
            ("limit", "integer", "At most so many, up to 10000"),
            ("offset", "integer", "Leaves out so many at the end"),
            ("level", "string", "Only those that matter as much: `DEBUG`, `INFO`, `WARNING` or `ERROR`"),
        ])
        .fails(&[422]),
    get(
        "/v1/runs/{run_id}/artifacts",
        "Artifacts of a run",
        list::<ArtifactView<'_>>(),
        call!(artifacts::list),
    ),
    get(
        "/v1/runs/{run_id}/artifacts.zip",
        "All artifacts of a run in one archive",
        bytes("application/zip"),
        call!(zip::all),
    )
    .fails(&[404]),
    get(
        "/v1/artifacts/{artifact_id}",
        "Data of an artifact",
        json::<ArtifactView<'_>>(),
        call!(artifacts::get),
    )
    .fails(&[404]),
    get("/v1/artifacts/{artifact_id}/download", "Its bytes", ARTIFACT, call!(artifacts::bytes))
        .headers(PARTS)
        .fails(&[404, 412, 416]),
    get("/v1/artifacts/{artifact_id}/content", "Its bytes", ARTIFACT, call!(artifacts::bytes))
        .headers(PARTS)
        .fails(&[404, 412, 416]),
    post("/v1/uploads", "Announces a file, or takes it", json::<UploadView<'_>>(), call!(uploads::create))
        .takes(&[json::<Announcement>(), FILE])
        .status(201)
        .fails(&[400, 413, 422]),
    get("/v1/uploads/{upload_id}", "How much has arrived", json::<UploadView<'_>>(), call!(uploads::get))
        .fails(&[404]),
    put(
        "/v1/uploads/{upload_id}/content",
        "Takes the bytes, or a part of them",
        json::<UploadView<'_>>(),
        call!(uploads::put),
    )
    .headers(&[("Content-Range", "`bytes FIRST-LAST/SIZE` for a part")])
    .takes(&[bytes("application/octet-stream")])
    .fails(&[400, 404, 409, 413]),
    post(
        "/v1/uploads/{upload_id}/finalize",
        "Checks size and hash; runs may use it then",
        json::<UploadView<'_>>(),
        call!(uploads::finalize),
    )
    .fails(&[400, 404, 409]),
    post(
        "/v1/downloads",
        "Fetches a drive from comma connect; answers when it is done, or before with `Prefer`",
        json::<DownloadView<'_>>(),
        call!(downloads::create),
    )
    .headers(&[
        ("Idempotency-Key", "Equal for repetitions of one request"),
        ("Prefer", "`respond-async`: answer at once; `wait=N`: after N seconds at most"),
    ])
    .takes(&[json::<NewDownload>()])
    .status(202)
    .fails(&[400, 403, 404, 409, 413, 422, 429, 503]),
    get("/v1/downloads", "Downloads, the newest first", list::<DownloadView<'_>>(), call!(downloads::list))
        .query(&[("status", "string", "Only downloads of this state"), LIMIT])
        .fails(&[422]),
    get("/v1/downloads/{download_id}", "A download", json::<DownloadView<'_>>(), call!(downloads::get))
        .fails(&[404]),
    delete(
        "/v1/downloads/{download_id}",
        "Cancels a download; what has come stays",
        json::<DownloadView<'_>>(),
        call!(downloads::cancel),
    )
    .fails(&[404]),
    post("/v1/monitors", "Starts a monitor", json::<MonitorView<'_>>(), call!(monitors::create))
        .takes(&[json::<Wish>()])
        .fails(START),
    post("/v1/monitors/start", "Starts a monitor", json::<MonitorView<'_>>(), call!(monitors::create))
        .takes(&[json::<Wish>()])
        .fails(START),
    get("/v1/monitors", "Monitors, the newest first", list::<MonitorView<'_>>(), call!(monitors::list))
        .query(&[("status", "string", "Only those of this state"), TOOL, LIMIT, OFFSET])
        .fails(&[422]),
    get("/v1/monitors/{monitor_id}", "A monitor", json::<MonitorView<'_>>(), call!(monitors::status))
        .fails(&[404]),
    get("/v1/monitors/{monitor_id}/status", "A monitor", json::<MonitorView<'_>>(), call!(monitors::status))
        .fails(&[404]),
    delete("/v1/monitors/{monitor_id}", "Stops a monitor", json::<MonitorView<'_>>(), call!(monitors::stop))
        .fails(&[404]),
    post(
        "/v1/monitors/{monitor_id}/stop",
        "Stops a monitor",
        json::<MonitorView<'_>>(),
        call!(monitors::stop),
    )
    .fails(&[404]),
    get(
        "/v1/monitors/{monitor_id}/stream",
        "A WebSocket: each text message is an event; closed with 1000 after the event `end`",
        json::<MonitorEvent>(),
        call!(monitors::stream),
    )
    .status(101)
    .fails(&[404, 426, 429]),
    get("/metrics", "Numbers for Prometheus", SAMPLES, call!(stats::prometheus)).fails(&[404]),
    get("/v1/metrics", "Numbers as JSON", json::<Numbers>(), call!(stats::json)).fails(&[404]),
    get("/v1/config/status", "The configuration in short", json::<ConfigStatus>(), call!(stats::config)),
    get("/openapi.json", "This document", ANY, call!(docs::openapi)),
    get("/docs", "This document for people", HTML, call!(docs::page)),
    get("/redoc", "This document for people", HTML, call!(docs::page)),
];
