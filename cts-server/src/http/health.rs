//! Whether the service is well.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cts_core::tool;
use http::StatusCode;
use serde::Serialize;
use utoipa::ToSchema;

use super::app::App;
use super::problem::Answer;
use super::reply;
use super::request::Request;
use crate::access::Scope;
use crate::clock;
use crate::store::Run;

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the answer about readiness is good for.
const READY: Duration = Duration::from_secs(1);
/// Less free disk than this share of it is a fault.
const MIN_FREE_PERCENT: f64 = 2.0;

/// That the service answers, and for how long.
#[derive(Serialize, ToSchema)]
#[schema(as = Health)]
pub(super) struct HealthWord {
    /// `healthy`
    status: &'static str,
    /// Of the program.
    version: &'static str,
    /// Such as `0d 0h 0m 4s`.
    uptime: String,
    #[schema(format = DateTime)]
    timestamp: String,
}

/// `GET /v1/health`
pub(super) async fn health(app: Arc<App>, _: Request) -> Answer {
    let seconds = app.probe.uptime_seconds() as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    Ok(reply::json(&HealthWord {
        status: "healthy",
        version: env!("CARGO_PKG_VERSION"),
        uptime: format!("{days}d {hours}h {minutes}m {}s", seconds % 60),
        timestamp: clock::text(clock::now()),
    }))
}

/// That the service answers.
#[derive(Serialize, ToSchema)]
pub(super) struct HealthSimple {
    /// `ok`
    status: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
}

/// `GET /v1/health/simple`, `GET /v1/health/live`: the process answers.
pub(super) async fn simple(_: Arc<App>, _: Request) -> Answer {
    Ok(reply::json(&HealthSimple { status: "ok", timestamp: clock::text(clock::now()) }))
}

/// Whether new runs are welcome.
#[derive(Serialize, ToSchema)]
pub(super) struct HealthReady {
    /// `ready` or `not ready`
    status: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
    checks: Vec<Check>,
}

/// `GET /v1/health/ready`: new runs are welcome; 503 if not. Strangers are not told more than which check fails.
pub(super) async fn ready(app: Arc<App>, request: Request) -> Answer {
    let mut checks = recent(&app, READY).await;
    let ready = !app.engine.is_stopping() && checks.iter().all(Check::is_healthy);
    let code = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let status = if ready { "ready" } else { "not ready" };
    if !request.pass.principal.scopes.allow(Scope::Read) {
        checks.iter_mut().for_each(|check| check.details = None);
    }
    let body = HealthReady { status, timestamp: clock::text(clock::now()), checks };
    Ok(reply::json_as(code, "application/json", &body))
}

/// What all checks say.
#[derive(Serialize, ToSchema)]
pub(super) struct HealthDetailed {
    /// `healthy`, `degraded` when more than half of the checks are, else `unhealthy`.
    status: &'static str,
    #[schema(format = DateTime)]
    timestamp: String,
    checks: Vec<Check>,
    summary: Summary,
}

/// Numbers of checks.
#[derive(Serialize, ToSchema)]
struct Summary {
    total_checks: usize,
    healthy_checks: usize,
    failed_checks: usize,
}

/// `GET /v1/health/detailed` and `…/comprehensive`; always 200.
pub(super) async fn detailed(app: Arc<App>, _: Request) -> Answer {
    let settings = app.engine.settings();
    let checks =
        if settings.health_checks { recent(&app, settings.measuring.health).await } else { Vec::new() };
    let (total, healthy) = (checks.len(), checks.iter().filter(|check| check.is_healthy()).count());
    let status = match healthy {
        _ if healthy == total => "healthy",
        _ if healthy * 2 > total => "degraded",
        _ => "unhealthy",
    };
    let summary = Summary { total_checks: total, healthy_checks: healthy, failed_checks: total - healthy };
    Ok(reply::json(&HealthDetailed { status, timestamp: clock::text(clock::now()), checks, summary }))
}

/// What one check says.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub(super) struct Check {
    name: &'static str,
    /// `healthy` or `unhealthy`
    status: &'static str,
    #[schema(format = DateTime)]
    last_check: String,
    duration_ms: f64,
    /// What was seen, or why it fails.
    #[serde(skip_serializing_if = "Option::is_none")]
    details: Option<String>,
}

impl Check {
    fn is_healthy(&self) -> bool {
        self.status == "healthy"
    }
}

/// What the checks said within `age`. However many ask, one looks.
async fn recent(app: &Arc<App>, age: Duration) -> Vec<Check> {
    let look = async { Ok::<_, Infallible>(checks(app).await) };
    app.recent_checks.get(age, look).await.unwrap_or_default()
}

async fn checks(app: &Arc<App>) -> Vec<Check> {
    let mut checks = Vec::new();
    for (name, look) in [
        ("database_connection", store as fn(&App) -> Result<String, String>),
        ("file_system", disk),
        ("tool_registry", tools),
        ("resource_usage", resources),
        ("queue", queue),
        ("worker_start", worker),
    ] {
        checks.push(check(app, name, look).await);
    }
    checks
}

async fn check(app: &Arc<App>, name: &'static str, look: fn(&App) -> Result<String, String>) -> Check {
    let begun = Instant::now();
    let shared = Arc::clone(app);
    let runtime = tokio::runtime::Handle::current();
    let work = tokio::task::spawn_blocking(move || {
        let _inside = runtime.enter();
        look(&shared)
    });
    let (status, details) = match tokio::time::timeout(PATIENCE, work).await {
        Ok(Ok(Ok(details))) => ("healthy", details),
        Ok(Ok(Err(details))) => ("unhealthy", details),
        Ok(Err(error)) => ("unhealthy", error.to_string()),
        Err(_) => ("unhealthy", format!("no answer within {} s", PATIENCE.as_secs())),
    };
    let millis = begun.elapsed().as_secs_f64() * 1e3;
    Check {
        name,
        status,
        last_check: clock::text(clock::now()),
        duration_ms: (millis * 1e3).round() / 1e3,
        details: Some(details),
    }
}

/// A change that changes nothing shows whether the store can be written.
fn store(app: &App) -> Result<String, String> {
    let write = app.engine.store().write_now(|db| db.execute("UPDATE runs SET seq = seq WHERE seq = -1", []));
    write.map(|_| "OK".to_owned()).map_err(|failure| failure.message)
}

fn disk(app: &App) -> Result<String, String> {
    let dir = app.engine.layout().root();
    let probe = dir.join(".health");
    let written = std::fs::write(&probe, b"ok").and_then(|()| std::fs::remove_file(&probe));
    written.map_err(|e| format!("cannot write: {e}"))?;
    let system = app.probe.look(dir);
    let free = 100.0 - system.disk_used_percent;
    if system.disk_free_bytes > 0 && free < MIN_FREE_PERCENT {
        return Err(format!("only {free:.1} % of the disk are free"));
    }
    Ok(format!("OK, {free:.1} % free"))
}

fn tools(_: &App) -> Result<String, String> {
    if tool::ALL.is_empty() { Err("no tools".to_owned()) } else { Ok(format!("{} tools", tool::ALL.len())) }
}

fn resources(app: &App) -> Result<String, String> {
    let system = app.probe.look(app.engine.layout().root());
    Ok(format!("CPU {:.0} %, memory {:.0} %", system.cpu_percent, system.memory_percent))
}

fn queue(app: &App) -> Result<String, String> {
    let (waiting, running) = app.engine.load();
    let limit = app.engine.max_queued();
    if waiting >= limit {
        return Err(format!("{waiting} runs wait, the limit is {limit}"));
    }
    let known = app.engine.store().read_now(Run::counts).map_err(|failure| failure.message)?;
    let total: u64 = known.iter().map(|(_, count)| count).sum();
    Ok(format!("{waiting} waiting, {running} running, {total} known"))
}

fn worker(app: &App) -> Result<String, String> {
    app.engine.check_worker().map(|()| "OK".to_owned()).map_err(|e| format!("cannot start a worker: {e}"))
}
