//! Monitors from their start to their end, and the WebSockets that show them.

use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::{Value, json};
use tungstenite::client::IntoClientRequest;
use tungstenite::http::header::AUTHORIZATION;
use tungstenite::{Message, WebSocket};

use crate::client::Client;
use crate::lab::{Daemon, Lab, command, log_of};

const PATIENCE: Duration = Duration::from_secs(60);

/// Opens the stream of a monitor, or gives the status of the refusal.
fn open(client: &Client, id: &str, key: Option<&str>) -> Result<WebSocket<TcpStream>, u16> {
    let url = format!("ws://{}/v1/monitors/{id}/stream", client.address);
    let mut request = url.into_client_request().unwrap();
    if let Some(key) = key {
        request.headers_mut().insert(AUTHORIZATION, key.parse().unwrap());
    }
    let tcp = TcpStream::connect(client.address).unwrap();
    tcp.set_read_timeout(Some(PATIENCE)).unwrap();
    match tungstenite::client(request, tcp) {
        Ok((socket, _)) => Ok(socket),
        Err(tungstenite::HandshakeError::Failure(tungstenite::Error::Http(answer))) => {
            Err(answer.status().as_u16())
        }
        Err(error) => panic!("{error}"),
    }
}

/// The next event; `None` when the stream was closed with 1000.
fn next(socket: &mut WebSocket<TcpStream>) -> Option<Value> {
    loop {
        match socket.read().unwrap() {
            Message::Text(text) => return Some(serde_json::from_str(&text).unwrap()),
            Message::Close(frame) => {
                assert_eq!(u16::from(frame.unwrap().code), 1000);
                return None;
            }
            _ => {}
        }
    }
}

fn rest(socket: &mut WebSocket<TcpStream>) -> Vec<Value> {
    std::iter::from_fn(|| next(socket)).collect()
}

fn start(client: &Client, tool: &str, params: Value) -> String {
    let answer = client.post("/v1/monitors", &json!({ "tool_id": tool, "params": params }));
    assert_eq!(answer.status, 200, "{}", answer.text());
    let answer = answer.json();
    assert_eq!(answer["id"], answer["monitor_id"]);
    answer["monitor_id"].as_str().unwrap().to_owned()
}

fn status(client: &Client, id: &str) -> Value {
    client.get(&format!("/v1/monitors/{id}/status")).json()
}

/// Waits until the monitor is as `is` says.
fn until(client: &Client, id: &str, is: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let status = status(client, id);
        if is(&status) {
            return status;
        }
        assert!(begun.elapsed() < PATIENCE, "still {status}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

#[test]
fn a_replay_at_once_tells_everything_and_ends() {
    let lab = Lab::new();
    let id = start(&lab.client, "can_bus_check", json!({ "log": log_of(lab.dir.path(), 12), "sample": 2 }));
    let events = rest(&mut open(&lab.client, &id, None).unwrap());
    let kinds: Vec<&str> = events.iter().map(|event| event["type"].as_str().unwrap()).collect();
    assert_eq!(
        kinds,
        ["can_counts", "can_counts", "can_counts", "can_counts", "can_counts", "can_counts", "end"]
    );
    for event in &events {
        assert_eq!(event["monitor_id"], id.as_str());
        assert!(event["timestamp"].as_str().unwrap().ends_with('Z') && event["data"].is_object());
    }
    assert_eq!(events[1]["data"]["from_s"], 2.0);
    assert!(events[1]["data"]["mono_time_ns"].is_u64());
    let end = &events[6]["data"];
    assert_eq!((&end["status"], &end["events"]), (&json!("completed"), &json!(6)));
    assert_eq!(end["report"]["samples"], 6);
    // Whoever comes late gets the same.
    assert_eq!(rest(&mut open(&lab.client, &id, None).unwrap()), events);
    let after = status(&lab.client, &id);
    assert_eq!((&after["status"], &after["report"]), (&json!("completed"), &end["report"]));
    assert!(after["ended_at"].is_string());
    assert!(!lab.data().join("runs").join(&id).exists(), "nothing is left on disk");
    // Lists are filtered and paged.
    let count = |query: &str| {
        let answer = lab.client.get(&format!("/v1/monitors?{query}"));
        answer.json().as_array().map_or(usize::from(answer.status), Vec::len)
    };
    assert_eq!(
        (count("status=completed"), count("status=running"), count("tool_id=can_bus_check")),
        (1, 0, 1)
    );
    assert_eq!(
        (count("tool_id=panda_state"), count("limit=0"), count("offset=1"), count("limit=x")),
        (0, 0, 0, 422)
    );
    // It says the same as the tool in a run.
    let run = lab
        .client
        .wait(&lab.client.run("can_bus_check", json!({ "log": after["params"]["log"], "sample": 2 })));
    assert_eq!(run["report"]["data"], end["report"]);
}

#[test]
fn a_replay_in_real_time_can_be_watched_and_stopped() {
    let lab = Lab::new();
    let body = json!({ "tool_id": "can-bus-check", "params": { "sample": 0.2, "speed": 1 },
        "input": { "type": "path", "value": log_of(lab.dir.path(), 60) } });
    let answer = lab.client.post("/v1/monitors/start", &body).json();
    let id = answer["monitor_id"].as_str().unwrap().to_owned();
    assert_eq!((&answer["status"], &answer["tool_id"]), (&json!("running"), &json!("can_bus_check")));
    let (mut one, mut two) = (open(&lab.client, &id, None).unwrap(), open(&lab.client, &id, None).unwrap());
    let begun = Instant::now();
    let first = next(&mut one).unwrap();
    for _ in 0..4 {
        next(&mut one).unwrap();
    }
    // Five samples of 0.2 s; a busy machine may be late, never early.
    assert!(begun.elapsed() > Duration::from_millis(600), "{:?}", begun.elapsed());
    assert_eq!(next(&mut two).unwrap(), first);
    let listed = lab.client.get("/v1/monitors").json();
    let listed = &listed.as_array().unwrap()[0];
    assert_eq!((listed["id"].as_str(), listed["status"].as_str()), (Some(id.as_str()), Some("running")));
    assert!(listed["uptime"].as_str().unwrap().ends_with('s') && listed["started_at"].is_string());
    assert!(lab.client.get("/metrics").text().contains("active_monitors 1"));

    let stopped = lab.client.send("DELETE", &format!("/v1/monitors/{id}"), &[], Vec::new());
    assert_eq!((stopped.status, &stopped.json()["status"]), (200, &json!("stopped")));
    for socket in [&mut one, &mut two] {
        let last = rest(socket).pop().unwrap();
        assert_eq!((&last["type"], &last["data"]["status"]), (&json!("end"), &json!("stopped")));
    }
    // Again, the other way: it stays as it is.
    let again = lab.client.post(&format!("/v1/monitors/{id}/stop"), &json!({}));
    assert_eq!((again.status, &again.json()["status"]), (200, &json!("stopped")));
    let numbers = lab.client.get("/metrics").text();
    assert!(
        numbers.contains("active_monitors 0") && numbers.contains("monitors_total{tool=\"can_bus_check\"} 1")
    );
}

#[test]
fn slow_clients_are_told_what_they_missed_and_hold_up_nobody() {
    let lab = Lab::with(|settings| settings.monitors.max_events = 20);
    let log = log_of(lab.dir.path(), 30);
    // About 6000 events, far more than sockets hold for a client that does not read.
    let id = start(&lab.client, "can_bus_check", json!({ "log": log, "sample": 0.01, "speed": 30 }));
    let mut slow = open(&lab.client, &id, None).unwrap();
    let done = until(&lab.client, &id, |status| status["status"] == "completed");
    let all = done["events"].as_u64().unwrap();
    assert!(all > 2000, "{all}");
    // It comes back when all is over, and the end is not lost.
    let events = rest(&mut slow);
    assert_eq!(events.last().unwrap()["type"], "end");
    // One that comes only now gets the last twenty and the number of the others.
    let late = rest(&mut open(&lab.client, &id, None).unwrap());
    assert_eq!((&late[0]["type"], &late[0]["data"]["events"]), (&json!("dropped"), &json!(all - 20)));
    assert_eq!(late.len(), 21);
    let is_dropped = |event: &&Value| event["type"] == "dropped";
    let dropped: u64 = events.iter().filter(is_dropped).map(|e| e["data"]["events"].as_u64().unwrap()).sum();
    let got = events.iter().filter(|event| !is_dropped(event)).count() as u64;
    assert_eq!(got + dropped, all, "every event arrives or is counted");
}

#[test]
fn wrong_requests_are_refused() {
    let lab = Lab::with(|settings| {
        (settings.monitors.max_active, settings.monitors.max_subscribers) = (1, 1);
    });
    let client = &lab.client;
    let post = |body: Value| {
        let answer = client.post("/v1/monitors", &body);
        (answer.status, answer.json()["code"].as_str().unwrap_or_default().to_owned())
    };
    let log = log_of(lab.dir.path(), 60);
    let refused = |status, code: &str| (status, code.to_owned());
    assert_eq!(post(json!({ "tool_id": "nothing" })), refused(404, "no-such-tool"));
    assert_eq!(
        post(json!({ "tool_id": "rlog-to-csv", "params": { "rlog": log } })),
        refused(404, "no-such-tool")
    );
    assert_eq!(post(json!({ "tool_id": "panda_state" })), refused(400, "missing-param"));
    assert_eq!(
        post(json!({ "tool_id": "panda_state", "params": { "log": log, "x": 1 } })),
        refused(400, "unknown-param")
    );
    assert_eq!(
        post(json!({ "tool_id": "panda_state", "params": { "log": log, "speed": -1 } })),
        refused(400, "out-of-range")
    );
    assert_eq!(post(json!({ "params": {} })).0, 422);

    assert_eq!(open(client, "nope", None).err(), Some(404));
    for (method, path) in [
        ("DELETE", "/v1/monitors/nope"),
        ("POST", "/v1/monitors/nope/stop"),
        ("GET", "/v1/monitors/nope/status"),
    ] {
        let answer = client.send(method, path, &[], Vec::new());
        assert_eq!((answer.status, &answer.json()["code"]), (404, &json!("no-such-monitor")), "{path}");
    }
    let id = start(client, "can_bus_check", json!({ "log": log, "speed": 1 }));
    assert_eq!(
        post(json!({ "tool_id": "panda_state", "params": { "log": log } })),
        refused(429, "too-many-monitors")
    );
    assert_eq!(client.get(&format!("/v1/monitors/{id}/stream")).status, 426);
    let first = open(client, &id, None).unwrap();
    assert_eq!(open(client, &id, None).err(), Some(429));
    drop(first);
    until(client, &id, |status| status["subscribers"] == 0);
    assert!(open(client, &id, None).is_ok());
}

#[test]
fn a_monitor_that_fails_says_why() {
    let lab = Lab::new();
    let id = start(&lab.client, "panda_state", json!({ "log": "/nowhere/x.rlog" }));
    let events = rest(&mut open(&lab.client, &id, None).unwrap());
    assert_eq!(events.len(), 1);
    assert_eq!(
        (&events[0]["data"]["status"], &events[0]["data"]["code"]),
        (&json!("failed"), &json!("no-such-file"))
    );
    let status = status(&lab.client, &id);
    assert_eq!(
        (&status["status"], &status["error_category"]),
        (&json!("failed"), &json!("validation_error"))
    );

    let crash = Lab::with_worker("read job; kill -9 $$", |_| {});
    let id = start(&crash.client, "panda_state", json!({ "log": log_of(crash.dir.path(), 2) }));
    let status = until(&crash.client, &id, |status| status["status"] != "running");
    assert_eq!(status["error_details"]["code"], "worker-died");
    assert_eq!(crash.client.get("/v1/health").status, 200);
}

#[test]
fn stopping_kills_the_worker_and_the_end_of_the_service_closes_streams() {
    let script = r#"read job; echo '{"say":"finding","finding":{"mono_time_ns":1,"type":"x","data":{"pid":'$$'}}}'; sleep 1000"#;
    let lab = Lab::with_worker(script, |_| {});
    let log = log_of(lab.dir.path(), 2);
    let id = start(&lab.client, "panda_state", json!({ "log": log }));
    let mut socket = open(&lab.client, &id, None).unwrap();
    let event = next(&mut socket).unwrap();
    assert_eq!((&event["type"], &event["data"]["mono_time_ns"]), (&json!("x"), &json!(1)));
    let worker = event["data"]["pid"].to_string();
    assert!(std::path::Path::new("/proc").join(&worker).exists());
    assert_eq!(lab.client.post(&format!("/v1/monitors/{id}/stop"), &json!({})).status, 200);
    assert!(!std::path::Path::new("/proc").join(worker).exists());
    assert!(!lab.data().join("runs").join(&id).exists());
    assert_eq!(rest(&mut socket).len(), 1);

    let id = start(&lab.client, "panda_state", json!({ "log": log }));
    let mut socket = open(&lab.client, &id, None).unwrap();
    next(&mut socket).unwrap();
    let listener = std::thread::spawn(move || rest(&mut socket));
    drop(lab);
    assert_eq!(listener.join().unwrap().pop().unwrap()["data"]["status"], "stopped");
}

#[test]
fn the_service_pings_silent_streams() {
    let script = "read job; sleep 1000";
    let lab = Lab::with_worker(script, |settings| settings.http.heartbeat = Duration::from_millis(50));
    let id = start(&lab.client, "panda_state", json!({ "log": log_of(lab.dir.path(), 2) }));
    let mut socket = open(&lab.client, &id, None).unwrap();
    for _ in 0..6 {
        // The pong goes out with the next read, which keeps the stream open for longer than three beats.
        assert!(matches!(socket.read().unwrap(), Message::Ping(_)));
    }
    // One that does not answer is let go.
    let silent = open(&lab.client, &id, None).unwrap();
    until(&lab.client, &id, |status| status["subscribers"] == 2);
    drop(socket);
    until(&lab.client, &id, |status| status["subscribers"] == 0);
    drop(silent);
}

#[test]
fn monitors_of_others_are_invisible() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_of(dir.path(), 60);
    let key = |name: &str, scope: &str| crate::keys::key(dir.path(), name, scope);
    let (ann, bob, boss, reader) =
        (key("ann", "run"), key("bob", "run"), key("boss", "admin"), key("reader", "read"));
    let mut protected = command(dir.path());
    protected.env("CTS_REQUIRE_AUTHENTICATION", "true");
    let service = Daemon::start_with(protected);
    let client = &service.client;
    let ask = |method: &str, path: &str, key: &str, body: Option<Value>| {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        client.send(method, path, &[("authorization", key)], body)
    };
    let wish = json!({ "tool_id": "can_bus_check", "params": { "log": log, "speed": 1, "sample": 0.1 } });
    assert_eq!(ask("POST", "/v1/monitors", &reader, Some(wish.clone())).status, 403);
    assert_eq!(client.post("/v1/monitors", &wish).status, 401);
    let started = ask("POST", "/v1/monitors", &ann, Some(wish)).json();
    let id = started["monitor_id"].as_str().unwrap();
    let path = format!("/v1/monitors/{id}");
    for (method, path) in
        [("GET", format!("{path}/status")), ("DELETE", path.clone()), ("POST", format!("{path}/stop"))]
    {
        assert_eq!(ask(method, &path, &bob, None).status, 404, "{method} {path}");
    }
    assert_eq!(ask("GET", "/v1/monitors", &bob, None).json(), json!([]));
    assert_eq!(ask("GET", "/v1/monitors", &boss, None).json().as_array().unwrap().len(), 1);
    assert_eq!(open(client, id, None).err(), Some(401));
    assert_eq!(open(client, id, Some(&bob)).err(), Some(404));
    assert!(next(&mut open(client, id, Some(&ann)).unwrap()).is_some());
    assert!(next(&mut open(client, id, Some(&boss)).unwrap()).is_some());
    assert_eq!(ask("GET", &format!("{path}/status"), &ann, None).json()["status"], "running");
    assert_eq!(ask("DELETE", &path, &ann, None).json()["status"], "stopped");
}
