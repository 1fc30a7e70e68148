//! The commands, one file each. A new one is a module with `COMMAND` and a line in [`ALL`].

mod art;
mod cap;
mod cap_remote;
mod completions;
mod dbc;
mod decode;
mod demo;
mod download;
mod download_remote;
mod events;
mod export;
mod frames;
mod info;
mod logs;
mod man;
mod mon;
mod ping;
mod run;
mod run_remote;
mod runs;
mod upload;

use clap::{ArgMatches, Command};
use cts_core::Result;

use crate::Outcome;
use crate::config::Global;

/// A command: its grammar and what it does.
pub(crate) struct Cmd {
    pub(crate) name: &'static str,
    pub(crate) grammar: fn() -> Command,
    pub(crate) run: fn(&Global, &ArgMatches) -> Result<Outcome>,
}

/// All commands in the order of the help.
pub(crate) static ALL: &[&Cmd] = &[
    &demo::COMMAND,
    &run::COMMAND,
    &cap::COMMAND,
    &info::COMMAND,
    &export::COMMAND,
    &events::COMMAND,
    &frames::COMMAND,
    &decode::COMMAND,
    &dbc::COMMAND,
    &download::COMMAND,
    &ping::COMMAND,
    &runs::COMMAND,
    &logs::COMMAND,
    &art::COMMAND,
    &upload::COMMAND,
    &mon::COMMAND,
    &completions::COMMAND,
    &man::COMMAND,
];

/// Runs the command that was given.
pub(crate) fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let Some((name, matches)) = matches.subcommand() else {
        return Ok(Outcome::Done);
    };
    match ALL.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(global, matches),
        None => Ok(Outcome::Done),
    }
}
