//! `cts dbc diff`: what differs in meaning between two databases.

use clap::{ArgMatches, Command};
use cts_core::Result;
use cts_core::dbc::diff;

use super::{Cmd, Global, Outcome, dbc, load};
use crate::args::flag;
use crate::render::Out;

pub(super) static COMMAND: Cmd = Cmd { name: "diff", grammar, run };

fn grammar() -> Command {
    Command::new("diff")
        .about("Says what differs in meaning between two DBC files; exit code 1 if anything does")
        .arg(dbc("before", "A file or a name").required(true))
        .arg(dbc("after", "Another one").required(true))
        .arg(flag("json", "Print the differences as JSON"))
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let search = global.dbc_search();
    let (before, after) = (load(&search, matches, "before")?, load(&search, matches, "after")?);
    let changes = diff(&before.dbc, &after.dbc);
    let mut out = Out::new();
    match matches.get_flag("json") {
        true => out.json(&changes)?,
        false => changes.iter().try_for_each(|change| out.text(&change.to_string()))?,
    }
    out.finish()?;
    Ok(if changes.is_empty() { Outcome::Done } else { Outcome::Found })
}
