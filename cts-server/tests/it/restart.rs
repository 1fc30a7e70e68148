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
fn a_service_that_cannot_listen_touches_nothing() {
    let (dir, other) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let service = Daemon::start(dir.path());
    let running = service.client.run("rlog-to-csv", json!({ "rlog": endless_input(dir.path()) }));
    service.client.wait_for(&running, &["running"]);
    service.kill();
    let neighbour = Daemon::start(other.path());
    let start = |dir: &std::path::Path| {
        let mut second = command(dir);
        second.env("CTS_PORT", neighbour.client.address.port().to_string());
        refusal(second)
    };
    let said = start(dir.path());
    assert!(said.contains("cannot listen on 127.0.0.1:") && said.contains("address-in-use"), "{said}");
    let store = rusqlite::Connection::open(dir.path().join("data/store.db")).unwrap();
    let status: String = store.query_row("SELECT status FROM runs", [], |row| row.get(0)).unwrap();
    assert_eq!(status, "running", "what was interrupted is found by the service that goes on");
    // The same service twice: that is said in the first place.
    let said = start(other.path());
    assert!(said.contains("another service (process ") && said.contains("data-dir-in-use"), "{said}");
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
fn a_hangup_applies_what_it_can_and_names_the_rest() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    std::fs::write(&file, "log_level = \"INFO\"\nmax_queued_runs = 1\n").unwrap();
    let mut told = command(dir.path());
    told.env_remove("CTS_LOG_LEVEL").arg("--config").arg(&file);
    let service = Daemon::start_with(told);
    let client = &service.client;
    let endless = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": endless_input(dir.path()) } });
    let start = || client.post("/v1/runs", &endless);
    let first = start().json()["run_id"].as_str().unwrap().to_owned();
    client.wait_for(&first, &["running"]);
    assert_eq!((start().status, start().status), (200, 429));
    let soon = |what: &dyn Fn() -> bool| {
        let begun = std::time::Instant::now();
        while !what() {
            assert!(begun.elapsed() < std::time::Duration::from_secs(20), "{}", service.said());
            std::thread::sleep(std::time::Duration::from_millis(20));
        }
    };
    // A mistake changes nothing.
    std::fs::write(&file, "log_level = \"LOUD\"\nmax_queued_runs = 5\n").unwrap();
    service.hang_up();
    soon(&|| service.said().contains("the old one stays"));
    assert!(service.said().contains("c.toml:1: `log_level` must be"), "{}", service.said());
    assert_eq!(start().status, 429);

    let changed = "log_level = \"WARNING\"\nmax_queued_runs = 5\ntool_timeout_seconds = 1\nheartbeat_seconds = 7\n\
                   require_authentication = true\n";
    std::fs::write(&file, changed).unwrap();
    let key = crate::keys::key(dir.path(), "ann", "admin");
    assert_eq!(client.get("/v1/config/status").json()["log_level"], "INFO");
    service.hang_up();
    soon(&|| client.get("/v1/config/status").status == 401);
    soon(&|| service.said().contains("was read again"));
    assert!(
        service.said().contains("`heartbeat_seconds` changed from 15 to 7: needs a restart"),
        "{}",
        service.said()
    );
    assert!(
        service.said().contains("`tool_timeout_seconds` changed from 300 to 1: holds now"),
        "{}",
        service.said()
    );
    let ask =
        |method: &str, path: &str, body: Vec<u8>| client.send(method, path, &[("authorization", &key)], body);
    assert_eq!(ask("GET", "/v1/config/status", Vec::new()).json()["log_level"], "WARNING");
    let next = ask("POST", "/v1/runs", endless.to_string().into_bytes());
    assert_eq!(next.status, 200, "{}", next.text());
    let next = format!("/v1/runs/{}", next.json()["run_id"].as_str().unwrap());
    ask("DELETE", &format!("/v1/runs/{first}"), Vec::new());
    // The two that waited have a second each.
    soon(&|| ask("GET", &next, Vec::new()).json()["error_details"]["limit_hit"] == "wall_time");
    let quiet = service.said().len();
    ask("GET", &next, Vec::new());
    assert!(!service.said()[quiet..].contains("answered"), "{}", service.said());
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
    let pid = crate::machine::process_in(&work);
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
    crate::machine::soon("its files go, too", || !artifacts.exists());
}
