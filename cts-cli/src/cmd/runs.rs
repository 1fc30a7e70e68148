//! `cts runs`: the runs of the service.

use clap::{Arg, ArgMatches, Command, value_parser};
use cts_core::tool::aligned;
use serde_json::Value;

use super::Cmd;
use crate::Outcome;
use crate::client::{Call, Client, Result, Run, encoded};
use crate::config::Global;
use crate::{remote, render, service};

pub(crate) static COMMAND: Cmd = Cmd { name: "runs", grammar, run };

fn grammar() -> Command {
    let run = || Arg::new("run").value_name("RUN").required(true).help("The id of the run");
    let filter = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new("runs")
        .about("Lists, shows and cancels runs of the service")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("list")
                .about("Lists runs, the newest first")
                .arg(filter("status", "STATE", "Only queued, running, completed, failed or canceled ones"))
                .arg(filter("tool", "TOOL", "Only those of this tool"))
                .arg(
                    filter("limit", "N", "At most so many")
                        .default_value("100")
                        .value_parser(value_parser!(u32).range(1..)),
                ),
        )
        .subcommand(Command::new("get").about("Shows a run").arg(run()))
        .subcommand(Command::new("cancel").about("Cancels a run").arg(run()))
}

fn run(global: &Global, matches: &ArgMatches) -> cts_core::Result<Outcome> {
    remote::end(runs(global, matches), 2)
}

fn runs(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let client = service::connect(global)?;
    let (command, matches) = matches.subcommand().unwrap_or(("list", matches));
    let json = matches.get_flag("json");
    let id = || matches.get_one::<String>("run").map_or("", |id| id);
    match command {
        "get" => get(&client, id(), json)?,
        "cancel" => cancel(global, &client, id(), json)?,
        _ => list(&client, matches, json)?,
    }
    Ok(Outcome::Done)
}

fn list(client: &Client, matches: &ArgMatches, json: bool) -> Result<()> {
    let mut path = format!("/v1/runs?limit={}", matches.get_one("limit").copied().unwrap_or(100_u32));
    for (flag, name) in [("status", "status"), ("tool", "tool_id")] {
        if let Some(value) = matches.get_one::<String>(flag) {
            path += &format!("&{name}={}", encoded(value));
        }
    }
    let runs: Vec<Value> = client.json(&Call::get(path))?;
    if json {
        return remote::print(&runs.into());
    }
    let columns = ["run_id", "tool_id", "status", "started_at", "duration", "name"];
    let rows: Vec<Vec<String>> =
        runs.iter().map(|run| columns.iter().map(|name| remote::shown(&run[name])).collect()).collect();
    match rows.is_empty() {
        true => render::say("no runs"),
        false => {
            remote::text(&remote::table(&["run", "tool", "status", "started", "duration", "name"], &rows))?
        }
    }
    Ok(())
}

fn get(client: &Client, id: &str, json: bool) -> Result<()> {
    let run: Run = client.json(&Call::get(format!("/v1/runs/{}", encoded(id))))?;
    if json {
        return remote::print(&run.0);
    }
    let mut rows = Vec::new();
    for (label, name) in [
        ("run", "run_id"),
        ("name", "name"),
        ("tool", "tool_id"),
        ("status", "status"),
        ("created", "created_at"),
        ("started", "started_at"),
        ("completed", "completed_at"),
        ("duration", "duration"),
        ("progress", "progress"),
        ("parameters", "params"),
    ] {
        if !run.0[name].is_null() {
            rows.push((label, render::plain(&remote::shown(&run.0[name]))));
        }
    }
    if run.status() == "failed" {
        let problem = run.problem();
        rows.push(("error", render::plain(&format!("[{}] {problem}", problem.code))));
        rows.extend(problem.fix.map(|fix| ("hint", render::plain(&fix))));
    }
    let ids: Vec<&str> =
        run.0["artifacts"].as_array().into_iter().flatten().filter_map(Value::as_str).collect();
    if !ids.is_empty() {
        rows.push(("artifacts", render::plain(&ids.join(" "))));
    }
    remote::text(&aligned(&rows))
}

fn cancel(global: &Global, client: &Client, id: &str, json: bool) -> Result<()> {
    let path = format!("/v1/runs/{}", encoded(id));
    let answer: Value = client.json(&Call::delete(&path))?;
    // The service answers the same for runs that have ended and that never were; this tells them apart.
    let run: Run = client.json(&Call::get(&path))?;
    if json {
        return remote::print(&answer);
    }
    match run.status() {
        "completed" | "failed" => global.say(&format!("run {id} had {} before", render::plain(run.status()))),
        _ => global.say(&format!("canceled run {id}")),
    }
    Ok(())
}
