//! `can-bitwatch` as a tool: the same files from the table and from the log, equal to the golden ones.

use cts_core::tool::{Ctx, find};
use serde_json::{Map, Value, json};

use crate::data;

const FILES: [&str; 5] =
    ["counts.csv", "per_address.json", "bit_edges.csv", "candidates_window_only.csv", "accel_hunt.csv"];

fn unpack(name: &str) -> Option<Vec<u8>> {
    Some(zstd::decode_all(std::fs::File::open(data(name)?).unwrap()).unwrap())
}

/// Runs the tool and compares its five files with `golden/<golden>.*`.
fn check(input: &str, golden: &str, params: Value) {
    let dir = tempfile::tempdir().unwrap();
    let Some(path) = data(input) else { return };
    let path = if input.ends_with(".csv.zst") {
        let csv = dir.path().join("in.csv");
        std::fs::write(&csv, unpack(input).unwrap()).unwrap();
        csv
    } else {
        path
    };
    let Value::Object(mut params) = params else { panic!("parameters are an object") };
    params.insert("csv".into(), path.to_str().unwrap().into());
    let report = find("can-bitwatch").unwrap().run(&Ctx::new(dir.path()), None, &params).unwrap();
    assert_eq!(report.artifacts.len(), 5);
    for name in FILES {
        let want = unpack(&format!("golden/{golden}.{name}.zst")).unwrap();
        let got = std::fs::read(dir.path().join(format!("analysis.{name}"))).unwrap();
        assert!(got == want, "{input} {params:?}: {name} differs from {golden}");
    }
}

#[test]
fn files_are_the_golden_ones_from_the_table() {
    let watch =
        json!({"watch": "0x1D2:B0b2,0x1D2:B1b3,466:B6b0,0x224:B0b2,0x3BC:B5b0", "window_start": 22.5});
    let none = || Value::Object(Map::new());
    check("golden/rav4-40.plain.csv.zst", "rav4-40.plain.bitwatch", none());
    check("golden/rav4-40.window.csv.zst", "rav4-40.window.bitwatch", none());
    check("golden/rav4-40.window.csv.zst", "rav4-40.window.watch", list(watch));
    check("golden/subaru-synth.window.csv.zst", "subaru-synth.window.bitwatch", none());
}

/// `a,b` as a list, as clients send it.
fn list(mut params: Value) -> Value {
    let words = params["watch"].as_str().unwrap().split(',').map(Value::from).collect();
    params["watch"] = Value::Array(words);
    params
}

#[test]
fn a_log_gives_the_files_of_its_table() {
    check("rav4-40.rlog.zst", "rav4-40.plain.bitwatch", json!({}));
    check("rav4-40.rlog.zst", "rav4-40.window.bitwatch", json!({"window_start": 20, "window_dur": 15.5}));
    check(
        "subaru-synth.rlog.zst",
        "subaru-synth.window.bitwatch",
        json!({"window_start": 54.5, "window_dur": 27.4}),
    );
}

#[test]
fn planted_bits_are_found_per_bus() {
    let (Some(log), Some(truth)) = (data("subaru-synth.rlog.zst"), data("subaru-synth.truth.json")) else {
        return;
    };
    let truth: Value = serde_json::from_slice(&std::fs::read(truth).unwrap()).unwrap();
    let dir = tempfile::tempdir().unwrap();
    let params = json!({"csv": log, "window_start": 54.5, "window_dur": 27.4, "by_bus": true, "exclude_returned": true});
    let report =
        find("can-bitwatch").unwrap().run(&Ctx::new(dir.path()), None, params.as_object().unwrap()).unwrap();
    let want = truth["bitwatch"]["window_only_per_bus"].as_array().unwrap();
    let text = std::fs::read_to_string(dir.path().join("analysis.candidates_window_only.csv")).unwrap();
    let mut got: Vec<&str> = text.lines().skip(1).collect();
    let mut want: Vec<String> = want
        .iter()
        .filter(|bit| bit["bus"].as_u64() < Some(128))
        .map(|bit| {
            format!(
                "{},{},{},{}",
                bit["address"].as_str().unwrap(),
                bit["bus"],
                bit["global_idx"],
                bit["toggles"]
            )
        })
        .collect();
    got.sort_unstable();
    want.sort_unstable();
    assert_eq!(got, want);
    assert_eq!(report.data["candidates"], want.len());
}

#[test]
fn wrong_parameters_are_named() {
    let Some(log) = data("rav4-40.qlog.zst") else { return };
    let error = |params: Value| {
        let mut params = params.as_object().unwrap().clone();
        params.insert("csv".into(), log.to_str().unwrap().into());
        find("can-bitwatch").unwrap().run(&Ctx::new("/nonexistent"), None, &params).unwrap_err().to_string()
    };
    assert!(error(json!({"watch": ["0x13A:computed"]})).contains("0x13A:computed"));
    assert!(error(json!({"window_dur": 3})).contains("window_start"));
    assert!(error(json!({"pulse_cuont": 3})).contains("did you mean `pulse_count`"));
}
