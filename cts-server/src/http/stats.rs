//! Numbers: for Prometheus, and as the older JSON.

use std::sync::Arc;

use http::StatusCode;
use serde_json::json;

use super::app::App;
use super::problem::{Answer, Problem};
use super::reply;
use super::request::Request;
use crate::failure::Failure;
use crate::metrics::Sample;
use crate::store::{Artifact, LogEntry, Run};
use crate::system::System;

/// `GET /metrics`
pub(super) async fn prometheus(app: Arc<App>, _: Request) -> Answer {
    let sample = sample(&app).await?;
    let text = app.engine.metrics().text(&sample).map_err(|e| {
        Failure::system(
            "metrics",
            format!("cannot write the metrics: {e}"),
            "Look at the log of the service.",
        )
    })?;
    Ok(reply::text(StatusCode::OK, "text/plain; version=0.0.4; charset=utf-8", text))
}

/// `GET /v1/metrics`
pub(super) async fn json(app: Arc<App>, _: Request) -> Answer {
    let sample = sample(&app).await?;
    let metrics = app.engine.metrics();
    let runs = metrics.runs();
    let (requests, millis, errors) = metrics.api();
    let (tools, artifacts) = metrics.usage();
    let ended = runs.successful + runs.failed;
    let system = &sample.system;
    Ok(reply::json(&json!({
        "execution_metrics": {
            "runs_total": runs.total,
            "runs_successful": runs.successful,
            "runs_failed": runs.failed,
            "success_rate": if ended == 0 { 0.0 } else { runs.successful as f64 / ended as f64 },
            "average_execution_time_seconds": runs.average_seconds,
            "active_runs": runs.active,
            "queued_runs": sample.queued_runs,
            "peak_concurrent_runs": runs.peak,
        },
        "api_metrics": {
            "requests_total": requests,
            "average_response_time_ms": millis,
            "errors_by_endpoint": errors,
        },
        "business_metrics": {
            "tools_usage": tools,
            "artifacts_generated": artifacts,
            "artifact_storage_bytes": sample.artifact_storage_bytes,
            "log_storage_bytes": sample.log_storage_bytes,
            "unique_users": sample.unique_users,
        },
        "system_metrics": {
            "cpu_percent": system.cpu_percent,
            "memory_percent": system.memory_percent,
            "memory_available_bytes": system.memory_available_bytes,
            "disk_free_bytes": system.disk_free_bytes,
            "disk_used_percent": system.disk_used_percent,
            "uptime_seconds": system.uptime_seconds,
        },
    })))
}

/// `GET /v1/config/status`
pub(super) async fn config(app: Arc<App>, _: Request) -> Answer {
    let settings = app.engine.settings();
    let mut status = json!({
        "log_level": settings.log_level,
        "host": settings.listen.ip().to_string(),
        "port": settings.listen.port(),
        "environment": settings.environment,
        "debug": settings.debug,
        "max_concurrent_runs": app.engine.max_concurrent(),
        "metrics_enabled": settings.metrics,
        "health_checks_enabled": settings.health_checks,
    });
    if let (Some(status), Some(more)) = (status.as_object_mut(), app.facts.config_status.as_object()) {
        status.extend(more.clone());
    }
    Ok(reply::json(&status))
}

async fn sample(app: &Arc<App>) -> Result<Sample, Problem> {
    if !app.engine.settings().metrics {
        return Err(Problem::no_route());
    }
    let (queued, _) = app.engine.load();
    let good_for = app.engine.settings().measuring;
    let look = async { Ok::<_, Problem>(app.probe.look(app.engine.layout().root())) };
    let system = app.recent_system.get(good_for.system, look).await?;
    let system = System { uptime_seconds: app.probe.uptime_seconds(), ..system };
    // Each of them reads all rows.
    let read = app.engine.store().read(|db| {
        let users = Run::users(db)?;
        Ok((Artifact::totals(db)?.1, LogEntry::bytes(db)?, users))
    });
    let (artifact_storage_bytes, log_storage_bytes, unique_users) =
        app.recent_storage.get(good_for.storage, read).await?;
    let queued_runs = queued as u64;
    Ok(Sample { queued_runs, artifact_storage_bytes, log_storage_bytes, unique_users, system })
}
