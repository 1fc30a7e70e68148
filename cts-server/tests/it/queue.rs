//! Whose turn it is, and how many may wait.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::{Duration, Instant};

use serde_json::{Value, json};

use crate::lab::{Daemon, Lab, command, endless_input, log_in};
use crate::machine::soon;

#[test]
fn higher_priorities_go_first() {
    let lab = Lab::with(|settings| settings.runs.max_concurrent = 1);
    let (client, input) = (&lab.client, endless_input(lab.dir.path()));
    let first = client.run("rlog-to-csv", json!({ "rlog": input }));
    client.wait_for(&first, &["running"]);
    let wish = |priority: i64| {
        let body = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log() }, "priority": priority });
        client.post("/v1/runs", &body).json()["run_id"].as_str().unwrap().to_owned()
    };
    let (low, high) = (wish(0), wish(5));
    client.send("DELETE", &format!("/v1/runs/{first}"), &[], Vec::new());
    let (low, high) = (client.wait(&low), client.wait(&high));
    assert!(high["completed_at"].as_str() <= low["started_at"].as_str(), "{high} {low}");
}

#[test]
fn clients_take_turns() {
    let dir = tempfile::tempdir().unwrap();
    let (log, endless) = (log_in(dir.path()), endless_input(dir.path()));
    let mut behind_proxy = command(dir.path());
    behind_proxy.env("CTS_TRUSTED_PROXIES", "127.0.0.1");
    let service = Daemon::start_with(behind_proxy);
    let client = &service.client;
    let first = client.run("rlog-to-csv", json!({ "rlog": endless }));
    client.wait_for(&first, &["running"]);
    let wish = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": log } }).to_string().into_bytes();
    let ask = |address: &str| {
        let headers = [("x-forwarded-for", address), ("content-type", "application/json")];
        client.send("POST", "/v1/runs", &headers, wish.clone()).json()["run_id"].as_str().unwrap().to_owned()
    };
    // One asks for much, before the other asks at all.
    let many: Vec<String> = (0..4).map(|_| ask("10.0.0.1")).collect();
    let few: Vec<String> = (0..2).map(|_| ask("10.0.0.2")).collect();
    client.send("DELETE", &format!("/v1/runs/{first}"), &[], Vec::new());
    let mut order: Vec<(String, String)> = [&many[..], &few[..]]
        .concat()
        .into_iter()
        .map(|id| (client.wait(&id)["started_at"].as_str().unwrap().to_owned(), id))
        .collect();
    order.sort();
    let order: Vec<String> = order.into_iter().map(|(_, id)| id).collect();
    assert_eq!(order, [&many[0], &few[0], &many[1], &few[1], &many[2], &many[3]].map(String::clone));
}

#[test]
fn a_full_queue_says_so() {
    let lab = Lab::with(|settings| (settings.runs.max_concurrent, settings.runs.max_queued) = (1, 1));
    let (client, input) = (&lab.client, endless_input(lab.dir.path()));
    let first = client.run("rlog-to-csv", json!({ "rlog": input }));
    client.wait_for(&first, &["running"]);
    client.run("rlog-to-csv", json!({ "rlog": input }));
    let refused = client.post("/v1/runs", &json!({ "tool_id": "rlog-to-csv", "params": { "rlog": input } }));
    assert_eq!((refused.status, refused.json()["code"].as_str()), (429, Some("queue-full")));
    assert!(!refused.header("retry-after").is_empty());
}

#[test]
fn a_full_queue_is_full_for_many_at_once() {
    let lab = Lab::with(|settings| (settings.runs.max_concurrent, settings.runs.max_queued) = (1, 5));
    let input = endless_input(lab.dir.path());
    let first = lab.client.run("rlog-to-csv", json!({ "rlog": input }));
    lab.client.wait_for(&first, &["running"]);
    let body = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": input } });
    let posts: Vec<_> = (0..24)
        .map(|_| {
            let (client, body) = (lab.client.clone(), body.clone());
            std::thread::spawn(move || client.post("/v1/runs", &body).status)
        })
        .collect();
    let statuses: Vec<u16> = posts.into_iter().map(|post| post.join().unwrap()).collect();
    assert_eq!(statuses.iter().filter(|status| **status == 200).count(), 5, "{statuses:?}");
    assert_eq!(statuses.iter().filter(|status| **status == 429).count(), 19);
}

const MANY: usize = 10_000;

/// Asks for many runs, on eight connections.
fn fill(service: &Daemon, body: &Value) -> Vec<String> {
    let left = Arc::new(AtomicUsize::new(MANY));
    let clients: Vec<_> = (0..8)
        .map(|_| {
            let (client, body, left) = (service.client.clone(), body.clone(), Arc::clone(&left));
            std::thread::spawn(move || {
                let mut ids = Vec::new();
                while left.fetch_update(Ordering::SeqCst, Ordering::SeqCst, |n| n.checked_sub(1)).is_ok() {
                    ids.push(client.post("/v1/runs", &body).json()["run_id"].as_str().unwrap().to_owned());
                }
                ids
            })
        })
        .collect();
    clients.into_iter().flat_map(|client| client.join().unwrap()).collect()
}

fn resident_mib(service: &Daemon) -> u64 {
    let status = std::fs::read_to_string(format!("/proc/{}/status", service.pid())).unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("VmRSS:")).unwrap();
    line.trim().trim_end_matches("kB").trim().parse::<u64>().unwrap() >> 10
}

#[test]
fn ten_thousand_runs_wait_and_survive_kill_9() {
    let dir = tempfile::tempdir().unwrap();
    let (log, endless) = (log_in(dir.path()), endless_input(dir.path()));
    let start = || {
        let mut quiet = command(dir.path());
        quiet.env("CTS_LOG_LEVEL", "INFO");
        Daemon::start_with(quiet)
    };
    let service = start();
    let first = service.client.run("rlog-to-csv", json!({ "rlog": endless }));
    service.client.wait_for(&first, &["running"]);
    let ids = fill(&service, &json!({ "tool_id": "rlog-to-csv", "params": { "rlog": log } }));
    assert_eq!(ids.len(), MANY);
    let waiting = |service: &Daemon| -> usize {
        let mut seen = 0;
        let mut path = "/v1/runs?status=queued&limit=1000".to_owned();
        loop {
            let page = service.client.get(&path);
            seen += page.json().as_array().unwrap().len();
            match page.header("cts-next-before") {
                "" => return seen,
                before => path = format!("/v1/runs?status=queued&limit=1000&before={before}"),
            }
        }
    };
    assert_eq!(waiting(&service), MANY);
    assert!(resident_mib(&service) < 100, "{} MiB", resident_mib(&service));
    // One from the middle goes at once, and the others are not held up.
    let begun = Instant::now();
    service.client.send("DELETE", &format!("/v1/runs/{}", ids[MANY / 2]), &[], Vec::new());
    assert_eq!(service.client.get(&format!("/v1/runs/{}", ids[MANY / 2])).json()["status"], "canceled");
    assert!(begun.elapsed() < Duration::from_secs(5), "{:?}", begun.elapsed());
    service.kill();

    let service = start();
    assert_eq!(service.client.wait(&first)["error_details"]["code"], "interrupted");
    soon("the queue moves", || waiting(&service) < MANY - 5);
    assert!(resident_mib(&service) < 100, "{} MiB", resident_mib(&service));
    let lists = service.client.get("/v1/runs?status=failed").json();
    assert_eq!(lists.as_array().unwrap().len(), 1, "nothing else failed: {lists}");
}
