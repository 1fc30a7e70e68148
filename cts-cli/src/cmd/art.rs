//! `cts art`: the files of runs of the service.

use std::path::{Path, PathBuf};

use clap::{Arg, ArgMatches, Command, value_parser};
use cts_core::tool::{Ctx, Progress, aligned};
use serde_json::{Value, json};

use super::Cmd;
use crate::Outcome;
use crate::args::flag;
use crate::client::{Artifact, Call, Client, Error, Result, download, encoded};
use crate::config::Global;
use crate::{remote, render, service};

pub(crate) static COMMAND: Cmd = Cmd { name: "art", grammar, run };

fn grammar() -> Command {
    Command::new("art")
        .about("Lists and fetches files that runs of the service have written")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(
            Command::new("list")
                .about("Lists the files of a run")
                .arg(Arg::new("run").value_name("RUN").required(true).help("The id of the run")),
        )
        .subcommand(
            Command::new("get")
                .about("Fetches a file")
                .arg(Arg::new("artifact").value_name("ID").required(true).help("The id of the file"))
                .arg(
                    Arg::new("download")
                        .long("download")
                        .value_name("PATH")
                        .help("Write it there; into a directory under its own name")
                        .value_parser(value_parser!(PathBuf)),
                )
                .arg(service::out_dir_argument("Write it into DIR under its own name"))
                .arg(flag("stdout", "Print it").conflicts_with_all(["download", "out-dir"]))
                .arg(flag("force", "Replace a file that is there")),
        )
}

fn run(global: &Global, matches: &ArgMatches) -> cts_core::Result<Outcome> {
    remote::end(art(global, matches), 2)
}

fn art(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let client = service::connect(global)?;
    match matches.subcommand() {
        Some(("get", matches)) => get(global, &client, matches),
        Some((_, matches)) => list(&client, matches),
        None => Ok(Outcome::Done),
    }
}

fn list(client: &Client, matches: &ArgMatches) -> Result<Outcome> {
    let run = matches.get_one::<String>("run").map_or("", |run| run);
    let values = of_run(client, run)?;
    if matches.get_flag("json") {
        remote::print(&values.into())?;
        return Ok(Outcome::Done);
    }
    let columns = ["id", "filename", "size", "type", "sha256"];
    let rows: Vec<Vec<String>> =
        values.iter().map(|value| columns.iter().map(|name| remote::shown(&value[name])).collect()).collect();
    match rows.is_empty() {
        true => render::say("no files"),
        false => remote::text(&remote::table(&["id", "file", "bytes", "type", "sha256"], &rows))?,
    }
    Ok(Outcome::Done)
}

/// The files of a run, as the service lists them.
pub(super) fn of_run(client: &Client, run: &str) -> Result<Vec<Value>> {
    let run = format!("/v1/runs/{}", encoded(run));
    // The list of an unknown run is empty.
    client.ask(&Call::get(&run))?;
    client.json(&Call::get(format!("{run}/artifacts")))
}

fn get(global: &Global, client: &Client, matches: &ArgMatches) -> Result<Outcome> {
    let id = matches.get_one::<String>("artifact").map_or("", |id| id);
    let value: Value = client.json(&Call::get(format!("/v1/artifacts/{}", encoded(id))))?;
    let artifact = Artifact::of(&value)?;
    let json = matches.get_flag("json");
    if matches.get_flag("stdout") {
        print(client, &artifact, json)?;
        return Ok(Outcome::Done);
    }
    let Some(target) = target(matches, &artifact) else {
        if json {
            remote::print(&value)?;
        } else {
            remote::text(&described(&artifact))?;
        }
        return Ok(Outcome::Done);
    };
    if target.exists() && !matches.get_flag("force") {
        return Err(Error::Exists(target));
    }
    let written = fetch(global, client, &artifact, Path::new(""), &target.to_string_lossy())?;
    match json {
        true => remote::print(&json!({
            "artifact_id": artifact.id, "filename": artifact.name, "downloaded_to": written.path,
            "size": written.bytes, "sha256": artifact.sha256,
        }))?,
        false => global.say(&format!("wrote {} ({} bytes)", written.path.display(), written.bytes)),
    }
    Ok(Outcome::Done)
}

/// Where the file shall go, if it shall go anywhere.
fn target(matches: &ArgMatches, artifact: &Artifact) -> Option<PathBuf> {
    if let Some(path) = matches.get_one::<PathBuf>("download") {
        let is_dir = path.is_dir() || path.to_string_lossy().ends_with(std::path::is_separator);
        return Some(if is_dir { path.join(&artifact.name) } else { path.clone() });
    }
    matches.get_one::<PathBuf>("out-dir").map(|dir| dir.join(&artifact.name))
}

fn described(artifact: &Artifact) -> String {
    let rows = [
        ("file", artifact.name.clone()),
        ("bytes", artifact.bytes.map_or_else(|| "-".to_owned(), |bytes| bytes.to_string())),
        ("type", render::plain(&artifact.content_type)),
        ("sha256", render::plain(artifact.sha256.as_deref().unwrap_or("-"))),
    ];
    aligned(&rows)
}

fn print(client: &Client, artifact: &Artifact, json: bool) -> Result<()> {
    if !json {
        let ctx = Ctx::new("").with_stdout(std::io::stdout());
        return download(client, artifact, &ctx, "-", |_| {}).map(drop);
    }
    let bytes = Collected::default();
    let ctx = Ctx::new("").with_stdout(bytes.clone());
    download(client, artifact, &ctx, "-", |_| {})?;
    let content = bytes.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    remote::print(&json!({
        "artifact_id": artifact.id, "filename": artifact.name, "content": String::from_utf8_lossy(&content),
    }))
}

/// Bytes in memory.
#[derive(Clone, Default)]
struct Collected(std::sync::Arc<std::sync::Mutex<Vec<u8>>>);

impl std::io::Write for Collected {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.lock().unwrap_or_else(std::sync::PoisonError::into_inner).extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Fetches a file to `target` in `dir` while a bar shows how far it is.
pub(super) fn fetch(
    global: &Global,
    client: &Client,
    artifact: &Artifact,
    dir: &Path,
    target: &str,
) -> Result<cts_core::tool::Artifact> {
    let bar = render::progress_bar(global.progress);
    let result = download(client, artifact, &Ctx::new(dir), target, |done| {
        render::show(&bar, Progress { done, total: artifact.bytes });
    });
    bar.finish_and_clear();
    result
}
