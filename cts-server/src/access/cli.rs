//! `cts-lite key`: making, listing and revoking API keys, whether the service runs or not.

use std::io::Write;
use std::os::unix::fs::MetadataExt;
use std::path::Path;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use serde_json::json;

use super::audit::{Audit, Entry};
use super::keys::{KeyRecord, Keys};
use super::scope::{Scope, Scopes};
use crate::clock::{self, Micros};
use crate::config::{self, Config};
use crate::failure::Failure;
use crate::files::Layout;
use crate::store::Store;

const DAY: Micros = 24 * 3600 * 1_000_000;

/// The command `key` with its sub-commands.
pub fn command() -> Command {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON");
    let id = Arg::new("id")
        .required(true)
        .value_name("ID")
        .help("The id that `key list` shows, or the key itself");
    let sub = |name: &'static str, about: &'static str| {
        with_settings(Command::new(name).about(about).arg(json.clone()))
    };
    Command::new("key")
        .about("Make, list and revoke API keys")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(create(sub("create", "Make a key and print it, this once")))
        .subcommand(sub("list", "List all keys; what proves them is not kept"))
        .subcommand(sub("revoke", "Revoke a key; a running service follows within a second").arg(id))
}

fn create(command: Command) -> Command {
    let name = Arg::new("name").long("name").required(true).value_name("TEXT").help("Whom the key is for");
    let scope = Arg::new("scope").long("scope").value_name("SCOPE").default_value("run");
    let scope = scope
        .value_parser(Scope::ALL.map(Scope::as_str))
        .help("What it allows; each includes those before it");
    let days = Arg::new("expires-days").long("expires-days").value_name("N");
    let days =
        days.value_parser(value_parser!(u16).range(1..)).help("Days until it is void; never without this");
    command.arg(name).arg(scope).arg(days)
}

/// The settings are accepted here too, but only those that say where the store lies are worth showing.
fn with_settings(command: Command) -> Command {
    let shown = ["config", "storage_dir", "environment", "json"];
    config::cli::with_flags(command).mut_args(|arg| {
        let hide = !shown.contains(&arg.get_id().as_str());
        arg.hide(hide)
    })
}

/// Runs `key`.
///
/// # Errors
/// When the output cannot be written.
pub fn run(matches: &ArgMatches, out: &mut dyn Write, err: &mut dyn Write) -> std::io::Result<ExitCode> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(ExitCode::from(2)) };
    let config = match config::load(&config::cli::sources(matches)) {
        Ok(loaded) => loaded.config,
        Err(problems) => {
            writeln!(err, "{problems}")?;
            return Ok(ExitCode::FAILURE);
        }
    };
    match answer(name, matches, &config) {
        Ok(said) => {
            writeln!(out, "{}", said.text)?;
            if let Some(note) = said.note {
                writeln!(err, "{note}")?;
            }
            Ok(ExitCode::SUCCESS)
        }
        Err(failure) => {
            writeln!(err, "error: {}\n  remedy: {}", failure.message, failure.suggested_fix)?;
            Ok(ExitCode::FAILURE)
        }
    }
}

/// What a command has to say.
struct Said {
    text: String,
    /// Words for people, which a file that takes the text shall not have.
    note: Option<String>,
}

impl From<String> for Said {
    fn from(text: String) -> Self {
        Self { text, note: None }
    }
}

fn answer(name: &str, matches: &ArgMatches, config: &Config) -> Result<Said, Failure> {
    let dir = &config.storage_dir;
    same_user(dir)?;
    let keys = Keys::open(Store::open(&Layout::create(dir)?.store())?)?;
    let as_json = matches.get_flag("json");
    match name {
        "create" => created(&keys, matches, config, as_json),
        "revoke" => revoked(&keys, matches, config, as_json).map(Said::from),
        _ => listed(&keys, as_json).map(Said::from),
    }
}

/// Files that another user makes beside the store, root included, are files that the service cannot write.
fn same_user(dir: &Path) -> Result<(), Failure> {
    let Ok(metadata) = std::fs::metadata(dir) else { return Ok(()) };
    let (owner, me) = (metadata.uid(), rustix::process::geteuid().as_raw());
    if owner == me {
        return Ok(());
    }
    let message =
        format!("the storage directory belongs to the user {owner}, and this is the user {me}: {dir:?}");
    let fix = "Run this as the user of the service: `sudo runuser -u cts-lite -- cts-lite key …`.";
    Err(Failure::validation("wrong-user", message, fix))
}

fn created(keys: &Keys, matches: &ArgMatches, config: &Config, as_json: bool) -> Result<Said, Failure> {
    let text = |id: &str| matches.get_one::<String>(id).map(String::as_str).unwrap_or_default();
    let (name, scopes) = (text("name"), Scopes::parse(text("scope")));
    let expires = matches.get_one::<u16>("expires-days").map(|days| clock::now() + Micros::from(*days) * DAY);
    let key = keys.create(name, scopes, expires)?;
    record(config, "key-created", key.id())?;
    let expires = expires.map(clock::text);
    if as_json {
        let object = json!({"id": key.id(), "key": key.reveal(), "name": name, "scopes": scopes.to_string(), "expires_at": expires});
        return Ok(object.to_string().into());
    }
    let until = expires.map_or_else(String::new, |at| format!(", until {at}"));
    let note = format!("This is the only time the key is shown. id {}, scopes: {scopes}{until}", key.id());
    Ok(Said { text: key.reveal(), note: Some(note) })
}

fn revoked(keys: &Keys, matches: &ArgMatches, config: &Config, as_json: bool) -> Result<String, Failure> {
    let given = matches.get_one::<String>("id").map(String::as_str).unwrap_or_default();
    let key = super::key::ApiKey::parse(given);
    let id = key.as_ref().map_or(given, |key| key.id());
    if !keys.revoke(id)? {
        let message = format!("no key of the id `{id}`");
        return Err(Failure::validation("no-such-key", message, "`cts-lite key list` shows all ids."));
    }
    record(config, "key-revoked", id)?;
    Ok(if as_json { json!({"id": id, "revoked": true}).to_string() } else { format!("revoked {id}") })
}

fn listed(keys: &Keys, as_json: bool) -> Result<String, Failure> {
    let keys = keys.list()?;
    if as_json {
        let object = |key: &KeyRecord| {
            json!({"id": key.id, "name": key.name, "scopes": key.scopes.to_string(), "status": status(key),
                   "created_at": clock::text(key.created_at), "expires_at": key.expires_at.map(clock::text),
                   "revoked_at": key.revoked_at.map(clock::text)})
        };
        return Ok(serde_json::Value::from_iter(keys.iter().map(object)).to_string());
    }
    if keys.is_empty() {
        return Ok("no keys".to_owned());
    }
    let line = |key: &KeyRecord| {
        format!(
            "{}  {:8} {:15} {}  {}",
            key.id,
            status(key),
            key.scopes.to_string(),
            clock::text(key.created_at),
            key.name
        )
    };
    Ok(keys.iter().map(line).collect::<Vec<_>>().join("\n"))
}

fn status(key: &KeyRecord) -> &'static str {
    match key {
        key if key.revoked_at.is_some() => "revoked",
        key if key.expires_at.is_some_and(|at| at <= clock::now()) => "expired",
        _ => "valid",
    }
}

fn record(config: &Config, event: &str, id: &str) -> Result<(), Failure> {
    if !config.enable_audit_log {
        return Ok(());
    }
    let dir = &config.log_directory;
    let fail = |e: std::io::Error| Failure::io("write the audit log", dir, &e);
    Audit::open(dir).map_err(fail)?.record(&Entry::new(event, "command line", id)).map_err(fail)
}
