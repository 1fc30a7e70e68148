//! What is counted, for Prometheus and for the older JSON.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::time::Duration;

use cts_core::tool;
use prometheus::{
    Gauge, Histogram, HistogramOpts, HistogramVec, IntCounter, IntCounterVec, IntGauge, Opts, Registry,
    TextEncoder,
};

use crate::clock;
use crate::failure::Category;

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
    execution_duration: Histogram,
    run_peak_memory: IntGauge,
    api_requests: IntCounterVec,
    api_response_time: HistogramVec,
    api_errors: IntCounterVec,
    active_runs: IntGauge,
    peak_runs: AtomicU64,
    tools_usage: IntCounterVec,
    artifacts_generated: IntCounter,
    artifact_bytes_written: IntCounter,
    monitors: MonitorCounters,
    downloads: DownloadCounters,
    gauges: SampledGauges,
    errors_by_endpoint: Mutex<BTreeMap<String, u64>>,
}

/// What is counted of monitors.
struct MonitorCounters {
    started: IntCounterVec,
    active: IntGauge,
    events: IntCounterVec,
    dropped: IntCounter,
}

impl MonitorCounters {
    fn new(r: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            started: counters(r, "monitors_total", "Monitors started, by tool.", &["tool"])?,
            active: gauge(r, "active_monitors", "Monitors running now.")?,
            events: counters(r, "monitor_events_total", "Events of monitors, by tool.", &["tool"])?,
            dropped: counter(r, "monitor_events_dropped_total", "Events that slow or late clients missed.")?,
        })
    }
}

/// What is counted of downloads.
struct DownloadCounters {
    started: IntCounter,
    active: IntGauge,
    bytes: IntCounter,
}

impl DownloadCounters {
    fn new(r: &Registry) -> prometheus::Result<Self> {
        Ok(Self {
            started: counter(r, "downloads_total", "Downloads from comma connect begun.")?,
            active: gauge(r, "active_downloads", "Downloads going on now.")?,
            bytes: counter(r, "download_bytes_total", "Bytes that downloads brought.")?,
        })
    }
}

/// Counts as active until it is dropped.
pub(crate) struct ActiveDownload(IntGauge);

impl Drop for ActiveDownload {
    fn drop(&mut self) {
        self.0.dec();
    }
}

/// Gauges whose values are looked up when somebody asks.
struct SampledGauges {
    queued_runs: IntGauge,
    artifact_storage_bytes: IntGauge,
    log_storage_bytes: IntGauge,
    unique_users: IntGauge,
    cpu_percent: Gauge,
    memory_percent: Gauge,
    memory_available_bytes: IntGauge,
    disk_free_bytes: IntGauge,
    disk_used_percent: Gauge,
    uptime_seconds: Gauge,
    resident_bytes: IntGauge,
}

/// Values of the gauges that are looked up.
#[derive(Clone, Debug, Default)]
pub struct Sample {
    /// Runs that wait.
    pub queued_runs: u64,
    /// Bytes of all artifacts.
    pub artifact_storage_bytes: u64,
    /// Bytes of all log lines.
    pub log_storage_bytes: u64,
    /// Owners or addresses that have runs.
    pub unique_users: u64,
    /// The machine.
    pub system: crate::system::System,
}

/// The older JSON's numbers of runs.
#[derive(Clone, Copy, Debug)]
pub struct RunCounts {
    /// Runs created.
    pub total: u64,
    /// Of these, completed.
    pub successful: u64,
    /// Of these, failed.
    pub failed: u64,
    /// Mean seconds from start to end.
    pub average_seconds: f64,
    /// Running now.
    pub active: u64,
    /// Largest number that ran at once.
    pub peak: u64,
}

impl Metrics {
    /// A set of counters at zero.
    ///
    /// # Errors
    /// Never with the names used here; they are checked by the registry.
    pub fn new() -> prometheus::Result<Self> {
        let registry = Registry::new();
        let r = &registry;
        let started = "Start of the service in seconds since 1970.";
        float(r, "process_start_time_seconds", started)?.set(clock::now() as f64 / 1e6);
        let metrics = Self {
            runs_total: counter(r, "runs_total", "Runs created.")?,
            runs_successful: counter(r, "runs_successful", "Runs completed.")?,
            runs_failed: counters(r, "runs_failed", "Runs failed, by category.", &["category"])?,
            recoveries: counter(r, "run_recoveries", "Attempts repeated after a failure that may pass.")?,
            execution_duration: duration(r)?,
            run_peak_memory: gauge(
                r,
                "run_peak_memory_bytes",
                "Largest resident memory of the last worker.",
            )?,
            api_requests: counters(r, "api_requests_total", "Requests.", &["method", "endpoint", "status"])?,
            api_response_time: response_time(r)?,
            api_errors: counters(r, "api_errors", "Answers of status 400 and up.", &["method", "endpoint"])?,
            active_runs: gauge(r, "active_runs", "Runs running now.")?,
            peak_runs: AtomicU64::new(0),
            tools_usage: counters(r, "tools_usage", "Runs created, by tool.", &["tool"])?,
            artifacts_generated: counter(r, "artifacts_generated", "Artifacts finished.")?,
            artifact_bytes_written: counter(r, "artifact_bytes_written", "Bytes of artifacts finished.")?,
            monitors: MonitorCounters::new(r)?,
            downloads: DownloadCounters::new(r)?,
            gauges: SampledGauges {
                queued_runs: gauge(r, "queued_runs", "Runs waiting.")?,
                artifact_storage_bytes: gauge(r, "artifact_storage_bytes", "Bytes of artifacts kept.")?,
                log_storage_bytes: gauge(r, "log_storage_bytes", "Bytes of log lines kept.")?,
                unique_users: gauge(r, "unique_users", "Owners or addresses with runs.")?,
                cpu_percent: float(r, "system_cpu_percent", "CPU use of the machine.")?,
                memory_percent: float(r, "system_memory_percent", "Memory use of the machine.")?,
                memory_available_bytes: gauge(r, "system_memory_available_bytes", "Available memory.")?,
                disk_free_bytes: gauge(r, "system_disk_free_bytes", "Free bytes for the data directory.")?,
                disk_used_percent: float(r, "system_disk_used_percent", "Use of that disk.")?,
                uptime_seconds: float(r, "uptime_seconds", "Seconds since the start of the service.")?,
                resident_bytes: gauge(r, "process_resident_memory_bytes", "Memory of the service itself.")?,
            },
            errors_by_endpoint: Mutex::default(),
            registry,
        };
        metrics.begin_at_zero();
        Ok(metrics)
    }

    /// Whoever reads an increase needs the zero before the first event.
    fn begin_at_zero(&self) {
        use Category::{SystemError, ToolError, ToolNotFound, ValidationError};
        for category in [SystemError, ToolError, ToolNotFound, ValidationError] {
            self.runs_failed.with_label_values(&[category_name(category)]);
        }
        for tool in tool::ALL {
            let by_tool = match tool.category {
                tool::Category::Analyzer => &self.tools_usage,
                tool::Category::Monitor => &self.monitors.started,
            };
            by_tool.with_label_values(&[tool.name]);
        }
    }

    pub(crate) fn run_created(&self, tool: &str) {
        self.runs_total.inc();
        self.tools_usage.with_label_values(&[tool]).inc();
    }

    pub(crate) fn run_ended(&self, seconds: f64, failure: Option<Category>) {
        self.execution_duration.observe(seconds);
        match failure {
            None => self.runs_successful.inc(),
            Some(category) => self.runs_failed.with_label_values(&[category_name(category)]).inc(),
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
        self.monitors.started.with_label_values(&[tool]).inc();
        self.monitors.active.inc();
    }

    pub(crate) fn monitor_ended(&self) {
        self.monitors.active.dec();
    }

    pub(crate) fn monitor_event(&self, tool: &str) {
        self.monitors.events.with_label_values(&[tool]).inc();
    }

    pub(crate) fn monitor_events_dropped(&self, events: u64) {
        self.monitors.dropped.inc_by(events);
    }

    /// Counts a download; it is active until what is returned is dropped.
    pub(crate) fn download_began(&self) -> ActiveDownload {
        self.downloads.started.inc();
        self.downloads.active.inc();
        ActiveDownload(self.downloads.active.clone())
    }

    pub(crate) fn download_bytes(&self, bytes: u64) {
        self.downloads.bytes.inc_by(bytes);
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
            let mut errors = self.errors_by_endpoint.lock().unwrap_or_else(PoisonError::into_inner);
            *errors.entry(format!("{method} {endpoint}")).or_default() += 1;
        }
    }

    /// The text that Prometheus reads.
    ///
    /// # Errors
    /// When a value cannot be written, which no value here is.
    pub fn text(&self, sample: &Sample) -> prometheus::Result<String> {
        let (gauges, system) = (&self.gauges, &sample.system);
        gauges.queued_runs.set(sample.queued_runs.cast_signed());
        gauges.artifact_storage_bytes.set(sample.artifact_storage_bytes.cast_signed());
        gauges.log_storage_bytes.set(sample.log_storage_bytes.cast_signed());
        gauges.unique_users.set(sample.unique_users.cast_signed());
        gauges.cpu_percent.set(system.cpu_percent);
        gauges.memory_percent.set(system.memory_percent);
        gauges.memory_available_bytes.set(system.memory_available_bytes.cast_signed());
        gauges.disk_free_bytes.set(system.disk_free_bytes.cast_signed());
        gauges.disk_used_percent.set(system.disk_used_percent);
        gauges.uptime_seconds.set(system.uptime_seconds);
        gauges.resident_bytes.set(system.resident_bytes.cast_signed());
        TextEncoder::new().encode_to_string(&self.registry.gather())
    }

    /// Numbers of runs since the start.
    pub fn runs(&self) -> RunCounts {
        let ended = self.execution_duration.get_sample_count();
        let failed = self.gathered("runs_failed").1;
        let mean = if ended == 0 { 0.0 } else { self.execution_duration.get_sample_sum() / ended as f64 };
        RunCounts {
            total: self.runs_total.get(),
            successful: self.runs_successful.get(),
            failed: failed.iter().map(|(_, count)| count).sum(),
            average_seconds: mean,
            active: self.active_runs.get().unsigned_abs(),
            peak: self.peak_runs.load(Ordering::Relaxed),
        }
    }

    /// Number of requests, mean milliseconds of an answer, errors by endpoint.
    pub fn api(&self) -> (u64, f64, BTreeMap<String, u64>) {
        let (count, sum) = self.gathered("api_response_time").0;
        let mean = if count == 0 { 0.0 } else { sum / count as f64 * 1e3 };
        (count, mean, self.errors_by_endpoint.lock().unwrap_or_else(PoisonError::into_inner).clone())
    }

    /// Runs by tool, and the number of artifacts.
    pub fn usage(&self) -> (BTreeMap<String, u64>, u64) {
        let used = self.gathered("tools_usage").1.into_iter().filter(|(_, runs)| *runs > 0);
        (used.collect(), self.artifacts_generated.get())
    }

    /// Count and sum of a histogram family, and the counters of a counter family by their first label.
    fn gathered(&self, family: &str) -> ((u64, f64), Vec<(String, u64)>) {
        let (mut histogram, mut counters) = ((0, 0.0), Vec::new());
        for found in self.registry.gather().iter().filter(|found| found.name() == family) {
            for metric in found.get_metric() {
                let one = metric.get_histogram();
                histogram = (histogram.0 + one.get_sample_count(), histogram.1 + one.get_sample_sum());
                let label = metric.get_label().first().map(|label| label.value().to_owned());
                counters.push((label.unwrap_or_default(), metric.get_counter().get_value() as u64));
            }
        }
        (histogram, counters)
    }
}

fn category_name(category: Category) -> &'static str {
    match category {
        Category::ToolError => "tool_error",
        Category::ValidationError => "validation_error",
        Category::SystemError => "system_error",
        Category::ToolNotFound => "tool_not_found",
    }
}

fn counter(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntCounter> {
    let counter = IntCounter::new(name, help)?;
    registry.register(Box::new(counter.clone()))?;
    Ok(counter)
}

fn counters(
    registry: &Registry,
    name: &str,
    help: &str,
    labels: &[&str],
) -> prometheus::Result<IntCounterVec> {
    let counters = IntCounterVec::new(Opts::new(name, help), labels)?;
    registry.register(Box::new(counters.clone()))?;
    Ok(counters)
}

fn gauge(registry: &Registry, name: &str, help: &str) -> prometheus::Result<IntGauge> {
    let gauge = IntGauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn float(registry: &Registry, name: &str, help: &str) -> prometheus::Result<Gauge> {
    let gauge = Gauge::new(name, help)?;
    registry.register(Box::new(gauge.clone()))?;
    Ok(gauge)
}

fn duration(registry: &Registry) -> prometheus::Result<Histogram> {
    let help = "Seconds from start to end of runs.";
    let histogram =
        Histogram::with_opts(HistogramOpts::new("execution_duration", help).buckets(RUN_BUCKETS.to_vec()))?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}

fn response_time(registry: &Registry) -> prometheus::Result<HistogramVec> {
    let opts = HistogramOpts::new("api_response_time", "Seconds until the head of an answer.");
    let histogram = HistogramVec::new(opts.buckets(RESPONSE_BUCKETS.to_vec()), &["method", "endpoint"])?;
    registry.register(Box::new(histogram.clone()))?;
    Ok(histogram)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_those_that_were_asked_for() {
        let metrics = Metrics::new().unwrap();
        let text = metrics.text(&Sample::default()).unwrap();
        for name in ["runs_failed{category=\"system_error\"} 0", "tools_usage{tool=\"can-bitwatch\"} 0"] {
            assert!(text.contains(name), "{name} in\n{text}");
        }
        assert!(metrics.usage().0.is_empty());
        metrics.run_created("rlog-to-csv");
        metrics.run_ended(1.5, None);
        metrics.run_created("can-bitwatch");
        metrics.run_ended(2.5, Some(Category::ToolError));
        metrics.answered("GET", "/v1/runs/{run_id}", 404, Duration::from_millis(4));
        let text = metrics.text(&Sample::default()).unwrap();
        for name in [
            "runs_total 2",
            "runs_successful 1",
            "runs_failed{category=\"tool_error\"} 1",
            "execution_duration_count 2",
            "api_requests_total{endpoint=\"/v1/runs/{run_id}\",method=\"GET\",status=\"404\"} 1",
            "api_response_time_count",
            "api_errors",
            "active_runs 0",
            "artifact_storage_bytes",
            "log_storage_bytes",
            "tools_usage{tool=\"rlog-to-csv\"} 1",
            "artifacts_generated 0",
            "unique_users",
        ] {
            assert!(text.contains(name), "{name} in\n{text}");
        }
        let runs = metrics.runs();
        assert_eq!((runs.total, runs.successful, runs.failed, runs.average_seconds), (2, 1, 1, 2.0));
        assert_eq!(metrics.api().2["GET /v1/runs/{run_id}"], 1);
        assert_eq!(metrics.usage().0["can-bitwatch"], 1);
    }
}
