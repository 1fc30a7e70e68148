//! `cts dbc lint`: what is odd or wrong in databases.

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command};
use cts_core::Result;
use cts_core::dbc::{CODES, Finding, Severity};
use serde::Serialize;

use super::{Cmd, Global, Outcome, dbc};
use crate::args::flag;
use crate::render::{Out, say};

pub(super) static COMMAND: Cmd = Cmd { name: "lint", grammar, run };

const LEVELS: [(&str, Severity); 3] =
    [("info", Severity::Info), ("warning", Severity::Warning), ("error", Severity::Error)];

fn grammar() -> Command {
    let codes: Vec<String> =
        CODES.iter().map(|(code, severity, meaning)| format!("  {code} ({severity}): {meaning}")).collect();
    Command::new("lint")
        .about(
            "Says what is odd or wrong in DBC files, with line and column; exit code 1 if there are errors",
        )
        .arg(dbc("dbc", "Files or names").required(true).action(ArgAction::Append).num_args(1..))
        .arg(
            Arg::new("level")
                .long("level")
                .value_name("LEVEL")
                .help("Only findings that are at least so bad")
                .default_value("warning")
                .value_parser(PossibleValuesParser::new(LEVELS.map(|(name, _)| name))),
        )
        .arg(flag("json", "Print the findings as JSON"))
        .after_help(format!("Codes:\n{}", codes.join("\n")))
}

/// The findings of one database.
#[derive(Serialize)]
struct Linted {
    dbc: String,
    origin: String,
    messages: usize,
    signals: usize,
    findings: Vec<Finding>,
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let search = global.dbc_search();
    let wanted = matches.get_one::<String>("level").map_or("", |level| level);
    let level = LEVELS.iter().find(|(name, _)| *name == wanted).map_or(Severity::Info, |(_, level)| *level);
    let mut all = Vec::new();
    for name in matches.get_many::<String>("dbc").unwrap_or_default() {
        let loaded = search.load(name)?;
        let mut findings = loaded.lint();
        findings.retain(|finding| finding.severity >= level);
        all.push(Linted {
            origin: loaded.origin.to_string(),
            messages: loaded.dbc.messages.len(),
            signals: loaded.dbc.messages.iter().map(|message| message.signals.len()).sum(),
            dbc: loaded.dbc.name,
            findings,
        });
    }
    let mut out = Out::new();
    match matches.get_flag("json") {
        true => out.json(&all)?,
        false => all.iter().try_for_each(|linted| text(&mut out, linted))?,
    }
    out.finish()?;
    summary(&all);
    let is_error = |finding: &Finding| finding.severity == Severity::Error;
    let wrong = all.iter().flat_map(|linted| &linted.findings).any(is_error);
    Ok(if wrong { Outcome::Found } else { Outcome::Done })
}

fn text(out: &mut Out, linted: &Linted) -> Result<()> {
    linted.findings.iter().try_for_each(|finding| out.text(&format!("{}:{finding}", linted.dbc)))
}

fn summary(all: &[Linted]) {
    let count = |level: Severity| {
        all.iter().flat_map(|linted| &linted.findings).filter(|finding| finding.severity == level).count()
    };
    let [info, warnings, errors] = LEVELS.map(|(_, level)| count(level));
    say(&format!("{} DBC files: {errors} errors, {warnings} warnings, {info} remarks shown", all.len()));
}
