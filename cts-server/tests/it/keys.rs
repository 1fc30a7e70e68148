use serde_json::{Value, json};

use crate::lab::{Daemon, command, endless_input, log_in};
use crate::security::{routes, with_id};

pub fn key(dir: &std::path::Path, name: &str, scope: &str) -> String {
    let made = command(dir)
        .args(["key", "create", "--json", "--name", name, "--scope", scope])
        .stdout(std::process::Stdio::piped())
        .output()
        .unwrap();
    let made: Value = serde_json::from_slice(&made.stdout).unwrap();
    format!("JWT {}", made["key"].as_str().unwrap())
}

#[test]
fn with_keys_people_see_only_their_own() {
    let dir = tempfile::tempdir().unwrap();
    let (log, endless) = (log_in(dir.path()), endless_input(dir.path()));
    let (ann, bob, boss) =
        (key(dir.path(), "ann", "run"), key(dir.path(), "bob", "run"), key(dir.path(), "boss", "admin"));
    let reader = key(dir.path(), "reader", "read");
    let mut protected = command(dir.path());
    protected.env("CTS_REQUIRE_AUTHENTICATION", "true").env("CTS_MAX_CONCURRENT_RUNS", "2");
    let service = Daemon::start_with(protected);
    let client = &service.client;
    let ask = |method: &str, path: &str, key: &str, body: Option<Value>| {
        let body = body.map(|body| body.to_string().into_bytes()).unwrap_or_default();
        client.send(method, path, &[("authorization", key)], body)
    };
    let wish = |input: &str| Some(json!({ "tool_id": "rlog-to-csv", "params": { "rlog": input } }));
    assert_eq!(client.get("/v1/runs").status, 401);
    assert_eq!(ask("POST", "/v1/runs", &reader, wish(&log)).status, 403);
    let mine = ask("POST", "/v1/runs", &ann, wish(&log)).json()["run_id"].as_str().unwrap().to_owned();
    let endless = ask("POST", "/v1/runs", &ann, wish(&endless)).json()["run_id"].as_str().unwrap().to_owned();
    let path = format!("/v1/runs/{mine}");
    while ask("GET", &path, &ann, None).json()["status"] != "completed" {
        std::thread::yield_now();
    }
    let artifact = ask("GET", &format!("{path}/artifacts"), &ann, None).json()[0].clone();
    let data = format!("/v1/artifacts/{}", artifact["id"].as_str().unwrap());
    for other in [
        path.clone(),
        format!("{path}/logs"),
        format!("{path}/artifacts.zip"),
        data.clone(),
        format!("{data}/download"),
    ] {
        assert_eq!(ask("GET", &other, &bob, None).status, 404, "{other}");
        assert_eq!(ask("GET", &other, &boss, None).status, 200, "{other}");
    }
    assert_eq!(ask("GET", "/v1/runs", &bob, None).json(), json!([]));
    assert_eq!(ask("GET", "/v1/runs", &boss, None).json().as_array().unwrap().len(), 2);
    assert_eq!(ask("GET", &format!("{path}/artifacts"), &bob, None).json(), json!([]));
    // Nor can others end it.
    ask("DELETE", &format!("/v1/runs/{endless}"), &bob, None);
    assert_ne!(ask("GET", &format!("/v1/runs/{endless}"), &ann, None).json()["status"], "canceled");
    ask("DELETE", &format!("/v1/runs/{endless}"), &ann, None);
    assert_eq!(ask("GET", &format!("/v1/runs/{endless}"), &ann, None).json()["status"], "canceled");
    // The older client fetches files without its key.
    let url = artifact["download_url"].as_str().unwrap();
    assert_eq!(client.get(&url[client.base.len()..]).status, 200);
    assert_eq!(client.get(&format!("{data}/download")).status, 401);
    // Uploads are somebody's, too.
    let upload = ask("POST", "/v1/uploads", &ann, Some(json!({ "filename": "a" }))).json();
    let upload = upload["upload_id"].as_str().unwrap().to_owned();
    assert_eq!(ask("POST", &format!("/v1/uploads/{upload}/finalize"), &bob, None).status, 404);
    let body = json!({ "tool_id": "rlog-to-csv", "input": { "type": "upload", "value": upload } });
    assert_eq!(ask("POST", "/v1/runs", &bob, Some(body)).status, 404);
    // Nothing of the kind is to be had by any route, and none of them does anything for a neighbour.
    let ids = [
        ("run_id", mine.as_str()),
        ("artifact_id", artifact["id"].as_str().unwrap()),
        ("upload_id", &upload),
    ];
    for (method, path) in routes(client) {
        let Some((_, id)) = ids.iter().find(|(name, _)| path.contains(&format!("{{{name}}}"))) else {
            continue;
        };
        let answer = ask(&method, &with_id(&path, id), &bob, (method != "GET").then(|| json!({})));
        let nothing = match answer.json() {
            Value::Array(all) => all.is_empty(),
            answer if path.ends_with("/list") => answer["logs"] == json!([]),
            answer if method == "DELETE" => answer["message"] == "Run not found or already completed",
            _ => answer.status == 404,
        };
        assert!(nothing, "{method} {path}: {} {}", answer.status, answer.text());
    }
    assert_eq!(ask("GET", &path, &ann, None).json()["status"], "completed");
    assert_eq!(ask("GET", &format!("/v1/uploads/{upload}"), &ann, None).json()["status"], "open");
}
