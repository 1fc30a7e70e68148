//! Prints what reading costs as a multiple of decompression alone, as Markdown.
//!
//! All rows are measured in one run, in turn, round after round, so that a slow moment of the machine hits all of
//! them. A ratio is the median over the rounds of the row's time divided by the time of libzstd in the same round.
#![allow(clippy::print_stdout, reason = "printing is what it is for")]

use std::hint::black_box;
use std::process::Command;
use std::time::{Duration, Instant};

use cts_bench::{Input, signals, work};
use cts_core::dbc::Dbc;
use cts_core::log::Log;

/// Rounds; odd, so that the median is one of them.
const ROUNDS: usize = 21;

type Error = Box<dyn std::error::Error>;

/// A row: what it is, and one execution of it.
struct Row<'a> {
    name: &'static str,
    run: Box<dyn FnMut() -> Result<u64, Error> + 'a>,
}

fn row<'a>(name: &'static str, run: impl FnMut() -> Result<u64, Error> + 'a) -> Row<'a> {
    Row { name, run: Box::new(run) }
}

/// The rows; the first is what the others are divided by.
fn rows<'a>(input: &'a Input, dbc: &'a Dbc, log: &'a Log) -> Result<Vec<Row<'a>>, Error> {
    let (frames, mut decoder) = (signals::frames_of(log)?, signals::decoder(dbc)?);
    let (packed, size) = (&input.packed[..], input.plain.len());
    let mut reused = Vec::with_capacity(size);
    Ok(vec![
        row("zstd alone, new buffer", move || Ok(work::zstd_fresh(packed, size)? as u64)),
        row("zstd alone, reused buffer", move || Ok(work::zstd_alone(packed, &mut reused)? as u64)),
        row("copy of the decompressed bytes", || Ok(black_box(input.plain.clone()).len() as u64)),
        row("index of the whole log", || Ok(work::index(packed)?.len() as u64)),
        row("stream of batches", || Ok(work::stream(packed)?)),
        row("all CAN frames by stream", || Ok(work::stream_frames(packed)?.sum)),
        row("all CAN frames by index", || Ok(work::index_frames(packed)?.sum)),
        row("all CAN frames by read-ahead, two threads", || Ok(work::ahead_frames(packed)?.sum)),
        row("all CAN frames as an Arrow table, one thread", || Ok(work::frame_table(packed)?)),
        row("all CAN frames as an Arrow table, two threads", || Ok(work::frame_table_ahead(packed)?)),
        row("every service to Parquet in memory, two threads", || Ok(work::parquet(packed)?)),
        row("signals of all messages as columns, from frames, one thread", move || {
            Ok(signals::tables(&mut decoder, &frames))
        }),
        row("log to decoded Parquet in memory, two threads", || Ok(signals::parquet(packed, dbc)?)),
        row("initData and carParams by stream", || Ok(work::first_events(packed)?)),
    ])
}

fn main() -> Result<(), Error> {
    let rustc = Command::new("rustc").arg("--version").output();
    let rustc =
        rustc.map_or_else(|_| String::new(), |out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    let cores = std::thread::available_parallelism()?;
    println!("{}, {cores} cores, {rustc}; medians of {ROUNDS} rounds\n", cpu());
    for input in Input::all()? {
        let walk = work::index_frames(&input.packed)?;
        let events = work::stream(&input.packed)?;
        let (packed, plain) = (input.packed.len() as f64 / 1e6, input.plain.len() as f64 / 1e6);
        println!(
            "`{}`: {events} events, {} frames, {packed:.2} MB packed, {plain:.2} MB plain\n",
            input.name, walk.frames
        );
        let (dbc, log) = (signals::dbc_of(&input.name)?, work::index(&input.packed)?);
        print(&measure(rows(&input, &dbc, &log)?)?, plain);
        route(&input)?;
        println!(
            "\n`initData` and `carParams` took {} bytes of the file\n",
            work::first_events(&input.packed)?
        );
    }
    Ok(())
}

/// A route of 40 segments, each the input: frame tables on one thread and on two.
fn route(input: &Input) -> Result<(), Error> {
    let dir = tempfile::tempdir()?;
    for segment in 0..40 {
        let folder = dir.path().join(format!("00000001--aaaaaaaaaa--{segment}"));
        std::fs::create_dir(&folder)?;
        std::fs::write(folder.join("rlog.zst"), &input.packed)?;
    }
    let timed = |threads| -> Result<f64, Error> {
        let start = Instant::now();
        black_box(work::route(dir.path(), threads)?);
        Ok(start.elapsed().as_secs_f64())
    };
    timed(1)?;
    let pairs = (0..5).map(|_| Ok((timed(1)?, timed(2)?))).collect::<Result<Vec<_>, Error>>()?;
    let one = median(pairs.iter().map(|pair| pair.0));
    let gain = median(pairs.iter().map(|pair| pair.0 / pair.1));
    println!(
        "\nroute of 40 such segments: {:.0} ms on one thread, {gain:.2} times as fast on two",
        one * 1e3
    );
    Ok(())
}

/// Times of all rows, a round after the other.
fn measure(mut rows: Vec<Row<'_>>) -> Result<Vec<(&'static str, Vec<Duration>)>, Error> {
    let mut times: Vec<_> = rows.iter().map(|row| (row.name, Vec::with_capacity(ROUNDS))).collect();
    for round in 0..=ROUNDS {
        for (row, (_, times)) in rows.iter_mut().zip(&mut times) {
            let start = Instant::now();
            black_box((row.run)()?);
            // The first round warms up.
            if round > 0 {
                times.push(start.elapsed());
            }
        }
    }
    Ok(times)
}

fn print(times: &[(&'static str, Vec<Duration>)], megabytes: f64) {
    println!("| what | ms | MB/s | ratio |\n|---|---:|---:|---:|");
    let Some((_, base)) = times.first() else { return };
    for (name, times) in times {
        let seconds = median(times.iter().map(Duration::as_secs_f64));
        let ratio =
            median(times.iter().zip(base).map(|(time, base)| time.as_secs_f64() / base.as_secs_f64()));
        println!("| {name} | {:.2} | {:.0} | {ratio:.2} |", seconds * 1e3, megabytes / seconds);
    }
}

fn median(values: impl Iterator<Item = f64>) -> f64 {
    let mut values: Vec<f64> = values.collect();
    values.sort_by(f64::total_cmp);
    values.get(values.len() / 2).copied().unwrap_or(f64::NAN)
}

/// Name of the processor where the system tells it.
fn cpu() -> String {
    let info = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let name = info.lines().find_map(|line| line.strip_prefix("model name")?.split_once(": "));
    name.map_or_else(|| std::env::consts::ARCH.to_owned(), |(_, name)| name.to_owned())
}
