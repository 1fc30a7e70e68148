//! What the engine and the HTTP part need to know; the configuration produces it.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cts_core::io::connect::Patience;

use crate::clock::{Clock, SystemClock};
use crate::config::Secret;

/// Everything that can be set. [`Settings::new`] gives the defaults.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the store, artifacts and uploads lie. One service at a time.
    pub data_dir: PathBuf,
    /// Directories whose files runs may read, besides uploads; with links resolved. Empty: every file.
    pub allowed_roots: Vec<PathBuf>,
    /// Directories in which routes are searched.
    pub search_dirs: Vec<PathBuf>,
    /// How the environment is called, as `/v1/config/status` shows it.
    pub environment: String,
    /// Shown by `/v1/config/status`.
    pub debug: bool,
    /// Shown by `/v1/config/status`.
    pub log_level: String,
    /// Whether `/metrics` and `/v1/metrics` answer.
    pub metrics: bool,
    /// Whether the detailed health checks answer.
    pub health_checks: bool,
    /// What is done with runs.
    pub runs: RunSettings,
    /// What is done with monitors.
    pub monitors: MonitorSettings,
    /// Downloads from comma connect.
    pub downloads: DownloadSettings,
    /// Limits of one worker process.
    pub limits: Limits,
    /// What is kept, and how long.
    pub retention: Retention,
    /// Limits of requests.
    pub http: HttpSettings,
    /// How often the service looks at itself.
    pub measuring: Measuring,
    /// How to start a worker: program and arguments.
    pub worker: WorkerCommand,
    /// Where times come from.
    pub clock: Arc<dyn Clock>,
}

/// Queue and repetition.
#[derive(Clone, Debug)]
pub struct RunSettings {
    /// Runs at the same time.
    pub max_concurrent: usize,
    /// Runs waiting; more are refused.
    pub max_queued: usize,
    /// Attempts of a run whose failure is one of the system and may pass; 1 never repeats.
    pub attempts: u32,
    /// Pause before the second attempt; doubled for each further one.
    pub retry_pause: Duration,
    /// Whether a run that the end of the service cut off is started again, once.
    pub retry_interrupted: bool,
    /// Log lines kept of one run; the rest is counted.
    pub max_log_lines: usize,
    /// Largest size of all log lines of one run, in bytes.
    pub max_log_bytes: u64,
    /// How long running runs may go on when the service shall end.
    pub shutdown_grace: Duration,
    /// Workers started before they are needed.
    pub spare_workers: usize,
}

/// Monitors, and what is kept of their events.
#[derive(Clone, Debug)]
pub struct MonitorSettings {
    /// Monitors at the same time.
    pub max_active: usize,
    /// Longest life of one; zero means no limit.
    pub max_duration: Duration,
    /// Clients that listen to one.
    pub max_subscribers: usize,
    /// Events of one that are kept for slow and late clients.
    pub max_events: usize,
    /// Bytes of these events.
    pub max_bytes: usize,
    /// How long an ended one stays listed.
    pub keep_ended: Duration,
    /// Ended ones that stay listed.
    pub max_ended: usize,
}

/// Downloads from comma connect.
#[derive(Clone, Debug)]
pub struct DownloadSettings {
    /// Nothing is downloaded to anywhere else.
    pub base: PathBuf,
    /// Downloads at the same time; zero offers none.
    pub max_concurrent: usize,
    /// Downloads waiting; more are refused.
    pub max_queued: usize,
    /// How long a request waits for the end of its download.
    pub wait: Duration,
    /// Where the token comes from.
    pub token: TokenSource,
    /// The base address of the API; none for the usual one.
    pub api: Option<String>,
    /// How often and how long things are tried.
    pub patience: Patience,
}

/// Where the token of comma connect comes from. It is looked up for each download.
#[derive(Clone, Debug)]
pub enum TokenSource {
    /// There is none: public drives only.
    Nothing,
    /// The configuration.
    Given(Secret),
    /// A file.
    File(PathBuf),
    /// Where tools of the user that the service runs as find it.
    User,
}

/// Limits of one worker process; zero means none.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Limits {
    /// Wall time of one run.
    pub wall: Duration,
    /// CPU time in s, all threads together.
    pub cpu_seconds: u64,
    /// Memory in bytes.
    pub memory_bytes: u64,
    /// Open files.
    pub open_files: u64,
    /// Bytes of one artifact.
    pub artifact_bytes: u64,
    /// Bytes of all files of one run.
    pub output_bytes: u64,
    /// Bytes a worker may say on its pipe.
    pub pipe_bytes: u64,
}

/// What the clean-up keeps; zero means no limit.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Retention {
    /// Age of finished runs with their artifacts, and of uploads.
    pub max_age: Duration,
    /// Number of finished runs.
    pub max_runs: u64,
    /// Bytes of all artifacts and uploads.
    pub max_bytes: u64,
    /// How often the clean-up looks.
    pub interval: Duration,
}

/// Limits of requests.
#[derive(Clone, Debug)]
pub struct HttpSettings {
    /// Largest JSON body in bytes.
    pub max_body_bytes: usize,
    /// Largest upload in bytes.
    pub max_upload_bytes: u64,
    /// Time for the head of a request.
    pub header_timeout: Duration,
    /// Longest pause within a request body.
    pub body_timeout: Duration,
    /// Connections at the same time.
    pub max_connections: usize,
    /// Pause after which a silent log stream says that it lives.
    pub heartbeat: Duration,
}

/// How long measurements are good for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Measuring {
    /// The detailed health checks.
    pub health: Duration,
    /// CPU, memory and disk, for metrics.
    pub system: Duration,
    /// What artifacts and logs take, for metrics.
    pub storage: Duration,
}

/// How to start a worker.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct WorkerCommand {
    /// The program.
    pub program: PathBuf,
    /// Its arguments.
    pub args: Vec<String>,
}

impl Settings {
    /// The defaults: everything in `data_dir`, loopback only, workers of this program.
    ///
    /// # Errors
    /// When the path of this program is unknown.
    pub fn new(data_dir: impl Into<PathBuf>) -> std::io::Result<Self> {
        let worker = WorkerCommand { program: std::env::current_exe()?, args: vec!["worker".to_owned()] };
        let data_dir = data_dir.into();
        Ok(Self {
            listen: SocketAddr::from(([127, 0, 0, 1], 8080)),
            downloads: DownloadSettings::new(data_dir.join("downloads")),
            data_dir,
            allowed_roots: Vec::new(),
            search_dirs: Vec::new(),
            environment: "development".to_owned(),
            debug: false,
            log_level: "INFO".to_owned(),
            metrics: true,
            health_checks: true,
            runs: RunSettings::default(),
            monitors: MonitorSettings::default(),
            limits: Limits::default(),
            retention: Retention::default(),
            http: HttpSettings::default(),
            measuring: Measuring::default(),
            worker,
            clock: Arc::new(SystemClock::default()),
        })
    }
}

impl Default for RunSettings {
    fn default() -> Self {
        Self {
            max_concurrent: 3,
            max_queued: 20_000,
            attempts: 3,
            retry_pause: Duration::from_millis(500),
            retry_interrupted: false,
            max_log_lines: 20_000,
            max_log_bytes: 16 << 20,
            shutdown_grace: Duration::from_secs(10),
            spare_workers: 1,
        }
    }
}

impl Default for MonitorSettings {
    fn default() -> Self {
        Self {
            max_active: 16,
            max_duration: Duration::from_secs(24 * 3600),
            max_subscribers: 32,
            max_events: 4096,
            max_bytes: 2 << 20,
            keep_ended: Duration::from_secs(3600),
            max_ended: 50,
        }
    }
}

impl DownloadSettings {
    /// The defaults, without a token.
    pub fn new(base: PathBuf) -> Self {
        Self {
            base,
            max_concurrent: 2,
            max_queued: 200,
            wait: Duration::from_secs(100),
            token: TokenSource::Nothing,
            api: None,
            patience: Patience::default(),
        }
    }
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            wall: Duration::from_secs(300),
            cpu_seconds: 1200,
            memory_bytes: 2 << 30,
            open_files: 256,
            artifact_bytes: 4 << 30,
            output_bytes: 8 << 30,
            pipe_bytes: 64 << 20,
        }
    }
}

impl Default for Retention {
    fn default() -> Self {
        let days = |days: u64| Duration::from_secs(days * 24 * 3600);
        Self { max_age: days(7), max_runs: 100_000, max_bytes: 0, interval: Duration::from_secs(3600) }
    }
}

impl Default for Measuring {
    fn default() -> Self {
        let seconds = Duration::from_secs;
        Self { health: seconds(30), system: seconds(60), storage: seconds(5) }
    }
}

impl Default for HttpSettings {
    fn default() -> Self {
        Self {
            max_body_bytes: 1 << 20,
            max_upload_bytes: 8 << 30,
            header_timeout: Duration::from_secs(15),
            body_timeout: Duration::from_secs(60),
            max_connections: 4096,
            heartbeat: Duration::from_secs(15),
        }
    }
}
