//! The program is killed and started again: everything is in a true state.

use serde_json::json;

use crate::lab::{Daemon, command, endless_input, log_in, refusal};

#[test]
fn after_kill_9_queued_runs_go_on_and_running_ones_are_failed() {
    let dir = tempfile::tempdir().unwrap();
    let (log, endless) = (log_in(dir.path()), endless_input(dir.path()));
    let service = Daemon::start(dir.path());
    let client = service.client.clone();
    let done = client.run("rlog-to-csv", json!({ "rlog": log }));
    let before = client.wait(&done);
    let running = client.run("rlog-to-csv", json!({ "rlog": endless }));
    client.wait_for(&running, &["running"]);
    let queued = client.run("rlog-to-csv", json!({ "rlog": log }));
    let data = dir.path().join("data");
    std::fs::write(data.join("runs").join(&done).join("artifacts/half.csv"), "half").unwrap();
    std::fs::create_dir_all(data.join("runs/stray/work")).unwrap();
    service.kill();

    let service = Daemon::start(dir.path());
    let client = &service.client;
    let interrupted = client.wait(&running);
    assert_eq!(interrupted["status"], "failed");
    assert_eq!(interrupted["error_details"]["code"], "interrupted");
    assert_eq!(interrupted["error_category"], "system_error");
    assert_eq!(client.wait(&queued)["status"], "completed");
    let after = client.get(&format!("/v1/runs/{done}")).json();
    assert_eq!((&after["artifacts"], &after["report"]), (&before["artifacts"], &before["report"]));
    let artifact = after["artifacts"][0].as_str().unwrap();
    assert_eq!(client.get(&format!("/v1/artifacts/{artifact}/download")).status, 200);
    assert!(!data.join("runs").join(&done).join("artifacts/half.csv").exists());
    assert!(!data.join("runs/stray").exists() && !data.join("runs").join(&running).join("work").exists());
    let log = client.get(&format!("/v1/runs/{running}/logs/list")).json();
    assert!(log["logs"].as_array().unwrap().iter().any(|entry| entry["level"] == "ERROR"));
}

#[test]
fn a_graceful_end_puts_running_runs_back() {
    let dir = tempfile::tempdir().unwrap();
    let endless = endless_input(dir.path());
    let mut slow = command(dir.path());
    slow.env("CTS_SHUTDOWN_GRACE_SECONDS", "0");
    let service = Daemon::start_with(slow);
    let running = service.client.run("rlog-to-csv", json!({ "rlog": endless }));
    service.client.wait_for(&running, &["running"]);
    assert!(service.terminate().success());
    let service = Daemon::start(dir.path());
    let run = service.client.wait_for(&running, &["running"]);
    assert_eq!(run["attempts"], 2, "{run}");
}

#[test]
fn a_hangup_gives_more_places_at_once() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    std::fs::write(&file, "max_concurrent_runs = 1\n").unwrap();
    let mut one = command(dir.path());
    one.env_remove("CTS_MAX_CONCURRENT_RUNS").arg("--config").arg(&file);
    let service = Daemon::start_with(one);
    let first = service.client.run("rlog-to-csv", json!({ "rlog": endless_input(dir.path()) }));
    service.client.wait_for(&first, &["running"]);
    let second = service.client.run("rlog-to-csv", json!({ "rlog": crate::lab::log_in(dir.path()) }));
    assert_eq!(service.client.get(&format!("/v1/runs/{second}")).json()["status"], "queued");
    std::fs::write(&file, "max_concurrent_runs = 2\n").unwrap();
    service.hang_up();
    assert_eq!(service.client.wait(&second)["status"], "completed");
    assert_eq!(service.client.get("/v1/config/status").json()["max_concurrent_runs"], 2);
}

#[test]
fn workers_do_not_know_the_secrets_of_the_service() {
    let dir = tempfile::tempdir().unwrap();
    let endless = endless_input(dir.path());
    let mut service = command(dir.path());
    service.env("COMMA_JWT", "hush").env("SOME_TOKEN", "hush").env("DATABASE_URL", "hush").env("LANG", "C");
    let service = Daemon::start_with(service);
    let running = service.client.run("rlog-to-csv", json!({ "rlog": endless }));
    service.client.wait_for(&running, &["running"]);
    let work = dir.path().join("data/runs").join(&running).join("work");
    let pid = crate::lab::process_in(&work);
    let environment = std::fs::read(format!("/proc/{pid}/environ")).unwrap();
    let environment = String::from_utf8_lossy(&environment);
    assert!(environment.contains("LANG=C") && !environment.contains("hush"), "{environment}");
}

#[test]
fn a_run_that_was_cut_off_is_started_again_once_if_that_is_wanted() {
    let dir = tempfile::tempdir().unwrap();
    let endless = endless_input(dir.path());
    let start = || {
        let mut service = command(dir.path());
        service.env("CTS_RETRY_INTERRUPTED", "true");
        Daemon::start_with(service)
    };
    let service = start();
    let run = service.client.run("rlog-to-csv", json!({ "rlog": endless }));
    service.client.wait_for(&run, &["running"]);
    service.kill();
    let service = start();
    let again = service.client.wait_for(&run, &["running"]);
    assert_eq!(again["attempts"], 2, "{again}");
    let log = service.client.get(&format!("/v1/runs/{run}/logs/list")).json();
    assert!(log.to_string().contains("it is started again"), "{log}");
    service.kill();
    let failed = start().client.wait(&run);
    assert_eq!(failed["error_details"]["code"], "interrupted", "{failed}");
    assert_eq!(
        (&failed["error_details"]["recovery_attempted"], &failed["attempts"]),
        (&json!(true), &json!(2))
    );
}

#[test]
fn a_service_that_cannot_listen_starts_no_run() {
    let dir = tempfile::tempdir().unwrap();
    let (log, endless) = (log_in(dir.path()), endless_input(dir.path()));
    let service = Daemon::start(dir.path());
    let running = service.client.run("rlog-to-csv", json!({ "rlog": endless }));
    service.client.wait_for(&running, &["running"]);
    let queued = service.client.run("rlog-to-csv", json!({ "rlog": log }));
    service.kill();
    let taken = std::net::TcpListener::bind("127.0.0.1:0").unwrap();
    for _ in 0..3 {
        let mut service = command(dir.path());
        service.env("CTS_PORT", taken.local_addr().unwrap().port().to_string());
        let said = refusal(service);
        assert!(said.contains("address-in-use") && said.contains("hint: Choose another"), "{said}");
    }
    let run = Daemon::start(dir.path()).client.wait(&queued);
    assert_eq!((run["status"].as_str(), &run["attempts"]), (Some("completed"), &json!(1)), "{run}");
}

#[test]
fn a_second_attempt_begins_with_nothing_of_the_first() {
    let dir = tempfile::tempdir().unwrap();
    let endless = endless_input(dir.path());
    let mut slow = command(dir.path());
    slow.env("CTS_SHUTDOWN_GRACE_SECONDS", "0");
    let service = Daemon::start_with(slow);
    let run = service.client.run("rlog-to-csv", json!({ "rlog": endless }));
    service.client.wait_for(&run, &["running"]);
    assert!(service.terminate().success());
    // As if the first attempt had finished a file.
    let artifacts = dir.path().join("data/runs").join(&run).join("artifacts");
    std::fs::create_dir_all(&artifacts).unwrap();
    std::fs::write(artifacts.join("old.csv"), "old").unwrap();
    let store = rusqlite::Connection::open(dir.path().join("data/store.db")).unwrap();
    let insert = "INSERT INTO artifacts (id, run, name, content_type, bytes, sha256, created_at) \
                  VALUES ('a', ?, 'old.csv', 'text/csv', 3, '', 1)";
    store.execute(insert, [&run]).unwrap();
    drop(store);
    let service = Daemon::start(dir.path());
    service.client.wait_for(&run, &["running"]);
    assert_eq!(service.client.get(&format!("/v1/runs/{run}")).json()["artifacts"], json!([]));
    crate::lab::soon("its files go, too", || !artifacts.exists());
}
