//! What the engine and the HTTP part take from the configuration.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use super::fields::Config;
use crate::clock::SystemClock;
use crate::settings::{
    DownloadSettings, HttpSettings, Limits, Measuring, MonitorSettings, Retention, RunSettings, Settings,
    TokenSource, WorkerCommand,
};

const KIB: u64 = 1 << 10;
const MIB: u64 = 1 << 20;

/// Configured numbers are bounded far below what a `usize` holds.
fn size(number: u64) -> usize {
    usize::try_from(number).unwrap_or(usize::MAX)
}

impl Config {
    /// The address and port to listen on.
    pub fn listen(&self) -> SocketAddr {
        SocketAddr::new(self.host.0, self.port)
    }

    /// The settings of the service.
    ///
    /// # Errors
    /// When the path of this program is unknown.
    pub fn settings(&self) -> std::io::Result<Settings> {
        let mut search_dirs = self.search_dirs.clone();
        search_dirs.push(self.download_base_path.clone());
        let worker = WorkerCommand { program: std::env::current_exe()?, args: vec!["worker".to_owned()] };
        Ok(Settings {
            listen: self.listen(),
            data_dir: self.storage_dir.clone(),
            allowed_roots: self.allowed_roots.clone(),
            search_dirs,
            metrics: self.enable_metrics,
            health_checks: self.enable_health_checks,
            runs: self.runs(),
            monitors: self.monitors(),
            downloads: self.downloads(),
            limits: self.limits(),
            retention: self.retention(),
            http: self.http(),
            measuring: self.measuring(),
            worker,
            clock: Arc::new(SystemClock::default()),
        })
    }

    fn runs(&self) -> RunSettings {
        RunSettings {
            max_concurrent: size(self.max_concurrent_runs),
            max_queued: size(self.max_queued_runs),
            attempts: u32::try_from(self.run_attempts).unwrap_or(1),
            retry_pause: Duration::from_millis(self.retry_pause_ms),
            retry_interrupted: self.retry_interrupted,
            max_log_lines: size(self.log_buffer_size),
            max_log_bytes: self.max_log_kb * KIB,
            shutdown_grace: Duration::from_secs(self.shutdown_grace_seconds),
            spare_workers: size(self.spare_workers),
        }
    }

    fn downloads(&self) -> DownloadSettings {
        let token = match (&self.comma_jwt, &self.comma_jwt_file) {
            (Some(token), _) => TokenSource::Given(token.clone()),
            (None, Some(path)) => TokenSource::File(path.clone()),
            (None, None) => TokenSource::User,
        };
        DownloadSettings {
            max_concurrent: size(self.max_concurrent_downloads),
            wait: Duration::from_secs(self.download_wait_seconds),
            token,
            api: self.comma_api_url.clone().or_else(|| std::env::var("API_HOST").ok()),
            ..DownloadSettings::new(self.download_base_path.clone())
        }
    }

    fn monitors(&self) -> MonitorSettings {
        MonitorSettings {
            max_active: size(self.max_monitors),
            max_duration: Duration::from_secs(self.monitor_timeout_seconds),
            max_subscribers: size(self.max_monitor_clients),
            max_events: size(self.monitor_buffer_events),
            max_bytes: size(self.monitor_buffer_kb * KIB),
            keep_ended: Duration::from_secs(self.monitor_keep_minutes * 60),
            max_ended: size(self.max_ended_monitors),
        }
    }

    fn limits(&self) -> Limits {
        Limits {
            wall: Duration::from_secs(self.tool_timeout_seconds),
            cpu_seconds: self.worker_cpu_seconds,
            memory_bytes: self.worker_memory_mb * MIB,
            open_files: self.worker_open_files,
            artifact_bytes: self.max_artifact_size_mb * MIB,
            output_bytes: self.worker_output_mb * MIB,
            pipe_bytes: self.worker_pipe_mb * MIB,
        }
    }

    fn retention(&self) -> Retention {
        Retention {
            max_age: Duration::from_secs(self.artifact_retention_days * 24 * 3600),
            max_runs: self.max_stored_runs,
            max_bytes: self.max_storage_mb * MIB,
            interval: Duration::from_secs(self.cleanup_interval_minutes * 60),
        }
    }

    fn measuring(&self) -> Measuring {
        Measuring {
            health: Duration::from_secs(self.health_check_interval),
            system: Duration::from_secs(self.metrics_export_interval_seconds),
            storage: Duration::from_secs(self.artifact_scan_interval),
        }
    }

    fn http(&self) -> HttpSettings {
        HttpSettings {
            max_body_bytes: size(self.max_body_kb * KIB),
            max_upload_bytes: self.max_upload_size_mb * MIB,
            header_timeout: Duration::from_secs(self.header_timeout_seconds),
            body_timeout: Duration::from_secs(self.body_timeout_seconds),
            send_timeout: Duration::from_secs(self.send_timeout_seconds),
            max_connections: size(self.max_connections),
            heartbeat: Duration::from_secs(self.heartbeat_seconds),
        }
    }
}

/// Tests of other rooms start from what is configured by default.
#[cfg(test)]
mod defaults {
    use super::{Config, Limits, RunSettings};
    use crate::config::{Sources, load};

    fn config() -> Config {
        load(&Sources::default()).unwrap().config
    }

    impl Default for RunSettings {
        fn default() -> Self {
            config().runs()
        }
    }

    impl Default for Limits {
        fn default() -> Self {
            config().limits()
        }
    }
}
