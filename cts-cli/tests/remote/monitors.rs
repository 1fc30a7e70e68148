//! Monitors, as the contract describes them.

use serde_json::json;

use crate::cts::Cts;
use crate::script::{Answer, Script, answer, json, not_found};

/// A service whose monitor `m` says `messages` and then closes its stream with `code`.
fn monitor(messages: &'static [&'static str], code: u16) -> Script {
    Script::new(move |request| match request.line.as_str() {
        "POST /v1/monitors" => json(&json!({ "monitor_id": "m", "status": "running" })),
        "GET /v1/monitors" => {
            json(&json!([{ "id": "m", "tool_id": "can_bus_check", "status": "running", "uptime": "1s" }]))
        }
        "DELETE /v1/monitors/m" => json(&json!({})),
        "GET /v1/monitors/m/stream" => {
            Answer::Socket(messages.iter().map(|m| (*m).to_owned()).collect(), code)
        }
        _ => not_found(),
    })
}

const MESSAGES: &[&str] = &[
    r#"{"timestamp":"t","type":"can_counts","monitor_id":"m","data":{"frames":120}}"#,
    r#"{"a":1}"#,
    "no json",
];

#[test]
fn monitors_are_started_listed_and_stopped() {
    let service = monitor(&[], 1000);
    let cts = Cts::new(&service.url);
    assert_eq!(cts.run(&["mon", "start", "can_bus_check", "-p", "bus=0"]).ok().out, "m\n");
    let posted: serde_json::Value = serde_json::from_slice(&service.requests()[0].body).unwrap();
    assert_eq!(posted, json!({ "tool_id": "can_bus_check", "params": { "bus": "0" } }));
    assert!(cts.run(&["mon", "ls"]).ok().out.contains("can_bus_check"));
    let stopped = cts.run(&["mon", "stop", "m", "--json"]).ok().json();
    assert_eq!(stopped, json!({ "monitor_id": "m", "status": "stopped" }));
    assert_eq!(cts.run(&["mon", "stop", "x"]).code, Some(2));
}

#[test]
fn a_stream_is_printed_until_it_ends() {
    for code in [1000, 1001] {
        let service = monitor(MESSAGES, code);
        let cts = Cts::new(&service.url);
        let people = cts.run(&["-k", "secret-key", "mon", "stream", "m"]).ok();
        assert_eq!(people.out, "[t] can_counts: {\"frames\":120}\ndata: {\"a\":1}\n");
        assert_eq!(service.requests()[0].header("authorization"), Some("JWT secret-key"));
        let raw = cts.run(&["mon", "stream", "m", "--raw"]).ok();
        assert_eq!(raw.out.lines().collect::<Vec<_>>(), MESSAGES);
    }
}

#[test]
fn a_stream_that_ends_otherwise_is_a_failure() {
    for code in [1011, 0] {
        let service = monitor(MESSAGES, code);
        let done = Cts::new(&service.url).run(&["mon", "stream", "m", "--ndjson"]);
        assert_eq!((done.code, done.out.lines().count()), (Some(2), 2), "{done:?}");
        assert!(done.err.contains("[unreachable]"), "{}", done.err);
    }
    let service =
        Script::new(|_| answer("404 Not Found", &[], b"{\"detail\":\"none\",\"code\":\"no-such-monitor\"}"));
    let done = Cts::new(&service.url).run(&["mon", "stream", "x"]);
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("[no-such-monitor]: none"), "{}", done.err);
    assert_eq!(Cts::new(&service.url).run(&["mon", "start", "x"]).code, Some(1));
}
