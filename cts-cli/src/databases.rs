//! The databases that a command decodes with.

use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches};
use cts_core::dbc::Dbc;
use cts_core::decode::Car;
use cts_core::log::{EventSchema, Input};
use cts_core::{Error, ErrorKind, Result};

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
pub(crate) fn load(matches: &ArgMatches, input: &Input, schema: &EventSchema) -> Result<Databases> {
    let given: Vec<&String> = matches.get_many("dbc").unwrap_or_default().collect();
    if given.is_empty() {
        return of_car(input, schema);
    }
    given.into_iter().map(|text| named(text)).collect()
}

/// `NAME` or `BUS=NAME`.
fn named(text: &str) -> Result<(Option<u8>, Dbc)> {
    let bus = text.split_once('=').and_then(|(bus, name)| Some((bus.parse().ok()?, name)));
    match bus {
        Some((bus, name)) => Ok((Some(bus), find(name)?)),
        None => Ok((None, find(text)?)),
    }
}

fn find(name: &str) -> Result<Dbc> {
    let path = Path::new(name);
    let bytes = std::fs::read(path).map_err(|e| Error::io("read", e).path(path))?;
    let stem = path.file_stem().unwrap_or_default().to_string_lossy();
    Ok(Dbc::from_bytes(&stem, &bytes).0)
}

fn of_car(input: &Input, schema: &EventSchema) -> Result<Databases> {
    let car = input.again().map(|mut input| Car::read(&mut input, schema)).transpose()?.flatten();
    let car = car.ok_or_else(|| missing("the log does not tell its car before it is read"))?;
    render::say(&format!("car: {}", car.fingerprint));
    Err(missing(&format!("no DBC is known for the car `{}`", car.fingerprint)))
}

#[cold]
fn missing(reason: &str) -> Error {
    ErrorKind::MissingParam { name: "dbc".to_owned(), help: format!("{reason}; name one with --dbc") }.into()
}
