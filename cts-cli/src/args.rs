//! The command line's grammar. The flags of tools are computed from their definitions.

use std::path::PathBuf;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use cts_core::Result;
use cts_core::log::EventSchema;
use cts_core::tool::{Kind, Param, Tool};

/// The whole grammar.
pub(crate) fn command() -> Command {
    Command::new("cts")
        .about("Reads openpilot driving logs: CAN frames, events and tables")
        .version(env!("CARGO_PKG_VERSION"))
        .after_help(
            "A LOG is a file, a directory, a route such as 'a2a0ccea32023010|2023-07-27--13-01-19/3:5', or - for \
             standard input.\n\nExit codes: 0 done, 1 failed, 2 wrong usage or parameters, 3 done but a part of the \
             input was damaged or missing, 130 canceled. With a service: 1 or 2 failed (ping, runs, logs, art, mon: 2), \
             3 the run failed or its input was damaged, 4 the run was canceled.",
        )
        .subcommand_required(true)
        .arg_required_else_help(true)
        .arg(
            Arg::new("data-dir")
                .long("data-dir")
                .value_name("DIR")
                .help("Search routes in DIR; repeatable. Also: CTS_DATA_DIR, and data_dirs in cts/config.toml")
                .action(ArgAction::Append)
                .value_parser(value_parser!(PathBuf))
                .global(true),
        )
        .arg(
            Arg::new("dbc-path")
                .long("dbc-path")
                .value_name("DIR")
                .help(
                    "Look for DBC files in DIR, or in a checkout of opendbc or openpilot there; repeatable. \
                     Also: CTS_DBC_PATH, and dbc_dirs in cts/config.toml",
                )
                .action(ArgAction::Append)
                .value_parser(value_parser!(PathBuf))
                .global(true),
        )
        .arg(schema().global(true))
        .arg(flag("strict", "Fail at the first damage instead of reading around it").global(true))
        .arg(flag("no-progress", "Draw no progress bar").global(true))
        .args(crate::service::arguments())
        .subcommands(crate::cmd::ALL.iter().map(|command| (command.grammar)()))
}

/// A flag without value.
pub(crate) fn flag(name: &'static str, help: &'static str) -> Arg {
    Arg::new(name).long(name).help(help).action(ArgAction::SetTrue)
}

/// The log that a command reads.
pub(crate) fn log() -> Arg {
    Arg::new("log")
        .value_name("LOG")
        .help("A file, a directory, a route, or - for standard input")
        .required(true)
}

/// The subcommand of a tool: its parameters as flags, and what all runs share.
pub(crate) fn tool(tool: &'static Tool) -> Command {
    let input = tool.params.iter().find(|param| param.name == tool.input);
    let flags = tool.params.iter().filter(|param| param.name != tool.input).map(parameter);
    any_tool(tool.name)
        .about(tool.summary)
        .mut_arg("path", |path| {
            path.alias(tool.input.replace('_', "-")).help(input.map(Param::description).unwrap_or_default())
        })
        .args(flags)
}

/// What all runs share; also those of tools that only the service knows.
pub(crate) fn any_tool(name: &'static str) -> Command {
    let given = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    Command::new(name)
        .arg(given("path", "LOG", "The log").display_order(0))
        .arg(
            given("param", "NAME=VALUE", "Any parameter by its name; repeatable")
                .short('p')
                .action(ArgAction::Append),
        )
        .arg(
            given(
                "out-dir",
                "DIR",
                "Where files go whose names are not absolute [default: the current directory; with a service \
                 out_dir of cts/config.toml, else ~/Downloads/cts]",
            )
            .value_parser(value_parser!(PathBuf)),
        )
        .arg(given(
            "upload",
            "FILE",
            "Send this file to the service and read it there; without a service the same as --path",
        ))
        .arg(given("upload-id", "ID", "Read the file that an earlier `cts upload` sent to the service"))
        .arg(given("name", "TEXT", "What the service calls the run"))
        .arg(flag("wait", "Wait for the end of the run; without a service a run is always waited for"))
        .arg(flag("follow", "Wait, and say what the run does while it goes on"))
        .arg(flag("open", "Show HTML files of the run in a browser"))
        .arg(flag("local", "Run here, even where a service is configured"))
}

/// The name of a parameter as a flag.
pub(crate) fn flag_name(param: &Param) -> String {
    param.name.replace('_', "-")
}

/// A parameter as a flag. Values stay text here: the tool reads them, so that all faces accept the same.
fn parameter(param: &Param) -> Arg {
    let arg = Arg::new(param.name).long(flag_name(param)).help(help(param)).value_name(value_name(param));
    let arg = match param.kind {
        Kind::Bool => arg.num_args(0..=1).require_equals(true).default_missing_value("true"),
        kind if kind.is_list() => arg.action(ArgAction::Append).value_delimiter(','),
        _ => arg.allow_hyphen_values(matches!(param.kind, Kind::Int | Kind::Float | Kind::Path)),
    };
    match param.choices {
        [] => arg,
        choices => arg.value_parser(PossibleValuesParser::new(choices)).ignore_case(true),
    }
}

/// What stands for the value in the help: its unit, or else its type.
pub(crate) fn value_name(param: &Param) -> String {
    let by_type = match param.kind {
        Kind::Path => "FILE",
        Kind::Input => "LOG",
        Kind::StrList | Kind::IntList => "LIST",
        kind => kind.name(),
    };
    if param.unit.is_empty() { by_type.to_uppercase() } else { param.unit.to_owned() }
}

/// Description, range and default.
pub(crate) fn help(param: &Param) -> String {
    let range = param.range().map_or(String::new(), |range| format!(" [{range}]"));
    let default = match param.shown_default() {
        serde_json::Value::Null => String::new(),
        serde_json::Value::Array(items) if items.is_empty() => String::new(),
        serde_json::Value::String(text) => format!(" [default: {text}]"),
        value => format!(" [default: {value}]"),
    };
    param.description() + &range + &default
}

/// A schema to use instead of the embedded one.
fn schema() -> Arg {
    Arg::new("schema")
        .long("schema")
        .value_name("FILE")
        .help("A fork's schema: the output of `capnp compile -o- log.capnp`")
        .value_parser(value_parser!(PathBuf))
}

/// The schema that was asked for.
pub(crate) enum LoadedSchema {
    Embedded,
    Given(Box<EventSchema>),
}

impl LoadedSchema {
    pub(crate) fn get(&self) -> &EventSchema {
        match self {
            Self::Embedded => EventSchema::embedded(),
            Self::Given(schema) => schema,
        }
    }
}

/// Loads the schema of `--schema`.
pub(crate) fn load_schema(matches: &ArgMatches) -> Result<LoadedSchema> {
    Ok(match matches.get_one::<PathBuf>("schema") {
        Some(path) => LoadedSchema::Given(Box::new(EventSchema::open(path)?)),
        None => LoadedSchema::Embedded,
    })
}
