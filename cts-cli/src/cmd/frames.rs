//! `cts frames`: CAN frames as text, one a line.

use std::path::Path;

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use cts_core::log::{Batch, CanService, Completeness, Event, Frame, frames};
use cts_core::tool::{push_address, push_hex, push_seconds};
use cts_core::{ErrorKind, Result};

use super::Cmd;
use crate::Outcome;
use crate::args::{flag, log};
use crate::config::Global;
use crate::render::{self, Out};

pub(crate) static COMMAND: Cmd = Cmd { name: "frames", grammar, run };

fn grammar() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let seconds =
        |name, help| option(name, "s", help).value_parser(value_parser!(f64)).allow_negative_numbers(true);
    Command::new("frames")
        .about("Prints the CAN frames of a log, one a line: (seconds) bus address#data")
        .arg(log())
        .arg(
            option("bus", "N", "Only this bus, as logged; repeatable")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .value_parser(value_parser!(u8)),
        )
        .arg(
            option("address", "N", "Only this address, decimal or 0x hex; repeatable")
                .action(ArgAction::Append)
                .value_delimiter(',')
                .value_parser(address),
        )
        .arg(
            option("service", "NAME", "Received frames, frames to send, or both")
                .default_value("can")
                .value_parser(PossibleValuesParser::new(["can", "sendcan", "all"])),
        )
        .arg(seconds("from", "Only frames at or after this time"))
        .arg(seconds("to", "Only frames at or before this time"))
        .arg(option("limit", "N", "Stop after N frames").value_parser(value_parser!(u64)))
        .arg(flag("json", "One JSON object a line, with mono time and service"))
        .after_help("Times count from the first event of the log, as in `cts events`; those of rlog-to-csv from its first `can` event.")
}

fn address(text: &str) -> std::result::Result<u32, String> {
    let number = match text.strip_prefix("0x").or(text.strip_prefix("0X")) {
        Some(hex) => u32::from_str_radix(hex, 16),
        None => text.parse(),
    };
    number.map_err(|e| e.to_string())
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let ctx = global.ctx(Path::new(""));
    let mut input = ctx.open(matches.get_one::<String>("log").map_or("", |text| text))?;
    let mut printer = Printer::new(matches);
    let read = match printer.limit {
        0 => return Ok(Outcome::Done),
        _ => ctx.read(&mut input, |_, batch, record| printer.batch(batch, record)),
    };
    let record = match read {
        Err(_) if printer.limit == 0 => None,
        read => Some(read?),
    };
    printer.out.finish()?;
    ctx.warnings().iter().for_each(render::warning);
    Ok(if record.is_none_or(|record| record.is_complete()) { Outcome::Done } else { Outcome::Damaged })
}

struct Printer {
    out: Out,
    buses: Vec<u8>,
    addresses: Vec<u32>,
    service: Option<CanService>,
    from: f64,
    to: f64,
    /// Frames still to print.
    limit: u64,
    json: bool,
    /// Mono time of the zero.
    start: Option<u64>,
    line: Vec<u8>,
}

impl Printer {
    fn new(matches: &ArgMatches) -> Self {
        let service = match matches.get_one::<String>("service").map(String::as_str) {
            Some("all") => None,
            Some("sendcan") => Some(CanService::Sendcan),
            _ => Some(CanService::Can),
        };
        Self {
            out: Out::new(),
            buses: matches.get_many("bus").unwrap_or_default().copied().collect(),
            addresses: matches.get_many("address").unwrap_or_default().copied().collect(),
            service,
            from: matches.get_one("from").copied().unwrap_or(f64::NEG_INFINITY),
            to: matches.get_one("to").copied().unwrap_or(f64::INFINITY),
            limit: matches.get_one("limit").copied().unwrap_or(u64::MAX),
            json: matches.get_flag("json"),
            start: None,
            line: Vec::new(),
        }
    }

    fn batch(&mut self, batch: &Batch, record: &mut Completeness) -> Result<()> {
        self.start = self.start.or_else(|| batch.start());
        for event in batch.events() {
            match (CanService::of(&event), self.start) {
                (Some(service), Some(start)) if self.service.is_none_or(|wanted| wanted == service) => {
                    self.event(&event, service, start, record)?;
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn event(
        &mut self,
        event: &Event<'_>,
        service: CanService,
        start: u64,
        record: &mut Completeness,
    ) -> Result<()> {
        let ns = event.mono_time().wrapping_sub(start) as i64;
        let time = ns as f64 / 1e9;
        if time < self.from || time > self.to {
            return Ok(());
        }
        let mut note = |fault: &str| record.note_value(event.index(), event.offset(), fault);
        let list = match frames(event) {
            Ok(list) => list,
            Err(fault) => {
                note(fault.0);
                return Ok(());
            }
        };
        for frame in list {
            match frame {
                Ok(frame) if self.keeps(&frame) => self.print(event, service, ns, &frame)?,
                Ok(_) => {}
                Err(fault) => note(fault.0),
            }
        }
        Ok(())
    }

    fn keeps(&self, frame: &Frame<'_>) -> bool {
        (self.buses.is_empty() || self.buses.contains(&frame.bus))
            && (self.addresses.is_empty() || self.addresses.contains(&frame.address))
    }

    fn print(&mut self, event: &Event<'_>, service: CanService, ns: i64, frame: &Frame<'_>) -> Result<()> {
        let line = &mut self.line;
        line.clear();
        if self.json {
            line.extend_from_slice(b"{\"t\":");
            push_seconds(line, ns);
            let (mono_time, service) = (event.mono_time(), service.name());
            let (bus, address) = (frame.bus, frame.address);
            let rest = format!(
                r#","mono_time_ns":{mono_time},"service":"{service}","bus":{bus},"address":{address},"data":""#
            );
            line.extend_from_slice(rest.as_bytes());
            push_hex(line, frame.data);
            line.extend_from_slice(b"\"}\n");
        } else {
            line.push(b'(');
            push_seconds(line, ns);
            line.extend_from_slice(format!(") {} ", frame.bus).as_bytes());
            push_address(line, frame.address);
            line.push(b'#');
            push_hex(line, frame.data);
            line.push(b'\n');
        }
        self.out.put(&self.line)?;
        self.limit -= 1;
        // Only an error stops a reading; the caller sees that nothing more was wanted.
        if self.limit == 0 { Err(ErrorKind::Canceled.into()) } else { Ok(()) }
    }
}
