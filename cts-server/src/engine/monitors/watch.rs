//! One monitor from its start to its end: a worker, and what it says.

use std::sync::Arc;
use std::time::Duration;

use serde_json::{Map, Value, json};
use tokio::time::{Instant, MissedTickBehavior};

use super::super::{Engine, lock};
use super::{Monitor, MonitorStatus};
use crate::clock;
use crate::failure::Failure;
use crate::settings::Limits;
use crate::worker::{Ending, Heard, Job, JobLimits, Process, Said, verdict};

/// How often memory and output are looked at.
const SAMPLE: Duration = Duration::from_millis(250);
/// How long a worker may take to end after its last word.
const PATIENCE: Duration = Duration::from_secs(5);
/// Largest event; clients take up to 1 MiB.
const MAX_EVENT: usize = 256 << 10;

/// How watching ended: by its owner or the service, or with a result.
enum Outcome {
    Stopped,
    Ended(Result<Value, Failure>),
}

impl Engine {
    /// Watches until the end, whatever happens.
    pub(super) async fn watch(self, monitor: Arc<Monitor>) {
        let (engine, watched) = (self.clone(), Arc::clone(&monitor));
        let task = tokio::spawn(async move { engine.replay(&watched).await });
        let outcome = task.await.unwrap_or_else(|error| {
            tracing::error!(monitor = monitor.id, %error, "watching broke off");
            let fix = "Report this with the log of the service.";
            Outcome::Ended(Err(Failure::system("internal", "the service failed while it watched", fix)))
        });
        self.end_work(&monitor.id).await;
        self.end_monitor(&monitor, outcome);
    }

    async fn replay(&self, monitor: &Arc<Monitor>) -> Outcome {
        let prepared = Arc::clone(monitor);
        let (mut process, job) = match self.blocking(move |engine| engine.prepare_monitor(&prepared)).await {
            Ok(prepared) => prepared,
            Err(failure) => return Outcome::Ended(Err(failure)),
        };
        process.tell(&job);
        self.fill_pool();
        let ending = self.listen_to(monitor, &mut process).await;
        if !matches!(ending, Some(Ending::Report(..) | Ending::Error(_) | Ending::Silence)) {
            process.kill();
        }
        let exit = process.end(PATIENCE).await;
        let Some(ending) = ending else { return Outcome::Stopped };
        let result = verdict(ending, &exit, &self.monitor_limits());
        let report = result.map(|(report, _)| report);
        Outcome::Ended(report.map_err(|failure| self.without_dirs(&monitor.id, failure)))
    }

    /// As of runs, but a monitor may take its time.
    fn monitor_limits(&self) -> Limits {
        Limits { wall: self.0.settings.monitors.max_duration, ..self.0.settings.limits }
    }

    fn prepare_monitor(&self, monitor: &Monitor) -> Result<(Process, Job), Failure> {
        let work_dir = self.0.layout.begin_work(&monitor.id)?;
        let process = self.take_worker()?;
        let mut params = monitor.params.clone();
        params.insert(monitor.tool.input.to_owned(), monitor.input.resolved.clone().into());
        let job = Job {
            run: monitor.id.clone(),
            tool: monitor.tool.name.to_owned(),
            params,
            work_dir,
            search_dirs: self.0.settings.search_dirs.clone(),
            limits: JobLimits::from(&self.monitor_limits()),
            findings: true,
            hash: None,
        };
        Ok((process, job))
    }

    /// Listens to the worker's last word; `None` when somebody stops it before.
    async fn listen_to(&self, monitor: &Monitor, process: &mut Process) -> Option<Ending> {
        let limits = self.monitor_limits();
        let forever = Duration::from_secs(10 * 365 * 24 * 3600);
        let deadline = Instant::now() + if limits.wall.is_zero() { forever } else { limits.wall };
        let mut tick = tokio::time::interval(SAMPLE);
        tick.set_missed_tick_behavior(MissedTickBehavior::Delay);
        loop {
            tokio::select! {
                biased;
                () = monitor.cancel.cancelled() => return None,
                () = tokio::time::sleep_until(deadline) => return Some(Ending::WallTime),
                _ = tick.tick() => {
                    if let Some(ending) = self.beyond(&monitor.id, process, &limits) {
                        return Some(ending);
                    }
                }
                heard = process.hear() => {
                    if let Some(ending) = self.take_in(monitor, heard) {
                        return Some(ending);
                    }
                }
            }
        }
    }

    fn take_in(&self, monitor: &Monitor, heard: Option<Heard>) -> Option<Ending> {
        let said = match heard {
            None => return Some(Ending::Silence),
            Some(Heard::Garbage(text)) => return Some(Ending::Garbage(text)),
            Some(Heard::Flood) => return Some(Ending::Flood),
            Some(Heard::LongMessage) => return Some(Ending::LongMessage),
            Some(Heard::Said(said)) => said,
        };
        match said {
            Said::Finding { finding } => {
                self.0.metrics.monitor_event(monitor.tool.name);
                monitor.say_finding(finding);
            }
            Said::Progress { done, total: Some(total) } if total > 0 => {
                lock(&monitor.state).progress = Some((done as f64 / total as f64).min(1.0) * 100.0);
            }
            Said::Log { level, message } if level == "WARNING" => {
                monitor.say("log", json!({ "level": level, "message": message }), false);
            }
            Said::Report { report, hash } => return Some(Ending::Report(report, hash)),
            Said::Error { failure } => return Some(Ending::Error(failure)),
            // The file with the events goes with the working directory: subscribers have them.
            Said::Ready | Said::Progress { .. } | Said::Log { .. } | Said::Artifact { .. } => {}
        }
        None
    }

    /// Writes the end down, tells it, and lets subscribers go.
    fn end_monitor(&self, monitor: &Monitor, outcome: Outcome) {
        let (status, report, failure) = match outcome {
            Outcome::Stopped => (MonitorStatus::Stopped, None, None),
            Outcome::Ended(Ok(mut report)) => {
                self.scrub_json(&monitor.id, &mut report);
                (MonitorStatus::Completed, Some(report["data"].take()), None)
            }
            Outcome::Ended(Err(failure)) => (MonitorStatus::Failed, None, Some(failure)),
        };
        let mut data = json!({ "status": status, "events": monitor.feed.count() });
        if let Some(report) = report.as_ref().filter(|report| report.to_string().len() < MAX_EVENT) {
            data["report"] = report.clone();
        }
        if let Some(failure) = &failure {
            data["error"] = failure.message.as_str().into();
            data["code"] = failure.code.as_str().into();
            data["error_category"] = json!(failure.category);
            data["suggested_fix"] = failure.suggested_fix.as_str().into();
        }
        self.0.metrics.monitor_ended();
        let mut state = lock(&monitor.state);
        (state.status, state.ended_at, state.ended) =
            (status, Some(self.now()), Some(Instant::now().into_std()));
        (state.report, state.failure) = (report, failure);
        // Whoever sees that it has ended sees the last event, too.
        monitor.say("end", data, true);
        drop(state);
        tracing::info!(monitor = monitor.id, tool = monitor.tool.name, ?status, "monitor ended");
    }
}

impl Monitor {
    /// A finding as an event: its time goes into the data.
    fn say_finding(&self, finding: Value) {
        let Value::Object(mut finding) = finding else { return };
        let kind = finding.remove("type");
        let kind = kind.as_ref().and_then(Value::as_str).unwrap_or("data");
        let data = finding.remove("data");
        let mut all: Map<String, Value> = finding;
        match data {
            Some(Value::Object(data)) => all.extend(data),
            Some(data) => drop(all.insert("value".to_owned(), data)),
            None => {}
        }
        self.say(kind, all.into(), false);
    }

    fn say(&self, kind: &str, data: Value, last: bool) {
        let mut text = self.event(kind, &data);
        if text.len() > MAX_EVENT {
            let short = json!({ "mono_time_ns": data["mono_time_ns"], "omitted_bytes": text.len() });
            text = self.event(kind, &short);
        }
        if last { self.feed.end(&text) } else { self.feed.push(&text) }
    }

    /// An event as its subscribers get it.
    pub fn event(&self, kind: &str, data: &Value) -> String {
        let timestamp = clock::text(clock::now());
        json!({ "timestamp": timestamp, "type": kind, "monitor_id": self.id, "data": data }).to_string()
    }
}
