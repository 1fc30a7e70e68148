//! How things look in JSON; the shapes that older clients know, with both spellings where they differ.

use cts_core::io::connect::FileKind;
use serde_json::{Value, json};

use crate::clock::{self, Micros};
use crate::engine::{DownloadView, Engine, Monitor, UploadView, calm};
use crate::failure::Failure;
use crate::store::{Artifact, Download, DownloadStatus, LogEntry, Run, Status, UploadState};

/// Ids of artifacts.
pub(super) fn ids(artifacts: &[Artifact]) -> Vec<&str> {
    artifacts.iter().map(|artifact| artifact.id.as_str()).collect()
}

/// A run. With `full`, the report is in it.
pub(super) fn run(engine: &Engine, run: &Run, artifacts: &[&str], full: bool) -> Value {
    let progress = match run.status {
        Status::Completed => json!(100),
        Status::Running => engine.live(&run.id).and_then(|live| live.progress()).map_or(Value::Null, percent),
        _ => Value::Null,
    };
    let mut value = json!({
        "run_id": run.id,
        "id": run.id,
        "name": run.name,
        "status": run.status,
        "tool_id": run.tool,
        "created_at": clock::text(run.created_at),
        "started_at": run.started_at.map(clock::text),
        "completed_at": run.completed_at.map(clock::text),
        "duration": duration(run, engine.now()),
        "params": run.params,
        "input": run.input.as_ref().map(|input| json!({ "type": input.kind, "value": input.value })),
        "priority": run.priority,
        "attempts": run.attempts,
        "progress": progress,
        "artifacts": artifacts,
        "error": run.failure.as_ref().map(|failure| calm(&failure.message)),
        "error_category": Value::Null,
        "error_details": Value::Null,
        "logs_dropped": run.logs_dropped,
    });
    if let Some(failure) = run.failure.as_ref().filter(|_| run.status == Status::Failed) {
        let mut details = json!(failure.details);
        details["code"] = failure.code.as_str().into();
        details["suggested_fix"] = failure.suggested_fix.as_str().into();
        details["recovery_attempted"] = failure.recovery_attempted.into();
        value["error_category"] = json!(failure.category);
        value["error_details"] = details;
    }
    if full {
        value["report"] = run.report.clone().unwrap_or_default();
    }
    value
}

fn percent(percent: f64) -> Value {
    json!((percent * 10.0).round() / 10.0)
}

/// `12.3s`, up to now for a running one.
fn duration(run: &Run, now: Micros) -> Option<String> {
    // Clocks may be set back while a run runs.
    let micros = (run.completed_at.unwrap_or(now) - run.started_at?).max(0);
    Some(format!("{:.1}s", micros as f64 / 1e6))
}

/// An artifact, with the field names of the list and of the single answer.
pub(super) fn artifact(artifact: &Artifact, base: &str, link: Option<String>) -> Value {
    let path = download_path(artifact);
    let url = match link {
        Some(query) => format!("{base}{path}?{query}"),
        None => format!("{base}{path}"),
    };
    json!({
        "id": artifact.id,
        "artifact_id": artifact.id,
        "run_id": artifact.run,
        "filename": artifact.name,
        "size": artifact.bytes,
        "size_bytes": artifact.bytes,
        "type": artifact.content_type,
        "content_type": artifact.content_type,
        "sha256": artifact.sha256,
        "created_at": clock::text(artifact.created_at),
        "download_url": url,
    })
}

/// Where the bytes of an artifact are.
pub(super) fn download_path(artifact: &Artifact) -> String {
    format!("/v1/artifacts/{}/download", artifact.id)
}

/// A log line.
pub(super) fn entry(entry: &LogEntry) -> Value {
    json!({
        "timestamp": clock::text(entry.at),
        "level": entry.level.name(),
        "message": entry.message,
        "source": entry.source,
    })
}

/// A monitor. With `full`, its report is in it.
pub(super) fn monitor(monitor: &Monitor, full: bool) -> Value {
    let state = monitor.state();
    let mut value = json!({
        "monitor_id": monitor.id,
        "id": monitor.id,
        "tool_id": monitor.tool.name,
        "status": state.status,
        "started_at": clock::text(monitor.started_at),
        "ended_at": state.ended_at.map(clock::text),
        "uptime": format!("{:.1}s", monitor.uptime().as_secs_f64()),
        "params": monitor.params,
        "input": { "type": monitor.input.kind, "value": monitor.input.value },
        "events": monitor.feed.count(),
        "subscribers": monitor.feed.subscribers(),
        "progress": state.progress.map_or(Value::Null, percent),
        "stream_url": format!("/v1/monitors/{}/stream", monitor.id),
    });
    explain(&mut value, state.failure.as_ref());
    if full {
        value["report"] = state.report.unwrap_or_default();
    }
    value
}

/// A download.
pub(super) fn download(view: &DownloadView) -> Value {
    let Download { wish, result, .. } = &view.download;
    let wanted =
        |kind: FileKind| (kind.name().to_owned(), wish.files.iter().any(|name| name == kind.name()).into());
    let types: serde_json::Map<String, Value> = FileKind::ALL.into_iter().map(wanted).collect();
    let directory =
        result.route.as_ref().map(|route| format!("{}/{}", view.download.dest, route.replace('|', "/")));
    let mut value = json!({
        "download_id": view.download.id,
        "id": view.download.id,
        "status": view.download.status,
        "route": wish.route,
        "canonical_route": result.route,
        "file_types": types,
        "search_days": wish.search_days,
        "resume": wish.resume,
        "parallel": wish.parallel,
        "dest_root": view.download.dest,
        "directory": directory,
        "downloaded_files": result.downloaded,
        "skipped_files": result.skipped,
        "failed_files": result.failed,
        "total_bytes": result.bytes,
        "missing": result.missing,
        "progress": match view.download.status {
            DownloadStatus::Completed => json!(100),
            _ => view.percent.map_or(Value::Null, percent),
        },
        "created_at": clock::text(view.download.created_at),
        "completed_at": view.download.completed_at.map(clock::text),
    });
    explain(&mut value, result.failure.as_ref());
    value
}

/// Puts a failure into an object, or says that there is none.
fn explain(value: &mut Value, failure: Option<&Failure>) {
    value["error"] = json!(failure.map(|failure| calm(&failure.message)));
    value["error_category"] = json!(failure.map(|failure| failure.category));
    value["error_details"] = failure.map_or(Value::Null, |failure| {
        let mut details = json!(failure.details);
        details["code"] = failure.code.as_str().into();
        details["suggested_fix"] = failure.suggested_fix.as_str().into();
        details
    });
}

/// An upload.
pub(super) fn upload(view: &UploadView) -> Value {
    let upload = &view.upload;
    json!({
        "upload_id": upload.id,
        "id": upload.id,
        "upload_url": format!("/v1/uploads/{}/content", upload.id),
        "filename": upload.filename,
        "size": upload.size,
        "received": view.received,
        "sha256": upload.sha256,
        "status": match upload.state { UploadState::Open => "open", UploadState::Complete => "complete" },
        "created_at": clock::text(upload.created_at),
    })
}
