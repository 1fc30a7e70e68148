//! Runs.

use serde::Serialize;
use serde_json::{Map, Number, Value};
use utoipa::ToSchema;

use super::{ErrorView, InputView, percent, seconds};
use crate::clock::{self, Micros};
use crate::engine::{Engine, calm};
use crate::failure::Category;
use crate::store::{Artifact, Run, Status};

/// A run.
#[derive(Serialize, ToSchema)]
#[schema(as = Run)]
pub(in crate::http) struct RunView<'a> {
    run_id: &'a str,
    id: &'a str,
    name: Option<&'a str>,
    status: Status,
    tool_id: &'a str,
    #[schema(format = DateTime)]
    created_at: String,
    #[schema(format = DateTime)]
    started_at: Option<String>,
    #[schema(format = DateTime)]
    completed_at: Option<String>,
    /// Such as `12.3s`; up to now for a running one.
    duration: Option<String>,
    /// The parameters as they were given, with the input.
    #[schema(value_type = Object)]
    params: &'a Map<String, Value>,
    input: Option<InputView<'a>>,
    /// Higher goes first.
    priority: i64,
    /// How often it was begun.
    attempts: u32,
    /// Percent, if that is known.
    #[schema(value_type = Option<f64>)]
    progress: Option<Number>,
    /// Their ids.
    artifacts: Vec<&'a str>,
    /// Why it failed or was canceled.
    error: Option<String>,
    error_category: Option<Category>,
    error_details: Option<ErrorView>,
    /// Log lines beyond the limit.
    logs_dropped: u64,
}

/// A run with its report.
#[derive(Serialize, ToSchema)]
#[schema(as = FullRun)]
pub(in crate::http) struct FullRunView<'a> {
    #[serde(flatten)]
    run: RunView<'a>,
    /// What the tool found.
    #[schema(value_type = Option<Object>)]
    report: Option<&'a Value>,
}

impl<'a> RunView<'a> {
    pub(in crate::http) fn new(engine: &Engine, run: &'a Run, artifacts: Vec<&'a str>) -> Self {
        let failed = run.failure.as_ref().filter(|_| run.status == Status::Failed);
        Self {
            run_id: &run.id,
            id: &run.id,
            name: run.name.as_deref(),
            status: run.status,
            tool_id: &run.tool,
            created_at: clock::text(run.created_at),
            started_at: run.started_at.map(clock::text),
            completed_at: run.completed_at.map(clock::text),
            duration: duration(run, engine.now()),
            params: &run.params,
            input: run.input.as_ref().map(InputView::new),
            priority: run.priority,
            attempts: run.attempts,
            progress: match run.status {
                Status::Completed => Some(100.into()),
                Status::Running => engine.live(&run.id).and_then(|live| live.progress()).map(percent),
                _ => None,
            },
            artifacts,
            error: run.failure.as_ref().map(|failure| calm(&failure.message)),
            error_category: failed.map(|failure| failure.category),
            error_details: failed.map(ErrorView::new),
            logs_dropped: run.logs_dropped,
        }
    }
}

impl<'a> FullRunView<'a> {
    pub(in crate::http) fn new(engine: &Engine, run: &'a Run, artifacts: Vec<&'a str>) -> Self {
        Self { run: RunView::new(engine, run, artifacts), report: run.report.as_ref() }
    }
}

fn duration(run: &Run, now: Micros) -> Option<String> {
    Some(seconds(run.completed_at.unwrap_or(now) - run.started_at?))
}

/// Ids of artifacts.
pub(in crate::http) fn ids(artifacts: &[Artifact]) -> Vec<&str> {
    artifacts.iter().map(|artifact| artifact.id.as_str()).collect()
}
