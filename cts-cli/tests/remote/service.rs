//! The real service.

use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

use serde_json::Value;

use crate::cts::Cts;

/// A running `cts-lite`; it ends with its test.
pub struct Service {
    child: Child,
    pub url: String,
    _dir: tempfile::TempDir,
}

impl Drop for Service {
    fn drop(&mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }
}

/// The program beside `cts`, or the one that CTS_LITE_BIN names. It is built where it is missing.
fn program() -> PathBuf {
    if let Some(path) = std::env::var_os("CTS_LITE_BIN") {
        return path.into();
    }
    let dir = Path::new(env!("CARGO_BIN_EXE_cts")).parent().unwrap();
    let program = dir.join(format!("cts-lite{}", std::env::consts::EXE_SUFFIX));
    if !program.exists() {
        let mut cargo = Command::new(env!("CARGO"));
        cargo.args(["build", "--package", "cts-server", "--target-dir"]).arg(dir.parent().unwrap());
        if !cfg!(debug_assertions) {
            cargo.arg("--release");
        }
        assert!(cargo.current_dir(env!("CARGO_MANIFEST_DIR")).status().unwrap().success());
    }
    program
}

impl Service {
    fn start() -> Self {
        Self::start_with(&[])
    }

    /// With these variables.
    pub fn start_with(variables: &[(&str, &str)]) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let mut command = Command::new(program());
        for (name, part) in [
            ("CTS_STORAGE_DIR", "data"),
            ("CTS_BASE_STORAGE_PATH", "base"),
            ("CTS_TEMP_DIRECTORY", "tmp"),
            ("CTS_LOG_DIRECTORY", "log"),
            ("CTS_DOWNLOAD_BASE_PATH", "downloads"),
        ] {
            command.env(name, dir.path().join(part));
        }
        command.envs(variables.iter().copied());
        command.env("CTS_PORT", "0").env("CTS_LOG_LEVEL", "INFO").env("CTS_LOG_FORMAT", "json");
        command.current_dir(dir.path()).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::piped());
        let mut child = command.spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map_while(Result::ok);
        let address = lines.by_ref().find_map(|line| {
            let line = line.split_once("127.0.0.1:").filter(|_| line.contains("listening"))?.1.to_owned();
            Some(line.chars().take_while(char::is_ascii_digit).collect::<String>())
        });
        let url = format!("http://127.0.0.1:{}", address.expect("the service does not start"));
        // Else it would stop when the pipe is full.
        std::thread::spawn(move || lines.for_each(drop));
        Self { child, url, _dir: dir }
    }
}

/// Makes a drive in the directory of `cts`.
fn drive(cts: &Cts, more: &[&str]) -> PathBuf {
    let args = [&["demo", "--seconds", "5", "--out-dir", "drive"], more].concat();
    let done = cts.run(&args);
    assert!(matches!(done.code, Some(0 | 3)), "{done:?}");
    cts.path("drive/demo.rlog.zst")
}

#[test]
fn runs_here_and_there_look_the_same() {
    let service = Service::start();
    let (here, there) = (Cts::new(""), Cts::new(&service.url));
    for damage in [&[][..], &["--damage"]] {
        let log = drive(&here, damage);
        let log = log.to_str().unwrap();
        for args in [
            &["rlog-to-csv", "--window-start", "1", "-p", "window_dur=2"][..],
            &["can-bitwatch", "--output-prefix", "x", "--watch", "0x027:B4b5,0x1C5:B4b1"],
        ] {
            let run = [&["run"], args, &["--path", log, "--wait", "--out-dir", "out"]].concat();
            let (a, b) = (here.run(&run), there.run(&run));
            assert_eq!(a.out, b.out, "{a:?} {b:?}");
            // There, 3 means that the run failed.
            assert_eq!((a.code, b.code), (Some(if damage.is_empty() { 0 } else { 3 }), Some(0)));
            let words = |text: &str| text.lines().filter(|line| line.contains("warning [")).count();
            assert_eq!(words(&a.err), words(&b.err), "{a:?} {b:?}");
            let json = [&run[..], &["--json"]].concat();
            let (a, b) = (here.run(&json).json(), there.run(&json).json());
            for name in ["tool", "data", "human", "warnings", "completeness"] {
                assert_eq!(a[name], b[name], "{name}");
            }
            let names = |files: &Value| -> Vec<(Value, Value, Value)> {
                let files = files.as_array().unwrap().iter();
                let mut files: Vec<_> =
                    files.map(|f| (f["name"].clone(), f["path"].clone(), f["bytes"].clone())).collect();
                files.sort_by_key(|file| file.0.to_string());
                files
            };
            assert_eq!(names(&a["artifacts"]), names(&b["files"]));
        }
        assert_eq!(here.names("out"), there.names("out"));
        assert_eq!(here.names("out").len(), 6);
        for name in here.names("out") {
            let name = format!("out/{name}");
            assert!(here.read(&name) == there.read(&name), "{name}");
        }
    }
}

#[test]
fn an_uploaded_log_gives_what_the_log_gives() {
    let service = Service::start();
    let cts = Cts::new(&service.url);
    drive(&cts, &[]);
    let local = cts
        .run(&["run", "rlog-to-csv", "--local", "--upload", "drive/demo.rlog.zst", "--out-dir", "here"])
        .ok();
    let remote = cts
        .run(&["run", "rlog-to-csv", "--upload", "drive/demo.rlog.zst", "--follow", "--out-dir", "there"])
        .ok();
    assert_eq!(local.out.replace("here/", "there/"), remote.out);
    assert!(remote.err.contains("cts: wrote demo.csv"), "{}", remote.err);
    assert!(cts.read("here/demo.csv") == cts.read("there/demo.csv"));
    let id = cts.run(&["upload", "drive/demo.rlog.zst", "-q"]).ok().out;
    let again = ["run", "rlog-to-csv", "--upload-id", id.trim(), "--wait", "--out-dir", "again"];
    cts.run(&again).ok();
    assert!(cts.read("here/demo.csv") == cts.read("again/demo.csv"));
    let alone = cts.run(&[&again[..], &["--local"]].concat());
    assert!(alone.code == Some(2) && alone.err.contains("--url or CTS_URL"), "{alone:?}");
    // A path that is relative here is the same file there.
    let near = cts.run(&["run", "rlog-to-csv", "--path", "drive/demo.rlog.zst", "--wait"]).ok();
    assert_eq!(near.out.lines().nth(1), local.out.lines().nth(1));
    assert!(cts.read("Downloads/cts/demo.csv") == cts.read("here/demo.csv"));
}

#[test]
fn every_command_meets_the_service() {
    let service = Service::start();
    let cts = Cts::new(&service.url);
    let log = drive(&cts, &[]);
    assert_eq!(cts.run(&["--json", "ping"]).ok().json()["status"], "healthy");
    let tool = |more: &[&str]| cts.run(&[&["cap", "rlog-to-csv", "--json"], more].concat()).ok().json();
    assert_eq!(tool(&[]), tool(&["--local"]));
    assert!(cts.run(&["cap", "rlog-to-csv"]).ok().out.starts_with("rlog-to-csv  "));
    assert_eq!(cts.run(&["runs", "list"]).ok().out, "");
    let run = ["run", "rlog-to-csv", "--path", log.to_str().unwrap(), "--name", "mine"];
    let id = cts.run(&run).ok().out.trim().to_owned();
    let logged = cts.run(&["logs", &id, "--follow"]).ok().out;
    assert!(logged.lines().count() >= 2 && logged.contains("INFO: Starting rlog-to-csv"), "{logged}");
    let shown = cts.run(&["runs", "get", &id, "--json"]).ok().json();
    assert_eq!((shown["status"].as_str(), shown["name"].as_str()), (Some("completed"), Some("mine")));
    assert_eq!(cts.run(&["logs", &id]).ok().out, logged);
    let list = cts.run(&["runs", "list", "--status", "completed", "--json"]).ok().json();
    assert_eq!((list.as_array().unwrap().len(), list[0]["run_id"].as_str()), (1, Some(&*id)));
    assert!(cts.run(&["runs", "list"]).ok().out.contains(&id));
    assert!(cts.run(&["runs", "cancel", &id]).ok().err.contains("had completed before"));
    let files = cts.run(&["art", "list", &id, "--json"]).ok().json();
    let file = files[0]["id"].as_str().unwrap();
    cts.run(&["art", "get", file, "--out-dir", "got"]).ok();
    assert_eq!(cts.names("got"), ["demo.csv"]);
    assert_eq!(cts.read("got/demo.csv"), cts.run(&["art", "get", file, "--stdout"]).ok().out.as_bytes());
    cts.run(&["upload", log.to_str().unwrap()]).ok();
}

#[test]
fn refusals_of_the_service_have_code_and_remedy() {
    let service = Service::start();
    let cts = Cts::new(&service.url);
    for (args, code, word) in [
        (&["run", "rlog-to-cvs", "--path", "/x"][..], 1, "[no-such-tool]"),
        (&["run", "rlog-to-csv", "--path", "/x", "-p", "window_start=soon"], 1, "[bad-param]"),
        (&["run", "rlog-to-csv", "--path", "/nowhere.zst", "--wait"], 3, "[no-such-file]"),
        (&["runs", "get", "nope"], 2, "[no-such-run]"),
        (&["runs", "cancel", "nope"], 2, "[no-such-run]"),
        (&["logs", "nope", "--follow"], 2, "[no-such-run]"),
        (&["art", "list", "../health"], 2, "[no-such-run]"),
        (&["art", "get", "nope"], 2, "[no-such-artifact]"),
        (&["upload", "nope"], 1, "[no-such-file]"),
    ] {
        let done = cts.run(args);
        assert_eq!((done.code, &*done.out), (Some(code), ""), "{args:?} {done:?}");
        assert!(done.err.contains(word) && done.err.contains("\nhint: "), "{args:?} {}", done.err);
    }
}

#[test]
fn monitors_of_the_service_are_started_watched_listed_and_stopped() {
    let service = Service::start();
    let cts = Cts::new(&service.url);
    cts.run(&["demo", "--seconds", "20", "--out-dir", "drive"]).ok();
    let log = cts.path("drive/demo.rlog.zst");
    let log = format!("log={}", log.to_str().unwrap());
    assert!(cts.run(&["mon", "ls", "--json"]).ok().json().as_array().unwrap().is_empty());
    let id = cts.run(&["mon", "start", "can_bus_check", "-p", &log]).ok().out.trim().to_owned();
    let people = cts.run(&["mon", "stream", &id]).ok().out;
    assert!(people.contains("] can_counts: {") && people.contains("] end: {"), "{people}");
    let lines = cts.run(&["mon", "stream", &id, "--ndjson"]).ok().out;
    let events: Vec<Value> = lines.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!((events.len(), &events[4]["data"]["status"]), (5, &Value::from("completed")));
    assert!(cts.run(&["mon", "ls"]).ok().out.contains(&id));

    let endless = cts.run(&["mon", "start", "panda_state", "-p", &log, "-p", "speed=0.01"]).ok().out;
    let stopped = cts.run(&["mon", "stop", endless.trim(), "--json"]).ok().json();
    assert_eq!(stopped["status"], "stopped");
    let last = cts.run(&["mon", "stream", endless.trim(), "--raw"]).ok().out;
    assert!(last.trim_end().lines().next_back().unwrap().contains("stopped"), "{last}");
    for (args, code, word) in [
        (&["mon", "start", "nothing"][..], 1, "[no-such-tool]"),
        (&["mon", "start", "panda_state"], 1, "[missing-param]"),
        (&["mon", "stop", "nope"], 2, "[no-such-monitor]"),
        (&["mon", "stream", "nope"], 2, "[no-such-monitor]"),
    ] {
        let done = cts.run(args);
        assert_eq!(done.code, Some(code), "{args:?} {done:?}");
        assert!(done.err.contains(word), "{args:?} {}", done.err);
    }
}
