//! The flags of every setting, and `cts-lite config`.

use std::io::Write;
use std::path::PathBuf;
use std::process::ExitCode;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};

use super::fields::{FIELDS, Field};
use super::load::{Loaded, load};
use super::problem::{Problem, Problems};
use super::source::Sources;
use super::{show, to_text};

/// Adds `--config` and a flag of every setting that is no secret.
pub fn with_flags(command: Command) -> Command {
    let file = Arg::new("config").long("config").value_name("FILE").value_parser(value_parser!(PathBuf));
    let file = file.help("TOML file with settings [env: CTS_CONFIG]");
    FIELDS.iter().filter_map(flag).fold(command.arg(file), Command::arg)
}

fn flag(field: &'static Field) -> Option<Arg> {
    let arg = Arg::new(field.name).long(field.flag()?).action(ArgAction::Set).help(field.doc.trim());
    let arg = arg.help_heading(field.group).value_name(field.kind.to_uppercase().replace('`', ""));
    Some(match field.kind {
        // `--debug` alone means true.
        "boolean" => {
            arg.num_args(0..=1).require_equals(true).default_missing_value("true").value_name("BOOL")
        }
        "integer" => arg.value_name("N"),
        "path" => arg.value_name("PATH"),
        kind if kind.starts_with("list") => arg.value_name("LIST"),
        _ => arg.value_name("VALUE"),
    })
}

/// The sources of this process with the flags of `matches`, which come from [`with_flags`].
pub fn sources(matches: &ArgMatches) -> Sources {
    let flags = FIELDS.iter().filter(|field| !field.secret).filter_map(|field| {
        let text = matches.get_one::<String>(field.name)?;
        Some((field.name, text.clone()))
    });
    Sources { file: matches.get_one("config").cloned(), flags: flags.collect(), ..Sources::of_process() }
}

/// The command `config` with its sub-commands.
pub fn command() -> Command {
    let json = Arg::new("json").long("json").action(ArgAction::SetTrue).help("Print JSON");
    let check =
        Command::new("check").about("Report all problems of the configuration; exit 1 if it cannot be used");
    let show = Command::new("show").about("Print every setting with its source; secrets are masked");
    Command::new("config")
        .about("Look at the configuration without starting the service")
        .subcommand_required(true)
        .arg_required_else_help(true)
        .subcommand(with_flags(check.arg(json.clone())))
        .subcommand(with_flags(show.arg(json)))
}

/// Runs `config`; `more` finds problems that lie outside this room, such as unreadable keys.
///
/// # Errors
/// When the output cannot be written.
pub fn run(
    matches: &ArgMatches,
    more: impl Fn(&Loaded) -> Vec<Problem>,
    out: &mut dyn Write,
    err: &mut dyn Write,
) -> std::io::Result<ExitCode> {
    let Some((name, matches)) = matches.subcommand() else { return Ok(ExitCode::from(2)) };
    let json = matches.get_flag("json");
    let result = load(&sources(matches)).and_then(|mut loaded| match more(&loaded) {
        found if found.is_empty() => Ok(loaded),
        mut found => {
            found.append(&mut loaded.warnings);
            Err(Problems(found))
        }
    });
    match (result, name) {
        (Ok(loaded), "show") => shown(&loaded, json, out, err)?,
        (Ok(loaded), _) => checked(&loaded, json, out)?,
        (Err(problems), _) if json => {
            let problems: Vec<_> = problems.0.iter().map(ToString::to_string).collect();
            writeln!(out, "{}", serde_json::json!({"ok": false, "problems": problems}))?;
            return Ok(ExitCode::FAILURE);
        }
        (Err(problems), _) => {
            writeln!(err, "{problems}")?;
            return Ok(ExitCode::FAILURE);
        }
    }
    Ok(ExitCode::SUCCESS)
}

fn shown(loaded: &Loaded, json: bool, out: &mut dyn Write, err: &mut dyn Write) -> std::io::Result<()> {
    if json {
        return writeln!(out, "{:#}", show::to_json(loaded));
    }
    for warning in &loaded.warnings {
        writeln!(err, "{warning}")?;
    }
    write!(out, "{}", to_text(loaded))
}

fn checked(loaded: &Loaded, json: bool, out: &mut dyn Write) -> std::io::Result<()> {
    let warnings: Vec<_> = loaded.warnings.iter().map(ToString::to_string).collect();
    let environment = loaded.config.environment;
    if json {
        let environment = environment.as_str();
        return writeln!(
            out,
            "{}",
            serde_json::json!({"ok": true, "environment": environment, "problems": warnings})
        );
    }
    for warning in &warnings {
        writeln!(out, "{warning}")?;
    }
    writeln!(out, "the configuration can be used (environment {environment}, {} warnings)", warnings.len())
}
