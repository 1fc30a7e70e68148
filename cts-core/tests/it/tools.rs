//! `rlog-to-csv` against what the Python tool wrote for the same logs.

use std::path::{Path, PathBuf};

use cts_core::log::{Input, ReadOptions};
use cts_core::tool::rlog_to_csv::{Params, RlogToCsvReport, run};
use cts_core::tool::{self, Ctx, Report, Warning};
use serde_json::{Value, json};

use crate::data;

/// A golden file, decompressed.
fn golden(name: &str) -> Option<String> {
    let packed = std::fs::read(data(&format!("golden/{name}.zst"))?).unwrap();
    Some(String::from_utf8(zstd::decode_all(&packed[..]).unwrap()).unwrap())
}

fn convert(mut input: Input, params: &Params) -> (String, RlogToCsvReport, Vec<Warning>) {
    let dir = tempfile::tempdir().unwrap();
    let ctx = Ctx::new(dir.path());
    let report = run(&ctx, &mut input, params).unwrap();
    let files: Vec<PathBuf> = std::fs::read_dir(dir.path()).unwrap().map(|e| e.unwrap().path()).collect();
    assert_eq!(files, [PathBuf::from(&report.out)]);
    let text = std::fs::read_to_string(&report.out).unwrap();
    assert_eq!(text.lines().count() as u64, report.rows + 1);
    (text, report, ctx.warnings())
}

fn by_name(name: &str) -> Option<(String, RlogToCsvReport, Vec<Warning>)> {
    Some(convert(Input::open(data(name)?).unwrap(), &Params::default()))
}

fn windowed(start: f64, dur: f64) -> Params {
    Params { window_start: Some(start), window_dur: Some(dur), ..Params::default() }
}

#[test]
fn every_form_of_a_log_gives_the_golden_table() {
    let Some(want) = golden("rav4-40.plain.csv") else {
        return;
    };
    for name in ["rav4-40.rlog.zst", "rav4-40.rlog", "rav4-40.rlog.bz2", "rav4-40.multiframe.rlog.zst"] {
        let (got, report, warnings) = by_name(name).unwrap();
        assert!(got == want, "{name}");
        assert_eq!((report.rows, report.reading.complete, warnings), (135_468, true, vec![]), "{name}");
    }
    let path = data("rav4-40.rlog.zst").unwrap();
    let ahead = Input::open(&path).unwrap().with_read_ahead(true);
    assert!(convert(ahead, &Params::default()).0 == want);
    let memory = Input::from_bytes("memory", std::fs::read(path).unwrap());
    assert!(convert(memory, &Params::default()).0 == want);
    assert!(by_name("subaru-synth.rlog.zst").unwrap().0 == golden("subaru-synth.plain.csv").unwrap());
}

#[test]
fn windows_give_the_golden_tables() {
    for (log, start, dur) in [("rav4-40", 20.0, 15.5), ("subaru-synth", 54.5, 27.4)] {
        let Some(path) = data(&format!("{log}.rlog.zst")) else {
            return;
        };
        let (got, report, _) = convert(Input::open(path).unwrap(), &windowed(start, dur));
        assert!(got == golden(&format!("{log}.window.csv")).unwrap(), "{log}");
        assert!(report.rows_pre > 0 && report.rows_window > 0 && report.rows_post > 0);
    }
}

/// Rows that the Python tool got, as the manifest states them.
fn python_rows(log: &str) -> usize {
    let manifest = std::fs::read(data("golden/manifest.json").unwrap()).unwrap();
    let manifest: Value = serde_json::from_slice(&manifest).unwrap();
    let runs = manifest["runs"].as_array().unwrap().iter();
    let mut runs = runs.filter(|run| run["cmd"].as_str().unwrap().contains(&format!("--rlog {log} ")));
    runs.next().unwrap()["rows"].as_u64().unwrap() as usize
}

#[test]
fn damaged_logs_give_all_rows_of_the_python_tool_and_more() {
    let Some(whole) = golden("rav4-40.plain.csv") else {
        return;
    };
    for name in ["rav4-40.truncated.rlog.zst", "rav4-40.corrupt.rlog.zst"] {
        let (got, report, warnings) = by_name(name).unwrap();
        let (got, whole): (Vec<_>, Vec<_>) = (got.lines().collect(), whole.lines().collect());
        let theirs = python_rows(name);
        assert!(report.rows as usize >= theirs, "{name}: {} of {theirs}", report.rows);
        assert!(got[..=theirs] == whole[..=theirs], "{name}");
        assert!(!report.reading.complete);
        assert!(matches!(warnings[..], [Warning::Damaged { .. }]), "{warnings:?}");
        let rest: Vec<_> = got.iter().rev().take(report.rows as usize - theirs).rev().collect();
        let expected = if name.contains("corrupt") {
            &whole[whole.len() - rest.len()..]
        } else {
            &whole[theirs + 1..][..rest.len()]
        };
        assert!(rest.iter().zip(expected).all(|(a, b)| **a == *b), "{name}: rows after the damage");
    }
    let (_, report, _) = by_name("rav4-40.qlog.zst").unwrap();
    assert_eq!(report.rows as usize, python_rows("rav4-40.qlog.zst"));
}

#[test]
fn filters_keep_the_rows_of_their_buses_and_addresses() {
    let Some(want) = golden("rav4-40.plain.csv") else {
        return;
    };
    let params = Params { addresses: vec![0x1D2, 0x25], buses: vec![0], ..Params::default() };
    let (got, report, _) = convert(Input::open(data("rav4-40.rlog.zst").unwrap()).unwrap(), &params);
    let kept =
        |line: &&str| line.contains(",0x1D2,0,") || line.contains(",0x025,0,") || line.starts_with("window");
    let want: Vec<&str> = want.lines().filter(kept).collect();
    assert!(got.lines().collect::<Vec<_>>() == want && want.len() > 1000);
    assert_eq!(report.rows + report.frames_filtered, 135_468);
}

/// A route of segments 0, 1 and 3: the log, the log again, and bytes that are no log.
fn route(dir: &Path) -> Option<PathBuf> {
    let log = data("rav4-40.rlog.zst")?;
    for number in [0, 1, 3] {
        let segment = dir.join(format!("2024-05-05--20-23-10--{number}"));
        std::fs::create_dir_all(&segment).unwrap();
        match number {
            3 => std::fs::write(segment.join("rlog.zst"), b"no log at all, whatever it is called").unwrap(),
            _ => drop(std::fs::copy(&log, segment.join("rlog.zst")).unwrap()),
        }
    }
    Some(dir.to_owned())
}

#[test]
fn a_route_is_one_table_and_survives_a_bad_segment() {
    let dir = tempfile::tempdir().unwrap();
    let Some(dir) = route(dir.path()) else { return };
    let want = golden("rav4-40.plain.csv").unwrap();
    let input = Input::open(&dir).unwrap();
    assert_eq!(input.stem(), "2024-05-05--20-23-10");
    let (got, report, warnings) = convert(input, &Params::default());
    let rows = want.split_once("\r\n").unwrap().1;
    assert!(got == format!("{want}{rows}"));
    let codes: Vec<_> = warnings.iter().map(Warning::code).collect();
    assert_eq!(codes, ["unreadable", "missing"]);
    assert_eq!(report.reading.missing_segments, [2]);
    assert_eq!(report.reading.segments.len(), 3);
    assert_eq!(report.reading.events, 2 * 36_884);

    let strict = ReadOptions { strict: true, ..ReadOptions::default() };
    let ctx = Ctx::new(&dir);
    let error =
        run(&ctx, &mut Input::open(&dir).unwrap().with_options(strict), &Params::default()).unwrap_err();
    assert_eq!((error.code(), error.at().segment), ("not-a-log", Some(3)));
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 3, "nothing left behind");
}

fn call(dir: &Path, params: Value) -> cts_core::Result<Report> {
    tool::find("rlog-to-csv")?.run(&Ctx::new(dir), None, params.as_object().unwrap())
}

#[test]
fn json_calls_give_the_report() {
    let Some(log) = data("rav4-40.qlog.zst") else {
        return;
    };
    let dir = tempfile::tempdir().unwrap();
    let report = call(dir.path(), json!({ "rlog": log, "repo_root": "/x", "window_start": "1" })).unwrap();
    let value = serde_json::to_value(&report).unwrap();
    assert_eq!(value["tool"], "rlog-to-csv");
    assert_eq!(value["data"]["rows"], 87);
    assert_eq!(value["artifacts"][0]["name"], "rav4-40.csv");
    assert_eq!(value["artifacts"][0]["content_type"], "text/csv");
    assert_eq!(value["completeness"]["complete"], true);
    assert_eq!(value["warnings"][0]["parameter"], "repo_root");
    assert_eq!(value["warnings"][1]["parameter"], "window_start");
    assert!(report.human.contains("87 over"), "{}", report.human);
}

#[test]
fn failed_calls_leave_nothing_behind() {
    let dir = tempfile::tempdir().unwrap();
    let junk = dir.path().join("junk.zst");
    std::fs::write(&junk, b"this is no log, and it is longer than a header").unwrap();
    let check = |params: Value, code: &str| {
        assert_eq!(call(dir.path(), params).unwrap_err().code(), code);
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 1, "{code}");
    };
    check(json!({ "rlog": junk }), "not-a-log");
    check(json!({ "rlog": junk, "out": junk }), "bad-param");
    check(json!({ "rlog": junk, "out": "-" }), "bad-param");
    check(json!({ "rlog": "/nowhere/x.rlog" }), "no-such-file");
    check(json!({ "rlog": junk, "strat": 1 }), "unknown-param");
    check(json!({}), "missing-param");
}
