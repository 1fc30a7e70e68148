//! `cts`: openpilot logs and CAN frames on the command line.
//!
//! Data goes to standard output, words to standard error. Exit codes: 0 done, 1 failed, 2 wrong usage or
//! parameters, 3 done but a part of the input was damaged or missing, 130 canceled. Commands that talk to a service:
//! see [`remote`].

mod args;
mod client;
mod cmd;
mod config;
mod databases;
mod names;
mod remote;
mod render;
mod service;

use std::process::ExitCode;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use cts_core::{Class, Error, ErrorKind};

/// How a command ended that did not fail.
enum Outcome {
    /// All is well.
    Done,
    /// A comparison or a check found something: exit code 1.
    Found,
    /// The work is done, but a part of the input was damaged or missing.
    Damaged,
    /// Everything was said already; only this exit code is left.
    Exit(u8),
}

const CANCELED: u8 = 130;

fn main() -> ExitCode {
    let matches = match args::command().try_get_matches() {
        Ok(matches) => matches,
        Err(error) => {
            // Where even this cannot be written, the exit code must do.
            let _ = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    match config::Global::new(&matches, cancel_on_ctrl_c()).and_then(|global| cmd::run(&global, &matches)) {
        Ok(Outcome::Done) => ExitCode::SUCCESS,
        Ok(Outcome::Found) => ExitCode::from(1),
        Ok(Outcome::Damaged) => ExitCode::from(3),
        Ok(Outcome::Exit(code)) => ExitCode::from(code),
        Err(error) if is_broken_pipe(&error) => ExitCode::SUCCESS,
        Err(error) => {
            render::error(&error);
            ExitCode::from(exit_code(error.class()))
        }
    }
}

/// The exit code of a failure.
fn exit_code(class: Class) -> u8 {
    match class {
        Class::Param => 2,
        Class::NotFound | Class::Input | Class::Limit | Class::Unsupported | Class::Io => 1,
        Class::Unavailable => 1,
        Class::Stopped => CANCELED,
    }
}

/// Whether the reader of our output has gone, such as `head` after its ten lines: it has what it wanted.
fn is_broken_pipe(error: &Error) -> bool {
    matches!(error.kind(), ErrorKind::Io { source, .. } if source.kind() == std::io::ErrorKind::BrokenPipe)
}

/// A flag that Ctrl-C raises. The second Ctrl-C ends the program at once.
fn cancel_on_ctrl_c() -> Arc<AtomicBool> {
    let cancel = Arc::new(AtomicBool::new(false));
    let raised = Arc::clone(&cancel);
    // Without a handler Ctrl-C still ends the program, only less tidily.
    let _ = ctrlc::set_handler(move || {
        if raised.swap(true, Ordering::Relaxed) {
            std::process::exit(i32::from(CANCELED));
        }
    });
    cancel
}
