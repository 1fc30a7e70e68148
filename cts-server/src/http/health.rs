//! Whether the service is well.

use std::convert::Infallible;
use std::sync::Arc;
use std::time::{Duration, Instant};

use cts_core::tool;
use http::StatusCode;
use serde_json::{Value, json};

use super::app::App;
use super::problem::Answer;
use super::reply;
use super::request::Request;
use crate::clock;
use crate::store::Run;

/// How long one check may take.
const PATIENCE: Duration = Duration::from_secs(5);
/// How long the answer about readiness is good for.
const READY: Duration = Duration::from_secs(1);
/// Less free disk than this share of it is a fault.
const MIN_FREE_PERCENT: f64 = 2.0;

/// `GET /v1/health`
pub(super) async fn health(app: Arc<App>, _: Request) -> Answer {
    let seconds = app.probe.uptime_seconds() as u64;
    let (days, hours, minutes) = (seconds / 86_400, seconds / 3600 % 24, seconds / 60 % 60);
    Ok(reply::json(&json!({
        "status": "healthy",
        "version": env!("CARGO_PKG_VERSION"),
        "uptime": format!("{days}d {hours}h {minutes}m {}s", seconds % 60),
        "timestamp": clock::text(clock::now()),
    })))
}

/// `GET /v1/health/simple`
pub(super) async fn simple(_: Arc<App>, _: Request) -> Answer {
    Ok(reply::json(&json!({ "status": "ok", "timestamp": clock::text(clock::now()) })))
}

/// `GET /v1/health/live`: the process answers.
pub(super) async fn live(app: Arc<App>, request: Request) -> Answer {
    simple(app, request).await
}

/// `GET /v1/health/ready`: new runs are welcome; 503 if not.
pub(super) async fn ready(app: Arc<App>, _: Request) -> Answer {
    let checks = recent(&app, READY).await;
    let ready = !app.engine.is_stopping() && checks.iter().all(|check| check["status"] == "healthy");
    let status = if ready { StatusCode::OK } else { StatusCode::SERVICE_UNAVAILABLE };
    let word = if ready { "ready" } else { "not ready" };
    let body = json!({ "status": word, "timestamp": clock::text(clock::now()), "checks": checks });
    Ok(reply::json_as(status, "application/json", &body))
}

/// `GET /v1/health/detailed` and `…/comprehensive`; always 200.
pub(super) async fn detailed(app: Arc<App>, _: Request) -> Answer {
    let settings = app.engine.settings();
    let checks =
        if settings.health_checks { recent(&app, settings.measuring.health).await } else { Vec::new() };
    let healthy = checks.iter().filter(|check| check["status"] == "healthy").count();
    let status = match (healthy, checks.len()) {
        (healthy, total) if healthy == total => "healthy",
        (healthy, total) if healthy * 2 > total => "degraded",
        _ => "unhealthy",
    };
    let summary = json!({
        "total_checks": checks.len(), "healthy_checks": healthy, "failed_checks": checks.len() - healthy,
    });
    let now = clock::text(clock::now());
    Ok(reply::json(&json!({ "status": status, "timestamp": now, "checks": checks, "summary": summary })))
}

/// What the checks said within `age`. However many ask, one looks.
async fn recent(app: &Arc<App>, age: Duration) -> Vec<Value> {
    let look = async { Ok::<_, Infallible>(checks(app).await) };
    app.recent_checks.get(age, look).await.unwrap_or_default()
}

async fn checks(app: &Arc<App>) -> Vec<Value> {
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

async fn check(app: &Arc<App>, name: &str, look: fn(&App) -> Result<String, String>) -> Value {
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
    json!({
        "name": name, "status": status, "last_check": clock::text(clock::now()),
        "duration_ms": (millis * 1e3).round() / 1e3, "details": details,
    })
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
