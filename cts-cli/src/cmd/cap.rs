//! `cts cap`: the tools and their parameters.

use clap::{Arg, ArgMatches, Command};
use cts_core::Result;
use cts_core::tool::{self, Tool};

use super::Cmd;
use crate::Outcome;
use crate::args::{flag, flag_name, help, value_name};
use crate::config::Global;
use crate::render::Out;
use crate::service;

pub(crate) static COMMAND: Cmd = Cmd { name: "cap", grammar, run };

fn grammar() -> Command {
    Command::new("cap")
        .about("Lists the tools and their parameters")
        .visible_alias("capabilities")
        .arg(Arg::new("tool").value_name("TOOL").help("Only this tool"))
        .arg(flag("local", "Those of this program, even where a service is configured"))
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    if service::named(global).is_some() && !matches.get_flag("local") {
        return super::cap_remote::run(global, matches);
    }
    let one = matches.get_one::<String>("tool").map(|name| tool::find(name)).transpose()?;
    let mut out = Out::new();
    match (matches.get_flag("json"), one) {
        (true, None) => out.json(&tool::capabilities())?,
        (true, Some(tool)) => out.json(&tool.capability())?,
        (false, one) => {
            let tools = tool::ALL.iter().filter(|tool| one.is_none_or(|one| one.name == tool.name));
            let texts: Vec<String> = tools.map(|tool| described(tool)).collect();
            out.text(&texts.join("\n"))?;
        }
    }
    out.finish()?;
    Ok(Outcome::Done)
}

/// Name and summary, then a line per parameter.
fn described(tool: &Tool) -> String {
    let rows = tool.params.iter().map(|param| {
        let name = if param.name == tool.input { "path".to_owned() } else { flag_name(param) };
        let required = if param.required { " [required]" } else { "" };
        let choices = match param.choices {
            [] => String::new(),
            choices => format!(" [one of: {}]", choices.join(", ")),
        };
        (format!("--{name} {}", value_name(param)), help(param) + &choices + required)
    });
    let rows: Vec<(String, String)> = rows.collect();
    let rows: Vec<(&str, String)> = rows.iter().map(|(flag, help)| (flag.as_str(), help.clone())).collect();
    let table = tool::aligned(&rows);
    let table: String = table.lines().map(|line| format!("  {line}\n")).collect();
    format!("{}  {}\n{table}", tool.name, tool.summary)
}
