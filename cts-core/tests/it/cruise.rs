//! `cruise-control-analyzer`: every planted event is found within a frame period, and none is invented.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use cts_core::demo::{Drive, Truth};
use cts_core::log::Input;
use cts_core::tool::{Ctx, Report, find};
use serde_json::{Map, Value, json};

use crate::data;

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

#[test]
fn every_planted_event_of_the_synthetic_subaru_is_found() {
    let (Some(log), Some(truth)) = (data("subaru-synth.rlog.zst"), data("subaru-synth.truth.json")) else {
        return;
    };
    let truth: Value = serde_json::from_slice(&std::fs::read(truth).unwrap()).unwrap();
    let params = |low, high| json!({"speed_min": low, "speed_max": high, "export_csv": true});
    let (dir, report) = run(Input::open(&log).unwrap(), params(50, 60));
    assert_eq!((&report.data["profile"], &report.data["frames"]), (&json!("subaru"), &json!(267_420)));

    let buttons = &truth["buttons_0x146_bus0"];
    for name in ["main", "set", "resume"] {
        let planted = buttons[name].as_array().unwrap();
        let want: Vec<_> = planted.iter().map(|press| mono(press, "press_mono_ns")).collect();
        score(&format!("{name} presses"), &found(&report, &[&format!("{name}_press")]), &want);
        let events = report.data["events"].as_array().unwrap();
        let presses = events.iter().filter(|event| event["event"] == format!("{name}_press"));
        for (press, event) in planted.iter().zip(presses) {
            let held = press["release_rel_s"].as_f64().unwrap() - press["press_rel_s"].as_f64().unwrap();
            // The truth takes the speed frame after the press, the tool the one before: 20 ms of acceleration.
            let near = |key: &str, want: f64, by: f64| (event[key].as_f64().unwrap() - want).abs() <= by;
            assert!(near("held_s", held, PERIOD_S), "{event} {press}");
            assert!(near("speed_mph", press["speed_mph_bus0"].as_f64().unwrap(), 0.02), "{event} {press}");
        }
    }
    let edges = |list: &Value, to| with(list, to).map(|edge| mono(edge, "mono_ns")).collect::<Vec<_>>();
    let both = [
        ("cruise on", &truth["cruise"]["cruise_on_0x241"], ["cruise_on", "cruise_off"]),
        (
            "cruise activated",
            &truth["cruise"]["cruise_activated_0x241"],
            ["cruise_activated", "cruise_deactivated"],
        ),
        (
            "cruise activated, 0x240",
            &truth["cruise"]["cruise_activated_0x240"],
            ["cruise_activated_0x240_on", "cruise_activated_0x240_off"],
        ),
        (
            "cruise activated, 0x220",
            &truth["cruise"]["cruise_activated_0x220"],
            ["cruise_activated_0x220_on", "cruise_activated_0x220_off"],
        ),
        ("brake", &truth["brake_pedal_0x139"]["brake_lights"], ["brake_lights_on", "brake_lights_off"]),
        ("ES brake", &truth["es_brake_0x220"]["cruise_brake_active"], ["es_brake_on", "es_brake_off"]),
        ("left blinker", &truth["blinkers_0x390"]["left"], ["left_blinker_on", "left_blinker_off"]),
        ("right blinker", &truth["blinkers_0x390"]["right"], ["right_blinker_on", "right_blinker_off"]),
    ];
    for (name, planted, [on, off]) in both {
        score(&format!("{name}, begins"), &found(&report, &[on]), &edges(planted, 1));
        score(&format!("{name}, ends"), &found(&report, &[off]), &edges(planted, 0));
    }
    let set: Vec<_> = truth["cruise"]["set_speed_0x241_mph"]
        .as_array()
        .unwrap()
        .iter()
        .map(|change| (change["mono_ns"].as_u64().unwrap(), change["to"].as_f64()))
        .collect();
    score("set speed", &found(&report, &["set_speed"]), &set);
    let active = &truth["cruise"]["cruise_activated_0x241"];
    score("engaged, begins", &found(&report, &["engaged_start"]), &edges(active, 1));
    score("engaged, ends", &found(&report, &["engaged_end"]), &edges(active, 0));

    let known = [
        "main_press",
        "set_press",
        "resume_press",
        "cruise_on",
        "cruise_activated",
        "cruise_deactivated",
        "cruise_activated_0x240_on",
        "cruise_activated_0x240_off",
        "cruise_activated_0x220_on",
        "cruise_activated_0x220_off",
        "brake_lights_on",
        "brake_lights_off",
        "es_brake_on",
        "es_brake_off",
        "left_blinker_on",
        "left_blinker_off",
        "right_blinker_on",
        "right_blinker_off",
        "set_speed",
        "engaged_start",
        "engaged_end",
        "target_speed_enter",
        "target_speed_leave",
        "marker_start",
        "marker_end",
    ];
    let kinds = report.data["event_counts"].as_object().unwrap().keys();
    kinds.for_each(|kind| assert!(known.contains(&kind.as_str()), "{kind} was never planted"));

    bands(&report, &truth, "50-60");
    let (_, narrow) = run(Input::open(&log).unwrap(), params(55, 56));
    bands(&narrow, &truth, "55-56");
    windows(&dir, &truth);
    buses_are_real(&dir, &truth);
    bits(&dir, &truth);
}

fn bands(report: &Report, truth: &Value, name: &str) {
    let planted = truth["speed"]["bands_bus0"][name].as_array().unwrap();
    let want = |key: &str| planted.iter().map(|band| mono(band, key)).collect::<Vec<_>>();
    score(
        &format!("speed {name} mph, begins"),
        &found(report, &["target_speed_enter"]),
        &want("enter_mono_ns"),
    );
    score(
        &format!("speed {name} mph, ends"),
        &found(report, &["target_speed_leave"]),
        &want("leave_mono_ns"),
    );
}

fn windows(dir: &tempfile::TempDir, truth: &Value) {
    let planted = truth["blinkers_0x390"]["marker_windows"]["windows"].as_array().unwrap();
    let start = truth["time"]["first_can_mono_ns"].as_u64().unwrap() as f64;
    let rows = rows(dir, "windows.csv");
    let time = |row: &BTreeMap<String, String>, key: &str| {
        (((row[key].parse::<f64>().unwrap()) * 1e9 + start) as u64, Some(row["partial"].parse().unwrap()))
    };
    let partial = |window: &Value| Some(f64::from(u8::from(window["partial"] == true)));
    let left: Vec<_> = planted.iter().map(|w| (w["left_mono_ns"].as_u64().unwrap(), partial(w))).collect();
    score("markers, left", &rows.iter().map(|row| time(row, "left_s")).collect::<Vec<_>>(), &left);
    let right: Vec<_> =
        planted.iter().filter_map(|w| Some((w["right_mono_ns"].as_u64()?, partial(w)))).collect();
    let whole: Vec<_> =
        rows.iter().filter(|row| !row["right_s"].is_empty()).map(|row| time(row, "right_s")).collect();
    score("markers, right", &whole, &right);
    let edge = |key: &str, by: f64| {
        planted
            .iter()
            .map(|w| {
                let at = w.get(key).unwrap_or(&w["left_mono_ns"]).as_u64().unwrap();
                ((at as f64 + by * 1e9) as u64, None)
            })
            .collect::<Vec<_>>()
    };
    let got = |key| rows.iter().map(|row| (time(row, key).0, None)).collect::<Vec<_>>();
    score("windows, begin", &got("start_s"), &edge("left_mono_ns", -1.5));
    score("windows, end", &got("end_s"), &edge("right_mono_ns", 1.5));
}

/// Counts of each address on each bus are those of the log, its echoes left out.
fn buses_are_real(dir: &tempfile::TempDir, truth: &Value) {
    let number = |row: &BTreeMap<String, String>, key: &str| row[key].parse::<u64>().unwrap();
    let got: BTreeMap<String, u64> = rows(dir, "counts_by_segment.csv")
        .iter()
        .map(|row| {
            let frames = number(row, "pre_count") + number(row, "window_count") + number(row, "post_count");
            (format!("{}:{}", row["bus"], row["address_hex"]), frames)
        })
        .collect();
    let planted = truth["counts"]["frames_by_src_address"].as_object().unwrap();
    let want: BTreeMap<String, u64> = planted
        .iter()
        .filter(|(key, _)| !key.starts_with("128:"))
        .map(|(key, count)| (key.clone(), count.as_u64().unwrap()))
        .collect();
    assert_eq!(got, want);
    let clash = rows(dir, "counts_by_segment.csv").into_iter().filter(|row| row["address_hex"] == "0x152");
    let unique: Vec<_> = clash.map(|row| (row["bus"].clone(), row["uniq_window"].clone())).collect();
    eprintln!("0x152 on two buses: {unique:?}");
    assert_eq!(unique.len(), 2);
}

/// Planted bits have their planted edges, and no counter or checksum ranks before a state.
fn bits(dir: &tempfile::TempDir, truth: &Value) {
    let candidates = rows(dir, "candidates_detail.csv");
    for planted in truth["bitwatch"]["planted"].as_array().unwrap() {
        let (address, bit) = (planted["address"].as_str().unwrap(), planted["global_idx"].to_string());
        let row =
            candidates.iter().find(|row| row["address_hex"] == address && row["bit_global"] == bit).unwrap();
        let edges = planted["edges"].as_array().unwrap();
        let rises = edges.iter().filter(|edge| edge["to"] == 1).count();
        assert_eq!(row["toggles"], edges.len().to_string(), "{planted}");
        assert_eq!(row["rises_set"], rises.to_string(), "{planted}");
    }
    for row in &candidates[..20] {
        assert!(row["busy"] == "0" && row["checksum"] == "0", "{row:?}");
        // Byte 0 and the low half of byte 1: where this make has checksums and counters.
        assert!(row["bit_global"].parse::<u32>().unwrap() >= 12, "{row:?}");
    }
    assert!(candidates[..5].iter().any(|row| row["known_as"] == "set"));
}

/// The tables whose columns are frozen. Source: comma-tools `docs/knowledge/schemas.md` and its sample reports.
const FROZEN: [(&str, &str); 6] = [
    (
        "counts_by_segment",
        "address_hex,bus,pre_count,window_count,post_count,delta,uniq_pre,uniq_window,uniq_post",
    ),
    ("candidates", "BIT,score,rises_set,falls_end,toggles,penalty,bus"),
    ("edges", "BIT,ts_abs,ts_rel,ts_mmss,edge_type,speed_mph,bus"),
    ("runs", "BIT,SPAN,bus"),
    ("timeline", "ts_abs,ts_rel,ts_mmss,BIT,event,value,speed_mph,bus"),
    ("engaged_intervals", "BIT,SPAN,bus"),
];

const HEADER: &[&str] = &[
    "schema_version",
    "analysis_id",
    "tool_version",
    "time_origin",
    "window_start_abs_s",
    "window_end_abs_s",
    "window_start_mmss",
    "window_end_mmss",
    "main_source",
    "brake_source",
    "speed_source",
    "id_bus_map",
    "bus_policy",
    "scoring",
    "meta_json",
];

#[test]
fn columns_and_headers_are_the_frozen_ones() {
    let (bytes, _) = demo(60);
    let (dir, _) = run(Input::from_bytes("demo", bytes), json!({"export_csv": true, "export_json": true}));
    let bit = "address_hex,bit_global,byte_index,bit_lsb,bit_msb,label_lsb,label_msb";
    let span = "start_abs,start_rel,start_mmss,end_abs,end_rel,end_mmss,duration_s,duration_mmss";
    for (name, columns) in FROZEN {
        let text = text(&dir, &format!("{name}.csv"));
        let columns = columns.replace("BIT", bit).replace("SPAN", span);
        let head: Vec<&str> = text.split('\n').take_while(|line| line.starts_with('#')).collect();
        let keys: Vec<&str> = head.iter().map(|line| line[2..].split_once(": ").unwrap().0).collect();
        assert_eq!(keys, HEADER, "{name}");
        assert_eq!(head[0], format!("# schema_version: {name}.v1"));
        assert!(head.iter().all(|line| !line.ends_with('\r')));
        let table: Vec<&str> = text.split('\n').skip(head.len()).collect();
        assert_eq!(table[0], format!("{columns}\r"), "{name}");
        assert!(
            table.len() > 2 && table[..table.len() - 1].iter().all(|line| line.ends_with('\r')),
            "{name}"
        );
        let sidecar = std::fs::read_to_string(dir.path().join(format!("{name}.analysis_meta.json"))).unwrap();
        assert_eq!(head.last().unwrap().strip_prefix("# meta_json: "), Some(sidecar.as_str()));
        let meta: Value = serde_json::from_str(&sidecar).unwrap();
        assert_eq!((&meta["timestamp"], &meta["cli_args"]["speed_min"]), (&Value::Null, &json!(55.0)));
        let json: Value = serde_json::from_str(&text_of(&dir, name)).unwrap();
        assert_eq!(json.as_array().unwrap().len(), table.len() - 2, "{name}");
        let keys: Vec<&String> = json[0].as_object().unwrap().keys().collect();
        assert_eq!(keys, columns.split(',').collect::<Vec<_>>());
    }
    orders(&dir);
    let config: Value = serde_json::from_str(&text(&dir, "config_snapshot.json")).unwrap();
    assert_eq!(config["marker_config"]["timeout"], 15.0);
}

fn text_of(dir: &tempfile::TempDir, name: &str) -> String {
    text(dir, &format!("{name}.json"))
}

/// Rows stand in the frozen order.
fn orders(dir: &tempfile::TempDir) {
    let number = |row: &BTreeMap<String, String>, key: &str| row[key].parse::<f64>().unwrap_or(-1.0);
    let sorted = |name: &str, keys: &[(&str, f64)], last: &str| {
        let list = rows(dir, name);
        let key = |row: &BTreeMap<String, String>| -> (Vec<f64>, String) {
            (keys.iter().map(|(key, sign)| number(row, key) * sign).collect(), row[last].clone())
        };
        assert!(list.windows(2).all(|pair| key(&pair[0]) <= key(&pair[1])), "{name}");
    };
    sorted("counts_by_segment.csv", &[("delta", -1.0), ("window_count", -1.0)], "address_hex");
    sorted("candidates.csv", &[("score", -1.0)], "address_hex");
    sorted("edges.csv", &[("ts_abs", 1.0)], "address_hex");
    sorted("runs.csv", &[("duration_s", -1.0)], "address_hex");
    sorted("timeline.csv", &[("ts_abs", 1.0)], "address_hex");
    sorted("engaged_intervals.csv", &[("start_abs", 1.0)], "address_hex");
    // Times at the head of a window are relative to its start; numbers are those of the shortest float.
    let edges = rows(dir, "edges.csv");
    assert!(edges.iter().all(|row| row["ts_abs"].contains('.')), "{:?}", edges[0]);
}

#[test]
fn the_demo_drive_gives_what_was_planted() {
    let (bytes, truth) = demo(60);
    let band = truth.band_mph;
    let params = json!({"speed_min": band[0], "speed_max": band[1], "export_csv": true});
    let (dir, report) = run(Input::from_bytes("demo", bytes), params);
    assert_eq!(report.data["profile"], "subaru");
    let kinds = [
        ("main", "main_press", None),
        ("set", "set_press", None),
        ("resume", "resume_press", None),
        ("cruise_on", "cruise_on", Some("cruise_off")),
        ("cruise_active", "cruise_activated", Some("cruise_deactivated")),
        ("brake_lights", "brake_lights_on", Some("brake_lights_off")),
        ("cruise_brake", "es_brake_on", Some("es_brake_off")),
        ("left_blinker", "left_blinker_on", Some("left_blinker_off")),
        ("right_blinker", "right_blinker_on", Some("right_blinker_off")),
    ];
    for (name, on, off) in kinds {
        let signal = truth.signals.iter().find(|signal| signal.name == name).unwrap();
        let edges = |rising| {
            signal
                .edges
                .iter()
                .filter(|edge| edge.rising == rising)
                .map(|edge| (edge.mono_time, None))
                .collect::<Vec<_>>()
        };
        score(on, &found(&report, &[on]), &edges(true));
        off.into_iter().for_each(|off| score(off, &found(&report, &[off]), &edges(false)));
    }
    let enter: Vec<_> = truth.bands.iter().map(|band| (band.enter_mono_time, None)).collect();
    let leave: Vec<_> = truth.bands.iter().filter_map(|band| Some((band.leave_mono_time?, None))).collect();
    score("target_speed_enter", &found(&report, &["target_speed_enter"]), &enter);
    score("target_speed_leave", &found(&report, &["target_speed_leave"]), &leave);
    let left: Vec<_> = truth.markers.iter().map(|marker| (marker.left_mono_time, None)).collect();
    let right: Vec<_> = truth.markers.iter().map(|marker| (marker.right_mono_time, None)).collect();
    score("marker_start", &found(&report, &["marker_start"]), &left);
    score("marker_end", &found(&report, &["marker_end"]), &right);

    // The pulses have their edges, with speed, main switch and brake beside them.
    let pulses = truth.signals.iter().find(|signal| signal.name == "window_pulses").unwrap();
    let all = rows(&dir, "candidates.csv");
    let row =
        all.iter().find(|row| row["address_hex"] == "0x1C5" && row["bit_global"] == pulses.bit.to_string());
    assert_eq!(row.unwrap()["toggles"], pulses.edges.len().to_string());
    let context = rows(&dir, "edges_context.csv");
    let set = context.iter().find(|row| row["known_as"] == "set" && row["edge"] == "rising").unwrap();
    assert_eq!((set["main"].as_str(), set["brake"].as_str()), ("1", "0"));
    let names: BTreeSet<String> = report.artifacts.iter().map(|artifact| artifact.name.clone()).collect();
    for name in ["analysis_report.html", "speed_timeline.svg", "speed_timeline.png", "config_snapshot.json"] {
        assert!(names.contains(name), "{names:?}");
    }
}

#[test]
fn openpilots_own_events_tell_the_same_story() {
    let (bytes, truth) = demo(60);
    let (_dir, report) = run(Input::from_bytes("demo", bytes), json!({"profile": "events"}));
    // `carState` follows its `can` event by 1.1 ms.
    for (name, kind) in
        [("cruise_active", "cruise_activated"), ("left_blinker", "left_blinker_on"), ("brake", "brake_on")]
    {
        let signal = truth.signals.iter().find(|signal| signal.name == name).unwrap();
        let want: Vec<_> =
            signal.edges.iter().filter(|e| e.rising).map(|e| (e.mono_time, None::<f64>)).collect();
        let got = found(&report, &[kind]);
        assert_eq!(got.len(), want.len(), "{kind}");
        // The service sees the state at once, the frame shows it up to ten ticks later.
        assert!(
            got.iter().zip(&want).all(|(g, w)| g.0.abs_diff(w.0) < 110_000_000),
            "{kind} {got:?} {want:?}"
        );
    }
}

#[test]
fn any_car_is_read_by_openpilots_events() {
    let (Some(log), Some(truth)) = (data("rav4-40.rlog.zst"), data("rav4-40.truth.json")) else { return };
    let truth: Value = serde_json::from_slice(&std::fs::read(truth).unwrap()).unwrap();
    let (_dir, report) =
        run(Input::open(log).unwrap(), json!({"export_csv": true, "speed_min": 30, "speed_max": 40}));
    assert_eq!(report.data["profile"], "events");
    let real = &truth["real"];
    let want: Vec<_> = real["cruise_active_rises_mono_ns"]
        .as_array()
        .unwrap()
        .iter()
        .map(|t| (t.as_u64().unwrap(), None))
        .collect();
    score("cruise activated", &found(&report, &["cruise_activated"]), &want);
    let changes = real["set_speed_kph_changes"].as_array().unwrap();
    let want: Vec<_> = changes.iter().map(|change| (change[0].as_u64().unwrap(), None)).collect();
    score("set speed", &found(&report, &["set_speed"]), &want);
}

#[test]
fn equal_runs_give_equal_bytes() {
    let (bytes, _) = demo(30);
    let files = |_| {
        let params = json!({"export_csv": true, "export_json": true});
        let (dir, _) = run(Input::from_bytes("demo", bytes.clone()), params);
        let entries = std::fs::read_dir(dir.path()).unwrap().map(|entry| entry.unwrap().path());
        entries
            .map(|path| (path.file_name().unwrap().to_owned(), std::fs::read(path).unwrap()))
            .collect::<BTreeMap<_, _>>()
    };
    let (first, second) = (files(0), files(1));
    assert!(first.len() > 30 && first == second);
    let dir = tempfile::tempdir().unwrap();
    let other = json!({"export_csv": true, "export_json": true, "marker_pre": 2});
    try_run(dir.path(), Input::from_bytes("demo", bytes.clone()), other).unwrap();
    let id = |text: &str| text.lines().nth(1).unwrap().to_owned();
    let before = String::from_utf8(first[std::ffi::OsStr::new("edges.csv")].clone()).unwrap();
    assert_ne!(id(&before), id(&text(&dir, "edges.csv")), "other parameters, other analysis");
}

#[test]
fn damage_and_short_logs_are_read() {
    let mut bytes = Vec::new();
    Drive::new(7, 30).with_damage().write(&mut bytes).unwrap();
    let (_dir, report) = run(Input::from_bytes("demo", bytes.clone()), json!({}));
    assert_eq!((report.completeness.damage_count, report.warnings[0].code()), (1, "damaged"));
    let (_dir, report) = run(Input::from_bytes("demo", bytes[..bytes.len() / 3].to_vec()), json!({}));
    assert!(!report.completeness.complete && report.data["frames"].as_u64().unwrap() > 10_000);
    // Less than the second that tells the car.
    let (_dir, report) = run(Input::from_bytes("demo", bytes[..60_000].to_vec()), json!({}));
    assert_eq!(report.data["profile"], "subaru");
}

#[test]
fn a_profile_file_and_an_engaged_bit_are_followed() {
    let (bytes, truth) = demo(60);
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("car.toml");
    std::fs::write(
        &path,
        "dbc = \"subaru_global_2017_generated\"\nspeed = [\"0@Wheel_Speeds.FR\", \"0@Wheel_Speeds.FL\"]\n\
         speed_unit = \"kph\"\nset = \"0@0x146:b43\"\nset_speed = \"0x241:51|12@0+\"\n[states]\npulses = \"0x1C5:b33\"\n",
    )
    .unwrap();
    let params = json!({
        "profile": path, "engaged_bit": "0x241:MSB B8", "engaged_bus": 0, "engaged_mode": "filter",
        "engaged_margin": 0.5, "export_csv": true,
    });
    let (out, report) = run(Input::from_bytes("demo", bytes.clone()), params);
    let signal = |name| truth.signals.iter().find(|signal| signal.name == name).unwrap();
    let first = &signal("cruise_active").edges[0];
    assert_eq!(found(&report, &["engaged_start"])[0].0, first.mono_time);
    assert!(report.data["frames_filtered"].as_u64().unwrap() > 10_000);
    let engaged = rows(&out, "engaged_intervals.csv");
    assert_eq!((engaged[0]["address_hex"].as_str(), engaged[0]["bit_global"].as_str()), ("0x241", "55"));
    // 55 = 63 - 8: the same bit in the other notation.
    let (_dir, other) =
        run(Input::from_bytes("demo", bytes), json!({"profile": path, "engaged_bit": "0x241:b55"}));
    assert_eq!(report.data["engaged"], other.data["engaged"]);
    let set = signal("set").edges.iter().filter(|edge| edge.rising).count();
    assert_eq!(found(&other, &["set_press"]).len(), set);
}

#[test]
fn failures_say_what_to_do_and_leave_nothing() {
    let (bytes, _) = demo(3);
    let fail = |bytes: &[u8], params: Value| {
        let dir = tempfile::tempdir().unwrap();
        let error = try_run(dir.path(), Input::from_bytes("demo", bytes.to_vec()), params).unwrap_err();
        assert_eq!(std::fs::read_dir(dir.path()).unwrap().count(), 0);
        format!("{error:?}")
    };
    let check = |got: String, want: &[&str]| assert!(want.iter().all(|want| got.contains(want)), "{got}");
    check(fail(b"this is no log at all, is it", json!({})), &["[not-a-log]"]);
    check(fail(&bytes, json!({"speed_min": 60})), &["[out-of-range]", "speed_max"]);
    check(fail(&bytes, json!({"engaged_bit": "0x13A:computed"})), &["[bad-param]", "engaged_bit"]);
    check(
        fail(&bytes, json!({"engaged_bit": "1@0x241:b55", "engaged_bus": 0})),
        &["[bad-param]", "engaged_bus"],
    );
    check(fail(&bytes, json!({"profile": "no/such.toml"})), &["[no-such-file]", "no/such.toml"]);
    check(fail(&bytes, json!({"speed_mn": 1})), &["[unknown-param]", "speed_min"]);
    // Without `can` events; without `carState` and frames of a Subaru.
    let keep = |wanted: &[u16]| -> Vec<u8> {
        let log = cts_core::log::Log::from_bytes(&bytes, &cts_core::log::ReadOptions::default()).unwrap();
        log.events()
            .filter(|event| wanted.contains(&event.which()))
            .flat_map(|event| event.bytes().to_vec())
            .collect()
    };
    check(
        fail(&keep(&[0]), json!({"profile": "subaru"})),
        &["[no-data]", "no received CAN frames", "profile=events"],
    );
    check(fail(&keep(&[0]), json!({})), &["[no-data]", "no speed", "carState.vEgo", "profile=FILE.toml"]);
}
