//! `cts export`: services as tables.

use std::path::{Path, PathBuf};

use clap::builder::PossibleValuesParser;
use clap::{Arg, ArgAction, ArgMatches, Command, value_parser};
use cts_core::Result;
use cts_core::table::{EventTableOptions, Exporter, Format};
use cts_core::tool::Ctx;

use super::Cmd;
use crate::Outcome;
use crate::args::{self, flag, log};
use crate::config::Global;
use crate::names::Names;
use crate::render;

pub(crate) static COMMAND: Cmd = Cmd { name: "export", grammar, run };

fn grammar() -> Command {
    let list = |name: &'static str, value: &'static str, help: &'static str| {
        let arg = Arg::new(name).long(name).value_name(value).help(help);
        arg.action(ArgAction::Append).value_delimiter(',')
    };
    Command::new("export")
        .about("Writes the events of services as tables")
        .arg(log())
        .arg(list("service", "NAME", "The service, or `frames` for all CAN frames; repeatable").required_unless_present("all"))
        .arg(flag("all", "Every service of the log, each to a file of its own").conflicts_with("service"))
        .arg(list("fields", "PATHS", "Only these fields: vEgo,wheelSpeeds.fl; a struct takes all below it"))
        .arg(Arg::new("explode").long("explode").value_name("LIST").help("A row per element of this list of structs"))
        .arg(flag("keep-lists", "One row per event also for services that are lists, such as pandaStates"))
        .arg(
            Arg::new("format")
                .long("format")
                .help("The form of the table")
                .default_value("csv")
                .value_parser(PossibleValuesParser::new(Format::ALL.map(Format::name))),
        )
        .arg(Arg::new("out").long("out").short('o').value_name("FILE").help(
            "The file, - for standard output [default: standard output for one service as csv or json, else \
             <log>.<service>.<ending>]",
        ))
        .arg(
            Arg::new("out-dir")
                .long("out-dir")
                .value_name("DIR")
                .help("Where files go [default: the current directory]")
                .value_parser(value_parser!(PathBuf)),
        )
        .after_help("Columns: mono_time (ns), t (s from the first event that is not initData), segment, valid, fields.")
}

fn run(global: &Global, matches: &ArgMatches) -> Result<Outcome> {
    let schema = args::load_schema(matches)?;
    let dir = matches.get_one::<PathBuf>("out-dir").map_or(Path::new(""), PathBuf::as_path);
    let ctx = global.ctx(dir).with_stdout(std::io::stdout());
    let mut input = ctx.open(matches.get_one::<String>("log").map_or("", |text| text))?;
    ctx.protect(&input);
    let format: Format = matches.get_one::<String>("format").map_or("csv", |text| text).parse()?;
    let services: Vec<&String> = matches.get_many("service").unwrap_or_default().collect();
    let names = Names {
        stem: input.stem().to_owned(),
        out: matches.get_one("out").cloned(),
        single: services.len() == 1,
        format,
    };
    let mut exporter = match matches.get_flag("all") {
        true => Exporter::all(schema.get(), format, |name| open(&ctx, &names.of(name))),
        false => Exporter::new(schema.get(), format),
    };
    for name in services {
        exporter.add(name, options(matches), open(&ctx, &names.of(name))?)?;
    }
    let record =
        ctx.read(&mut input, |segment, batch, record| exporter.push(batch, segment.number, record))?;
    for (name, rows, writer) in exporter.finish()? {
        let artifact =
            ctx.finish(writer.into_inner().map_err(|e| cts_core::Error::io("write", e.into_error()))?)?;
        render::say(&format!("{name}: {rows} rows, {} bytes, {}", artifact.bytes, artifact.path.display()));
        if rows == 0 {
            render::say(&format!("cts: warning: the log has no `{name}`"));
        }
    }
    ctx.warnings().iter().for_each(render::warning);
    Ok(if record.is_complete() { Outcome::Done } else { Outcome::Damaged })
}

type Writer = std::io::BufWriter<cts_core::tool::ArtifactWriter>;

fn open(ctx: &Ctx, name: &str) -> Result<Writer> {
    Ok(std::io::BufWriter::with_capacity(256 << 10, ctx.artifact(name)?))
}

fn options(matches: &ArgMatches) -> EventTableOptions {
    EventTableOptions {
        fields: matches.get_many("fields").unwrap_or_default().cloned().collect(),
        explode: matches.get_one("explode").cloned(),
        keep_lists: matches.get_flag("keep-lists"),
    }
}
