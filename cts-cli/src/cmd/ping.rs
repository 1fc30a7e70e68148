//! `cts ping`: whether the service is well.

use clap::{ArgMatches, Command};
use serde_json::Value;

use super::Cmd;
use crate::Outcome;
use crate::client::{Call, Result};
use crate::config::Global;
use crate::{remote, render, service};

pub(crate) static COMMAND: Cmd = Cmd { name: "ping", grammar, run };

fn grammar() -> Command {
    Command::new("ping").about("Asks the service how it is")
}

fn run(global: &Global, matches: &ArgMatches) -> cts_core::Result<Outcome> {
    remote::end(ping(global, matches), 2)
}

fn ping(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let client = service::connect(global)?;
    let health: Value = client.json(&Call::get("/v1/health"))?;
    if matches.get_flag("json") {
        remote::print(&health)?;
    } else {
        let text = |name: &str| render::plain(health[name].as_str().unwrap_or("unknown"));
        let address = client.address().as_str();
        remote::text(&format!(
            "{}: {address}, version {}, up {}",
            text("status"),
            text("version"),
            text("uptime")
        ))?;
    }
    Ok(Outcome::Done)
}
