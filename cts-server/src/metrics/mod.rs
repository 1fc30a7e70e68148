//! What is counted, for Prometheus and for the older JSON.
//!
//! Series whose labels are known beforehand are there from the start, at zero: whoever looks for one finds it, and its
//! first increase is seen as one.

mod make;
mod sampled;
#[cfg(test)]
mod tests;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use cts_core::tool::{self, Category as Kind};
use prometheus::{HistogramVec, IntCounter, IntCounterVec, IntGauge, Registry, TextEncoder};

use crate::clock;
use crate::failure::Category;
use make::{counter, counters, float, gauge, seconds};
pub use sampled::Sample;
use sampled::Sampled;

/// Bounds of response times in s: most answers take a millisecond.
const RESPONSE_BUCKETS: [f64; 12] = [0.0005, 0.001, 0.002, 0.005, 0.01, 0.02, 0.05, 0.1, 0.2, 0.5, 2.0, 10.0];
/// Bounds of run times in s. Between two bounds a quantile is a guess, so a limit of an alert is one of them.
const RUN_BUCKETS: [f64; 11] = [0.1, 0.3, 1.0, 3.0, 10.0, 30.0, 60.0, 120.0, 240.0, 300.0, 900.0];

/// All counters; there is one set per service.
pub struct Metrics {
    registry: Registry,
    runs_total: IntCounter,
    runs_successful: IntCounter,
    runs_failed: IntCounterVec,
    recoveries: IntCounter,
    execution_duration: HistogramVec,
    run_peak_memory: IntGauge,
    api_requests: IntCounterVec,
    api_response_time: HistogramVec,
    api_errors: IntCounterVec,
    active_runs: IntGauge,
    peak_runs: AtomicU64,
    tools_usage: IntCounterVec,
    artifacts_generated: IntCounter,
    artifact_bytes_written: IntCounter,
    monitors_started: IntCounterVec,
    monitors_active: IntGauge,
    monitor_events: IntCounterVec,
    monitor_events_dropped: IntCounter,
    downloads: IntCounter,
    downloads_active: IntGauge,
    download_bytes: IntCounter,
    sampled: Sampled,
}

/// What was counted since the start, summed up.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Counted {
    /// Runs created.
    pub created: u64,
    /// Of these, completed.
    pub successful: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Seconds that completed and failed ones took.
    pub seconds: f64,
    /// Running now.
    pub active: u64,
    /// Largest number that ran at once.
    pub peak: u64,
    /// Requests.
    pub requests: u64,
    /// Seconds until the heads of their answers.
    pub response_seconds: f64,
    /// Answers of status 400 and up, by method and path.
    pub errors: BTreeMap<String, u64>,
    /// Runs created, by tool.
    pub tools: BTreeMap<String, u64>,
    /// Artifacts finished.
    pub artifacts: u64,
}

/// Counts as active until it is dropped.
pub(crate) struct ActiveDownload(IntGauge);

impl Drop for ActiveDownload {
    fn drop(&mut self) {
        self.0.dec();
    }
}

impl Metrics {
    /// A set of counters at zero.
    ///
    /// # Errors
    /// Never with the names used here; they are checked by the registry.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let r = &registry;
        let execution = ("execution_duration", "Seconds from start to end of runs, by tool.");
        let response = ("api_response_time", "Seconds until the head of an answer.");
        let route = ["method", "endpoint"];
        let started = "Start of the service in seconds since 1970.";
        float(r, "process_start_time_seconds", started)?.set(clock::now() as f64 / 1e6);
        let metrics = Self {
            runs_total: counter(r, "runs_total", "Runs created.")?,
            runs_successful: counter(r, "runs_successful", "Runs completed.")?,
            runs_failed: counters(r, "runs_failed", "Runs failed, by category.", &["category"])?,
            recoveries: counter(r, "run_recoveries_total", "Attempts repeated after what may pass.")?,
            execution_duration: seconds(r, execution, &["tool"], &RUN_BUCKETS)?,
            run_peak_memory: gauge(r, "run_peak_memory_bytes", "Largest memory of the last worker.")?,
            api_requests: counters(r, "api_requests_total", "Requests.", &["method", "endpoint", "status"])?,
            api_response_time: seconds(r, response, &route, &RESPONSE_BUCKETS)?,
            api_errors: counters(r, "api_errors", "Answers of status 400 and up.", &route)?,
            active_runs: gauge(r, "active_runs", "Runs running now.")?,
            peak_runs: AtomicU64::new(0),
            tools_usage: counters(r, "tools_usage", "Runs created, by tool.", &["tool"])?,
            artifacts_generated: counter(r, "artifacts_generated", "Artifacts finished.")?,
            artifact_bytes_written: counter(r, "artifact_bytes_written_total", "Bytes of these.")?,
            monitors_started: counters(r, "monitors_total", "Monitors started, by tool.", &["tool"])?,
            monitors_active: gauge(r, "active_monitors", "Monitors running now.")?,
            monitor_events: counters(r, "monitor_events_total", "Events of monitors, by tool.", &["tool"])?,
            monitor_events_dropped: counter(
                r,
                "monitor_events_dropped_total",
                "Events that clients missed.",
            )?,
            downloads: counter(r, "downloads_total", "Downloads from comma connect begun.")?,
            downloads_active: gauge(r, "active_downloads", "Downloads going on now.")?,
            download_bytes: counter(r, "download_bytes_total", "Bytes that downloads brought.")?,
            sampled: Sampled::new(r)?,
            registry,
        };
        metrics.announce_tools();
        Ok(metrics)
    }

    fn announce_tools(&self) {
        use Category::{SystemError, ToolError, ToolNotFound, ValidationError};
        for category in [ToolError, ValidationError, SystemError, ToolNotFound] {
            self.runs_failed.with_label_values(&[category.name()]);
        }
        for tool in tool::ALL {
            self.tools_usage.with_label_values(&[tool.name]);
            self.execution_duration.with_label_values(&[tool.name]);
            if tool.category == Kind::Monitor {
                self.monitors_started.with_label_values(&[tool.name]);
                self.monitor_events.with_label_values(&[tool.name]);
            }
        }
    }

    /// There is a route that answers with this status when all goes well.
    pub fn announce_route(&self, method: &str, endpoint: &str, status: u16) {
        self.api_requests.with_label_values(&[method, endpoint, &status.to_string()]);
        self.api_errors.with_label_values(&[method, endpoint]);
        self.api_response_time.with_label_values(&[method, endpoint]);
    }

    pub(crate) fn run_created(&self, tool: &str) {
        self.runs_total.inc();
        self.tools_usage.with_label_values(&[tool]).inc();
    }

    pub(crate) fn run_ended(&self, tool: &str, seconds: f64, failure: Option<Category>) {
        self.execution_duration.with_label_values(&[tool]).observe(seconds);
        match failure {
            None => self.runs_successful.inc(),
            Some(category) => self.runs_failed.with_label_values(&[category.name()]).inc(),
        }
    }

    pub(crate) fn recovery(&self) {
        self.recoveries.inc();
    }

    pub(crate) fn peak_memory(&self, bytes: u64) {
        self.run_peak_memory.set(bytes.cast_signed());
    }

    pub(crate) fn artifact(&self, bytes: u64) {
        self.artifacts_generated.inc();
        self.artifact_bytes_written.inc_by(bytes);
    }

    pub(crate) fn monitor_started(&self, tool: &str) {
        self.monitors_started.with_label_values(&[tool]).inc();
        self.monitors_active.inc();
    }

    pub(crate) fn monitor_ended(&self) {
        self.monitors_active.dec();
    }

    pub(crate) fn monitor_event(&self, tool: &str) {
        self.monitor_events.with_label_values(&[tool]).inc();
    }

    pub(crate) fn monitor_events_dropped(&self, events: u64) {
        self.monitor_events_dropped.inc_by(events);
    }

    /// Counts a download; it is active until what is returned is dropped.
    pub(crate) fn download_began(&self) -> ActiveDownload {
        self.downloads.inc();
        self.downloads_active.inc();
        ActiveDownload(self.downloads_active.clone())
    }

    pub(crate) fn download_bytes(&self, bytes: u64) {
        self.download_bytes.inc_by(bytes);
    }

    pub(crate) fn active_runs(&self, running: usize) {
        self.active_runs.set(running as i64);
        self.peak_runs.fetch_max(running as u64, Ordering::Relaxed);
    }

    /// Counts an answer; `endpoint` is the pattern of the route, never a path that a client chose.
    pub(crate) fn answered(&self, method: &str, endpoint: &str, status: u16, took: Duration) {
        self.api_requests.with_label_values(&[method, endpoint, &status.to_string()]).inc();
        self.api_response_time.with_label_values(&[method, endpoint]).observe(took.as_secs_f64());
        if status >= 400 {
            self.api_errors.with_label_values(&[method, endpoint]).inc();
        }
    }

    /// The text that Prometheus reads.
    ///
    /// # Errors
    /// When a value cannot be written, which no value here is.
    pub fn text(&self, sample: &Sample) -> prometheus::Result<String> {
        self.sampled.set(sample);
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    /// What was counted since the start.
    pub fn counted(&self) -> Counted {
        let mut counted = Counted {
            created: self.runs_total.get(),
            successful: self.runs_successful.get(),
            active: self.active_runs.get().unsigned_abs(),
            peak: self.peak_runs.load(Ordering::Relaxed),
            artifacts: self.artifacts_generated.get(),
            ..Counted::default()
        };
        for family in self.registry.gather() {
            for metric in family.get_metric() {
                let count = metric.get_counter().get_value() as u64;
                let label = |name: &str| {
                    metric
                        .get_label()
                        .iter()
                        .find(|label| label.name() == name)
                        .map_or("", |label| label.value())
                };
                match family.name() {
                    "runs_failed" => counted.failed += count,
                    "execution_duration" => counted.seconds += metric.get_histogram().get_sample_sum(),
                    "api_response_time" => {
                        counted.requests += metric.get_histogram().get_sample_count();
                        counted.response_seconds += metric.get_histogram().get_sample_sum();
                    }
                    "api_errors" if count > 0 => {
                        counted.errors.insert(format!("{} {}", label("method"), label("endpoint")), count);
                    }
                    "tools_usage" if count > 0 => {
                        counted.tools.insert(label("tool").to_owned(), count);
                    }
                    _ => {}
                }
            }
        }
        counted
    }
}
