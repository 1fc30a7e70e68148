//! Workers that misbehave: each ends its own run only, with the true cause.

use std::process::Command;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lab::{Daemon, Lab, endless_input, log_in};
use crate::machine::{children, is_alive, process_in, soon};

/// The report of a shell script.
const REPORT: &str = "printf '{\"say\":\"report\",\"report\":{}}\\n'";

/// Runs a job with that worker and gives how it ended.
pub fn fate(lab: &Lab) -> Value {
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
    let script = format!("read job; if mkdir {marker}; then kill -KILL $$; fi; {REPORT}");
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
    assert_eq!(run["error_details"]["limit_value"], 16 << 20, "of one message");
}

#[test]
fn a_flood_of_errors_is_kept_short() {
    let run = check("read job; yes | head -c 3000000 >&2; exit 3", "tool_error", "tool-exit");
    assert_eq!(run["error_details"]["tool_stderr"].as_str().unwrap().len(), 16 << 10);
}

#[test]
fn an_artifact_that_is_no_file_of_the_run_is_refused() {
    for name in ["../../../store.db", "/etc/passwd", "absent.csv"] {
        let said = json!({ "say": "artifact", "name": name, "content_type": "text/csv" });
        let script = format!("read job; echo '{said}'; {REPORT}");
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
    assert!(run["error_details"]["suggested_fix"].as_str().unwrap().contains("put it back"), "{run}");
    assert!(run["error_details"]["execution_time"].as_f64().unwrap() >= 0.0, "{run}");
    assert_eq!(run["error_category"], "system_error");
}

#[test]
fn a_worker_that_is_killed_from_outside_does_not_harm_others() {
    let lab = Lab::with(|settings| (settings.runs.max_concurrent, settings.runs.attempts) = (2, 1));
    let victim = lab.client.run("rlog-to-csv", json!({ "rlog": endless_input(lab.dir.path()) }));
    lab.client.wait_for(&victim, &["running"]);
    let pid = process_in(&lab.data().join("runs").join(&victim).join("work"));
    assert!(Command::new("kill").args(["-9", &pid]).status().unwrap().success());
    let run = lab.client.wait(&victim);
    assert_eq!(run["error_details"]["code"], "worker-died", "{run}");
    assert_eq!(
        lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() })))["status"],
        "completed"
    );
}

#[test]
fn a_worker_that_reports_and_stays_is_stopped() {
    for script in [format!("read job; {REPORT}; exec sleep 1000"), "read job; exec sleep 1000 >&-".to_owned()]
    {
        let run = check(&script, "tool_error", "worker-stuck");
        assert_eq!(run["attempts"], 1, "{run}");
    }
}

#[test]
fn a_worker_that_does_not_listen_can_be_canceled() {
    let lab = Lab::with_worker("exec sleep 1000", |_| {});
    // More than a pipe holds.
    let params = json!({ "rlog": lab.log(), "addresses": vec!["0x123"; 8160] });
    let run = lab.client.run("rlog-to-csv", params);
    lab.client.wait_for(&run, &["running"]);
    lab.client.send("DELETE", &format!("/v1/runs/{run}"), &[], Vec::new());
    soon("it is stopped", || !lab.data().join("runs").join(&run).exists());
}

/// A script that starts a process which leaves its group, ignores signals and holds the pipes of the worker; its number
/// goes to the file.
fn hide(pid: &std::path::Path) -> String {
    let hidden = "trap \"\" TERM INT HUP; echo $$ > PID.new; mv PID.new PID; while :; do sleep 1; done";
    let hidden = hidden.replace("PID", &pid.display().to_string());
    format!("read job; setsid sh -c '{hidden}' & while [ ! -e {} ]; do sleep 0.01; done;", pid.display())
}

#[test]
fn a_silent_death_is_seen_though_others_hold_the_pipe() {
    let marks = tempfile::tempdir().unwrap();
    for (n, end) in ["kill -KILL $$", "exit 3"].into_iter().enumerate() {
        let pid = marks.path().join(n.to_string());
        let script = format!("{} {end}", hide(&pid));
        let lab = Lab::with_worker(&script, |settings| {
            settings.limits.wall = Duration::from_secs(3600);
            settings.runs.attempts = 1;
        });
        let run = fate(&lab);
        assert_eq!(run["error_details"]["code"], ["worker-died", "tool-exit"][n], "{run}");
        let hidden = std::fs::read_to_string(pid).unwrap();
        assert!(!is_alive(hidden.trim()), "nothing is left of it");
    }
}

#[test]
fn a_canceled_run_ends_with_everything_that_hides() {
    let marks = tempfile::tempdir().unwrap();
    let pid = marks.path().join("pid");
    let script = format!("trap '' TERM INT HUP; {} while :; do sleep 1; done", hide(&pid));
    let lab = Lab::with_worker(&script, |_| {});
    let run = lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() }));
    soon("the worker hides something", || pid.exists());
    let hidden = std::fs::read_to_string(&pid).unwrap();
    lab.client.send("DELETE", &format!("/v1/runs/{run}"), &[], Vec::new());
    soon("it is found and killed", || !is_alive(hidden.trim()));
    soon("its files are removed", || !lab.data().join("runs").join(&run).exists());
}

#[test]
fn a_flood_of_files_is_stopped() {
    let said = json!({ "say": "artifact", "name": "a", "content_type": "text/csv" });
    let script = format!("read job; yes '{said}' | head -10001; exec sleep 1000");
    let run = check(&script, "tool_error", "too-many-artifacts");
    assert_eq!(run["error_details"]["limit_value"], 10_000);
}

#[test]
fn odd_names_of_inputs_are_no_fault_of_the_tool() {
    let lab = Lab::new();
    let odd = lab.dir.path().join("a\nb \\ü.rlog");
    std::fs::copy(lab.log(), &odd).unwrap();
    let run = lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": odd.display().to_string() })));
    assert_eq!(run["status"], "completed", "{run}");
    let artifacts = lab.client.get(&format!("/v1/runs/{}/artifacts", run["run_id"].as_str().unwrap())).json();
    assert_eq!(artifacts[0]["filename"], "a_b _ü.csv");
    let long = "x".repeat(300);
    let run = lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": lab.log(), "out": long })));
    assert_eq!(
        (&run["error_category"], &run["error_details"]["code"]),
        (&json!("validation_error"), &json!("bad-name"))
    );
    assert!(!run.to_string().contains(&*lab.data().to_string_lossy()), "{run}");
}

#[test]
fn devices_and_empty_paths_are_refused() {
    let lab = Lab::new();
    for path in ["/dev/zero", "/dev/urandom", "/dev/full", ""] {
        let refused =
            lab.client.post("/v1/runs", &json!({ "tool_id": "rlog-to-csv", "params": { "rlog": path } }));
        assert_eq!((refused.status, &refused.json()["code"]), (400, &json!("bad-input")), "{path}");
    }
    let large = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": "/a", "out": "x".repeat(70_000) } });
    assert_eq!(lab.client.post("/v1/runs", &large).status, 413);
}

#[test]
fn an_input_that_changes_is_told() {
    let marks = tempfile::tempdir().unwrap();
    let (begun, go) = (marks.path().join("begun"), marks.path().join("go"));
    let script = format!(
        "read job; : > {}; while [ ! -e {} ]; do sleep 0.01; done; {REPORT}",
        begun.display(),
        go.display()
    );
    let lab = Lab::with_worker(&script, |_| {});
    let wish = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log() }, "reuse": true });
    let id = lab.client.post("/v1/runs", &wish).json()["run_id"].as_str().unwrap().to_owned();
    soon("the tool reads", || begun.exists());
    std::fs::write(lab.dir.path().join("drive.rlog"), "something else").unwrap();
    std::fs::write(&go, "").unwrap();
    assert_eq!(lab.client.wait(&id)["status"], "completed");
    let log = lab.client.get(&format!("/v1/runs/{id}/logs/list")).json();
    let told = log["logs"].as_array().unwrap().iter().filter(|entry| entry["level"] == "WARNING");
    let told: Vec<&str> = told.map(|entry| entry["message"].as_str().unwrap()).collect();
    assert!(told[0].starts_with("the input changed while it was read"), "{log}");
    let again = lab.client.post("/v1/runs", &wish);
    assert_ne!(again.json()["run_id"].as_str(), Some(&*id), "such a result answers nobody else");
}

#[test]
fn a_link_that_leads_elsewhere_by_the_time_of_the_run_is_not_followed() {
    let roots = tempfile::tempdir().unwrap();
    let (root, outside) = (roots.path().join("root"), roots.path().join("outside.rlog"));
    std::fs::create_dir(&root).unwrap();
    let link = root.join("link.rlog");
    let allowed = root.clone();
    let lab = Lab::with(|settings| {
        settings.allowed_roots = vec![allowed];
        settings.runs.max_concurrent = 1;
    });
    std::fs::copy(lab.log(), &outside).unwrap();
    std::fs::copy(lab.log(), root.join("in.rlog")).unwrap();
    std::os::unix::fs::symlink(root.join("in.rlog"), &link).unwrap();
    let first = lab.client.run("rlog-to-csv", json!({ "rlog": endless_input(&root) }));
    lab.client.wait_for(&first, &["running"]);
    let second = lab.client.run("rlog-to-csv", json!({ "rlog": link.display().to_string() }));
    std::fs::remove_file(&link).unwrap();
    std::os::unix::fs::symlink(&outside, &link).unwrap();
    lab.client.send("DELETE", &format!("/v1/runs/{first}"), &[], Vec::new());
    let run = lab.client.wait(&second);
    assert_eq!(run["error_details"]["code"], "path-not-allowed", "{run}");
}

#[test]
fn a_spare_worker_waits_and_is_replaced() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path());
    let service = Daemon::start(dir.path());
    let spare = || children(service.pid());
    soon("one waits", || spare().len() == 1);
    let kill = || {
        assert!(Command::new("kill").args(["-9", &spare()[0]]).status().unwrap().success());
        soon("it has died", || spare().is_empty());
    };
    kill();
    assert_eq!(service.client.get("/v1/health/ready").status, 200);
    soon("whoever asks for readiness finds one", || spare().len() == 1);
    kill();
    let run = service.client.wait(&service.client.run("rlog-to-csv", json!({ "rlog": log })));
    assert_eq!((run["status"].as_str(), &run["attempts"]), (Some("completed"), &json!(1)), "nobody notices");
    soon("another waits", || spare().len() == 1);
    let second = spare();
    service.client.wait(&service.client.run("rlog-to-csv", json!({ "rlog": log })));
    soon("each serves one run", || spare().len() == 1 && spare() != second);
}

#[test]
fn workers_end_with_a_service_that_is_killed() {
    let dir = tempfile::tempdir().unwrap();
    let service = Daemon::start(dir.path());
    let run = service.client.run("rlog-to-csv", json!({ "rlog": endless_input(dir.path()) }));
    service.client.wait_for(&run, &["running"]);
    soon("one works, one waits", || children(service.pid()).len() == 2);
    let workers = children(service.pid());
    service.kill();
    soon("none is left", || !workers.iter().any(|pid| is_alive(pid)));
}

#[test]
fn readiness_knows_whether_workers_start() {
    for spares in [0, 1] {
        let lab = Lab::with(|settings| {
            settings.worker.program = "/nonexistent/worker".into();
            settings.runs.spare_workers = spares;
        });
        let ready = lab.client.get("/v1/health/ready");
        assert_eq!(ready.status, 503, "{}", ready.text());
        let failed: Vec<_> = ready.json()["checks"]
            .as_array()
            .unwrap()
            .iter()
            .filter(|c| c["status"] != "healthy")
            .cloned()
            .collect();
        assert_eq!((failed.len(), &failed[0]["name"]), (1, &json!("worker_start")), "{failed:?}");
    }
}

#[test]
fn attempts_are_bounded_and_their_pauses_grow() {
    let lab = Lab::with_worker("read job; kill -KILL $$", |settings| {
        (settings.runs.attempts, settings.runs.retry_pause) = (4, Duration::from_millis(40));
    });
    let begun = Instant::now();
    let run = fate(&lab);
    assert!(begun.elapsed() >= Duration::from_millis(40 + 80 + 160));
    assert_eq!((&run["attempts"], &run["error_details"]["attempts"]), (&json!(4), &json!(4)));
    let log = lab.client.get(&format!("/v1/runs/{}/logs/list", run["run_id"].as_str().unwrap())).json();
    let said = |n: u32, pause: &str| {
        let line = format!(
            "attempt {n} failed: the worker was killed from outside (signal 9); next attempt in {pause}"
        );
        log["logs"].as_array().unwrap().iter().filter(|entry| entry["message"] == line).count() == 1
    };
    assert!(said(1, "40ms") && said(2, "80ms") && said(3, "160ms"), "{log}");
    assert!(lab.client.get("/metrics").text().contains("\nrun_recoveries_total 3\n"));
}
