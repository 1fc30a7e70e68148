//! What a run may use: each limit ends that run, and is named.

use std::io::Write;
use std::time::Duration;

use serde_json::json;

use crate::faults::fate;
use crate::lab::{Lab, endless_input};
use crate::machine::{is_alive, within};

#[test]
fn an_endless_loop_meets_the_wall_limit_with_its_children() {
    let marks = tempfile::tempdir().unwrap();
    let pid = marks.path().join("pid");
    let script = format!("read job; sleep 1000 & echo $! > {}; while :; do :; done", pid.display());
    let lab = Lab::with_worker(&script, |settings| settings.limits.wall = Duration::from_millis(500));
    let run = fate(&lab);
    assert_eq!(run["error_details"]["code"], "timeout", "{run}");
    assert_eq!((&run["error_category"], &run["error_details"]["signal"]), (&json!("tool_error"), &json!(9)));
    let child = std::fs::read_to_string(pid).unwrap();
    assert!(!is_alive(child.trim()), "the whole tree is gone");
}

#[test]
fn cpu_time_is_limited() {
    let lab = Lab::with(|settings| settings.limits.cpu_seconds = 1);
    let path = endless_input(lab.dir.path());
    let log = std::fs::read(lab.log()).unwrap();
    // The same two seconds of driving, for as long as somebody reads.
    let feed = path.clone();
    let feeder = std::thread::spawn(move || {
        let mut pipe = std::fs::File::options().write(true).open(feed).unwrap();
        while pipe.write_all(&log).is_ok() {}
    });
    // A message that nobody sends, so that nothing is written.
    let id = lab.client.run("rlog-to-csv", json!({ "rlog": path, "addresses": "0x7FF" }));
    // Workers are not urgent: on a busy machine a second of CPU time takes a while.
    within(Duration::from_secs(280), "a second of work", || {
        lab.client.get(&format!("/v1/runs/{id}")).json()["status"] == "failed"
    });
    let run = lab.client.wait(&id);
    feeder.join().unwrap();
    let details = &run["error_details"];
    assert_eq!((&details["code"], &details["limit_hit"]), (&json!("cpu-limit"), &json!("cpu_time")), "{run}");
    assert_eq!(
        (&details["limit_value"], &details["signal"], &run["attempts"]),
        (&json!(1), &json!(24), &json!(1))
    );
    assert!(details["peak_memory_bytes"].as_u64().unwrap() > 1 << 20);
}

#[test]
fn however_little_memory_there_is_the_cause_is_told() {
    let mut refused = 0;
    for mib in [1, 2, 4, 8, 12, 16] {
        let lab = Lab::with(|settings| settings.limits.memory_bytes = mib << 20);
        for (tool, input) in
            [("rlog-to-csv", "rlog"), ("can-bitwatch", "csv"), ("cruise-control-analyzer", "log_file")]
        {
            let run = lab.client.wait(&lab.client.run(tool, json!({ input: lab.log() })));
            if run["status"] == "completed" {
                continue;
            }
            refused += 1;
            let details = &run["error_details"];
            assert_eq!(
                (&details["code"], &run["error_category"]),
                (&json!("out-of-memory"), &json!("tool_error")),
                "{run}"
            );
            assert_eq!(
                (&details["limit_hit"], &details["limit_value"]),
                (&json!("memory"), &json!(mib << 20)),
                "{run}"
            );
            assert!(details["peak_memory_bytes"].is_u64(), "{run}");
        }
    }
    assert!(refused >= 9, "{refused}");
}

#[test]
fn memory_that_no_limit_of_the_system_covers_is_seen() {
    // A shell variable that grows by a megabyte at a time; the script sets no limit of its own.
    let script = "read job; y=$(head -c 1000000 /dev/zero | tr '\\0' a); while :; do x=$x$y; done";
    let run = fate(&Lab::with_worker(script, |settings| settings.limits.memory_bytes = 64 << 20));
    assert_eq!(run["error_details"]["code"], "out-of-memory", "{run}");
    assert!(run["error_details"]["peak_memory_bytes"].as_u64().unwrap() > 64 << 20, "{run}");
}

#[test]
fn open_files_are_limited() {
    // The pipes and the input, but no output.
    let lab = Lab::with(|settings| settings.limits.open_files = 4);
    let run = fate(&lab);
    let details = &run["error_details"];
    assert_eq!(
        (&details["code"], &run["error_category"]),
        (&json!("open-files-limit"), &json!("tool_error")),
        "{run}"
    );
    assert_eq!((&details["limit_hit"], &details["limit_value"]), (&json!("open_files"), &json!(4)));
    assert_eq!(run["attempts"], 1, "this does not pass by waiting");
}

#[test]
fn a_file_that_grows_too_large_is_stopped() {
    let lab = Lab::with(|settings| settings.limits.artifact_bytes = 10_000);
    let run = fate(&lab);
    assert_eq!(run["error_details"]["code"], "artifact-too-large", "{run}");
    assert_eq!(
        (&run["error_details"]["limit_hit"], &run["error_details"]["limit_value"]),
        (&json!("artifact_size"), &json!(10_000))
    );
}

#[test]
fn all_files_of_a_run_together_are_limited() {
    let script = "read job; dir=${job#*work_dir\\\":\\\"}; dir=${dir%%\\\"*}; head -c 200000 /dev/zero > $dir/big; \
                  exec sleep 1000";
    let slow = Lab::with_worker(script, |settings| settings.limits.output_bytes = 100_000);
    // Done before anybody looks.
    let quick = Lab::with(|settings| settings.limits.output_bytes = 10_000);
    for lab in [slow, quick] {
        let run = fate(&lab);
        assert_eq!(run["error_details"]["code"], "output-too-large", "{run}");
        assert_eq!(run["error_details"]["limit_hit"], "output_size");
    }
}
