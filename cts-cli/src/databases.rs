//! The databases that a command decodes with.

use clap::{Arg, ArgAction, ArgMatches};
use cts_core::dbc::{Dbc, Search, for_brand, for_car};
use cts_core::decode::Car;
use cts_core::log::{EventSchema, Input};
use cts_core::{Error, ErrorKind, Result};

use crate::config::Global;
use crate::render;

/// Databases with the bus they stand for.
pub(crate) type Databases = Vec<(Option<u8>, Dbc)>;

/// `--dbc`.
pub(crate) fn arg() -> Arg {
    Arg::new("dbc")
        .long("dbc")
        .value_name("[BUS=]NAME")
        .help("A DBC: its path or name, for one bus or for all others; repeatable [default: by the log's carParams]")
        .action(ArgAction::Append)
}

/// Loads what `--dbc` names, or else what the log's car needs.
pub(crate) fn load(
    global: &Global,
    matches: &ArgMatches,
    input: &Input,
    schema: &EventSchema,
) -> Result<Databases> {
    let search = global.dbc_search();
    let given: Vec<&String> = matches.get_many("dbc").unwrap_or_default().collect();
    if given.is_empty() {
        return of_car(&search, input, schema);
    }
    given.into_iter().map(|text| named(&search, text)).collect()
}

/// `NAME` or `BUS=NAME`.
fn named(search: &Search, text: &str) -> Result<(Option<u8>, Dbc)> {
    let bus = text.split_once('=').and_then(|(bus, name)| Some((bus.parse().ok()?, name)));
    match bus {
        Some((bus, name)) => Ok((Some(bus), find(search, name)?)),
        None => Ok((None, find(search, text)?)),
    }
}

fn find(search: &Search, name: &str) -> Result<Dbc> {
    Ok(search.load(name)?.dbc)
}

fn of_car(search: &Search, input: &Input, schema: &EventSchema) -> Result<Databases> {
    let car = input.again().map(|mut input| Car::read(&mut input, schema)).transpose()?.flatten();
    let car = car.ok_or_else(|| missing("the log does not tell its car before it is read"))?;
    let known = for_car(&car.fingerprint).or_else(|| for_brand(&car.brand));
    let known = known.ok_or_else(|| missing(&format!("no DBC is known for `{}`", car.fingerprint)))?;
    let names: Vec<String> = known.iter().map(|(bus, name)| format!("{bus}={name}")).collect();
    render::say(&format!("{}: --dbc {}", car.fingerprint, names.join(" --dbc ")));
    known.into_iter().map(|(bus, name)| Ok((Some(bus), find(search, name)?))).collect()
}

#[cold]
fn missing(reason: &str) -> Error {
    ErrorKind::MissingParam { name: "dbc".to_owned(), help: format!("{reason}; name one with --dbc") }.into()
}
