//! The program `cts-lite`.

use std::process::ExitCode;

use cts_server::cli;

fn main() -> ExitCode {
    let matches = cli::command().get_matches();
    match cli::offline(&matches, &mut std::io::stdout().lock(), &mut std::io::stderr().lock()) {
        Some(Ok(code)) => code,
        // The reader of the output has gone, which is its right.
        Some(Err(e)) if e.kind() == std::io::ErrorKind::BrokenPipe => ExitCode::SUCCESS,
        Some(Err(_)) | None => ExitCode::FAILURE,
    }
}
