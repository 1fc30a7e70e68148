//! The command line of `cts-lite`, without what needs the engine.

use std::io::Write;
use std::process::ExitCode;

use clap::{ArgMatches, Command};

use crate::{access, config, health_check};

/// The whole command. Without a sub-command the service starts.
pub fn command() -> Command {
    config::cli::with_flags(Command::new("cts-lite"))
        .version(env!("CARGO_PKG_VERSION"))
        .about("The tools of the comma tools suite as a service over HTTP")
        .args_conflicts_with_subcommands(true)
        .subcommand(config::cli::command())
        .subcommand(access::cli::command())
        .subcommand(health_check::command())
}

/// Runs the sub-commands that need no service; `None` when `matches` has another or none.
///
/// # Errors
/// When the output cannot be written.
pub fn offline(
    matches: &ArgMatches,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> Option<std::io::Result<ExitCode>> {
    let (name, matches) = matches.subcommand()?;
    match name {
        "config" => Some(config::cli::run(matches, |loaded| access::problems(&loaded.config), out, err)),
        "key" => Some(access::cli::run(matches, out, err)),
        "health-check" => Some(health_check::run(matches, out, err)),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    #[test]
    fn the_command_line_is_well_formed() {
        super::command().debug_assert();
    }
}
