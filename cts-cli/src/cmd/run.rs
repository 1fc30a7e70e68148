//! `cts run`: a tool in this process, or on a service.

use std::path::PathBuf;

use clap::{ArgMatches, Command};
use cts_core::tool::{self, Ctx, Report, Tool};
use cts_core::{ErrorKind, Result};
use serde_json::{Map, Value};

use super::Cmd;
use crate::Outcome;
use crate::config::Global;
use crate::render::{self, Out, say};
use crate::service;

pub(crate) static COMMAND: Cmd = Cmd { name: "run", grammar, run };

fn grammar() -> Command {
    Command::new("run")
        .about("Runs a tool on a log")
        .subcommand_value_name("TOOL")
        .subcommand_help_heading("Tools")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .disable_help_subcommand(true)
        // An unknown tool is our error, with a suggestion.
        .allow_external_subcommands(true)
        .subcommands(tool::ALL.iter().map(|tool| crate::args::tool(tool)))
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let Some((name, matches)) = matches.subcommand() else {
        return Ok(Outcome::Done);
    };
    if service::named(global).is_some() && !flag(matches, "local") {
        return super::run_remote::run(global, name, matches);
    }
    let known = tool::ALL.iter().any(|tool| tool.name == name);
    let tool = tool::find(name)?;
    if !known {
        // Found under another spelling, so that clap has not read its flags.
        let (name, suggestion) = (name.to_owned(), Some(tool.name.to_owned()));
        return Err(ErrorKind::NoSuchTool { name, suggestion }.into());
    }
    if let Some(id) = matches.get_one::<String>("upload-id") {
        let (name, value) = ("upload-id".to_owned(), id.clone());
        let expected = "a service that has it: give --url or CTS_URL".to_owned();
        return Err(ErrorKind::BadParam { name, value, expected }.into());
    }
    let params = parameters(tool, matches)?;
    let (json, follow) = (matches.get_flag("json"), matches.get_flag("follow"));
    if json && params.get("out").is_some_and(|out| out == "-") {
        let (name, value) = ("out".to_owned(), "-".to_owned());
        let expected = "a file where the report goes to standard output (--json)".to_owned();
        return Err(ErrorKind::BadParam { name, value, expected }.into());
    }
    let out_dir = matches.get_one::<PathBuf>("out-dir").cloned().unwrap_or_default();
    let report = with_progress(global, global.ctx(&out_dir), follow, |ctx| tool.run(ctx, None, &params))?;
    if !follow && !global.quiet {
        report.warnings.iter().for_each(render::warning);
    }
    print(&report, json)?;
    if matches.get_flag("open") {
        let pages = report.artifacts.iter().filter(|artifact| artifact.content_type == "text/html");
        pages.for_each(|page| render::open(&page.path));
    }
    Ok(if report.completeness.complete { Outcome::Done } else { Outcome::Damaged })
}

/// Whether a flag was given; a tool that is not known has none.
fn flag(matches: &ArgMatches, name: &str) -> bool {
    matches.try_get_one(name).ok().flatten().copied().unwrap_or_default()
}

/// Calls `work` while a bar shows its progress; with `follow`, its words go to standard error.
fn with_progress<T>(global: &Global, ctx: Ctx, follow: bool, work: impl Fn(&Ctx) -> Result<T>) -> Result<T> {
    let bar = render::progress_bar(global.progress);
    let (shown, words) = (bar.clone(), bar.clone());
    let ctx = ctx
        .with_stdout(std::io::stdout())
        .with_pace(tool::real_time())
        .with_progress(move |progress| render::show(&shown, progress));
    let ctx = match follow {
        true => ctx.with_log(move |line| words.suspend(|| say(&format!("cts: {line}")))),
        false => ctx,
    };
    let result = work(&ctx);
    bar.finish_and_clear();
    result
}

/// All that was given, as texts: the tool reads them.
fn parameters(tool: &Tool, matches: &ArgMatches) -> Result<Map<String, Value>> {
    let mut params = given(matches)?;
    params.extend(flags(tool, matches));
    let path = matches.get_one::<String>("path").or_else(|| matches.get_one("upload"));
    if let Some(path) = path {
        params.insert(tool.input.to_owned(), path.as_str().into());
    }
    Ok(params)
}

/// What was given with `-p`.
pub(super) fn given(matches: &ArgMatches) -> Result<Map<String, Value>> {
    let mut params = Map::new();
    for text in matches.get_many::<String>("param").unwrap_or_default() {
        let (name, value) = text.split_once('=').ok_or_else(|| {
            let (name, expected) = ("-p".to_owned(), "name=value".to_owned());
            ErrorKind::BadParam { name, value: text.clone(), expected }
        })?;
        params.insert(name.trim().replace('-', "_"), value.into());
    }
    Ok(params)
}

/// What was given with the flags of the tool.
pub(super) fn flags(tool: &Tool, matches: &ArgMatches) -> Map<String, Value> {
    let mut params = Map::new();
    for param in tool.params.iter().filter(|param| param.name != tool.input) {
        let Some(values) = matches.get_many::<String>(param.name) else {
            continue;
        };
        let values: Vec<Value> = values.map(|value| value.as_str().into()).collect();
        let value = match <[Value; 1]>::try_from(values) {
            Ok([one]) => one,
            Err(several) => Value::Array(several),
        };
        params.insert(param.name.to_owned(), value);
    }
    params
}

/// The report goes to standard output, unless the table is already there.
fn print(report: &Report, json: bool) -> Result<()> {
    if report.artifacts.iter().any(|artifact| artifact.name == "-") {
        say(&report.human);
        return Ok(());
    }
    let mut out = Out::new();
    if json {
        out.json(report)?
    } else {
        out.text(&report.human)?
    }
    out.finish()
}
