//! Connections that break, services that are busy, answers that lie.

use serde_json::json;

use crate::cts::Cts;
use crate::script::{Answer, Script, answer, events, json, not_found};

/// A log line as an event; without a number, as older services send it.
fn event(id: Option<u32>, message: &str) -> String {
    let data = json!({ "timestamp": "t", "level": "INFO", "message": message, "source": "tool" });
    let id = id.map_or(String::new(), |id| format!("id: {id}\n"));
    format!("{id}data: {data}\n\n")
}

fn messages(out: &str) -> Vec<&str> {
    out.lines().map(|line| line.rsplit(": ").next().unwrap()).collect()
}

#[test]
fn a_log_stream_that_breaks_goes_on_without_losing_or_repeating_a_line() {
    let service = Script::new(|request| match (request.line.as_str(), request.nth) {
        ("GET /v1/runs/r", _) => json(&json!({ "run_id": "r", "status": "running" })),
        ("GET /v1/runs/r/logs", 0) => {
            let half = event(Some(3), "three").replace("\n\n", "\n");
            events(&format!(
                "retry: 0\n\n{}: keep-alive\n\n{}{half}",
                event(Some(1), "one"),
                event(Some(2), "two")
            ))
        }
        // The middle of a line.
        ("GET /v1/runs/r/logs", 1) => events(&event(Some(3), "three")[..20]),
        // One that starts with a line that is known.
        ("GET /v1/runs/r/logs", 2) => {
            events(&(event(Some(2), "two") + &event(Some(3), "three") + &event(Some(4), "four")))
        }
        ("GET /v1/runs/r/logs", 3) => events("event: end\ndata: [DONE]\n\n"),
        _ => not_found(),
    });
    let done = Cts::new(&service.url).run(&["logs", "r", "--follow"]).ok();
    assert_eq!(messages(&done.out), ["one", "two", "three", "four"]);
    let logs = service.requests().into_iter().filter(|request| request.line.ends_with("/logs"));
    let last: Vec<Option<String>> =
        logs.map(|request| request.header("last-event-id").map(str::to_owned)).collect();
    assert_eq!(last, [None, Some("2".to_owned()), Some("2".to_owned()), Some("4".to_owned())]);
}

#[test]
fn a_log_without_numbers_goes_on_by_counting() {
    let service = Script::new(|request| match (request.line.as_str(), request.nth) {
        ("GET /v1/runs/r", 0 | 1) => json(&json!({ "run_id": "r", "status": "running" })),
        ("GET /v1/runs/r", _) => json(&json!({ "run_id": "r", "status": "completed" })),
        ("GET /v1/runs/r/logs", 0) => events(&(event(None, "one") + "data: {\"keepalive\": true}\n\n")),
        ("GET /v1/runs/r/logs", _) => {
            events(&(event(None, "one") + &event(None, "one") + &event(None, "two")))
        }
        _ => not_found(),
    });
    let done = Cts::new(&service.url).run(&["logs", "r", "--follow"]).ok();
    assert_eq!(messages(&done.out), ["one", "one", "two"]);
}

#[test]
fn a_busy_service_is_asked_again() {
    let service = Script::new(|request| match (request.line.as_str(), request.nth) {
        ("POST /v1/runs", 0) => answer("503 Service Unavailable", &["Retry-After: 0"], b""),
        ("POST /v1/runs", 1) => answer("429 Too Many Requests", &["Retry-After: 0"], b""),
        ("POST /v1/runs", _) => json(&json!({ "run_id": "r", "status": "queued" })),
        _ => not_found(),
    });
    let done = Cts::new(&service.url).run(&["run", "can-bitwatch", "--path", "/x.csv", "--json"]).ok();
    assert_eq!(done.json(), json!({ "run_id": "r", "status": "started" }));
    let requests = service.requests();
    let keys: Vec<&str> = requests.iter().map(|request| request.header("idempotency-key").unwrap()).collect();
    assert_eq!(keys.len(), 3);
    assert!(keys.iter().all(|key| key.len() >= 32 && *key == keys[0]), "{keys:?}");
    assert!(requests.iter().all(|request| request.body == requests[0].body));
}

#[test]
fn a_service_that_stays_busy_is_given_up() {
    let service = Script::new(|_| answer("503 Service Unavailable", &["Retry-After: 0"], b"<html>"));
    let done = Cts::new(&service.url).run(&["ping"]);
    assert_eq!((done.code, service.lines().len()), (Some(2), 3));
    assert!(done.err.contains("[http-503]") && done.err.contains("hint: "), "{}", done.err);
}

#[test]
fn a_silent_service_is_given_up() {
    let service = Script::new(|_| Answer::Silence);
    let done = Cts::new(&service.url).run(&["ping", "--timeout", "0.1"]);
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("[unreachable]") && done.err.contains("nothing for 0.1 s"), "{}", done.err);
}

#[test]
fn something_else_behind_the_address_is_noticed() {
    let service = Script::new(|_| answer("200 OK", &[], b"<html>Welcome</html>"));
    let done = Cts::new(&service.url).run(&["ping"]);
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("[bad-answer]"), "{}", done.err);
    let service = Script::new(|_| answer("307 Temporary Redirect", &["Location: /elsewhere"], b""));
    let done = Cts::new(&service.url).run(&["-k", "secret-key", "ping"]);
    assert_eq!((done.code, service.lines()), (Some(2), vec!["GET /v1/health".to_owned()]));
}

#[test]
fn words_of_a_service_do_not_command_the_terminal() {
    let service = Script::new(|_| answer("400 Bad Request", &[], b"{\"detail\":\"a\\u001b[2Jb\"}"));
    let done = Cts::new(&service.url).run(&["ping"]);
    assert!(done.err.contains("a [2Jb") && !done.err.contains('\u{1b}'), "{:?}", done.err);
}
