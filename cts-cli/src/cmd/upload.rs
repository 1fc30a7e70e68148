//! `cts upload`: a file for the service.

use std::path::PathBuf;

use clap::{Arg, ArgMatches, Command, value_parser};
use serde_json::json;

use super::Cmd;
use crate::Outcome;
use crate::client::{Client, Error, Result, Sent, Upload, upload};
use crate::config::Global;
use crate::{remote, render, service};

pub(crate) static COMMAND: Cmd = Cmd { name: "upload", grammar, run };

fn grammar() -> Command {
    Command::new("upload")
        .about("Sends a file to the service, for runs to read")
        .arg(
            Arg::new("file")
                .value_name("FILE")
                .required(true)
                .help("The file")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(
            Arg::new("resume")
                .long("resume")
                .value_name("ID")
                .help("Go on with this upload of the same file"),
        )
}

fn run(global: &Global, matches: &ArgMatches) -> cts_core::Result<Outcome> {
    remote::end(command(global, matches), 1)
}

fn command(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let client = service::connect(global)?;
    let file = matches.get_one::<PathBuf>("file").cloned().unwrap_or_default();
    let resume = matches.get_one::<String>("resume").map(String::as_str);
    let Upload { id, filename, size, sha256 } = send(global, &client, &file, resume)?;
    match matches.get_flag("json") {
        true => remote::print(&json!({
            "upload_id": id, "filename": filename, "size": size, "sha256": sha256, "status": "completed",
        }))?,
        false => {
            global.say(&format!("uploaded {}, {size} bytes, SHA-256 {sha256}", render::plain(&filename)));
            remote::text(&render::plain(&id))?;
        }
    }
    Ok(Outcome::Done)
}

/// Sends a file while a bar shows how far it is. When that breaks off, it says how to go on.
pub(super) fn send(
    global: &Global,
    client: &Client,
    file: &std::path::Path,
    resume: Option<&str>,
) -> Result<Upload> {
    let bar = render::progress_bar(global.progress);
    let mut announced = None;
    let result = upload(client, file, resume, |sent| match sent {
        Sent::Announced(id) => {
            announced = Some(render::plain(id));
            bar.suspend(|| global.say(&format!("cts: upload {}", render::plain(id))));
        }
        Sent::Bytes { done, total } => {
            render::show(&bar, cts_core::tool::Progress { done, total: Some(total) });
        }
    });
    bar.finish_and_clear();
    let broken_off = matches!(result, Err(Error::Canceled | Error::Cut { .. } | Error::Unreachable { .. }));
    if let Some(id) = announced.filter(|_| broken_off) {
        let command = format!("cts upload {} --resume {id}", file.display());
        render::say(&format!("cts: the service keeps what has arrived; `{command}` goes on from there"));
    }
    result
}
