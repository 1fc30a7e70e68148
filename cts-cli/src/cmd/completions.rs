//! `cts completions`: scripts that complete the command line in a shell.

use clap::{Arg, ArgMatches, Command, value_parser};
use clap_complete::Shell;
use cts_core::Result;

use super::Cmd;
use crate::Outcome;
use crate::config::Global;
use crate::render::Out;

pub(crate) static COMMAND: Cmd = Cmd { name: "completions", grammar, run };

fn grammar() -> Command {
    let shell = Arg::new("shell").value_name("SHELL").required(true).value_parser(value_parser!(Shell));
    Command::new("completions").about("Prints the completion script of a shell").arg(shell.help("The shell"))
}

fn run(_: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let mut script = Vec::new();
    if let Some(shell) = matches.get_one::<Shell>("shell") {
        clap_complete::generate(*shell, &mut crate::args::command(), "cts", &mut script);
    }
    let mut out = Out::new();
    out.put(&script)?;
    out.finish()?;
    Ok(Outcome::Done)
}
