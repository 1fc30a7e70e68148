//! What the engine and the HTTP part need to know; the configuration produces it, and knows the defaults.

use std::net::SocketAddr;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use cts_core::io::connect::Patience;

use crate::clock::Clock;
use crate::config::Secret;

/// Everything that they need.
#[derive(Clone, Debug)]
pub struct Settings {
    /// Where to listen; port 0 takes a free one.
    pub listen: SocketAddr,
    /// Where the store, artifacts and uploads lie. One service at a time.
    pub data_dir: PathBuf,
    /// Directories whose files runs may read, besides uploads.
    pub allowed_roots: Vec<PathBuf>,
    /// Directories in which routes are searched.
    pub search_dirs: Vec<PathBuf>,
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
    /// Time for a JSON body, and longest pause within an upload.
    pub body_timeout: Duration,
    /// How long a client may leave an answer unread.
    pub send_timeout: Duration,
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
