//! The program `cts-lite`.

use std::io::Write;
use std::process::ExitCode;

use cts_server::config::{self, Loaded, Sources};
use cts_server::logging::Logging;
use cts_server::{cli, service, worker};

/// How long work that cannot be interrupted may hold up the end.
const LAST_WORK: std::time::Duration = std::time::Duration::from_secs(1);

fn main() -> ExitCode {
    // Before anything else: workers are started often and need nothing of what follows.
    if std::env::args_os().nth(1).is_some_and(|first| first == "worker") {
        return worker::main();
    }
    let matches = cli::command().get_matches();
    match cli::offline(&matches, &mut std::io::stdout().lock(), &mut std::io::stderr().lock()) {
        Some(Ok(code)) => return code,
        // The reader of the output has gone, which is its right.
        Some(Err(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => return ExitCode::SUCCESS,
        Some(Err(_)) => return ExitCode::FAILURE,
        None => {}
    }
    let sources = config::cli::sources(&matches);
    let served = config::load(&sources).map_err(|problems| problems.to_string());
    match served.and_then(|loaded| serve(loaded, sources)) {
        Ok(()) => ExitCode::SUCCESS,
        Err(message) => fail(&message),
    }
}

fn serve(loaded: Loaded, sources: Sources) -> Result<(), String> {
    let logging = Logging::start(&loaded.config).ok();
    loaded.warnings.iter().for_each(|problem| tracing::warn!("{problem}"));
    let runtime = tokio::runtime::Runtime::new().map_err(|e| format!("no runtime: {e}"))?;
    let served = runtime.block_on(service::run(loaded, sources, logging));
    runtime.shutdown_timeout(LAST_WORK);
    served
        .map_err(|failure| format!("{} ({})\nhint: {}", failure.message, failure.code, failure.suggested_fix))
}

fn fail(message: &str) -> ExitCode {
    // Nobody is left to tell if this fails.
    let _ = writeln!(std::io::stderr(), "cts-lite: {message}");
    ExitCode::FAILURE
}
