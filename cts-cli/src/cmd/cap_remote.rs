//! `cts cap` of a service.

use clap::ArgMatches;
use cts_core::tool::aligned;
use cts_core::{ErrorKind, error::nearest};
use serde_json::Value;

use crate::Outcome;
use crate::client::{Call, Error, Result};
use crate::config::Global;
use crate::{remote, render, service};

pub(super) fn run(global: &Global, matches: &ArgMatches) -> cts_core::Result<Outcome> {
    remote::end(show(global, matches), 2)
}

fn show(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let client = service::connect(global)?;
    let all: Value = client.json(&Call::get("/v1/capabilities"))?;
    let tools: Vec<&Value> =
        ["tools", "monitors"].iter().flat_map(|kind| all[kind].as_array().into_iter().flatten()).collect();
    let one = matches.get_one::<String>("tool").map(|name| find(&tools, name)).transpose()?;
    match (matches.get_flag("json"), one) {
        (true, None) => remote::print(&all)?,
        (true, Some(tool)) => remote::print(tool)?,
        (false, one) => {
            let tools = one.map_or(tools, |one| vec![one]);
            let texts: Vec<String> = tools.into_iter().map(described).collect();
            remote::text(&texts.join("\n"))?;
        }
    }
    Ok(Outcome::Done)
}

fn find<'a>(tools: &[&'a Value], name: &str) -> Result<&'a Value> {
    let wanted = name.replace('_', "-");
    let id = |tool: &Value| tool["id"].as_str().unwrap_or_default().replace('_', "-");
    let found = tools.iter().find(|tool| id(tool) == wanted);
    found.copied().ok_or_else(|| {
        let suggestion = nearest(name, tools.iter().filter_map(|tool| tool["id"].as_str()));
        Error::Core(ErrorKind::NoSuchTool { name: name.to_owned(), suggestion }.into())
    })
}

/// Name and summary, then a line per parameter.
fn described(tool: &Value) -> String {
    let rows: Vec<(String, String)> =
        tool["parameters"].as_object().into_iter().flatten().map(|(name, param)| row(name, param)).collect();
    let rows: Vec<(&str, String)> = rows.iter().map(|(flag, help)| (flag.as_str(), help.clone())).collect();
    let table: String = aligned(&rows).lines().map(|line| format!("  {line}\n")).collect();
    let text = |name: &str| render::plain(tool[name].as_str().unwrap_or_default());
    format!("{}  {}\n{table}", text("id"), text("description"))
}

fn row(name: &str, param: &Value) -> (String, String) {
    let kind = param["type"].as_str().unwrap_or("str").to_uppercase();
    let mut help = param["description"].as_str().unwrap_or_default().to_owned();
    match &param["default"] {
        Value::Null => {}
        Value::Array(items) if items.is_empty() => {}
        default => help += &format!(" [default: {}]", remote::shown(default)),
    }
    if let Some(choices) = param["choices"].as_array() {
        let choices: Vec<String> = choices.iter().map(remote::shown).collect();
        help += &format!(" [one of: {}]", choices.join(", "));
    }
    if param["required"] == true {
        help += " [required]";
    }
    (render::plain(&format!("-p {name}={kind}")), render::plain(&help))
}
