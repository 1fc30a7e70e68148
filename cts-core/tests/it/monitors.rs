//! The monitors over logs with planted gaps and panda transitions.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use cts_core::demo::Drive;
use cts_core::log::Input;
use cts_core::tool::{self, Ctx, Report};
use serde_json::{Map, Value, json};

use crate::data;

/// Runs a monitor; its events come from the callback and must be those of the file.
fn watch(monitor: &str, input: Input, params: Value) -> (Report, Vec<Value>) {
    let dir = tempfile::tempdir().unwrap();
    let told = Arc::new(Mutex::new(Vec::new()));
    let tell = Arc::clone(&told);
    let ctx = Ctx::new(dir.path())
        .with_findings(move |finding| tell.lock().unwrap().push(serde_json::to_value(finding).unwrap()));
    let params: Map<String, Value> = params.as_object().unwrap().clone();
    let report = tool::find(monitor).unwrap().run(&ctx, Some(input), &params).unwrap();
    let text = std::fs::read_to_string(dir.path().join(format!("{monitor}.jsonl"))).unwrap();
    let lines: Vec<Value> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines, *told.lock().unwrap());
    assert_eq!(report.artifacts[0].content_type, "application/x-ndjson");
    (report, lines)
}

fn planted(name: &str) -> Option<(Input, Value)> {
    let log = Input::open(data(&format!("{name}.rlog.zst"))?).unwrap();
    let truth = std::fs::read(data(&format!("{name}.truth.json"))?).unwrap();
    Some((log, serde_json::from_slice(&truth).unwrap()))
}

fn of<'a>(events: &'a [Value], kind: &str) -> Vec<&'a Value> {
    events.iter().filter(|event| event["type"] == kind).collect()
}

/// Time and value of each change of a field of panda 0.
fn changes(events: &[Value], field: &str) -> Vec<Value> {
    let mine = of(events, "panda_change").into_iter().filter(|event| event["data"]["field"] == field);
    mine.map(|event| json!([event["mono_time_ns"], event["data"]["to"]])).collect()
}

fn truth_changes(truth: &Value, field: &str) -> Vec<Value> {
    let list = truth["panda"]["transitions"][field].as_array().unwrap();
    list.iter().map(|one| json!([one["mono_ns"], one["value"]])).collect()
}

#[test]
fn planted_silences_and_check_changes_are_found_and_none_invented() {
    let Some((log, truth)) = planted("subaru-synth") else { return };
    let (report, events) = watch("hybrid_rx_trace", log, json!({}));
    let gaps = truth["panda"]["rx_gaps"].as_array().unwrap();
    let shown = |kind: &str| -> Vec<Value> {
        let one = |event: &&Value| {
            let data = &event["data"];
            json!([event["mono_time_ns"], data["bus"], data["address"], data["last_mono_time_ns"]])
        };
        of(&events, kind).iter().map(one).collect()
    };
    let wanted = |time: &str| -> Vec<Value> {
        let one = |gap: &Value| json!([gap[time], gap["bus"], gap["address"], gap["last_before_mono_ns"]]);
        gaps.iter().map(one).collect()
    };
    assert_eq!(shown("silent"), wanted("invalid_from_mono_ns"));
    assert_eq!(shown("back"), wanted("first_after_mono_ns"));

    let checks = of(&events, "rx_checks");
    let got: Vec<Value> =
        checks.iter().map(|event| json!([event["mono_time_ns"], event["data"]["invalid"]])).collect();
    assert_eq!(got, truth_changes(&truth, "safetyRxChecksInvalid"));
    for (event, gap) in checks.iter().filter(|event| event["data"]["invalid"] == true).zip(gaps) {
        let silent = event["data"]["silent"].as_array().unwrap();
        assert_eq!((silent.len(), &silent[0]["address"]), (1, &gap["address"]), "the cause is named");
        let ages = event["data"]["ages"].as_array().unwrap();
        for age in ages.iter().filter(|age| age["address"] != gap["address"]) {
            assert!(age["age_s"].as_f64().unwrap() < 0.2, "{age}");
        }
        if let Some(age) = ages.iter().find(|age| age["address"] == gap["address"]) {
            let last = gap["last_before_mono_ns"].as_u64().unwrap();
            let seconds = (event["mono_time_ns"].as_u64().unwrap() - last) as f64 / 1e9;
            assert!((age["age_s"].as_f64().unwrap() - seconds).abs() < 0.011, "{age}, {seconds} s");
        }
        assert_eq!(event["data"]["safety_model"], "subaru");
    }
    assert_eq!(report.data["rx_check_changes"], 6);
    assert_eq!(events.len(), 12);
    assert_eq!(events[0]["seconds"], gaps[0]["last_before_rel_s"].as_f64().unwrap() + 1.0);
}

#[test]
fn planted_panda_changes_are_found_and_none_invented() {
    let Some((log, truth)) = planted("subaru-synth") else { return };
    let (report, events) = watch("panda_state", log, json!({}));
    let fields = ["controlsAllowed", "safetyRxChecksInvalid", "safetyRxInvalid"];
    for field in fields {
        assert_eq!(changes(&events, field), truth_changes(&truth, field), "{field}");
    }
    let other = of(&events, "panda_change");
    let other = other.iter().filter(|event| !fields.contains(&event["data"]["field"].as_str().unwrap()));
    assert_eq!(other.count(), 0);
    assert_eq!(of(&events, "panda").len(), 1);
    assert_eq!(report.data["pandas"][0]["states"], truth["counts"]["by_type"]["pandaStates"]);
}

#[test]
fn the_real_drive_shows_its_derived_transitions() {
    let Some((log, truth)) = planted("rav4-40") else { return };
    let (_, events) = watch("panda_state", log, json!({}));
    let planted = truth["planted"].to_string();
    let found: Vec<Value> = ["controlsAllowed", "safetyRxChecksInvalid"]
        .iter()
        .flat_map(|field| changes(&events, field))
        .map(|change| change[0].clone())
        .collect();
    assert!(!found.is_empty());
    for time in found {
        assert!(planted.contains(&time.to_string()), "{time} in {planted}");
    }
}

#[test]
fn counts_are_those_of_the_truth() {
    let Some((log, truth)) = planted("subaru-synth") else { return };
    let by_source = &truth["counts"]["frames_by_src_address"];
    let wanted = |address: &str| -> BTreeMap<String, u64> {
        let keys = by_source.as_object().unwrap().iter().filter(|(key, _)| key.ends_with(address));
        keys.map(|(key, frames)| (key.clone(), frames.as_u64().unwrap())).collect()
    };
    let mut expected = BTreeMap::new();
    ["0x040", "0x168", "0x13C", "0x240", "0x321"].iter().for_each(|address| expected.extend(wanted(address)));
    let key = |row: &Value| format!("{}:{}", row["bus"], row["address"].as_str().unwrap());

    let (report, events) = watch("can_bus_check", log, json!({ "sample": "0" }));
    let counts = report.data["counts"].as_array().unwrap();
    let got: BTreeMap<String, u64> =
        counts.iter().map(|row| (key(row), row["frames"].as_u64().unwrap())).collect();
    assert_eq!(got, expected);
    assert_eq!(report.data["frames"], truth["counts"]["can_frames"]);
    assert_eq!((events.len(), &events[0]["data"]["rows"]), (1, &report.data["counts"]));
    assert!(counts.is_sorted_by_key(|row| (row["address"].as_str().unwrap(), row["bus"].as_u64())));

    let (log, _) = planted("subaru-synth").unwrap();
    let (report, events) = watch("can_hybrid_rx_check", log, json!({}));
    let mut sums: BTreeMap<String, u64> = BTreeMap::new();
    for row in events.iter().flat_map(|event| event["data"]["rows"].as_array().unwrap()) {
        *sums.entry(key(row)).or_default() += row["frames"].as_u64().unwrap();
    }
    let mut expected = BTreeMap::new();
    ["0x119", "0x139", "0x13A", "0x168", "0x226", "0x321"]
        .iter()
        .for_each(|address| expected.extend(wanted(address)));
    assert_eq!(sums, expected);
    assert_eq!((report.data["samples"].clone(), events.len()), (json!(24), 24));
    let samples: Vec<f64> = events.iter().map(|event| event["data"]["from_s"].as_f64().unwrap()).collect();
    assert_eq!(samples[..3], [0.0, 5.0, 10.0]);
}

fn demo(seconds: u32) -> (Input, cts_core::demo::Truth) {
    let mut bytes = Vec::new();
    let truth = Drive::new(3, seconds).write(&mut bytes).unwrap();
    (Input::from_bytes("demo", bytes), truth)
}

#[test]
fn the_demo_drive_has_no_silence_and_the_controls_of_its_cruise() {
    let (log, truth) = demo(60);
    let (report, events) = watch("hybrid_rx_trace", log, json!({}));
    assert_eq!(events, [] as [Value; 0]);
    assert_eq!(report.data["panda_events"], 600);

    let (_, events) = watch("panda_state", demo(60).0, json!({}));
    let cruise = truth.signals.iter().find(|signal| signal.name == "cruise_active").unwrap();
    let got = changes(&events, "controlsAllowed");
    assert_eq!(got.len(), cruise.edges.len());
    assert!(got.len() > 2);
    for (change, edge) in got.iter().zip(&cruise.edges) {
        let late = change[0].as_u64().unwrap() - edge.mono_time;
        assert!(late < 110_000_000 && change[1] == edge.rising, "{change} after {edge:?}");
    }
    assert_eq!(events.len(), got.len() + 1);
}

#[test]
fn bounds_and_samples_follow_the_first_event() {
    let (_, truth) = demo(12);
    let (report, events) = watch("can_bus_check", demo(12).0, json!({ "sample": 2, "from": 4, "to": 9 }));
    let starts: Vec<f64> = events.iter().map(|event| event["data"]["from_s"].as_f64().unwrap()).collect();
    assert_eq!(starts, [0.0, 2.0, 4.0]);
    let first = events[0]["mono_time_ns"].as_u64().unwrap() - 2_000_000_000;
    assert!((first - truth.first_can_mono_time).abs_diff(4_000_000_000) < 11_000_000);
    assert!((report.data["duration_s"].as_f64().unwrap() - 5.0).abs() < 0.02);
    let frames: u64 = events.iter().map(|event| event["data"]["frames"].as_u64().unwrap()).sum();
    assert_eq!(report.data["frames"], frames);
}

#[test]
fn a_replay_keeps_its_pace_and_can_be_canceled() {
    let dir = tempfile::tempdir().unwrap();
    let due = Arc::new(Mutex::new(Vec::new()));
    let seen = Arc::clone(&due);
    let ctx = Ctx::new(dir.path()).with_pace(move |at| {
        seen.lock().unwrap().push(at);
        Duration::ZERO
    });
    let params = json!({ "speed": 2.0 });
    let tool = tool::find("can_bus_check").unwrap();
    tool.run(&ctx, Some(demo(4).0), params.as_object().unwrap()).unwrap();
    let due = due.lock().unwrap().clone();
    assert!(due.is_sorted());
    let last = due.last().unwrap().as_secs_f64();
    assert!((last - 2.0).abs() < 0.02, "{last}");

    let cancel = Arc::new(std::sync::atomic::AtomicBool::new(false));
    let stop = Arc::clone(&cancel);
    let ctx = Ctx::new(dir.path()).with_cancel(cancel).with_pace(move |at| {
        stop.store(true, std::sync::atomic::Ordering::Relaxed);
        at
    });
    let error = tool.run(&ctx, Some(demo(4).0), params.as_object().unwrap()).unwrap_err();
    assert_eq!(error.code(), "canceled");
}

#[test]
fn the_artifact_never_replaces_the_log() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("a.rlog");
    let mut bytes = Vec::new();
    Drive::new(1, 1).write(&mut bytes).unwrap();
    std::fs::write(&path, &bytes).unwrap();
    let run = |path: &Path, out: &Path| {
        let params = json!({ "log": path, "out": out });
        tool::find("panda_state").unwrap().run(&Ctx::new(dir.path()), None, params.as_object().unwrap())
    };
    assert_eq!(run(&path, &path).unwrap_err().code(), "bad-param");
    assert_eq!(std::fs::read(&path).unwrap(), bytes);
}
