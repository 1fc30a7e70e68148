//! `cruise-control-analyzer`: every planted event is found within a frame period, and none is invented.

use std::collections::BTreeMap;
use std::path::Path;

use cts_core::demo::{Drive, Truth};
use cts_core::log::Input;
use cts_core::tool::{Ctx, Report, find};
use serde_json::{Map, Value, json};

mod frozen;
mod planted;
mod runs;

/// A frame comes every 10 ms at the earliest; ticks jitter by less than half a millisecond.
const PERIOD_S: f64 = 0.0101;

fn object(value: Value) -> Map<String, Value> {
    let Value::Object(map) = value else { panic!("parameters are an object") };
    map
}

fn try_run(dir: &Path, input: Input, params: Value) -> cts_core::Result<Report> {
    find("cruise-control-analyzer").unwrap().run(&Ctx::new(dir), Some(input), &object(params))
}

fn run(input: Input, params: Value) -> (tempfile::TempDir, Report) {
    let dir = tempfile::tempdir().unwrap();
    let report = try_run(dir.path(), input, params).unwrap();
    (dir, report)
}

fn demo(seconds: u32) -> (Vec<u8>, Truth) {
    let mut bytes = Vec::new();
    let truth = Drive::new(7, seconds).write(&mut bytes).unwrap();
    (bytes, truth)
}

fn text(dir: &tempfile::TempDir, name: &str) -> String {
    std::fs::read_to_string(dir.path().join(name)).unwrap()
}

/// The rows of a table as maps, its header lines left out.
fn rows(dir: &tempfile::TempDir, name: &str) -> Vec<BTreeMap<String, String>> {
    let text = text(dir, name);
    let body: String =
        text.lines().filter(|line| !line.starts_with('#')).map(|line| format!("{line}\n")).collect();
    let mut reader = csv::Reader::from_reader(body.as_bytes());
    let names = reader.headers().unwrap().clone();
    let row = |record: csv::StringRecord| {
        names.iter().zip(&record).map(|(name, cell)| (name.to_owned(), cell.to_owned())).collect()
    };
    reader.records().map(|record| row(record.unwrap())).collect()
}

/// Times in ns of the events of a kind, on the bus that counts.
fn found(report: &Report, kinds: &[&str]) -> Vec<(u64, Option<f64>)> {
    let events = report.data["events"].as_array().unwrap();
    let of = |event: &&Value| kinds.contains(&event["event"].as_str().unwrap());
    let list = events.iter().filter(of);
    list.map(|event| (event["mono_time_ns"].as_u64().unwrap(), event["value"].as_f64())).collect()
}

/// Prints precision and recall of one kind, and asserts that both are 1.
fn score(kind: &str, got: &[(u64, Option<f64>)], want: &[(u64, Option<f64>)]) {
    let near = |a: &(u64, Option<f64>), b: &(u64, Option<f64>)| {
        a.0.abs_diff(b.0) as f64 / 1e9 <= PERIOD_S && (a.1.is_none() || b.1.is_none() || a.1 == b.1)
    };
    let hits = got.iter().filter(|g| want.iter().any(|w| near(g, w))).count();
    let recalled = want.iter().filter(|w| got.iter().any(|g| near(g, w))).count();
    let share = |n: usize, of: usize| if of == 0 { 1.0 } else { n as f64 / of as f64 };
    let (precision, recall) = (share(hits, got.len()), share(recalled, want.len()));
    let worst = got.iter().filter_map(|g| want.iter().map(|w| g.0.abs_diff(w.0)).min()).max().unwrap_or(0);
    eprintln!(
        "{kind:32} planted {:3}  found {:3}  precision {precision:.3}  recall {recall:.3}  worst {:.3} ms",
        want.len(),
        got.len(),
        worst as f64 / 1e6
    );
    assert_eq!((precision, recall, got.len()), (1.0, 1.0, want.len()), "{kind}");
}

fn mono(value: &Value, key: &str) -> (u64, Option<f64>) {
    (value[key].as_u64().unwrap(), None)
}

fn with(list: &Value, to: u64) -> impl Iterator<Item = &Value> {
    list.as_array().unwrap().iter().filter(move |edge| edge["to"] == to)
}
