//! The program as users call it: data, words and exit codes.

#![allow(clippy::print_stderr, clippy::unwrap_used, reason = "tests")]

use std::io::{Read, Write};
use std::path::{Path, PathBuf};
use std::process::{Command, Output, Stdio};

use serde_json::Value;

fn data(name: &str) -> Option<PathBuf> {
    let root = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../shared/data");
    let root = std::env::var_os("CTS_TEST_DATA").map_or(root, PathBuf::from);
    let path = root.join(name);
    if !path.exists() {
        eprintln!("SKIPPED: no sample data at {path:?} (set CTS_TEST_DATA)");
        return None;
    }
    Some(path)
}

fn golden(name: &str) -> Option<Vec<u8>> {
    let packed = std::fs::read(data(&format!("golden/{name}.zst"))?).unwrap();
    Some(zstd::decode_all(&packed[..]).unwrap())
}

/// The program in an empty directory, free of the user's configuration.
struct Cts(tempfile::TempDir);

impl Cts {
    fn new() -> Self {
        Self(tempfile::tempdir().unwrap())
    }

    fn dir(&self) -> &Path {
        self.0.path()
    }

    fn command(&self, args: &[&str]) -> Command {
        let mut command = Command::new(env!("CARGO_BIN_EXE_cts"));
        command.args(args).current_dir(self.dir()).env_remove("CTS_DATA_DIR").env_remove("CTS_URL");
        command.env("XDG_CONFIG_HOME", self.dir().join("none")).env("HOME", self.dir());
        command.stdin(Stdio::null()).stdout(Stdio::piped()).stderr(Stdio::piped());
        command
    }

    fn run(&self, args: &[&str]) -> Output {
        self.command(args).output().unwrap()
    }

    fn names(&self) -> Vec<String> {
        let entries = std::fs::read_dir(self.dir()).unwrap();
        let mut names: Vec<String> =
            entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
        names.sort();
        names
    }
}

fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec()).unwrap()
}

#[test]
fn rlog_to_csv_writes_the_golden_table_beside_its_summary() {
    let Some(log) = data("rav4-40.rlog.zst") else {
        return;
    };
    let cts = Cts::new();
    let output = cts.run(&["run", "rlog-to-csv", "--path", log.to_str().unwrap(), "--wait"]);
    assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    assert!(text(&output.stdout).contains("135468 over"));
    assert_eq!(cts.names(), ["rav4-40.csv"]);
    assert!(std::fs::read(cts.dir().join("rav4-40.csv")).unwrap() == golden("rav4-40.plain.csv").unwrap());
}

#[test]
fn flags_and_parameters_give_the_golden_window() {
    let Some(log) = data("rav4-40.rlog.zst") else {
        return;
    };
    let log = log.to_str().unwrap();
    let want = golden("rav4-40.window.csv").unwrap();
    for window in [
        &["--window-start", "20", "--window-dur=15.5"][..],
        &["-p", "window_start=20", "-p", "window_dur=15.5", "-p", "repo_root=/x"],
    ] {
        let cts = Cts::new();
        let args = [&["run", "rlog-to-csv", "--path", log, "--out-dir", "sub", "--follow"], window].concat();
        let output = cts.run(&args);
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        assert!(text(&output.stderr).contains("wrote sub/rav4-40.csv"));
        assert!(std::fs::read(cts.dir().join("sub/rav4-40.csv")).unwrap() == want);
    }
}

#[test]
fn pipes_work_in_both_directions() {
    let Some(log) = data("rav4-40.rlog.zst") else {
        return;
    };
    let cts = Cts::new();
    let mut command = cts.command(&["run", "rlog-to-csv", "--path", "-", "--out", "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = std::fs::read(&log).unwrap();
    let writer = std::thread::spawn(move || stdin.write_all(&bytes).unwrap());
    let output = child.wait_with_output().unwrap();
    writer.join().unwrap();
    assert_eq!(output.status.code(), Some(0));
    assert!(output.stdout == golden("rav4-40.plain.csv").unwrap());
    assert!(text(&output.stderr).contains("135468 over"));
    assert_eq!(cts.names(), [""; 0]);
}

#[test]
fn a_reader_that_leaves_is_no_failure() {
    let Some(log) = data("rav4-40.rlog.zst") else {
        return;
    };
    let cts = Cts::new();
    let log = log.to_str().unwrap();
    for args in [&["frames", log][..], &["run", "rlog-to-csv", "--path", log, "--out", "-"]] {
        let mut child = cts.command(args).spawn().unwrap();
        let mut first = [0; 100];
        let mut stdout = child.stdout.take().unwrap();
        stdout.read_exact(&mut first).unwrap();
        drop(stdout);
        let output = child.wait_with_output().unwrap();
        assert_eq!((output.status.code(), text(&output.stderr)), (Some(0), String::new()));
    }
}

#[test]
fn the_json_report_has_its_shape() {
    let Some(log) = data("rav4-40.corrupt.rlog.zst") else {
        return;
    };
    let cts = Cts::new();
    let output = cts.run(&["run", "rlog-to-csv", "--path", log.to_str().unwrap(), "--json"]);
    assert_eq!(output.status.code(), Some(3), "damaged");
    let report: Value = serde_json::from_slice(&output.stdout).unwrap();
    assert_eq!(report["tool"], "rlog-to-csv");
    assert!(report["data"]["rows"].as_u64() > Some(67_710));
    assert_eq!(report["artifacts"][0]["name"], "rav4-40.corrupt.csv");
    assert_eq!(report["completeness"]["damage_count"], 1);
    assert_eq!(report["warnings"][0]["code"], "damaged");
    assert!(text(&output.stderr).starts_with("cts: warning [damaged]: 1 damaged place"));
}

#[test]
fn failures_are_one_line_a_hint_and_a_code() {
    let cts = Cts::new();
    std::fs::write(cts.dir().join("junk"), b"this is no log, and it is longer than a header").unwrap();
    let check = |args: &[&str], code: i32, word: &str| {
        let output = cts.run(args);
        let words = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {words}");
        assert!(words.starts_with(&format!("cts: error [{word}]: ")), "{args:?}: {words}");
        assert!(words.lines().count() <= 2, "{args:?}: {words}");
        assert!(output.stdout.is_empty());
        assert_eq!(cts.names(), ["junk"], "{args:?}");
    };
    let tool = ["run", "rlog-to-csv"];
    check(&["run", "rlog-to-cvs"], 1, "no-such-tool");
    check(&["cap", "rlog"], 1, "no-such-tool");
    check(&tool, 2, "missing-param");
    check(&[&tool[..], &["--path", "nowhere.rlog"]].concat(), 1, "no-such-file");
    check(&[&tool[..], &["--path", "junk"]].concat(), 1, "not-a-log");
    check(&[&tool[..], &["--path", "junk", "-p", "starts=1"]].concat(), 2, "unknown-param");
    check(&[&tool[..], &["--path", "junk", "-p", "starts"]].concat(), 2, "bad-param");
    check(&[&tool[..], &["--path", "junk", "--window-dur", "-1"]].concat(), 2, "out-of-range");
    check(&[&tool[..], &["--path", "junk", "--out", "-", "--json"]].concat(), 2, "bad-param");
    check(&[&tool[..], &["--path", "2024-05-05--20-23-10", "--data-dir", "."]].concat(), 1, "no-such-route");
    check(&["frames", "junk"], 1, "not-a-log");
    check(&["frames", "what is this"], 2, "bad-route");
    assert_eq!(cts.run(&["frames"]).status.code(), Some(2), "usage");
    assert_eq!(cts.run(&["--no-such-flag"]).status.code(), Some(2), "usage");
    assert_eq!(cts.run(&["--help"]).status.code(), Some(0));
}

#[test]
fn the_cruise_analyzer_runs_as_the_first_users_called_it() {
    let cts = Cts::new();
    std::fs::write(cts.dir().join("junk"), b"this is no log, and it is longer than a header").unwrap();
    let check = |args: &[&str], code: i32, word: &str| {
        let output = cts.run(&[&["run", "cruise-control-analyzer"], args, &["--wait", "--follow"]].concat());
        let words = text(&output.stderr);
        assert_eq!(output.status.code(), Some(code), "{args:?}: {words}");
        assert!(
            words.starts_with(&format!("cts: error [{word}]: ")) && words.lines().count() <= 2,
            "{words}"
        );
        assert_eq!(cts.names(), ["junk"], "{args:?}");
    };
    check(&[], 2, "missing-param");
    check(&["--path", "nonexistent.zst"], 1, "no-such-file");
    check(&["--path", "junk"], 1, "not-a-log");
    check(&["--path", "junk", "-p", "speed_min=70"], 2, "out-of-range");
    let Some(log) = data("subaru-synth.rlog.zst") else { return };
    let log = log.to_str().unwrap();
    let args = ["run", "cruise-control-analyzer", "--path", log, "-p", "speed_min=50", "-p", "speed_max=60"];
    let output = cts.run(&[&args[..], &["--wait", "--follow", "--out-dir", "out"]].concat());
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(text(&output.stdout).contains("9 presses: main 1, resume 3, set 5"), "{}", text(&output.stdout));
    let entries = std::fs::read_dir(cts.dir().join("out")).unwrap();
    let mut names: Vec<_> = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect();
    names.sort();
    assert_eq!(names, ["analysis_report.html", "speed_timeline.png", "speed_timeline.svg"]);
}

#[test]
fn strict_reading_fails_on_damage() {
    let Some(log) = data("rav4-40.truncated.rlog.zst") else {
        return;
    };
    let cts = Cts::new();
    let log = log.to_str().unwrap();
    assert_eq!(cts.run(&["run", "rlog-to-csv", "--path", log, "--strict"]).status.code(), Some(1));
    assert_eq!(cts.names(), [""; 0]);
    assert_eq!(cts.run(&["frames", log]).status.code(), Some(3));
}

/// The time and the rest of a line of `cts frames`.
fn parted(line: &str) -> (f64, String) {
    let (time, frame) = line.strip_prefix('(').unwrap().split_once(") ").unwrap();
    (time.parse().unwrap(), frame.to_owned())
}

/// `row` of the golden table as `cts frames` prints it, with the table's time.
fn as_frame(row: &str) -> (f64, String) {
    let cells: Vec<&str> = row.trim_end().split(',').collect();
    (cells[2].parse().unwrap(), format!("{} {}#{}", cells[4], &cells[3][2..], cells[5]))
}

#[test]
fn frames_are_those_of_the_table() {
    let Some(log) = data("rav4-40.rlog.zst") else {
        return;
    };
    let (cts, log) = (Cts::new(), log.to_str().unwrap());
    let table = text(&golden("rav4-40.plain.csv").unwrap());
    let want: Vec<_> = table.lines().skip(1).map(as_frame).collect();
    let lines = |args: &[&str]| {
        let output = cts.run(&[&["frames", log], args].concat());
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout).lines().map(str::to_owned).collect::<Vec<_>>()
    };
    let all: Vec<_> = lines(&[]).iter().map(|line| parted(line)).collect();
    assert_eq!(all.len(), want.len());
    // The table counts from the first `can` event, the frames from the start of the log.
    let shift = all[0].0;
    assert!((0.0..1.0).contains(&shift));
    let same = |(one, other): (&(f64, String), &(f64, String))| {
        one.1 == other.1 && (one.0 - other.0 - shift).abs() < 2e-6
    };
    assert!(all.iter().zip(&want).all(same));
    let check = |args: &[&str], keep: &dyn Fn(&(f64, String)) -> bool| {
        let want: Vec<_> = all.iter().filter(|frame| keep(frame)).cloned().collect();
        let got: Vec<_> = lines(args).iter().map(|line| parted(line)).collect();
        assert!(got == want && !got.is_empty(), "{args:?}");
    };
    check(&["--limit", "10"], &|frame| all[..10].contains(frame));
    check(&["--bus", "0", "--address", "0x1D2"], &|frame| frame.1.starts_with("0 1D2#"));
    check(&["--from", "59.5", "--to", "59.5999999"], &|frame| (59.5..59.6).contains(&frame.0));
    assert_eq!(lines(&["--service", "all"]).len(), all.len() + lines(&["--service", "sendcan"]).len());
    let json: Value = serde_json::from_str(&lines(&["--json", "--limit", "1"])[0]).unwrap();
    assert_eq!((&json["t"], &json["service"]), (&Value::from(shift), &Value::from("can")));
    let first = format!("{:03X}#{}", json["address"].as_u64().unwrap(), json["data"].as_str().unwrap());
    assert!(want[0].1.ends_with(&first));
}

#[test]
fn routes_are_found_by_flag_environment_and_file() {
    let Some(log) = data("rav4-40.qlog.zst") else {
        return;
    };
    let (cts, name) = (Cts::new(), "2024-05-05--20-23-10");
    for number in 0..2 {
        let segment = cts.dir().join(format!("logs/{name}--{number}"));
        std::fs::create_dir_all(&segment).unwrap();
        std::fs::copy(&log, segment.join("qlog.zst")).unwrap();
    }
    let route = format!("{name}/q");
    let count = |output: Output| {
        assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
        text(&output.stdout).lines().count()
    };
    assert_eq!(count(cts.run(&["frames", &route, "--data-dir", "logs"])), 2 * 87);
    assert_eq!(
        count(cts.command(&["frames", &route]).env("CTS_DATA_DIR", "x:logs").output().unwrap()),
        2 * 87
    );
    std::fs::create_dir_all(cts.dir().join("none/cts")).unwrap();
    std::fs::write(cts.dir().join("none/cts/config.toml"), "data_dirs = [\"../../logs\"]").unwrap();
    assert_eq!(count(cts.run(&["frames", &route])), 2 * 87);
    let output = cts.run(&["run", "rlog-to-csv", "--path", &format!("{name}/1/q")]);
    assert_eq!(output.status.code(), Some(0), "{}", text(&output.stderr));
    assert!(cts.dir().join(format!("{name}--1--qlog.csv")).exists(), "{:?}", cts.names());
    std::fs::write(cts.dir().join("none/cts/config.toml"), "data_dirs = 1").unwrap();
    assert_eq!(cts.run(&["cap"]).status.code(), Some(2));
}

#[test]
fn capabilities_list_every_parameter() {
    let cts = Cts::new();
    let words = text(&cts.run(&["cap"]).stdout);
    assert!(words.contains("rlog-to-csv") && words.contains("--window-start s"), "{words}");
    let all: Value = serde_json::from_slice(&cts.run(&["cap", "--json"]).stdout).unwrap();
    let tools = all["tools"].as_array().unwrap();
    let tool = tools.iter().find(|tool| tool["id"] == "rlog-to-csv").unwrap();
    let keys: Vec<&String> = tool["parameters"]["out"].as_object().unwrap().keys().collect();
    assert_eq!(keys, ["type", "default", "description", "choices", "required", "nargs"]);
    assert_eq!(tool["parameters"]["rlog"]["required"], true);
    assert_eq!(tool["parameters"]["rlog"]["default"], Value::Null);
}

#[test]
fn completions_and_manual_pages_know_the_flags_of_tools() {
    let cts = Cts::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = text(&cts.run(&["completions", shell]).stdout);
        assert!(script.contains("window-start"), "{shell}");
    }
    assert!(text(&cts.run(&["man"]).stdout).contains("data\\-dir"));
    assert_eq!(cts.run(&["man", "pages"]).status.code(), Some(0));
    assert!(cts.dir().join("pages/cts-run-rlog-to-csv.1").exists());
}

#[cfg(unix)]
#[test]
fn an_interrupt_leaves_nothing_behind() {
    let Some(log) = data("rav4-40.rlog") else { return };
    let cts = Cts::new();
    let mut command = cts.command(&["run", "rlog-to-csv", "--path", "-"]);
    let mut child = command.stdin(Stdio::piped()).spawn().unwrap();
    let mut stdin = child.stdin.take().unwrap();
    let bytes = std::fs::read(log).unwrap();
    // More than a pipe holds, so that the program is at work when this returns.
    stdin.write_all(&bytes[..bytes.len() / 2]).unwrap();
    let pid = child.id().to_string();
    assert!(Command::new("kill").args(["-INT", &pid]).status().unwrap().success());
    std::thread::sleep(std::time::Duration::from_millis(200));
    let _ = stdin.write_all(&bytes[bytes.len() / 2..]);
    drop(stdin);
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), cts.names()), (Some(130), vec![]), "{}", text(&output.stderr));
}
