//! `cts mon`: monitors of the service.

use std::time::Duration;

use clap::{Arg, ArgAction, ArgMatches, Command};
use serde_json::{Value, json};

use super::Cmd;
use crate::Outcome;
use crate::args::flag;
use crate::client::{Call, Client, Error, Result, encoded, stream};
use crate::config::Global;
use crate::render::Out;
use crate::{remote, render, service};

pub(crate) static COMMAND: Cmd = Cmd { name: "mon", grammar, run };

fn grammar() -> Command {
    let id = || Arg::new("monitor").value_name("ID").required(true).help("The id that `mon start` printed");
    Command::new("mon")
        .about("Starts, watches, lists and stops monitors of the service")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("start")
                .about("Starts a monitor and prints its id")
                .arg(
                    Arg::new("tool")
                        .value_name("MONITOR")
                        .required(true)
                        .help("Its name; `cts cap` lists them"),
                )
                .arg(
                    Arg::new("param")
                        .short('p')
                        .long("param")
                        .value_name("NAME=VALUE")
                        .help("A parameter; repeatable")
                        .action(ArgAction::Append),
                ),
        )
        .subcommand(
            Command::new("stream")
                .about("Prints what a monitor sees, until it ends")
                .arg(id())
                .arg(flag("raw", "Print messages as they come"))
                .arg(flag("ndjson", "Print messages as JSON, one a line").conflicts_with("raw")),
        )
        .subcommand(Command::new("stop").about("Stops a monitor").arg(id()))
        .subcommand(Command::new("ls").visible_alias("list").about("Lists monitors"))
}

fn run(global: &Global, matches: &ArgMatches) -> cts_core::Result<Outcome> {
    let code = if matches.subcommand_name() == Some("start") { 1 } else { 2 };
    remote::end(mon(global, matches), code)
}

fn mon(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let client = service::connect(global)?;
    let Some((command, matches)) = matches.subcommand() else {
        return Ok(Outcome::Done);
    };
    let json = matches.get_flag("json");
    match command {
        "start" => start(global, &client, matches, json)?,
        "stream" => watch(&client, matches, json)?,
        "stop" => stop(global, &client, id(matches), json)?,
        _ => list(&client, json)?,
    }
    Ok(Outcome::Done)
}

fn id(matches: &ArgMatches) -> &str {
    matches.get_one::<String>("monitor").map_or("", |id| id)
}

fn start(global: &Global, client: &Client, matches: &ArgMatches, json: bool) -> Result<()> {
    let tool = matches.get_one::<String>("tool").map_or("", |tool| tool);
    let body = json!({ "tool_id": tool, "params": super::run::given(matches)? });
    let answer: Value = client.json(&Call::post("/v1/monitors", Some(&body))?)?;
    if json {
        return remote::print(&answer);
    }
    let id =
        answer["monitor_id"].as_str().ok_or_else(|| Error::answer("the monitor", "it has no monitor_id"))?;
    global.say(&format!("started monitor {}", render::plain(id)));
    remote::text(&render::plain(id))
}

fn stop(global: &Global, client: &Client, id: &str, json: bool) -> Result<()> {
    client.ask(&Call::delete(format!("/v1/monitors/{}", encoded(id))))?;
    match json {
        true => remote::print(&json!({ "monitor_id": id, "status": "stopped" })),
        false => {
            global.say(&format!("stopped monitor {id}"));
            Ok(())
        }
    }
}

fn list(client: &Client, json: bool) -> Result<()> {
    let monitors: Vec<Value> = client.json(&Call::get("/v1/monitors"))?;
    if json {
        return remote::print(&monitors.into());
    }
    let columns = ["id", "tool_id", "status", "started_at", "uptime"];
    let row = |monitor: &Value| columns.iter().map(|name| remote::shown(&monitor[name])).collect();
    let rows: Vec<Vec<String>> = monitors.iter().map(row).collect();
    match rows.is_empty() {
        true => render::say("no monitors"),
        false => remote::text(&remote::table(&["monitor", "tool", "status", "started", "uptime"], &rows))?,
    }
    Ok(())
}

fn watch(client: &Client, matches: &ArgMatches, json: bool) -> Result<()> {
    let (sender, messages) = std::sync::mpsc::channel();
    let (reader, id) = (client.clone(), id(matches).to_owned());
    // On its own, so that Ctrl-C need not wait for the next message.
    let thread = std::thread::spawn(move || stream(&reader, &id, |message| sender.send(message).is_ok()));
    let (raw, lines) = (matches.get_flag("raw"), json || matches.get_flag("ndjson"));
    let mut out = Out::new();
    loop {
        client.check()?;
        match messages.recv_timeout(Duration::from_millis(50)) {
            Ok(message) => {
                if let Some(line) = shown(&message, raw, lines) {
                    out.text(&render::plain(&line))?;
                }
            }
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => out.flush()?,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    out.finish()?;
    thread.join().unwrap_or_else(|_| Err(Error::answer("the stream", "reading it broke off")))
}

/// A message as a line: `[timestamp] type: data`; nothing for people if it is no JSON object.
fn shown(message: &str, raw: bool, lines: bool) -> Option<String> {
    if raw {
        return Some(message.to_owned());
    }
    let value: Value = serde_json::from_str(message).ok()?;
    if lines {
        return Some(value.to_string());
    }
    let fields = value.as_object()?;
    let kind = fields.get("type").and_then(Value::as_str).unwrap_or("data");
    let data = fields.get("data").unwrap_or(&value);
    let time = fields.get("timestamp").map_or(String::new(), |time| format!("[{}] ", remote::shown(time)));
    Some(format!("{time}{kind}: {data}"))
}
