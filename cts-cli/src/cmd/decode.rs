//! `cts decode`: signals as text or tables.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use cts_core::decode::{
    DecodeOptions, Decoder, Exported, Layout, MessageStats, Resample, SignalExporter, Verify,
};
use cts_core::log::{CanService, Input, InputRecord, frames, which};
use cts_core::table::Format;
use cts_core::tool::{Ctx, push_address, push_seconds};
use cts_core::{Error, ErrorKind, Result};

use super::Cmd;
use crate::Outcome;
use crate::args::{self, flag, log};
use crate::config::Global;
use crate::databases::{self, Databases};
use crate::names::Names;
use crate::render::{self, Out};

pub(crate) static COMMAND: Cmd = Cmd { name: "decode", grammar, run };

fn grammar() -> Command {
    let option = |name: &'static str, value: &'static str, help: &'static str| {
        Arg::new(name).long(name).value_name(value).help(help)
    };
    let list = |name, value, help| option(name, value, help).action(ArgAction::Append).value_delimiter(',');
    Command::new("decode")
        .about("Decodes CAN frames by DBC: as lines of text, or as tables of signals")
        .arg(log())
        .arg(databases::arg())
        .arg(list("message", "NAME", "Only this message; repeatable"))
        .arg(list("signal", "NAME", "Only this signal, as SIGNAL or MESSAGE.SIGNAL; repeatable"))
        .arg(list("bus", "N", "Only this bus, as logged; repeatable").value_parser(value_parser!(u8)))
        .arg(flag("returned", "Frames that panda was to send too (bus 128 and up)"))
        .arg(flag("rejected", "Frames that the safety code refused too (bus 192 and up)"))
        .arg(flag("drop-bad", "Leave out frames whose checksum or counter opendbc would reject"))
        .arg(flag("raw", "Raw instead of physical values"))
        .arg(flag("choices", "The names of values too, where the DBC has any"))
        .arg(flag("long", "One table with a row per value"))
        .arg(
            option("align", "PERIOD", "One table with a row per tick of a clock, such as 10ms: the last values")
                .value_parser(period)
                .conflicts_with_all(["long", "choices"]),
        )
        .arg(flag("linear", "With --align: values between two on the line through them").requires("align"))
        .arg(
            option("format", "FORMAT", "The form [default: text; csv with --long or --align]")
                .value_parser(PossibleValuesParser::new(["text", "csv", "json", "ipc", "parquet"])),
        )
        .arg(option("out", "FILE", "The file, - for standard output [default: standard output for one table as csv or json, else <log>.<message>.<ending>]").short('o'))
        .arg(
            option("out-dir", "DIR", "Where files go [default: the current directory]")
                .value_parser(value_parser!(PathBuf)),
        )
        .arg(option("stats", "FILE", "What was seen of each message, as JSON; - for standard output"))
        .after_help("Columns: mono_time (ns), t (s from the first event that is not initData), bus, the signals.")
}

/// A time such as `10ms`, `0.5s`, as nanoseconds.
fn period(text: &str) -> std::result::Result<u64, String> {
    let units = [("ms", 1e6), ("us", 1e3), ("s", 1e9)];
    let found = units.iter().find_map(|(unit, ns)| Some((text.strip_suffix(unit)?, ns)));
    let (number, ns) = found.ok_or("give a unit, such as 10ms or 0.1s")?;
    let number: f64 = number.trim().parse().map_err(|e: std::num::ParseFloatError| e.to_string())?;
    let ns = (number * ns).round();
    if (1.0..=3.6e12).contains(&ns) {
        Ok(ns as u64)
    } else {
        Err("not a period of at most an hour".to_owned())
    }
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let schema = args::load_schema(matches)?;
    let dir = matches.get_one::<PathBuf>("out-dir").map_or(Path::new(""), PathBuf::as_path);
    let ctx = global.ctx(dir).with_stdout(std::io::stdout());
    let mut input = ctx.open(matches.get_one::<String>("log").map_or("", |text| text))?;
    ctx.protect(&input);
    let databases = databases::load(global, matches, &input, schema.get())?;
    let layout = layout(matches);
    let format = matches.get_one::<String>("format").map(String::as_str);
    let (record, stats) = match (format, layout) {
        (Some("text"), Layout::Long | Layout::Aligned { .. }) => {
            let (name, value) = ("format".to_owned(), "text".to_owned());
            let expected = "csv, json, ipc or parquet with --long and --align".to_owned();
            return Err(ErrorKind::BadParam { name, value, expected }.into());
        }
        (Some("text") | None, Layout::Messages) => lines(&ctx, &mut input, &databases, matches)?,
        (format, _) => {
            let format = format.unwrap_or("csv").parse()?;
            tables(&ctx, &mut input, &databases, matches, Job { layout, format })?
        }
    };
    finish(&ctx, matches, &stats)?;
    ctx.warnings().iter().for_each(render::warning);
    Ok(if record.is_complete() { Outcome::Done } else { Outcome::Damaged })
}

fn layout(matches: &ArgMatches) -> Layout {
    let resample = if matches.get_flag("linear") { Resample::Linear } else { Resample::AsOf };
    match matches.get_one::<u64>("align") {
        Some(period_ns) => Layout::Aligned { period_ns: *period_ns, resample },
        None if matches.get_flag("long") => Layout::Long,
        None => Layout::Messages,
    }
}

fn options(matches: &ArgMatches) -> DecodeOptions {
    let texts = |name| matches.get_many::<String>(name).unwrap_or_default().cloned().collect();
    DecodeOptions {
        raw: matches.get_flag("raw"),
        choices: matches.get_flag("choices"),
        messages: texts("message"),
        signals: texts("signal"),
        buses: matches.get_many("bus").unwrap_or_default().copied().collect(),
        returned: matches.get_flag("returned"),
        rejected: matches.get_flag("rejected"),
        verify: match (matches.get_flag("drop-bad"), matches.contains_id("stats")) {
            (true, _) => Verify::Drop,
            (false, true) => Verify::Count,
            (false, false) => Verify::No,
        },
    }
}

fn decoder(databases: &Databases, matches: &ArgMatches) -> Result<Decoder> {
    let databases: Vec<_> = databases.iter().map(|(bus, dbc)| (*bus, dbc)).collect();
    Decoder::new(&databases, options(matches))
}

/// What to make of the log.
struct Job {
    layout: Layout,
    format: Format,
}

type Done = (InputRecord, Vec<MessageStats>);

/// A line for each frame, in log order.
fn lines(ctx: &Ctx, input: &mut Input, databases: &Databases, matches: &ArgMatches) -> Result<Done> {
    let mut decoder = decoder(databases, matches)?;
    let (mut out, mut start) = (Out::new(), None);
    let (mut line, mut text) = (Vec::new(), String::new());
    let record = ctx.read(input, |_, batch, record| {
        for event in batch.events() {
            if start.is_none() && event.which() != which::INIT_DATA {
                start = Some(event.mono_time());
            }
            if CanService::of(&event) != Some(CanService::Can) {
                continue;
            }
            let mut note = |fault: &str| record.note_value(event.index(), event.offset(), fault);
            let list = match frames(&event) {
                Ok(list) => list,
                Err(fault) => {
                    note(fault.0);
                    continue;
                }
            };
            for frame in list {
                text.clear();
                match frame {
                    Ok(frame) if !decoder.push_frame(event.mono_time(), &frame) => {}
                    Ok(frame) => {
                        decoder.describe(&frame, &mut text);
                        line.clear();
                        line.push(b'(');
                        push_seconds(&mut line, event.mono_time().wrapping_sub(start.unwrap_or(0)) as i64);
                        line.extend_from_slice(format!(") {} ", frame.bus).as_bytes());
                        push_address(&mut line, frame.address);
                        line.push(b' ');
                        line.extend_from_slice(text.as_bytes());
                        line.push(b'\n');
                        out.put(&line)?;
                    }
                    Err(fault) => note(fault.0),
                }
            }
        }
        decoder.discard();
        Ok(())
    })?;
    out.finish()?;
    Ok((record, decoder.stats()))
}

fn tables(
    ctx: &Ctx,
    input: &mut Input,
    databases: &Databases,
    matches: &ArgMatches,
    job: Job,
) -> Result<Done> {
    let seen = match job.layout {
        Layout::Aligned { .. } => seen(input, databases, matches)?,
        _ => None,
    };
    let names = Names {
        stem: input.stem().to_owned(),
        out: matches.get_one("out").cloned(),
        single: job.layout != Layout::Messages || options(matches).messages.len() == 1,
        format: job.format,
    };
    let wanted = |label: &str| seen.as_ref().is_none_or(|seen| seen.iter().any(|known| known == label));
    let open =
        |label: &str| Ok(std::io::BufWriter::with_capacity(256 << 10, ctx.artifact(&names.of(label))?));
    let decoder = decoder(databases, matches)?;
    let mut exporter = SignalExporter::new(decoder, job.layout, wanted, job.format, open)?;
    let record = ctx.read(input, |_, batch, record| exporter.push(batch, record))?;
    let Exported { files, stats, unknown_frames } = exporter.finish()?;
    for (name, rows, writer) in files {
        let writer = writer.into_inner().map_err(|e| Error::io("write", e.into_error()))?;
        let artifact = ctx.finish(writer)?;
        render::say(&format!("{name}: {rows} rows, {} bytes, {}", artifact.bytes, artifact.path.display()));
    }
    if stats.is_empty() {
        render::say(&format!(
            "cts: warning: no frame was decoded; {unknown_frames} frames are of no message wanted"
        ));
    }
    Ok((record, stats))
}

/// Labels of the messages that the log has: a table on one clock has columns for these. `None` where the log cannot
/// be read twice.
fn seen(input: &Input, databases: &Databases, matches: &ArgMatches) -> Result<Option<Vec<String>>> {
    let Some(mut input) = input.again() else { return Ok(None) };
    let mut decoder = decoder(databases, matches)?;
    input.read(|_, batch, record| {
        decoder.push(batch, record);
        decoder.discard();
        Ok(())
    })?;
    Ok(Some(decoder.stats().into_iter().map(|stats| stats.label).collect()))
}

/// Says what was short, and writes the statistics.
fn finish(ctx: &Ctx, matches: &ArgMatches, stats: &[MessageStats]) -> Result<()> {
    for message in stats.iter().filter(|message| message.missing_values > 0) {
        let MessageStats { label, short_frames, missing_values, .. } = message;
        render::say(&format!(
            "cts: warning: {label}: {short_frames} frames are shorter than the message, {missing_values} values are null"
        ));
    }
    let Some(name) = matches.get_one::<String>("stats") else { return Ok(()) };
    let text = serde_json::to_string_pretty(stats).map_err(|e| Error::io("write", e.into()))?;
    if name == "-" {
        let mut out = Out::new();
        out.text(&text)?;
        return out.finish();
    }
    let mut writer = ctx.artifact(name)?;
    writer.put(text.as_bytes())?;
    writer.put(b"\n")?;
    ctx.finish(writer).map(|_| ())
}
