//! `cts dbc`: databases as such, without a log. A new subcommand is a module with `COMMAND` and a line in [`ALL`].

mod coverage;
mod diff;
mod lint;
mod show;

use clap::{Arg, ArgMatches, Command};
use cts_core::Result;
use cts_core::dbc::{Loaded, Search};

use super::Cmd;
use crate::Outcome;
use crate::config::Global;

pub(crate) static COMMAND: Cmd = Cmd { name: "dbc", grammar, run };

static ALL: &[&Cmd] = &[&show::COMMAND, &lint::COMMAND, &diff::COMMAND, &coverage::COMMAND];

fn grammar() -> Command {
    Command::new("dbc")
        .about("Shows, checks and compares DBC files: what the bits of CAN messages mean")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommands(ALL.iter().map(|command| (command.grammar)()))
        .after_help(
            "A DBC is a file, also one of opendbc's generator directories with its imports, or a name such as \
             toyota_nodsu_pt_generated, looked for in the directories of --dbc-path, of CTS_DBC_PATH, of dbc_dirs in \
             cts/config.toml, in the opendbc package of the Python installation and in ~/openpilot; then among the \
             built-in ones.",
        )
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let Some((name, matches)) = matches.subcommand() else {
        return Ok(Outcome::Done);
    };
    match ALL.iter().find(|command| command.name == name) {
        Some(command) => (command.run)(global, matches),
        None => Ok(Outcome::Done),
    }
}

/// A database as an argument.
fn dbc(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).value_name("DBC").help(help)
}

/// Loads the database of an argument.
fn load(search: &Search, matches: &ArgMatches, name: &str) -> Result<Loaded> {
    search.load(matches.get_one::<String>(name).map_or("", |text| text))
}
