//! Numbers: for Prometheus, and as the older JSON.

use std::collections::BTreeMap;
use std::sync::Arc;

use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

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

/// Numbers since the start of the service.
#[derive(Serialize, ToSchema)]
#[schema(as = Metrics)]
pub(super) struct Numbers {
    execution_metrics: Execution,
    api_metrics: Api,
    business_metrics: Business,
    system_metrics: System,
}

/// Runs.
#[derive(Serialize, ToSchema)]
struct Execution {
    runs_total: u64,
    runs_successful: u64,
    runs_failed: u64,
    /// From 0 to 1, of those that completed or failed.
    success_rate: f64,
    average_execution_time_seconds: f64,
    active_runs: u64,
    queued_runs: u64,
    peak_concurrent_runs: u64,
}

/// Requests.
#[derive(Serialize, ToSchema)]
struct Api {
    requests_total: u64,
    average_response_time_ms: f64,
    /// Answers of status 400 and up, by method and path.
    errors_by_endpoint: BTreeMap<String, u64>,
}

/// What the service is used for.
#[derive(Serialize, ToSchema)]
struct Business {
    /// Runs by tool.
    tools_usage: BTreeMap<String, u64>,
    artifacts_generated: u64,
    artifact_storage_bytes: u64,
    log_storage_bytes: u64,
    /// Owners or addresses that have runs.
    unique_users: u64,
}

/// `GET /v1/metrics`
pub(super) async fn json(app: Arc<App>, _: Request) -> Answer {
    let sample = sample(&app).await?;
    let counted = app.engine.metrics().counted();
    let ended = counted.successful + counted.failed;
    let rate = |part: f64, all: u64| if all == 0 { 0.0 } else { part / all as f64 };
    Ok(reply::json(&Numbers {
        execution_metrics: Execution {
            runs_total: counted.created,
            runs_successful: counted.successful,
            runs_failed: counted.failed,
            success_rate: rate(counted.successful as f64, ended),
            average_execution_time_seconds: rate(counted.seconds, ended),
            active_runs: counted.active,
            queued_runs: sample.queued_runs,
            peak_concurrent_runs: counted.peak,
        },
        api_metrics: Api {
            requests_total: counted.requests,
            average_response_time_ms: rate(counted.response_seconds * 1e3, counted.requests),
            errors_by_endpoint: counted.errors,
        },
        business_metrics: Business {
            tools_usage: counted.tools,
            artifacts_generated: counted.artifacts,
            artifact_storage_bytes: sample.artifact_storage_bytes,
            log_storage_bytes: sample.log_storage_bytes,
            unique_users: sample.unique_users,
        },
        system_metrics: sample.system,
    }))
}

/// The configuration in short.
#[derive(Serialize, ToSchema)]
pub(super) struct ConfigStatus {
    log_level: &'static str,
    host: String,
    port: u16,
    environment: &'static str,
    debug: bool,
    max_concurrent_runs: u64,
    metrics_enabled: bool,
    health_checks_enabled: bool,
}

/// `GET /v1/config/status`: what holds now.
pub(super) async fn config(app: Arc<App>, _: Request) -> Answer {
    let config = app.gate.config();
    Ok(reply::json(&ConfigStatus {
        log_level: config.log_level.as_str(),
        host: app.address.ip().to_string(),
        port: app.address.port(),
        environment: config.environment.as_str(),
        debug: config.debug,
        max_concurrent_runs: config.max_concurrent_runs,
        metrics_enabled: config.enable_metrics,
        health_checks_enabled: config.enable_health_checks,
    }))
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
