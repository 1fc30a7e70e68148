//! `cts download` by a service: it fetches, this process watches.

use std::time::Duration;

use clap::ArgMatches;
use cts_core::io::connect::FileKind;
use cts_core::route::{Selector, Target};
use indicatif::{HumanBytes, ProgressBar};
use serde_json::{Map, Value, json};

use super::download::{Wish, missing, outcome};
use crate::Outcome;
use crate::client::{Call, Client, Error, Result, Run, encoded};
use crate::config::Global;
use crate::{remote, render, service};

/// The first pause between two questions, and the longest.
const POLL: (Duration, Duration) = (Duration::from_millis(100), Duration::from_secs(2));

pub(super) fn run(global: &Global, matches: &ArgMatches, wish: &Wish, target: &Target) -> Result<Outcome> {
    let client = service::connect(global)?;
    let selector = if let Target::Route(spec) = target { spec.selector } else { Selector::default() };
    let kinds = wish.kinds(selector);
    let types: Map<String, Value> =
        FileKind::ALL.iter().map(|kind| (kind.name().to_owned(), kinds.contains(kind).into())).collect();
    let mut body = json!({
        "route": wish.text, "file_types": types, "search_days": wish.search_days, "resume": wish.resume,
        "parallel": wish.parallel,
    });
    if let Some(dir) = matches.get_one::<std::path::PathBuf>("out-dir") {
        body["dest_root"] = dir.to_string_lossy().into();
    }
    // One that answers only when all is done is waited for as for any answer; this one says so at once.
    let call = Call::post("/v1/downloads", Some(&body))?;
    let call = call.header(ureq::http::HeaderName::from_static("prefer"), "respond-async");
    let started: Value = client.json(&call)?;
    let id = started["download_id"].as_str().map(str::to_owned);
    let id = id.ok_or_else(|| Error::answer("a download", "it has no download_id"))?;
    global.say(&format!("cts: download {}", render::plain(&id)));
    let done = watch(global, &client, &id, started)?;
    end(global, done, matches.get_flag("json"))
}

/// Waits for the end while a bar shows how far it is.
fn watch(global: &Global, client: &Client, id: &str, mut state: Value) -> Result<Value> {
    let bar = render::percent_bar(global.progress);
    let path = format!("/v1/downloads/{}", encoded(id));
    let mut ask = || {
        let mut pause = POLL.0;
        while !matches!(state["status"].as_str(), Some("completed" | "failed")) {
            show(&bar, &state);
            client.pause(pause)?;
            pause = (pause * 2).min(POLL.1);
            state = client.json(&Call::get(&path))?;
        }
        Ok(std::mem::take(&mut state))
    };
    let result = ask();
    bar.finish_and_clear();
    if matches!(result, Err(Error::Canceled)) {
        let address = render::plain(&client.address().join(&path));
        render::say(&format!("cts: the download goes on; DELETE {address} ends it"));
    }
    result
}

fn show(bar: &ProgressBar, state: &Value) {
    let count = |name: &str| state[name].as_u64().unwrap_or_default();
    bar.set_position((state["progress"].as_f64().unwrap_or_default() * 10.0) as u64);
    let done = count("downloaded_files") + count("skipped_files") + count("failed_files");
    bar.set_message(format!("{done} files, {}", HumanBytes(count("total_bytes"))));
}

fn end(global: &Global, done: Value, as_json: bool) -> Result<Outcome> {
    let count = |name: &str| done[name].as_u64().unwrap_or_default();
    let there = count("downloaded_files") + count("skipped_files");
    if as_json {
        remote::print(&done)?;
    }
    if done["status"] != "completed" {
        remote::failure(&Error::Refused(Box::new(Run(done.clone()).problem())));
        return Ok(outcome(there, 1, 0));
    }
    let gaps = done["missing"].as_object().cloned().unwrap_or_default();
    for (kind, numbers) in &gaps {
        let numbers: Vec<String> =
            numbers.as_array().into_iter().flatten().map(ToString::to_string).collect();
        global.say(&missing(&render::plain(kind), &numbers));
    }
    if !as_json {
        remote::text(&render::plain(done["directory"].as_str().unwrap_or_default()))?;
    }
    Ok(outcome(there, 0, gaps.len()))
}
