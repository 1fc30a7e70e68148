//! Runs.

use std::sync::Arc;

use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::problem::{Answer, Problem};
use super::reply;
use super::request::Request;
use super::view::{FullRunView, RunView, ids};
use crate::engine::Wish;
use crate::failure::Failure;
use crate::store::{RunFilter, Status};

/// `POST /v1/runs`
pub(super) async fn create(app: Arc<App>, mut request: Request) -> Answer {
    let key = idempotency_key(&request)?;
    let wish: Wish = request.json(&app.engine.settings().http).await?;
    let submitted = app.engine.submit(&request.caller, wish, key).await?;
    let mut response = reply::json(&RunView::new(&app.engine, &submitted.run, ids(&submitted.artifacts)));
    if submitted.reused {
        reply::insert(&mut response, http::HeaderName::from_static("cts-reused"), "true");
    }
    Ok(response)
}

/// The key that makes repetition harmless.
pub(super) fn idempotency_key(request: &Request) -> Result<Option<String>, Problem> {
    match request.header("idempotency-key") {
        None | Some("") => Ok(None),
        Some(key) if key.len() <= 255 => Ok(Some(key.to_owned())),
        Some(_) => {
            let message = "the Idempotency-Key is longer than 255 bytes";
            Err(Failure::validation("bad-idempotency-key", message, "Use a shorter key, such as a UUID.")
                .into())
        }
    }
}

/// `GET /v1/runs`
pub(super) async fn list(app: Arc<App>, request: Request) -> Answer {
    let status = request.query("status");
    let known = status.as_deref().map(Status::named);
    let filter = RunFilter {
        status: known.flatten(),
        tool: request.query("tool_id").or_else(|| request.query("tool")),
        name: request.query("name"),
        before: request.query("before"),
        limit: request.query_number("limit", 100, 1000)?,
        offset: request.query_number("offset", 0, u32::MAX)?,
        owner: None,
    };
    let limit = filter.limit as usize;
    let runs = match known {
        // A state that nobody knows has no runs.
        Some(None) => Vec::new(),
        _ => app.engine.runs(&request.caller, filter).await?,
    };
    let mut views = Vec::with_capacity(runs.len());
    for (run, artifacts) in &runs {
        views.push(RunView::new(&app.engine, run, artifacts.iter().map(String::as_str).collect()));
    }
    let mut response = reply::json(&views);
    if let Some((last, _)) = runs.last().filter(|_| runs.len() == limit) {
        reply::insert(&mut response, http::HeaderName::from_static("cts-next-before"), &last.id);
    }
    Ok(response)
}

/// `GET /v1/runs/{run_id}`
pub(super) async fn get(app: Arc<App>, request: Request) -> Answer {
    let (run, artifacts) = app.engine.run(&request.caller, request.id()).await?;
    Ok(reply::json(&FullRunView::new(&app.engine, &run, ids(&artifacts))))
}

/// What became of a cancellation.
#[derive(Serialize, ToSchema)]
pub(super) struct Canceled<'a> {
    message: &'static str,
    run_id: &'a str,
}

/// `DELETE /v1/runs/{run_id}`: always 200, as clients expect.
pub(super) async fn cancel(app: Arc<App>, request: Request) -> Answer {
    let run_id = request.id();
    let canceled = app.engine.cancel(&request.caller, run_id).await?;
    let message = if canceled { "Run cancelled" } else { "Run not found or already completed" };
    Ok(reply::json(&Canceled { message, run_id }))
}
