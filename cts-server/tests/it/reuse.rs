//! Requests that come again, and wishes that an earlier run has answered.

use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::lab::Lab;

fn id(answer: &Answer) -> String {
    answer.json()["run_id"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

#[test]
fn repeated_requests_give_one_run() {
    let lab = Lab::new();
    let client = &lab.client;
    let body = |out: &str| json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log(), "out": out } });
    let post = |body: Value| {
        client.send("POST", "/v1/runs", &[("idempotency-key", "k1")], body.to_string().into_bytes())
    };
    let (first, second) = (post(body("a")), post(body("a")));
    assert_eq!(first.json()["run_id"], second.json()["run_id"]);
    assert_eq!((first.header("cts-reused"), second.header("cts-reused")), ("", "true"));
    let other = post(body("b"));
    assert_eq!((other.status, &other.json()["code"]), (409, &json!("idempotency-mismatch")));
    assert!(other.json()["suggested_fix"].as_str().unwrap().contains("new key"));
}

#[test]
fn repeated_requests_at_the_same_time_give_one_run() {
    let lab = Lab::new();
    let body = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log() } }).to_string().into_bytes();
    let posts: Vec<_> = (0..12)
        .map(|_| {
            let (client, body) = (lab.client.clone(), body.clone());
            std::thread::spawn(move || {
                id(&client.send("POST", "/v1/runs", &[("idempotency-key", "k")], body))
            })
        })
        .collect();
    let ids: std::collections::HashSet<String> = posts.into_iter().map(|post| post.join().unwrap()).collect();
    assert_eq!(ids.len(), 1, "{ids:?}");
    assert_eq!(lab.client.get("/v1/runs").json().as_array().unwrap().len(), 1);
}

#[test]
fn a_refused_request_does_not_use_up_its_key() {
    let lab = Lab::new();
    let post = |body: Value| {
        lab.client.send("POST", "/v1/runs", &[("idempotency-key", "k")], body.to_string().into_bytes())
    };
    assert_eq!(post(json!({ "tool_id": "rlog-to-csv", "params": {} })).status, 400);
    assert_eq!(post(json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log() } })).status, 200);
}

/// Completes a run of that input.
fn complete(client: &Client, body: &Value) -> String {
    let run = id(&client.post("/v1/runs", body));
    assert_eq!(client.wait(&run)["status"], "completed");
    run
}

#[test]
fn an_equal_earlier_run_answers_on_request() {
    let lab = Lab::new();
    let client = &lab.client;
    let body = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log() }, "reuse": true });
    let first = complete(client, &body);
    let second = client.post("/v1/runs", &body);
    assert_eq!(
        (second.json()["run_id"].as_str(), second.header("cts-reused")),
        (Some(first.as_str()), "true")
    );
    let more = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log(), "window_start": 1 }, "reuse": true });
    assert_ne!(complete(client, &more), first, "other parameters");
    let fresh = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log() } });
    assert_ne!(complete(client, &fresh), first, "not asked for");
    std::fs::write(lab.dir.path().join("drive.rlog"), b"another log").unwrap();
    let third = client.post("/v1/runs", &body);
    assert_eq!(third.header("cts-reused"), "", "other content");
}

#[test]
fn the_same_content_is_known_wherever_it_lies() {
    let lab = Lab::new();
    let client = &lab.client;
    let first = complete(client, &json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log() } }));
    let copy = lab.dir.path().join("elsewhere/drive.rlog");
    std::fs::create_dir(copy.parent().unwrap()).unwrap();
    std::fs::copy(lab.log(), &copy).unwrap();
    let wish = |kind: &str, value: &str| json!({ "tool_id": "rlog-to-csv", "input": { "type": kind, "value": value }, "reuse": true });
    let answered = |body: &Value| {
        let answer = client.post("/v1/runs", body);
        (id(&answer), answer.header("cts-reused") == "true")
    };
    assert_eq!(answered(&wish("path", &copy.display().to_string())), (first.clone(), true), "another file");
    let upload = |name: &str| {
        let form = [
            format!("--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"{name}\"\r\n\r\n")
                .into_bytes(),
            std::fs::read(lab.log()).unwrap(),
            b"\r\n--b--\r\n".to_vec(),
        ];
        let headers = [("content-type", "multipart/form-data; boundary=b")];
        let made = client.send("POST", "/v1/uploads", &headers, form.concat()).json();
        made["upload_id"].as_str().unwrap().to_owned()
    };
    assert_eq!(answered(&wish("upload", &upload("drive.rlog"))), (first.clone(), true), "an upload");
    let (other, reused) = answered(&wish("upload", &upload("other.rlog")));
    assert!(!reused, "its files are called differently");
    client.wait(&other);
    assert_eq!(answered(&wish("upload", &upload("other.rlog"))), (other, true), "another upload");
}

#[test]
fn failed_runs_answer_nobody() {
    let lab = Lab::new();
    let broken = lab.dir.path().join("broken.rlog");
    std::fs::write(&broken, "no log").unwrap();
    let body = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": broken.display().to_string() }, "reuse": true });
    let first = id(&lab.client.post("/v1/runs", &body));
    assert_eq!(lab.client.wait(&first)["status"], "failed");
    assert_ne!(id(&lab.client.post("/v1/runs", &body)), first);
}
