//! `cts decode` and `cts dbc coverage` as users call them, on a made drive and the built-in databases.

#![allow(clippy::unwrap_used, reason = "tests")]

use std::path::Path;
use std::process::{Command, Output};

use serde_json::Value;

const LOG: &str = "demo.rlog.zst";
const DBC: &str = "subaru_global_2017_generated";

/// A directory with a drive of a Subaru; `--damage` is the only extra.
fn drive(extra: &[&str]) -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    let output = cts(dir.path(), &[&["demo", "--seconds", "5", "--out-dir", "."], extra].concat());
    assert_eq!(output.status.code(), Some(if extra.is_empty() { 0 } else { 3 }), "{}", text(&output.stderr));
    dir
}

/// Runs the program where nothing is installed and nothing configured.
fn cts(dir: &Path, args: &[&str]) -> Output {
    let mut command = Command::new(env!("CARGO_BIN_EXE_cts"));
    command.args(args).current_dir(dir).env("HOME", dir).env("XDG_CONFIG_HOME", dir).env("PATH", "");
    command.env_remove("CTS_DBC_PATH").env_remove("VIRTUAL_ENV").output().unwrap()
}

fn decode(dir: &Path, args: &[&str]) -> Output {
    cts(dir, &[&["decode", LOG], args].concat())
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

/// Lines of a command that must succeed.
fn lines(output: Output) -> Vec<String> {
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    text(&output.stdout).lines().map(str::to_owned).collect()
}

/// Mono time and raw front right wheel speed of the wheel speed frames that `cts frames` lists on bus 0.
///
/// Source: opendbc `subaru_global_2017.dbc`: `Wheel_Speeds` 0x13A, `FR : 12|13@1+ (0.057,0)`.
fn front_right(dir: &Path) -> Vec<(u64, u64)> {
    let listed = lines(cts(dir, &["frames", "--json", LOG]));
    let frames = listed.iter().map(|line| serde_json::from_str::<Value>(line).unwrap());
    let mine = frames.filter(|frame| frame["bus"] == 0 && frame["address"] == 0x13A);
    mine.map(|frame| {
        let data = u64::from_str_radix(frame["data"].as_str().unwrap(), 16).unwrap();
        (frame["mono_time_ns"].as_u64().unwrap(), data.swap_bytes() >> 12 & 0x1FFF)
    })
    .collect()
}

#[test]
fn lines_of_text_show_a_frame_each() {
    let dir = drive(&[]);
    let output = decode(dir.path(), &["--message", "Wheel_Speeds", "--signal", "FR"]);
    assert!(text(&output.stderr).contains(&format!("SUBARU_IMPREZA: --dbc 0={DBC}")), "the car chooses");
    let (lines, frames) = (lines(output), front_right(dir.path()));
    assert!(!frames.is_empty());
    assert_eq!(lines.len(), frames.len());
    for (line, (_, raw)) in lines.iter().zip(frames) {
        assert!(line.ends_with(&format!(" 0 13A Wheel_Speeds FR={:.3} kph", raw as f64 * 0.057)), "{line}");
    }
    let all = text(&decode(dir.path(), &[]).stdout);
    assert!(all.contains(" Steering_Torque ") && all.contains(" Throttle "));
}

#[test]
fn csv_and_json_hold_physical_and_raw_values() {
    let dir = drive(&[]);
    let frames = front_right(dir.path());
    let only = ["--message", "Wheel_Speeds", "--signal", "Wheel_Speeds.FR", "--format"];
    let csv = lines(decode(dir.path(), &[&only[..], &["csv", "--raw"]].concat()));
    assert_eq!(csv[0], "mono_time,t,bus,FR");
    assert_eq!(csv.len(), frames.len() + 1);
    for (line, (time, raw)) in csv[1..].iter().zip(&frames) {
        assert!(line.starts_with(&format!("{time},")) && line.ends_with(&format!(",0,{raw}")), "{line}");
    }
    let json = lines(decode(dir.path(), &[&only[..], &["json"]].concat()));
    for (line, (time, raw)) in json.iter().zip(&frames) {
        let row: Value = serde_json::from_str(line).unwrap();
        assert_eq!((row["mono_time"].as_u64(), row["FR"].as_f64()), (Some(*time), Some(*raw as f64 * 0.057)));
    }
}

#[test]
fn parquet_has_a_file_per_message() {
    let dir = drive(&[]);
    let args = ["--message", "Wheel_Speeds,Steering_Torque", "--format", "parquet", "--out-dir", "out"];
    assert!(lines(decode(dir.path(), &args)).is_empty());
    let entries = std::fs::read_dir(dir.path().join("out")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["demo.Steering_Torque.parquet", "demo.Wheel_Speeds.parquet"]);
    for name in names {
        let bytes = std::fs::read(dir.path().join("out").join(name)).unwrap();
        assert!(bytes.starts_with(b"PAR1") && bytes.ends_with(b"PAR1") && bytes.len() > 1000);
    }
}

#[test]
fn one_clock_holds_the_last_values() {
    let dir = drive(&[]);
    let frames = front_right(dir.path());
    let args = ["--align", "100ms", "--message", "Wheel_Speeds", "--signal", "FR"];
    let rows = lines(decode(dir.path(), &args));
    assert_eq!(rows[0], "mono_time,t,Wheel_Speeds.FR");
    assert!(rows.len() > 40);
    for row in &rows[1..] {
        let cells: Vec<&str> = row.split(',').collect();
        let tick: u64 = cells[0].parse().unwrap();
        let last = frames.iter().rev().find(|(time, _)| *time <= tick);
        let value = (!cells[2].is_empty()).then(|| cells[2].parse::<f64>().unwrap());
        assert_eq!(value, last.map(|(_, raw)| *raw as f64 * 0.057), "{row}");
    }
}

#[test]
fn each_bus_has_its_database() {
    let dir = drive(&[]);
    std::fs::write(
        dir.path().join("mine.dbc"),
        "BO_ 209 Mine: 8 XXX\n SG_ A : 0|8@1+ (1,0) [0|255] \"\" XXX\n",
    )
    .unwrap();
    let args = ["--dbc", "0=subaru_global_2017", "--dbc", "1=mine.dbc", "--long", "--signal", "FR,A"];
    let rows = lines(decode(dir.path(), &args));
    let has =
        |bus: &str, message: &str| rows.iter().any(|row| row.split(',').skip(2).take(2).eq([bus, message]));
    assert!(has("0", "Wheel_Speeds") && has("1", "Mine"));
    assert!(!has("1", "Wheel_Speeds") && !has("0", "Mine"));
}

#[test]
fn statistics_count_checks() {
    let dir = drive(&[]);
    let args = ["--message", "Wheel_Speeds", "--format", "csv", "--out", "w.csv", "--stats", "-"];
    let stats: Value = serde_json::from_str(&lines(decode(dir.path(), &args)).join("\n")).unwrap();
    let frames = front_right(dir.path()).len();
    assert_eq!(stats[0]["message"], "Wheel_Speeds");
    assert_eq!(stats[0]["frames"], frames);
    assert_eq!(stats[0]["checks"]["checksum_ok"], frames);
}

#[test]
fn wrong_names_are_one_clear_error() {
    let dir = drive(&[]);
    let check = |args: &[&str], exit: i32, expected: &[&str]| {
        let output = decode(dir.path(), args);
        let said = text(&output.stderr);
        assert_eq!((output.status.code(), text(&output.stdout).as_str()), (Some(exit), ""), "{said}");
        expected.iter().for_each(|part| assert!(said.contains(part), "{said}"));
    };
    let once = format!("in the DBC `{DBC}` (did you mean `Wheel_Speeds`?)");
    check(&["--message", "Wheel_Spees"], 1, &["[no-such-message]", &once]);
    check(&["--signal", "Wheel_Speeds.FRR"], 1, &["[no-such-signal]", "`Wheel_Speeds.FRR`"]);
    check(&["--dbc", "nothing"], 1, &["[no-such-dbc]", "`nothing`", "hint:"]);
    check(&["--align", "0.5ms"], 2, &["[out-of-range]", "0.5 ms"]);
    check(&["--align", "5"], 2, &["--align", "give a unit"]);
    check(&["--long", "--format", "text"], 2, &["format"]);
    let output = cts(dir.path(), &["decode", "none.zst", "--dbc", DBC]);
    assert_eq!(output.status.code(), Some(1));
    assert!(text(&output.stderr).contains("none.zst"));
}

#[test]
fn damage_is_exit_code_3_and_the_rest_is_there() {
    let dir = drive(&["--damage"]);
    let output = decode(dir.path(), &["--message", "Wheel_Speeds"]);
    assert_eq!(output.status.code(), Some(3));
    assert!(text(&output.stderr).contains("warning [damaged]"));
    assert_eq!(text(&output.stdout).lines().count(), front_right_of_damaged(dir.path()));
    assert_eq!(cts(dir.path(), &["dbc", "coverage", LOG]).status.code(), Some(3));
}

/// Wheel speed frames on bus 0 of a damaged drive.
fn front_right_of_damaged(dir: &Path) -> usize {
    let listed = text(&cts(dir, &["frames", "--json", LOG]).stdout);
    let frames = listed.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
    frames.filter(|frame| frame["bus"] == 0 && frame["address"] == 0x13A).count()
}

#[test]
fn coverage_names_what_is_known_and_what_is_not() {
    let dir = drive(&[]);
    let output = lines(cts(dir.path(), &["dbc", "coverage", LOG, "--dbc", "0=subaru_global_2017"]));
    assert!(output[0].starts_with("bus address   frames"));
    assert!(output.iter().any(|line| line.contains("0x13A") && line.ends_with("Wheel_Speeds")));
    assert!(output.iter().any(|line| line.contains("0x0D1") && line.ends_with("-")));
    let json = lines(cts(dir.path(), &["dbc", "coverage", "--json", LOG, "--dbc", "0=subaru_global_2017"]));
    let json: Value = serde_json::from_str(&json.join("\n")).unwrap();
    let wheels = json["addresses"].as_array().unwrap().iter();
    let wheels: Vec<_> = wheels.filter(|a| a["address"] == 0x13A && a["bus"] == 0).collect();
    assert_eq!(wheels.len(), 1);
    assert_eq!(wheels[0]["message"], "Wheel_Speeds");
    assert_eq!(wheels[0]["frames"], front_right(dir.path()).len());
    assert_eq!(wheels[0]["lengths"]["8"], wheels[0]["frames"]);
}
