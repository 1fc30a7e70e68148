//! `cts run` on a service: the same words and files as in this process.

use std::collections::HashMap;
use std::ffi::OsString;
use std::path::{Path, PathBuf};

use clap::ArgMatches;
use cts_core::tool;
use serde_json::{Map, Value, json};

use super::run::{flags, given};
use crate::Outcome;
use crate::client::{Artifact, Call, Client, Entry, Result, Run, Seen, watch};
use crate::config::Global;
use crate::{args, remote, render, service};

pub(super) fn run(global: &Global, name: &str, matches: &ArgMatches) -> cts_core::Result<Outcome> {
    let known = tool::ALL.iter().find(|tool| tool.name == name);
    if known.is_some() {
        let params = given(matches).map(|mut params| {
            params.extend(known.map(|tool| flags(tool, matches)).unwrap_or_default());
            params
        });
        return remote::end(
            params.map_err(Into::into).and_then(|params| start(global, name, params, matches)),
            1,
        );
    }
    // The service may have tools that this program does not know.
    let rest = matches.get_many::<OsString>("").unwrap_or_default().cloned();
    let words = std::iter::once(OsString::from("cts run")).chain(rest);
    let grammar = args::any_tool("TOOL").args(service::arguments());
    let matches = match grammar.try_get_matches_from(words) {
        Ok(matches) => matches,
        Err(error) => {
            // Where even this cannot be written, the exit code must do.
            let _ = error.print();
            return Ok(Outcome::Exit(u8::try_from(error.exit_code()).unwrap_or(2)));
        }
    };
    remote::end(
        given(&matches).map_err(Into::into).and_then(|params| start(global, name, params, &matches)),
        1,
    )
}

fn start(global: &Global, name: &str, params: Map<String, Value>, matches: &ArgMatches) -> Result<Outcome> {
    let client = service::connect(global)?;
    let mut body = json!({ "tool_id": name, "params": params });
    if let Some(input) = input(global, &client, matches)? {
        body["input"] = input;
    }
    if let Some(name) = matches.get_one::<String>("name") {
        body["name"] = name.as_str().into();
    }
    let run: Run = client.json(&Call::post("/v1/runs", Some(&body))?)?;
    let (id, json) = (run.id()?.to_owned(), matches.get_flag("json"));
    let follow = matches.get_flag("follow");
    if !matches.get_flag("wait") && !follow {
        match json {
            true => remote::print(&json!({ "run_id": id, "status": "started" }))?,
            false => {
                global.say(&format!("started run {}", render::plain(&id)));
                remote::text(&render::plain(&id))?;
            }
        }
        return Ok(Outcome::Done);
    }
    global.say(&format!("cts: run {}", render::plain(&id)));
    let run = wait(global, &client, &id, follow)?;
    match run.status() {
        "completed" => completed(global, &client, run, matches),
        "canceled" => {
            if json {
                remote::print(&run.0)?;
            }
            render::say("cts: the run was canceled");
            Ok(Outcome::Exit(4))
        }
        _ => {
            if json {
                remote::print(&run.0)?;
            }
            remote::failure(&crate::client::Error::Refused(Box::new(run.problem())));
            Ok(Outcome::Exit(3))
        }
    }
}

/// What the run reads; a file is sent first.
fn input(global: &Global, client: &Client, matches: &ArgMatches) -> Result<Option<Value>> {
    if let Some(path) = matches.get_one::<String>("path") {
        let near = Path::new(path);
        // A service on this machine has another working directory.
        let absolute = match client.address().is_loopback() && near.is_relative() && near.exists() {
            true => std::path::absolute(near).ok().map(|path| path.to_string_lossy().into_owned()),
            false => None,
        };
        return Ok(Some(json!({ "type": "path", "value": absolute.as_ref().unwrap_or(path) })));
    }
    let file = matches.get_one::<String>("upload").map(Path::new);
    let sent = file.map(|file| super::upload::send(global, client, file, None)).transpose()?;
    let id = sent.map(|upload| upload.id).or_else(|| matches.get_one("upload-id").cloned());
    Ok(id.map(|id| json!({ "type": "upload", "value": id })))
}

/// Waits while a bar shows how far the run is; with `follow`, its words go to standard error.
fn wait(global: &Global, client: &Client, id: &str, follow: bool) -> Result<Run> {
    let bar = render::percent_bar(global.progress);
    let result = watch(client, id, |seen| match seen {
        Seen::Progress(percent) => bar.set_position((percent * 10.0) as u64),
        Seen::Line(entry) if follow => bar.suspend(|| global.say(&format!("cts: {}", line(&entry)))),
        Seen::LogLost(error) if follow => bar.suspend(|| remote::failure(&error)),
        Seen::Line(_) | Seen::LogLost(_) => {}
    });
    bar.finish_and_clear();
    if matches!(result, Err(crate::client::Error::Canceled)) {
        render::say(&format!("cts: the run goes on; `cts runs cancel {}` ends it", render::plain(id)));
    }
    result
}

/// A log line as a run in this process says it.
fn line(entry: &Entry) -> String {
    let message = render::plain(entry.text("message"));
    match entry.text("level") {
        "ERROR" => format!("error: {message}"),
        "WARNING" if !message.starts_with("warning") => format!("warning: {message}"),
        _ => message,
    }
}

/// Fetches the files, then says what a run in this process says.
fn completed(global: &Global, client: &Client, mut run: Run, matches: &ArgMatches) -> Result<Outcome> {
    if global.strict && run.0["report"]["completeness"]["complete"] == false {
        render::say(
            "cts: error [damaged]: a part of the input was damaged or missing, and --strict forbids that",
        );
        render::say(&format!(
            "hint: `cts runs get {} --json` tells what and where",
            render::plain(run.id()?)
        ));
        return Ok(Outcome::Exit(3));
    }
    let dir = service::out_dir(matches)?;
    let mut files = Vec::new();
    for value in super::art::of_run(client, run.id()?)? {
        let artifact = Artifact::of(&value)?;
        let written = super::art::fetch(global, client, &artifact, &dir, &artifact.name)?;
        global.say(&format!("cts: wrote {}", written.path.display()));
        files.push((artifact, written.path));
    }
    relocate(&mut run.0["report"], &files);
    let report = &run.0["report"];
    let warnings = report["warnings"].as_array().into_iter().flatten();
    if !matches.get_flag("follow") {
        for warning in warnings {
            let text = |name: &str| render::plain(warning[name].as_str().unwrap_or_default());
            global.say(&format!("cts: warning [{}]: {}", text("code"), text("message")));
        }
    }
    match (matches.get_flag("json"), report["human"].as_str()) {
        (true, _) => remote::print(&document(&run, &files))?,
        (false, Some(human)) => remote::text(&lines(human))?,
        (false, None) => global.say(&format!("completed run {}", render::plain(run.id()?))),
    }
    if matches.get_flag("open") {
        let pages = files.iter().filter(|(artifact, _)| artifact.content_type.starts_with("text/html"));
        pages.for_each(|(_, path)| render::open(path));
    }
    Ok(Outcome::Done)
}

/// Where the report names its files by their places in the service, their places here are put.
fn relocate(report: &mut Value, files: &[(Artifact, PathBuf)]) {
    let place = |artifact: &Value| {
        let (_, path) = files.iter().find(|(file, _)| artifact["name"] == file.name.as_str())?;
        Some((artifact["path"].as_str()?.to_owned(), path.display().to_string()))
    };
    let places: HashMap<String, String> =
        report["artifacts"].as_array().into_iter().flatten().filter_map(place).collect();
    if let Some(Value::String(human)) = report.get_mut("human") {
        let word = |word: &str| {
            let bare = word.trim_end();
            places.get(bare).map_or_else(|| word.to_owned(), |path| path.clone() + &word[bare.len()..])
        };
        *human = human.split_inclusive(char::is_whitespace).map(word).collect();
    }
    if let Some(data) = report.get_mut("data") {
        put_places(data, &places);
    }
}

fn put_places(value: &mut Value, places: &HashMap<String, String>) {
    match value {
        Value::String(text) => {
            if let Some(path) = places.get(text) {
                text.clone_from(path);
            }
        }
        Value::Array(items) => items.iter_mut().for_each(|item| put_places(item, places)),
        Value::Object(fields) => fields.values_mut().for_each(|field| put_places(field, places)),
        _ => {}
    }
}

/// Lines of a text without what could command a terminal.
fn lines(text: &str) -> String {
    text.lines().map(|line| render::plain(line) + "\n").collect()
}

/// The run, with the parts of its report beside it as a run in this process prints them, and `files`: where its
/// artifacts are.
fn document(run: &Run, files: &[(Artifact, PathBuf)]) -> Value {
    let mut document = run.0.clone();
    let report = document["report"].take();
    if let (Value::Object(all), Value::Object(report)) = (&mut document, report) {
        all.shift_remove("report");
        for (name, value) in report {
            all.entry(name).or_insert(value);
        }
    }
    let file = |(artifact, path): &(Artifact, PathBuf)| {
        json!({
            "id": artifact.id, "name": artifact.name, "path": path, "bytes": artifact.bytes,
            "content_type": artifact.content_type, "sha256": artifact.sha256,
        })
    };
    document["files"] = files.iter().map(file).collect();
    document
}
