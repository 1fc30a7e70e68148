//! What was planted in synthetic drives and what is known of a real one.

use std::collections::BTreeSet;

use super::*;
use crate::data;

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
