//! Runs as such: equal bytes, damage, profiles, failures.

use super::*;

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
