//! Workers that misbehave: each ends its own run only, with the true cause.

use std::process::Command;
use std::time::Duration;

use serde_json::{Value, json};

use crate::lab::{Lab, endless_input, log_of, process_in};

/// Runs a job with that worker and gives how it ended.
fn fate(lab: &Lab) -> Value {
    let run = lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() })));
    assert_eq!(run["status"], "failed", "{run}");
    let work = lab.data().join("runs").join(run["run_id"].as_str().unwrap()).join("work");
    assert!(!work.exists(), "nothing is left");
    assert_eq!(lab.client.get("/v1/health").status, 200);
    run
}

fn check(script: &str, category: &str, code: &str) -> Value {
    let run = fate(&Lab::with_worker(script, |_| {}));
    assert_eq!(run["error_category"], category, "{run}");
    assert_eq!(run["error_details"]["code"], code, "{run}");
    assert!(!run["error_details"]["suggested_fix"].as_str().unwrap().is_empty());
    assert!(run["error_details"]["execution_time"].as_f64().unwrap() >= 0.0);
    run
}

#[test]
fn a_panic_tells_where() {
    let script = "read job; printf 'thread main panicked at src/x.rs:1:2:\\nno luck\\n' >&2; exit 101";
    let run = check(script, "tool_error", "tool-panic");
    assert_eq!(run["error"], "the tool panicked: no luck at src/x.rs:1:2");
    assert_eq!(run["error_details"]["exit_code"], 101);
    assert!(run["error_details"]["tool_stderr"].as_str().unwrap().contains("no luck"));
}

#[test]
fn an_abort_tells_the_signal() {
    let run = check("read job; kill -ABRT $$", "tool_error", "tool-crash");
    assert_eq!(run["error_details"]["signal"], 6);
}

#[test]
fn a_silent_end_is_an_error() {
    let run = check("read job; exit 0", "tool_error", "tool-exit");
    assert_eq!(run["error_details"]["exit_code"], 0);
}

#[test]
fn a_killed_worker_is_tried_again() {
    let run = check("read job; kill -KILL $$", "system_error", "worker-died");
    assert_eq!((&run["attempts"], &run["error_details"]["recovery_attempted"]), (&json!(3), &json!(true)));
}

#[test]
fn a_second_attempt_may_succeed() {
    let marker = tempfile::tempdir().unwrap();
    let marker = marker.path().join("once").display().to_string();
    let script = format!(
        "read job; if mkdir {marker}; then kill -KILL $$; fi; printf '{{\"say\":\"report\",\"report\":{{}}}}\\n'"
    );
    let lab = Lab::with_worker(&script, |_| {});
    let run = lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() })));
    assert_eq!((run["status"].as_str(), &run["attempts"]), (Some("completed"), &json!(2)), "{run}");
}

#[test]
fn garbage_on_the_pipe_is_shown() {
    let run = check("read job; echo hello; exec sleep 1000", "tool_error", "worker-garbage");
    assert!(run["error"].as_str().unwrap().ends_with("no message: hello"), "{run}");
}

#[test]
fn a_flood_on_the_pipe_is_stopped() {
    let script = "read job; exec yes '{\"say\":\"log\",\"level\":\"INFO\",\"message\":\"x\"}'";
    let run = fate(&Lab::with_worker(script, |settings| settings.limits.pipe_bytes = 1 << 20));
    assert_eq!(run["error_details"]["code"], "pipe-flood", "{run}");
    assert_eq!(run["error_details"]["limit_hit"], "pipe_size");
    assert!(run["logs_dropped"].as_u64().unwrap() > 0 || run["error_details"]["limit_value"] == 1 << 20);
}

#[test]
fn a_line_without_end_is_stopped() {
    let script = "read job; exec cat /dev/zero";
    let run = fate(&Lab::with_worker(script, |settings| settings.limits.pipe_bytes = 1 << 30));
    assert_eq!(run["error_details"]["code"], "pipe-flood", "{run}");
}

#[test]
fn a_flood_of_errors_is_kept_short() {
    let run = check("read job; yes | head -c 3000000 >&2; exit 3", "tool_error", "tool-exit");
    assert_eq!(run["error_details"]["tool_stderr"].as_str().unwrap().len(), 16 << 10);
}

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

/// A process that was killed and not yet collected by init counts as gone.
fn is_alive(pid: &str) -> bool {
    let stat = std::fs::read_to_string(format!("/proc/{pid}/stat")).unwrap_or_default();
    !(stat.is_empty() || stat.contains(") Z "))
}

#[test]
fn cpu_time_is_limited() {
    let script = "ulimit -t 1; read job; while :; do :; done";
    let run = fate(&Lab::with_worker(script, |settings| settings.limits.cpu_seconds = 1));
    assert_eq!(run["error_details"]["code"], "cpu-limit", "{run}");
    assert_eq!(run["error_details"]["limit_hit"], "cpu_time");
}

#[test]
fn memory_is_limited() {
    // The real worker, with less memory than its buffers need.
    let lab = Lab::with(|settings| settings.limits.memory_bytes = 12 << 20);
    let run = fate(&lab);
    assert_eq!(run["error_details"]["code"], "out-of-memory", "{run}");
    assert_eq!(run["error_details"]["limit_hit"], "memory");
    assert_eq!(run["error_category"], "tool_error");
}

#[test]
fn a_file_that_grows_too_large_is_stopped() {
    let lab = Lab::with(|settings| settings.limits.artifact_bytes = 10_000);
    let run = fate(&lab);
    assert_eq!(run["error_details"]["code"], "artifact-too-large", "{run}");
    assert_eq!(run["error_details"]["limit_hit"], "artifact_size");
}

#[test]
fn all_files_of_a_run_together_are_limited() {
    let script = "read job; dir=${job#*work_dir\\\":\\\"}; dir=${dir%%\\\"*}; head -c 200000 /dev/zero > $dir/big; \
                  exec sleep 1000";
    let run = fate(&Lab::with_worker(script, |settings| settings.limits.output_bytes = 100_000));
    assert_eq!(run["error_details"]["code"], "output-too-large", "{run}");
}

#[test]
fn an_artifact_that_is_no_file_of_the_run_is_refused() {
    for name in ["../../../store.db", "/etc/passwd", "absent.csv"] {
        let said = json!({ "say": "artifact", "name": name, "content_type": "text/csv" });
        let script = format!("read job; echo '{said}'; echo '{{\"say\":\"report\",\"report\":{{}}}}'");
        check(&script, "tool_error", "bad-artifact");
    }
}

#[test]
fn a_worker_that_cannot_start_is_a_fault_of_the_system() {
    let lab = Lab::with(|settings| {
        settings.worker.program = "/nonexistent/worker".into();
        settings.runs.spare_workers = 0;
    });
    let run = fate(&lab);
    assert_eq!(run["error_details"]["code"], "worker-start", "{run}");
    assert_eq!(run["error_category"], "system_error");
}

#[test]
fn a_worker_that_is_killed_from_outside_does_not_harm_others() {
    let lab = Lab::with(|settings| (settings.runs.max_concurrent, settings.runs.attempts) = (2, 1));
    let victim = lab.client.run("rlog-to-csv", json!({ "rlog": endless_input(lab.dir.path()) }));
    lab.client.wait_for(&victim, &["running"]);
    let work = lab.data().join("runs").join(&victim).join("work");
    let pid = process_in(&work);
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    let run = lab.client.wait(&victim);
    assert_eq!(run["error_details"]["code"], "worker-died", "{run}");
    assert_eq!(
        lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() })))["status"],
        "completed"
    );
}

/// A small disk of its own. Needs the right to mount.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(size: &str) -> Option<Self> {
        let dir = tempfile::tempdir().unwrap();
        let options = format!("size={size}");
        let mounted =
            Command::new("mount").args(["-t", "tmpfs", "-o", &options, "cts-test"]).arg(dir.path()).output();
        mounted.is_ok_and(|done| done.status.success()).then(|| Self(dir))
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily: whoever still has a file open there does not keep the rest from going.
        let _ = Command::new("umount").arg("-l").arg(self.0.path()).status();
    }
}

#[test]
fn a_full_disk_fails_the_run_and_nothing_else() {
    let Some(disk) = SmallDisk::mount("6m") else {
        eprintln!("SKIPPED: a full disk, no right to mount one");
        return;
    };
    let lab = Lab::with(|settings| settings.data_dir = disk.0.path().join("data"));
    let big = log_of(lab.dir.path(), 150);
    let run = lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": big })));
    assert_eq!(run["error_details"]["code"], "disk-full", "{run}");
    assert_eq!((&run["error_category"], &run["attempts"]), (&json!("system_error"), &json!(3)));
    assert!(run["error_details"]["suggested_fix"].as_str().unwrap().contains("Free space"));
    let small = lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() }));
    assert_eq!(lab.client.wait(&small)["status"], "completed");
}

#[test]
fn a_store_that_others_hold_is_waited_for_and_then_told() {
    let lab = Lab::new();
    let other = rusqlite::Connection::open(lab.data().join("store.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused =
        lab.client.post("/v1/runs", &json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log() } }));
    assert_eq!((refused.status, refused.json()["code"].as_str()), (503, Some("busy")));
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(lab.client.get("/v1/runs").json(), json!([]));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(
        lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() })))["status"],
        "completed"
    );
}
