//! Downloads from comma connect.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use cts_core::io::connect::{FileKind, MAX_PARALLEL};
use http::{HeaderName, StatusCode, header};
use serde::Deserialize;
use serde_json::json;
use utoipa::ToSchema;
use warp::reply::Response;

use super::app::App;
use super::problem::{Answer, Problem};
use super::request::Request;
use super::view;
use super::{reply, runs};
use crate::engine::{DownloadView, NewDownload};
use crate::store::{DownloadStatus, DownloadWish};

/// What shall be fetched.
#[derive(Deserialize, ToSchema)]
#[schema(as = DownloadRequest)]
pub(super) struct Body {
    /// A route, or the address of a drive in comma connect.
    #[schema(example = "0123456789abcdef|2024-01-01--00-00-00")]
    route: String,
    /// A directory below that for downloads; by default that itself.
    #[serde(default)]
    dest_root: Option<String>,
    /// Kinds of files: `logs`, `qlogs`, `cameras`, `dcameras`, `ecameras`, `qcameras`; by default `logs`.
    #[serde(default)]
    file_types: Option<BTreeMap<String, bool>>,
    /// How far around an address with times drives are looked for, in days.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 30)]
    search_days: Option<i64>,
    /// Whether to go on with what an earlier download left.
    #[serde(default)]
    resume: Option<bool>,
    /// Files at a time.
    #[serde(default)]
    #[schema(minimum = 1, maximum = 16)]
    parallel: Option<i64>,
}

/// `POST /v1/downloads`: answers with the final state, or after a while, or at once if that is preferred, with the
/// state so far.
pub(super) async fn create(app: Arc<App>, mut request: Request) -> Answer {
    let (key, preferred) = (runs::idempotency_key(&request)?, preferred_wait(&request));
    let body: Body = request.json(&app.engine.settings().http).await?;
    let started = app.engine.start_download(&request.caller, wanted(body)?, key).await?;
    let id = started.download.id.clone();
    let wait = app.engine.settings().downloads.wait;
    app.engine.wait_for_download(&id, preferred.map_or(wait, |preferred| preferred.min(wait))).await;
    let now = app.engine.download(&request.caller, &id).await?;
    let mut response = answer(StatusCode::ACCEPTED, &now);
    reply::insert(&mut response, header::LOCATION, &format!("/v1/downloads/{id}"));
    if preferred == Some(Duration::ZERO) {
        reply::insert(&mut response, HeaderName::from_static("preference-applied"), "respond-async");
    }
    Ok(response)
}

/// How long the client prefers to wait (RFC 7240): `respond-async` not at all, `wait=N` so many seconds.
fn preferred_wait(request: &Request) -> Option<Duration> {
    let values = request.head.headers.get_all("prefer").iter().filter_map(|value| value.to_str().ok());
    let waits = values.flat_map(|list| list.split(',')).filter_map(|one| {
        let (name, value) = one.split_once('=').unwrap_or((one, ""));
        match name.split(';').next().unwrap_or_default().trim().to_ascii_lowercase().as_str() {
            "respond-async" => Some(Duration::ZERO),
            "wait" => value.trim().trim_matches('"').parse().ok().map(Duration::from_secs),
            _ => None,
        }
    });
    waits.min()
}

fn wanted(body: Body) -> Result<NewDownload, Problem> {
    let search_days = within("search_days", body.search_days, 7, 30)?;
    let parallel = within("parallel", body.parallel, 4, MAX_PARALLEL as u32)?;
    let wish = DownloadWish {
        route: body.route,
        files: kinds(body.file_types)?,
        search_days,
        resume: body.resume.unwrap_or(true),
        parallel: parallel as usize,
    };
    Ok(NewDownload { wish, dest: body.dest_root })
}

fn within(name: &str, given: Option<i64>, default: u32, most: u32) -> Result<u32, Problem> {
    let Some(given) = given else { return Ok(default) };
    let (kind, words, bound) =
        if given < 1 { ("greater_than_equal", "greater", 1) } else { ("less_than_equal", "less", most) };
    u32::try_from(given).ok().filter(|number| (1..=most).contains(number)).ok_or_else(|| {
        let message = format!("`{name}` should be {words} than or equal to {bound}, not {given}");
        Problem::malformed(kind, json!(["body", name]), message, given.into())
    })
}

/// The names of the wanted kinds of files; rlogs if nothing is said.
fn kinds(given: Option<BTreeMap<String, bool>>) -> Result<Vec<String>, Problem> {
    let Some(given) = given else { return Ok(vec![FileKind::Logs.to_string()]) };
    let malformed = |message: String| {
        Problem::malformed("value_error", json!(["body", "file_types"]), message, json!(given))
    };
    for name in given.keys() {
        name.parse::<FileKind>().map_err(|e| malformed(e.to_string()))?;
    }
    let wanted: Vec<String> =
        given.iter().filter(|(_, wanted)| **wanted).map(|(name, _)| name.clone()).collect();
    match wanted.is_empty() {
        true => Err(malformed("`file_types` names no kind of files that is true".to_owned())),
        false => Ok(wanted),
    }
}

/// `GET /v1/downloads`: a bare list, the newest first.
pub(super) async fn list(app: Arc<App>, request: Request) -> Answer {
    let status = request.query("status");
    let limit = request.query_number("limit", 100, 1000)?;
    let known = status.as_deref().map(DownloadStatus::named);
    let downloads = match known {
        // A state that nobody knows has no downloads.
        Some(None) => Vec::new(),
        _ => app.engine.downloads(&request.caller, known.flatten(), limit).await?,
    };
    let views: Vec<_> = downloads.iter().map(view::DownloadView::new).collect();
    Ok(reply::json(&views))
}

/// `GET /v1/downloads/{download_id}`
pub(super) async fn get(app: Arc<App>, request: Request) -> Answer {
    Ok(answer(StatusCode::OK, &app.engine.download(&request.caller, request.id()).await?))
}

/// `DELETE /v1/downloads/{download_id}`: one that has ended stays as it is.
pub(super) async fn cancel(app: Arc<App>, request: Request) -> Answer {
    Ok(answer(StatusCode::OK, &app.engine.cancel_download(&request.caller, request.id()).await?))
}

fn answer(status: StatusCode, download: &DownloadView) -> Response {
    reply::json_as(status, "application/json", &view::DownloadView::new(download))
}
