//! `cts dbc show`: a database, or one message as a drawing.

use clap::{Arg, ArgMatches, Command};
use cts_core::dbc::{Checks, Dbc, Loaded, Message, draw};
use cts_core::{ErrorKind, Result};
use serde::Serialize;

use super::{Cmd, Global, Outcome, dbc, load};
use crate::args::flag;
use crate::render::Out;

pub(super) static COMMAND: Cmd = Cmd { name: "show", grammar, run };

fn grammar() -> Command {
    Command::new("show")
        .about(
            "Shows the messages of a DBC, or draws the bits of one; without DBC, lists all that can be found",
        )
        .arg(dbc("dbc", "A file or a name"))
        .arg(
            Arg::new("message").value_name("MESSAGE").help("A message by its name or address, such as 0x13A"),
        )
        .arg(flag("json", "Print everything the DBC says as JSON"))
        .arg(
            flag("text", "Print the text of the DBC, with its imports in their places")
                .conflicts_with("json"),
        )
}

#[derive(Serialize)]
struct Document<'a> {
    origin: String,
    #[serde(flatten)]
    dbc: &'a Dbc,
    /// Messages whose frames can be verified.
    checks: Vec<Verified<'a>>,
}

#[derive(Serialize)]
struct Verified<'a> {
    address: u32,
    message: &'a str,
    counter: Option<String>,
    checksum: Option<String>,
    algorithm: Option<String>,
}

fn verified(dbc: &Dbc) -> Vec<Verified<'_>> {
    let checks = Checks::of(dbc);
    let of = |message: &'_ Message| checks.message(message.id.address).cloned();
    let row = |message| {
        let (checks, Message { id, name, .. }) = (of(message)?, message);
        Some(Verified {
            address: id.address,
            message: name,
            counter: checks.counter().map(|field| field.name().to_owned()),
            checksum: checks.checksum().map(|field| field.name().to_owned()),
            algorithm: checks.algorithm().map(|algorithm| format!("{algorithm:?}")),
        })
    };
    dbc.messages.iter().filter_map(row).collect()
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let search = global.dbc_search();
    let mut out = Out::new();
    if !matches.contains_id("dbc") {
        out.text(&(search.names().join("\n") + "\n"))?;
        out.finish()?;
        return Ok(Outcome::Done);
    }
    let loaded = load(&search, matches, "dbc")?;
    let message = matches.get_one::<String>("message").map(|name| find(&loaded.dbc, name)).transpose()?;
    match (message, matches.get_flag("json")) {
        _ if matches.get_flag("text") => out.put(loaded.text.as_bytes())?,
        (Some(message), true) => out.json(message)?,
        (Some(message), false) => out.text(&drawing(&loaded.dbc, message))?,
        (None, true) => out.json(&Document {
            origin: loaded.origin.to_string(),
            dbc: &loaded.dbc,
            checks: verified(&loaded.dbc),
        })?,
        (None, false) => out.text(&list(&loaded))?,
    }
    out.finish()?;
    Ok(Outcome::Done)
}

/// The message of a name or of an address, hexadecimal with `0x`.
fn find<'a>(dbc: &'a Dbc, name: &str) -> Result<&'a Message> {
    let hex = name.strip_prefix("0x").or(name.strip_prefix("0X"));
    let address = hex.map_or_else(|| name.parse().ok(), |hex| u32::from_str_radix(hex, 16).ok());
    let found = dbc.message_named(name).or_else(|| dbc.message(address?));
    found.ok_or_else(|| {
        let names = dbc.messages.iter().map(|message| message.name.as_str());
        let suggestion = cts_core::error::nearest(name, names);
        ErrorKind::NoSuchMessage { name: name.to_owned(), dbc: dbc.name.clone(), suggestion }.into()
    })
}

fn drawing(dbc: &Dbc, message: &Message) -> String {
    let checks = Checks::of(dbc);
    let mut text = draw(message);
    if let Some(checks) = checks.message(message.id.address) {
        for (what, field) in [("counter", checks.counter()), ("checksum", checks.checksum())] {
            if let Some(field) = field {
                text.push_str(&format!("{what}: {}\n", field.name()));
            }
        }
        if let Some(algorithm) = checks.algorithm() {
            text.push_str(&format!("algorithm: {algorithm:?}\n"));
        }
    }
    text
}

fn list(loaded: &Loaded) -> String {
    let Loaded { dbc, origin, .. } = loaded;
    let checks = Checks::of(dbc);
    let signals: usize = dbc.messages.iter().map(|message| message.signals.len()).sum();
    let mut text = format!(
        "{}: {} messages, {signals} signals, {} with counter or checksum\nfrom {origin}\n\n",
        dbc.name,
        dbc.messages.len(),
        checks.len()
    );
    let width = dbc.messages.iter().map(|message| message.name.len()).max().unwrap_or(0);
    text.push_str(&format!(
        "{:>10} {:>5}  {:width$} {:>7}  {}\n",
        "address", "bytes", "message", "signals", "sender"
    ));
    for message in &dbc.messages {
        let address = format!("0x{:03X}{}", message.id.address, if message.id.extended { "x" } else { "" });
        let (name, size, signals) = (&message.name, message.size, message.signals.len());
        text.push_str(&format!("{address:>10} {size:>5}  {name:width$} {signals:>7}  {}\n", message.sender));
    }
    text
}
