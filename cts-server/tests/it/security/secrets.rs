//! Keys, and what must not show.

use std::process::Stdio;
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::keys::key;
use crate::lab::{Daemon, command, log_in};

#[test]
fn a_key_that_is_revoked_ends_with_its_links() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path());
    let ann = key(dir.path(), "ann", "run");
    let mut strict = command(dir.path());
    strict.env("CTS_REQUIRE_AUTHENTICATION", "true");
    let service = Daemon::start_with(strict);
    let client = &service.client;
    let show = [("authorization", ann.as_str())];
    let wish = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": log } }).to_string().into_bytes();
    let run = client.send("POST", "/v1/runs", &show, wish).json()["run_id"].as_str().unwrap().to_owned();
    while client.send("GET", &format!("/v1/runs/{run}"), &show, Vec::new()).json()["status"] != "completed" {
        std::thread::yield_now();
    }
    let artifacts = client.send("GET", &format!("/v1/runs/{run}/artifacts"), &show, Vec::new()).json();
    let link = artifacts[0]["download_url"].as_str().unwrap()[client.base.len()..].to_owned();
    assert_eq!(client.get(&link).status, 200);
    let id = ann.strip_prefix("JWT cts_").unwrap()[..16].to_owned();
    assert!(
        command(dir.path()).args(["key", "revoke", &id]).stdout(Stdio::null()).status().unwrap().success()
    );
    let begun = Instant::now();
    while client.send("GET", "/v1/runs", &show, Vec::new()).status == 200 {
        assert!(begun.elapsed() < Duration::from_secs(20), "the key still opens");
        std::thread::sleep(Duration::from_millis(50));
    }
    let refused = client.send("GET", "/v1/runs", &show, Vec::new());
    assert_eq!(refused.json()["code"], "revoked-key");
    assert_eq!(client.get(&link).json()["code"], "revoked-key");
}

#[test]
fn no_secret_is_in_the_logs_or_in_the_store() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path());
    let ann = key(dir.path(), "ann", "admin");
    let secret = &ann[ann.len() - 64..];
    let signing = "a-signing-secret-of-forty-two-characters-x";
    let mut chatty = command(dir.path());
    chatty.env("CTS_REQUIRE_AUTHENTICATION", "true").env("CTS_LOG_LEVEL", "TRACE").env("CTS_DEBUG", "true");
    chatty.env("CTS_ENABLE_AUDIT_LOG", "true").env("CTS_JWT_SECRET", signing);
    let service = Daemon::start_with(chatty);
    let client = &service.client;
    let wish = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": log } }).to_string().into_bytes();
    let run = client.send("POST", "/v1/runs", &[("authorization", &ann)], wish).json();
    let path = format!("/v1/runs/{}", run["run_id"].as_str().unwrap());
    let bare = ann.strip_prefix("JWT ").unwrap();
    while client.send("GET", &path, &[("x-api-key", bare)], Vec::new()).json()["status"] != "completed" {
        std::thread::yield_now();
    }
    let artifacts =
        client.send("GET", &format!("{path}/artifacts"), &[("x-api-key", bare)], Vec::new()).json();
    let link = artifacts[0]["download_url"].as_str().unwrap()[client.base.len()..].to_owned();
    let ticket = link.split_once("ticket=").unwrap().1;
    assert_eq!(client.get(&link).status, 200);
    let wrong = format!("Bearer {}guess-work", &bare[..30]);
    assert_eq!(client.send("GET", "/v1/runs", &[("authorization", &wrong)], Vec::new()).status, 401);
    assert_eq!(client.get("/v1/runs?api_key=in-the-query").status, 401);
    service.hang_up();
    let begun = Instant::now();
    while !service.said().contains("read again") {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", service.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    let said = service.said();
    let audit = std::fs::read_to_string(dir.path().join("log/audit.jsonl")).unwrap();
    let store: Vec<u8> = ["store.db", "store.db-wal"]
        .iter()
        .flat_map(|name| std::fs::read(dir.path().join("data").join(name)).unwrap_or_default())
        .collect();
    let proof = ticket.rsplit('-').next().unwrap();
    for hidden in [secret, signing, proof, "guess-work", "in-the-query"] {
        assert!(!said.contains(hidden), "{hidden} in the log");
        assert!(!audit.contains(hidden), "{hidden} in the audit log");
        assert!(
            !store.windows(hidden.len()).any(|window| window == hidden.as_bytes()),
            "{hidden} in the store"
        );
    }
    // What is there instead: who, what, and the id of the request in all three places.
    let answer =
        client.send("DELETE", &path, &[("x-api-key", bare), ("x-request-id", "my-request-7")], Vec::new());
    assert_eq!(answer.header("x-request-id"), "my-request-7");
    let lines = std::fs::read_to_string(dir.path().join("log/audit.jsonl")).unwrap();
    let line: Value = serde_json::from_str(lines.lines().last().unwrap()).unwrap();
    assert_eq!(
        (&line["request_id"], &line["target"], &line["status"]),
        (&json!("my-request-7"), &json!(path), &json!(200))
    );
    assert_eq!(line["principal"], format!("key:{}", &bare[4..20]));
    let logged = |line: &str| line.contains("my-request-7") && line.contains("\"status\":200");
    let begun = Instant::now();
    while !service.said().lines().any(logged) {
        assert!(begun.elapsed() < Duration::from_secs(20), "{}", service.said());
        std::thread::sleep(Duration::from_millis(20));
    }
    assert!(service.said().contains("\"filename\":"), "debug names the place in the source");
}
