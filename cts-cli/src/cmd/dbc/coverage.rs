//! `cts dbc coverage`: what databases know of a log.

use std::path::Path;

use clap::{ArgMatches, Command};
use cts_core::Result;
use cts_core::decode::{AddressCoverage, Coverage, CoverageReader};

use super::{Cmd, Global, Outcome};
use crate::args::{self, flag, log};
use crate::databases;
use crate::render::{self, Out};

pub(super) static COMMAND: Cmd = Cmd { name: "coverage", grammar, run };

fn grammar() -> Command {
    Command::new("coverage")
        .about("Says which addresses and changing bits of a log a DBC knows, and what does not fit it")
        .arg(log())
        .arg(databases::arg())
        .arg(flag("json", "Print everything as JSON"))
        .after_help(
            "bits: known ones of those that change. Bits that no signal has are named as in a DBC: byte * 8 + bit. \
             Only received frames count.",
        )
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let schema = args::load_schema(matches)?;
    let ctx = global.ctx(Path::new(""));
    let mut input = ctx.open(matches.get_one::<String>("log").map_or("", |text| text))?;
    let databases = databases::load(global, matches, &input, schema.get())?;
    let databases: Vec<_> = databases.iter().map(|(bus, dbc)| (*bus, dbc)).collect();
    let mut reader = CoverageReader::new(&databases)?;
    let record = ctx.read(&mut input, |_, batch, record| {
        reader.push(batch, record);
        Ok(())
    })?;
    let coverage = reader.finish();
    let mut out = Out::new();
    match matches.get_flag("json") {
        true => out.json(&coverage)?,
        false => out.text(&text(&coverage))?,
    }
    out.finish()?;
    ctx.warnings().iter().for_each(render::warning);
    Ok(if record.is_complete() { Outcome::Done } else { Outcome::Damaged })
}

fn text(coverage: &Coverage) -> String {
    let mut lines = vec!["bus address   frames bytes  bits     message".to_owned()];
    lines.extend(coverage.addresses.iter().flat_map(address));
    let sum = |count: &dyn Fn(&AddressCoverage) -> u64| coverage.addresses.iter().map(count).sum::<u64>();
    let (known, frames) =
        (sum(&|a| if a.message.is_some() { a.frames } else { 0 }), sum(&|address| address.frames));
    let bits = (sum(&|a| a.known_changing_bits.into()), sum(&|a| a.changing_bits.into()));
    let messages = coverage.addresses.iter().filter(|address| address.message.is_some()).count();
    lines.push(format!(
        "known: {messages} of {} addresses, {known} of {frames} frames, {} of {} changing bits",
        coverage.addresses.len(),
        bits.0,
        bits.1
    ));
    if !coverage.never_seen.is_empty() {
        let names: Vec<&str> = coverage.never_seen.iter().map(|message| message.message.as_str()).collect();
        lines.push(format!("never seen: {} messages: {}", names.len(), names.join(" ")));
    }
    lines.join("\n")
}

/// The lines of one address.
fn address(address: &AddressCoverage) -> Vec<String> {
    let bytes: Vec<String> = address.lengths.keys().map(u8::to_string).collect();
    let bits = format!("{}/{}", address.known_changing_bits, address.changing_bits);
    let name = address.message.as_deref().unwrap_or("-");
    let number = format!("0x{:03X}", address.address);
    let mut lines = vec![format!(
        "{:>3} {number:<9} {:>6} {:<6} {bits:<8} {name}",
        address.bus,
        address.frames,
        bytes.join(",")
    )];
    if let (Some(size), wrong @ 1..) = (address.declared_size, address.wrong_lengths()) {
        lines.push(format!("    wrong length: {wrong} frames, declared are {size} bytes"));
    }
    if address.message.is_some() && !address.unknown_changing_bits.is_empty() {
        let bits: Vec<String> = address.unknown_changing_bits.iter().map(u16::to_string).collect();
        lines.push(format!("    bits of no signal: {}", bits.join(" ")));
    }
    for range in &address.out_of_range {
        lines.push(format!(
            "    {}: {} values outside {} to {}: {} to {}",
            range.signal, range.values, range.min, range.max, range.seen_min, range.seen_max
        ));
    }
    lines
}
