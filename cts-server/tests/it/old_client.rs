//! The requests of the older Python client and its MCP server, in their order and with their headers.

use serde_json::{Value, json};

use crate::client::messages;
use crate::lab::Lab;

const CLI: (&str, &str) = ("user-agent", "cts-cli/0.1.0");
const KEY: (&str, &str) = ("authorization", "JWT some-key");

#[test]
fn run_with_wait_and_follow() {
    let lab = Lab::new();
    let get = |path: &str| lab.client.send("GET", path, &[CLI, KEY], Vec::new());
    assert_eq!(get("/v1/version").json()["deprecated_features"], json!([]));
    let log = std::fs::read(lab.log()).unwrap();

    let headers = [CLI, KEY, ("content-type", "application/json")];
    let body = json!({ "filename": "drive.rlog", "size": log.len() });
    let upload = lab.client.send("POST", "/v1/uploads", &headers, body.to_string().into());
    assert!((200..300).contains(&upload.status));
    let (id, url) =
        (upload.json()["upload_id"].clone(), upload.json()["upload_url"].as_str().unwrap().to_owned());
    assert!((200..300).contains(&lab.client.send("PUT", &url, &[CLI, KEY], log).status));
    let done = format!("/v1/uploads/{}/finalize", id.as_str().unwrap());
    assert!((200..300).contains(&lab.client.send("POST", &done, &[CLI, KEY], Vec::new()).status));

    let body = json!({
        "tool_id": "rlog-to-csv", "params": { "out": 1, "window_start": "0", "window_dur": 1 },
        "input": { "type": "upload", "value": id }, "name": null,
    });
    let run = lab.client.send("POST", "/v1/runs", &headers, body.to_string().into());
    assert_eq!(run.status, 200, "{}", run.text());
    let id = run.json()["run_id"].as_str().unwrap().to_owned();
    let agent = [("user-agent", "python-httpx/0.27.0"), ("accept", "text/event-stream"), KEY];
    let lines = lab.client.follow(&id, &agent);
    assert!(!messages(&lines).is_empty());
    for data in lines.iter().filter_map(|line| line.strip_prefix("data: ")) {
        assert!(data == "[DONE]" || serde_json::from_str::<Value>(data).unwrap().is_object(), "{data}");
    }
    let run = get(&format!("/v1/runs/{id}")).json();
    assert_eq!((run["status"].as_str(), &run["progress"]), (Some("completed"), &json!(100)), "{run}");
    let list = get(&format!("/v1/runs/{id}/artifacts")).json();
    assert_eq!(list[0]["filename"], "1");
    // Downloads carry no key.
    let url = list[0]["download_url"].as_str().unwrap();
    let bytes = lab.client.get(&url[lab.client.base.len()..]).bytes;
    assert_eq!(bytes.len() as u64, list[0]["size"].as_u64().unwrap());
}

#[test]
fn shapes_are_those_it_reads() {
    let lab = Lab::new();
    let keys = |path: &str| -> Vec<String> {
        lab.client.get(path).json().as_object().unwrap().keys().cloned().collect()
    };
    assert_eq!(keys("/v1/version"), ["api_version", "min_client_version", "deprecated_features"]);
    assert_eq!(keys("/v1/health"), ["status", "version", "uptime", "timestamp"]);
    assert_eq!(keys("/v1/capabilities"), ["tools", "monitors", "api_version", "features"]);
    let tool = &lab.client.get("/v1/capabilities").json()["tools"][0];
    let names: Vec<&String> = tool.as_object().unwrap().keys().collect();
    assert_eq!(names, ["id", "name", "description", "category", "version", "parameters"]);
    let param = tool["parameters"].as_object().unwrap().values().next().unwrap();
    let names: Vec<&String> = param.as_object().unwrap().keys().collect();
    assert_eq!(names, ["type", "default", "description", "choices", "required", "nargs"]);
    let detailed = lab.client.get("/v1/health/detailed").json();
    assert_eq!(detailed["summary"]["failed_checks"], 0, "{detailed}");
    let run = lab
        .client
        .post("/v1/runs", &json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log() } }))
        .json();
    for name in [
        "run_id",
        "status",
        "tool_id",
        "created_at",
        "started_at",
        "completed_at",
        "params",
        "progress",
        "artifacts",
        "error",
    ] {
        assert!(run.get(name).is_some(), "{name}");
    }
    lab.client.wait(run["run_id"].as_str().unwrap());
    // What the MCP server asks.
    let list = lab.client.get("/v1/runs?limit=10&status=completed").json();
    assert!(list.as_array().unwrap().len() == 1 && list[0]["id"] == run["run_id"]);
    let artifact = lab.client.get(&format!("/v1/runs/{}/artifacts", run["run_id"].as_str().unwrap())).json();
    let content = lab.client.get(&format!("/v1/artifacts/{}/content", artifact[0]["id"].as_str().unwrap()));
    assert_eq!(content.header("content-length"), artifact[0]["size"].to_string());
}
