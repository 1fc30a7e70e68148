//! `cts logs`: what a run of the service says.

use clap::{Arg, ArgMatches, Command};
use serde_json::Value;

use super::Cmd;
use crate::Outcome;
use crate::args::flag;
use crate::client::{Call, Client, Entry, Error, Result, Run, encoded, follow};
use crate::config::Global;
use crate::render::Out;
use crate::{remote, render, service};

pub(crate) static COMMAND: Cmd = Cmd { name: "logs", grammar, run };

/// The most lines that a service gives of a run that goes on.
const MANY: u32 = 10_000;

fn grammar() -> Command {
    Command::new("logs")
        .about("Prints the log of a run")
        .arg(Arg::new("run").value_name("RUN").required(true).help("The id of the run"))
        .arg(flag("follow", "Go on until the run ends").short('f'))
}

fn run(global: &Global, matches: &ArgMatches) -> cts_core::Result<Outcome> {
    remote::end(logs(global, matches), 2)
}

fn logs(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let client = service::connect(global)?;
    let id = matches.get_one::<String>("run").map_or("", |id| id);
    let json = matches.get_flag("json");
    let run: Run = client.json(&Call::get(format!("/v1/runs/{}", encoded(id))))?;
    if matches.get_flag("follow") || run.is_final() {
        stream(&client, id, json)?;
    } else {
        lines_so_far(global, &client, id, json)?;
    }
    Ok(Outcome::Done)
}

/// All lines, as they come.
fn stream(client: &Client, id: &str, json: bool) -> Result<()> {
    let (sender, lines) = std::sync::mpsc::channel();
    let (reader, run) = (client.clone(), id.to_owned());
    // On its own, so that Ctrl-C need not wait for the next line.
    let thread = std::thread::spawn(move || follow(&reader, &run, |entry| sender.send(entry).is_ok()));
    let mut out = Out::new();
    loop {
        client.check()?;
        match lines.recv_timeout(std::time::Duration::from_millis(50)) {
            Ok(entry) => print(&mut out, &entry, json)?,
            Err(std::sync::mpsc::RecvTimeoutError::Timeout) => out.flush()?,
            Err(std::sync::mpsc::RecvTimeoutError::Disconnected) => break,
        }
    }
    out.finish()?;
    thread.join().unwrap_or_else(|_| Err(Error::answer("the log", "reading it broke off")))
}

fn lines_so_far(global: &Global, client: &Client, id: &str, json: bool) -> Result<()> {
    let path = format!("/v1/runs/{}/logs/list?limit={MANY}", encoded(id));
    let answer: Value = client.json(&Call::get(path))?;
    if answer["has_more"] == true {
        global.say(&format!("cts: these are the last {MANY} lines; --follow gives all"));
    }
    let mut out = Out::new();
    for line in answer["logs"].as_array().into_iter().flatten() {
        print(&mut out, &Entry { json: line.clone() }, json)?;
    }
    Ok(out.finish()?)
}

fn print(out: &mut Out, entry: &Entry, json: bool) -> Result<()> {
    let line = match json {
        true => entry.json.to_string(),
        false => {
            format!("[{}] {}: {}", entry.text("timestamp"), entry.text("level"), entry.text("message"))
        }
    };
    Ok(out.text(&render::plain(&line))?)
}
