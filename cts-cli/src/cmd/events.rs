//! `cts events`: events as JSON, one a line.

use std::collections::BTreeSet;
use std::path::Path;

use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use cts_core::log::{Completeness, Event, EventSchema, Input, merge_by_time, which};
use cts_core::{ErrorKind, Result};

use super::Cmd;
use crate::Outcome;
use crate::args::{self, flag, log};
use crate::config::Global;
use crate::render::{self, Out};

pub(crate) static COMMAND: Cmd = Cmd { name: "events", grammar, run };

fn grammar() -> Command {
    let seconds = |name: &'static str, help: &'static str| {
        let arg = Arg::new(name).long(name).value_name("s").help(help);
        arg.value_parser(value_parser!(f64)).allow_negative_numbers(true)
    };
    Command::new("events")
        .about("Prints events as JSON, one a line: all fields, as pycapnp's to_dict(verbose=True) names them")
        .arg(log())
        .arg(
            Arg::new("service")
                .long("service")
                .value_name("NAME")
                .help("Only this service, by its newest or an older name; repeatable")
                .action(ArgAction::Append)
                .value_delimiter(','),
        )
        .arg(seconds("from", "Only events at or after this time"))
        .arg(seconds("to", "Only events at or before this time"))
        .arg(Arg::new("limit").long("limit").value_name("N").help("Stop after N events").value_parser(value_parser!(u64)))
        .arg(flag("sort", "Order by time over all segments instead of file order; needs two segments of memory"))
        .after_help(
            "Data fields are hex. Times of --from and --to count from the first event that is not initData. Unknown \
             services are shown by their number.",
        )
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let schema = args::load_schema(matches)?;
    let ctx = global.ctx(Path::new(""));
    let mut input = ctx.open(matches.get_one::<String>("log").map_or("", |text| text))?;
    let mut printer = Printer::new(matches, schema.get())?;
    let complete = match matches.get_flag("sort") {
        true => sorted(&mut input, &mut printer)?,
        false => {
            let read = ctx.read(&mut input, |_, batch, record| {
                batch.events().try_for_each(|event| printer.event(&event, record))
            });
            match read {
                Err(_) if printer.limit == 0 => true,
                read => read?.is_complete(),
            }
        }
    };
    printer.out.finish()?;
    ctx.warnings().iter().for_each(render::warning);
    Ok(if complete { Outcome::Done } else { Outcome::Damaged })
}

/// Prints in order of time; gives whether all was read. Segments that cannot be read are said and left out.
fn sorted(input: &mut Input, printer: &mut Printer<'_>) -> Result<bool> {
    let (mut complete, mut notes) = (true, Completeness::default());
    let several = input.segments().len() > 1;
    let logs = std::iter::from_fn(|| {
        loop {
            let (_, log) = input.next_log()?;
            match log {
                Err(error) if several => {
                    render::error(&error);
                    complete = false;
                }
                log => {
                    complete &= log.as_ref().is_ok_and(|log| log.completeness().is_complete());
                    return Some(log);
                }
            }
        }
    });
    match merge_by_time(logs, |event| printer.event(event, &mut notes)) {
        Err(_) if printer.limit == 0 => {}
        merged => merged?,
    }
    Ok(complete && notes.is_complete())
}

struct Printer<'s> {
    schema: &'s EventSchema,
    out: Out,
    services: Option<BTreeSet<u16>>,
    from: f64,
    to: f64,
    limit: u64,
    start: Option<u64>,
    line: Vec<u8>,
}

impl<'s> Printer<'s> {
    fn new(matches: &ArgMatches, schema: &'s EventSchema) -> Result<Self> {
        let mut services = None;
        for name in matches.get_many::<String>("service").unwrap_or_default() {
            let found = schema.find(name)?;
            services.get_or_insert_with(BTreeSet::new).extend(found.iter().map(|service| service.which));
        }
        Ok(Self {
            schema,
            out: Out::new(),
            services,
            from: matches.get_one("from").copied().unwrap_or(f64::NEG_INFINITY),
            to: matches.get_one("to").copied().unwrap_or(f64::INFINITY),
            limit: matches.get_one("limit").copied().unwrap_or(u64::MAX),
            start: None,
            line: Vec::new(),
        })
    }

    fn event(&mut self, event: &Event<'_>, record: &mut Completeness) -> Result<()> {
        if self.start.is_none() && event.which() != which::INIT_DATA {
            self.start = Some(event.mono_time());
        }
        let time = self
            .start
            .map_or(f64::NEG_INFINITY, |start| event.mono_time().wrapping_sub(start) as i64 as f64 / 1e9);
        let wanted = self.services.as_ref().is_none_or(|services| services.contains(&event.which()));
        if !wanted || (time < self.from && self.from.is_finite()) || time > self.to {
            return Ok(());
        }
        let (value, faults) = self.schema.value(event);
        for fault in faults {
            record.note_value(event.index(), event.offset(), fault.0);
        }
        self.line.clear();
        serde_json::to_writer(&mut self.line, &value).map_err(|e| cts_core::Error::io("write", e.into()))?;
        self.line.push(b'\n');
        self.out.put(&self.line)?;
        self.limit -= 1;
        // Only an error stops a reading; the caller sees that nothing more was wanted.
        if self.limit == 0 { Err(ErrorKind::Canceled.into()) } else { Ok(()) }
    }
}
