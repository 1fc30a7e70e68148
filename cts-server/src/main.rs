//! The program `cts-lite`.

use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use cts_server::config::{self, Loaded, Sources};
use cts_server::{service, worker};
use tracing_subscriber::EnvFilter;

fn main() -> ExitCode {
    // Before anything else: workers are started often and need nothing of what follows.
    if std::env::args_os().nth(1).is_some_and(|first| first == "worker") {
        return worker::main();
    }
    let matches = config::cli::with_flags(clap::Command::new("cts-lite")).get_matches();
    let sources = config::cli::sources(&matches);
    let loaded = match config::load(&sources) {
        Ok(loaded) => loaded,
        Err(problems) => return fail(&problems.to_string()),
    };
    start_log(&loaded);
    loaded.warnings.iter().for_each(|problem| tracing::warn!("{problem}"));
    match serve(loaded, sources) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

fn serve(loaded: Loaded, sources: Sources) -> Result<(), String> {
    let runtime = tokio::runtime::Runtime::new().map_err(|e| format!("no runtime: {e}"))?;
    let served = runtime.block_on(service::run(loaded, sources));
    runtime.shutdown_timeout(std::time::Duration::from_secs(1));
    served
        .map_err(|failure| format!("{} ({})\nhint: {}", failure.message, failure.code, failure.suggested_fix))
}

/// Text for terminals, JSON for everything else.
fn start_log(loaded: &Loaded) {
    let level = match loaded.config.log_level.to_string().as_str() {
        "WARNING" => "warn".to_owned(),
        "CRITICAL" => "error".to_owned(),
        level => level.to_lowercase(),
    };
    // Libraries say much about every request at `debug`.
    let filter = EnvFilter::try_new(format!("warn,cts_server={level}")).unwrap_or_default();
    let log = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    if std::io::stderr().is_terminal() { log.init() } else { log.json().init() }
}

fn fail(message: &str) -> ExitCode {
    // Nobody is left to tell if this fails.
    let _ = writeln!(std::io::stderr(), "cts-lite: {message}");
    ExitCode::FAILURE
}
