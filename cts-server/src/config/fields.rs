//! The table of fields: the one place where a setting is declared.
//!
//! From it come the struct, the defaults, the profiles, the names of variables and flags, the ranges, `config show` and
//! `docs/configuration.md`.

use std::path::PathBuf;

use ipnet::IpNet;

use super::lists::CorsOrigin;
use super::values::{Environment, Host, LogFormat, LogLevel, Raw, Secret, Value, Wrong};

/// When a changed value takes effect.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Reload {
    /// When the configuration is read again.
    Live,
    /// When the service starts again.
    Restart,
}

/// One setting.
#[derive(Debug)]
pub struct Field {
    /// Its name in the file and, in upper case after `CTS_`, in the environment.
    pub name: &'static str,
    /// The heading it stands under.
    pub group: &'static str,
    /// What it does.
    pub doc: &'static str,
    /// Its type in words.
    pub kind: &'static str,
    /// The default as text.
    pub default: &'static str,
    /// The default in development, when it differs.
    pub development: Option<&'static str>,
    /// The default in staging, when it differs.
    pub staging: Option<&'static str>,
    /// The default in production, when it differs.
    pub production: Option<&'static str>,
    /// Other accepted names, from older versions.
    pub aliases: &'static [&'static str],
    /// Least value of a number.
    pub min: u64,
    /// Greatest value of a number.
    pub max: u64,
    /// Never shown, and no flag: arguments of a process can be read by others.
    pub secret: bool,
    /// When a change takes effect.
    pub reload: Reload,
}

impl Field {
    const BLANK: Self = Self {
        name: "",
        group: "",
        doc: "",
        kind: "",
        default: "",
        development: None,
        staging: None,
        production: None,
        aliases: &[],
        min: 0,
        max: i64::MAX as u64,
        secret: false,
        reload: Reload::Restart,
    };

    /// What `environment` puts in place of the default.
    pub fn profile(&self, environment: Environment) -> Option<&'static str> {
        match environment {
            Environment::Development => self.development,
            Environment::Staging => self.staging,
            Environment::Production => self.production,
        }
    }

    /// Its names in the file, the first being the usual one.
    pub fn names(&self) -> impl Iterator<Item = &'static str> + '_ {
        std::iter::once(self.name).chain(self.aliases.iter().copied())
    }

    /// Its variables, the first winning over the others.
    pub fn variables(&self) -> Vec<String> {
        let with =
            |prefix: &str| self.names().map(|n| format!("{prefix}{}", n.to_uppercase())).collect::<Vec<_>>();
        [with("CTS_"), with("CTS_API_")].concat()
    }

    /// Its flag without the dashes, unless it is a secret.
    pub fn flag(&self) -> Option<String> {
        (!self.secret).then(|| self.name.replace('_', "-"))
    }

    /// The accepted numbers in words.
    pub(super) fn range(&self) -> String {
        match (self.min, self.max) {
            (min, max) if max == Self::BLANK.max => format!("an integer, at least {min}"),
            (min, max) => format!("an integer from {min} to {max}"),
        }
    }
}

macro_rules! config {
    ($($group:literal { $($(#[doc = $doc:literal])+ $name:ident: $ty:ty = $default:literal $(, $key:ident = $value:expr)*;)+ })+) => {
        /// All settings; what each means stands in [`FIELDS`] and in `docs/configuration.md`.
        #[derive(Clone, Debug, PartialEq)]
        pub struct Config { $($($(#[doc = $doc])+ pub $name: $ty,)+)+ }

        /// Every setting, in the order of the documentation.
        pub static FIELDS: &[Field] = &[$($(Field {
            name: stringify!($name),
            group: $group,
            doc: concat!($($doc),+),
            kind: <$ty as Value>::KIND,
            default: $default,
            $($key: $value,)*
            ..Field::BLANK
        },)+)+];

        impl Config {
            /// Values before the lowest layer is applied.
            pub(super) fn blank() -> Self {
                Self { $($($name: Default::default(),)+)+ }
            }

            /// Puts `raw` into `field`.
            pub(super) fn set(&mut self, field: &Field, raw: Raw<'_>) -> Result<(), Wrong> {
                match field.name {
                    $($(stringify!($name) => self.$name = Value::read(raw, field)?,)+)+
                    _ => {}
                }
                Ok(())
            }

            /// Takes `field` from another configuration.
            pub(super) fn take(&mut self, field: &Field, from: &Self) {
                match field.name {
                    $($(stringify!($name) => self.$name.clone_from(&from.$name),)+)+
                    _ => {}
                }
            }

            /// The value of `field`; a secret is masked.
            pub fn json(&self, field: &Field) -> serde_json::Value {
                match field.name {
                    $($(stringify!($name) => self.$name.json(),)+)+
                    _ => serde_json::Value::Null,
                }
            }

            /// Whether `field` is the same here and there, secrets included.
            pub(super) fn same(&self, other: &Self, field: &Field) -> bool {
                match field.name {
                    $($(stringify!($name) => self.$name == other.$name,)+)+
                    _ => true,
                }
            }
        }
    };
}

/// The field of that name or alias.
pub fn field(name: &str) -> Option<&'static Field> {
    FIELDS.iter().find(|field| field.names().any(|n| n == name))
}

config! {
    "Service" {
        /// Which profile of defaults holds.
        environment: Environment = "development";
        /// Address to listen on.
        host: Host = "127.0.0.1";
        /// Port to listen on; 0 takes a free one.
        port: u16 = "8080", max = 65_535;
        /// Whether log lines name their place in the source of the program.
        debug: bool = "false", development = Some("true"), staging = Some("true");
        /// How much is logged.
        log_level: LogLevel = "INFO", development = Some("DEBUG"), production = Some("WARNING"), reload = Reload::Live;
        /// The form of log lines.
        log_format: LogFormat = "text", production = Some("json");
        /// Seconds that running runs may go on when the service shall end.
        shutdown_grace_seconds: u64 = "10", max = 3600;
    }
    "Directories" {
        /// Where the database, artifacts and uploads lie; one service at a time.
        storage_dir: PathBuf = "/var/lib/cts-lite";
        /// Where logs lie: `download_base_path` and, in staging and production, `allowed_roots` follow it unless they are set.
        base_storage_path: PathBuf = "/var/lib/cts";
        /// Of the older service, without effect: runs write below `storage_dir`, so that their files get their place at once.
        temp_directory: PathBuf = "/tmp/cts";
        /// Where the audit log lies.
        log_directory: PathBuf = "/var/log/cts";
        /// Where logs fetched from comma connect lie; routes are searched there too.
        download_base_path: PathBuf = "/var/lib/cts/downloads";
        /// Directories whose files runs may read, besides uploads; none of them means uploads only.
        allowed_roots: Vec<PathBuf> = "/", staging = Some("/var/lib/cts"), production = Some("/var/lib/cts");
        /// Directories in which routes are searched, besides `download_base_path`.
        search_dirs: Vec<PathBuf> = "", aliases = &["data_dir"];
    }
    "Resource management" {
        /// Runs at the same time.
        max_concurrent_runs: u64 = "3", staging = Some("2"), production = Some("5"), min = 1, max = 1024, reload = Reload::Live;
        /// Runs waiting; more are refused.
        max_queued_runs: u64 = "20000", min = 1, max = 10_000_000, reload = Reload::Live;
        /// Seconds a run may take.
        tool_timeout_seconds: u64 = "300", min = 1, max = 604_800, reload = Reload::Live;
        /// Largest artifact in MiB.
        max_artifact_size_mb: u64 = "100", min = 1, max = 1 << 24;
        /// Days that finished runs with their artifacts, and uploads, are kept; 0 keeps them.
        artifact_retention_days: u64 = "7", max = 36_500;
        /// MiB that all artifacts and uploads may take before the oldest are removed; 0 means no limit.
        max_storage_mb: u64 = "0", max = 1 << 32;
        /// Finished runs that are kept; 0 means no limit.
        max_stored_runs: u64 = "100000";
        /// Memory of one worker in MiB; 0 means no limit.
        worker_memory_mb: u64 = "2048", max = 1 << 24;
        /// CPU seconds of one worker, all threads together; 0 means no limit.
        worker_cpu_seconds: u64 = "1200", max = 604_800;
        /// Files that one worker may have open; 0 means no limit.
        worker_open_files: u64 = "256", max = 1 << 20;
        /// MiB that all files of one run may take; 0 means no limit.
        worker_output_mb: u64 = "8192", max = 1 << 24;
        /// MiB that a worker may say to the service; 0 means no limit.
        worker_pipe_mb: u64 = "64", max = 1 << 20;
        /// Attempts of a run that failed for a reason of the system that may pass; 1 never repeats.
        run_attempts: u64 = "3", min = 1, max = 20;
        /// Milliseconds before the second attempt; doubled for each further one.
        retry_pause_ms: u64 = "500", max = 600_000;
        /// Whether a run that a crash of the service cut off is started again, once; it may be why the service crashed.
        retry_interrupted: bool = "false";
    }
    "Comma connect" {
        /// Downloads from comma connect at the same time; 0 offers none.
        max_concurrent_downloads: u64 = "2", max = 64;
        /// Seconds after which a request for a download is answered with its state so far; proxies must wait longer.
        download_wait_seconds: u64 = "100", max = 86_400;
        /// Token of jwt.comma.ai that all downloads use; without one, `COMMA_JWT` and then `~/.comma/auth.json` of the service's user, else public drives only.
        comma_jwt: Option<Secret> = "", secret = true;
        /// File that holds `comma_jwt`, alone or as `access_token` of a JSON object; read for each download.
        comma_jwt_file: Option<PathBuf> = "";
        /// Base address of the comma API; by default `API_HOST` of the environment, else `https://api.comma.ai`.
        comma_api_url: Option<String> = "";
    }
    "Monitors" {
        /// Monitors at the same time; more are refused, with 0 all.
        max_monitors: u64 = "16", max = 1024;
        /// Seconds after which a monitor is stopped; 0 means never.
        monitor_timeout_seconds: u64 = "86400", max = 31_536_000;
        /// Clients that may listen to one monitor.
        max_monitor_clients: u64 = "32", min = 1, max = 100_000;
        /// Events of one monitor that are kept for slow and late clients.
        monitor_buffer_events: u64 = "4096", min = 1, max = 1 << 24;
        /// KiB that these events may take.
        monitor_buffer_kb: u64 = "2048", min = 1, max = 1 << 22;
        /// Minutes that an ended monitor stays listed.
        monitor_keep_minutes: u64 = "60", max = 44_640;
        /// Ended monitors that stay listed.
        max_ended_monitors: u64 = "50", max = 100_000;
    }
    "Performance tuning" {
        /// Log lines kept of one run; the rest is counted.
        log_buffer_size: u64 = "1000", min = 1, max = 10_000_000, aliases = &["max_log_buffer_size"];
        /// KiB that the log lines of one run may take.
        max_log_kb: u64 = "16384", min = 1, max = 1 << 30;
        /// Seconds between two measurements of what artifacts and logs take on disk.
        artifact_scan_interval: u64 = "5", min = 1, max = 86_400, aliases = &["artifact_scan_interval_seconds"];
        /// Minutes between two clean-ups.
        cleanup_interval_minutes: u64 = "60", min = 1, max = 44_640;
        /// Workers started before they are needed.
        spare_workers: u64 = "1", max = 64;
    }
    "Requests" {
        /// Largest JSON body in KiB.
        max_body_kb: u64 = "1024", min = 1, max = 1 << 20;
        /// Largest upload in MiB.
        max_upload_size_mb: u64 = "8192", min = 1, max = 1 << 24;
        /// Largest head of a request in KiB.
        max_header_kb: u64 = "16", min = 8, max = 64, reload = Reload::Live;
        /// Seconds for the head of a request.
        header_timeout_seconds: u64 = "15", min = 1, max = 3600;
        /// Seconds for a JSON body, and longest pause within an upload.
        body_timeout_seconds: u64 = "60", min = 1, max = 3600;
        /// Seconds that a client may leave an answer unread before the connection is closed.
        send_timeout_seconds: u64 = "120", min = 1, max = 3600;
        /// Connections at the same time.
        max_connections: u64 = "4096", min = 1, max = 1 << 20;
        /// Seconds after which a silent log stream says that it lives.
        heartbeat_seconds: u64 = "15", min = 1, max = 3600;
    }
    "Security" {
        /// Whether requests need an API key or a token.
        require_authentication: bool = "false", production = Some("true"), reload = Reload::Live;
        /// Listen beyond loopback without authentication; production refuses it.
        allow_unauthenticated_network: bool = "false";
        /// Whether requests are counted and refused beyond `max_requests_per_minute`.
        enable_rate_limiting: bool = "true", development = Some("false"), reload = Reload::Live;
        /// Requests a minute of one key, or of one address without a key.
        max_requests_per_minute: u64 = "60", min = 1, max = 1_000_000, reload = Reload::Live;
        /// Origins whose pages may call; `*` means every one, without credentials.
        cors_allowed_origins: Vec<CorsOrigin> = "*", production = Some(""), reload = Reload::Live;
        /// Proxies whose `X-Forwarded-*` headers are believed.
        trusted_proxies: Vec<IpNet> = "", reload = Reload::Live;
        /// Secret of tokens signed with HS256, at least 32 bytes.
        jwt_secret: Option<Secret> = "", secret = true, reload = Reload::Live;
        /// File that holds `jwt_secret`.
        jwt_secret_file: Option<PathBuf> = "", reload = Reload::Live;
        /// File with the public key, in PEM, of tokens signed with RS256.
        jwt_public_key_file: Option<PathBuf> = "", reload = Reload::Live;
        /// The `iss` that tokens must carry.
        jwt_issuer: Option<String> = "", reload = Reload::Live;
        /// The `aud` that tokens must carry.
        jwt_audience: Option<String> = "", reload = Reload::Live;
        /// Minutes that a `download_url` works without a key, when keys are required.
        download_link_minutes: u64 = "60", min = 1, max = 44_640, reload = Reload::Live;
        /// Whether `audit.jsonl` in `log_directory` tells who did what.
        enable_audit_log: bool = "false", staging = Some("true"), production = Some("true"), reload = Reload::Live;
    }
    "Monitoring" {
        /// Whether `/metrics` and `/v1/metrics` answer.
        enable_metrics: bool = "true";
        /// Whether the detailed health checks look at anything; without it their list is empty.
        enable_health_checks: bool = "true";
        /// Seconds that the result of the detailed health checks is good for.
        health_check_interval: u64 = "30", min = 1, max = 86_400, aliases = &["health_check_interval_seconds"];
        /// Seconds between two measurements of CPU, memory and disk.
        metrics_export_interval_seconds: u64 = "60", min = 1, max = 86_400;
    }
}
