//! `cts man`: manual pages.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use cts_core::{Error, Result};

use super::Cmd;
use crate::Outcome;
use crate::config::Global;
use crate::render::{Out, say};

pub(crate) static COMMAND: Cmd = Cmd { name: "man", grammar, run };

fn grammar() -> Command {
    let dir = Arg::new("dir").value_name("DIR").value_parser(value_parser!(PathBuf));
    Command::new("man")
        .about("Prints the manual page, or writes the pages of all commands into a directory")
        .arg(dir.help("Where to write the pages; it is created"))
}

fn run(_: &Global, matches: &ArgMatches) -> Result<Outcome> {
    match matches.get_one::<PathBuf>("dir") {
        Some(dir) => {
            std::fs::create_dir_all(dir).map_err(|e| Error::io("create", e).path(dir))?;
            clap_mangen::generate_to(crate::args::command(), dir)
                .map_err(|e| Error::io("write", e).path(dir))?;
            say(&format!("wrote the pages into {}", dir.display()));
        }
        None => {
            let mut page = Vec::new();
            let man = clap_mangen::Man::new(crate::args::command());
            man.render(&mut page).map_err(|e| Error::io("render", e))?;
            let mut out = Out::new();
            out.put(&page)?;
            out.finish()?;
        }
    }
    Ok(Outcome::Done)
}
