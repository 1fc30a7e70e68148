use std::os::unix::fs::symlink;

use serde_json::{Value, json};

use crate::lab::Lab;
use crate::security::routes;

fn refused(lab: &Lab, body: &Value) -> (u16, String) {
    let answer = lab.client.post("/v1/runs", body);
    let problem = answer.json();
    assert_eq!(answer.header("content-type"), "application/problem+json");
    assert_eq!(problem["status"], answer.status);
    assert!(
        problem["detail"].is_string() && !problem["suggested_fix"].as_str().unwrap().is_empty(),
        "{problem}"
    );
    assert_eq!(problem["request_id"], answer.header("x-request-id"));
    (answer.status, problem["code"].as_str().unwrap().to_owned())
}

#[test]
fn wrong_wishes_are_refused_with_reasons() {
    let lab = Lab::new();
    let wish = |tool: &str, params: Value| json!({ "tool_id": tool, "params": params });
    for (body, status, code) in [
        (wish("invalid-tool", json!({})), 404, "no-such-tool"),
        (wish("rlog-to-csv", json!({})), 400, "missing-param"),
        (wish("rlog-to-csv", json!({ "rlog": "/a", "nope": 1 })), 400, "unknown-param"),
        (wish("rlog-to-csv", json!({ "rlog": "/a", "window_start": "x" })), 400, "bad-param"),
        (wish("rlog-to-csv", json!({ "rlog": "-" })), 400, "bad-input"),
        (json!({}), 422, "malformed"),
        (json!({ "tool_id": 5 }), 422, "malformed"),
        (json!([]), 422, "malformed"),
        (json!({ "tool_id": "rlog-to-csv", "input": { "type": "magic", "value": "x" } }), 400, "bad-input"),
    ] {
        assert_eq!(refused(&lab, &body), (status, code.to_owned()), "{body}");
    }
    let big = json!({ "tool_id": "x".repeat(2 << 20) });
    assert_eq!(refused(&lab, &big).0, 413);
    let broken = lab.client.send("POST", "/v1/runs", &[], b"{".to_vec());
    assert_eq!(broken.json()["errors"][0]["type"], "json_invalid");
    assert_eq!(lab.client.get("/v1/runs").json(), json!([]));
}

#[test]
fn missing_and_broken_inputs_fail_the_run() {
    let lab = Lab::new();
    let broken = lab.dir.path().join("broken.zst");
    std::fs::write(&broken, b"no log at all").unwrap();
    let empty = lab.dir.path().join("nothing");
    std::fs::create_dir(&empty).unwrap();
    for (path, code, fix) in [
        ("/nonexistent/a.zst".to_owned(), "no-such-file", "Check the path"),
        (broken.display().to_string(), "not-a-log", "Check that the input is"),
        (empty.display().to_string(), "no-such-route", "Name a log, or a directory"),
    ] {
        let run = lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": path })));
        assert_eq!(
            (run["status"].as_str(), run["error_category"].as_str()),
            (Some("failed"), Some("validation_error"))
        );
        assert_eq!(run["error_details"]["code"], code, "{run}");
        assert!(run["error_details"]["suggested_fix"].as_str().unwrap().starts_with(fix), "{run}");
        let log = lab.client.get(&format!("/v1/runs/{}/logs/list", run["run_id"].as_str().unwrap())).json();
        let error = log["logs"].as_array().unwrap().iter().find(|entry| entry["level"] == "ERROR").unwrap();
        assert!(error["message"].as_str().unwrap().starts_with("Validation error: "), "{error}");
    }
}

#[test]
fn paths_outside_the_roots_are_refused() {
    let roots = tempfile::tempdir().unwrap();
    let (root, outside) = (roots.path().join("root"), roots.path().join("outside.rlog"));
    std::fs::create_dir_all(root.join("sub")).unwrap();
    std::fs::write(&outside, "x").unwrap();
    symlink(&outside, root.join("link")).unwrap();
    symlink(&outside, root.join("sub/rlog")).unwrap();
    let allowed = root.clone();
    let lab = Lab::with(|settings| settings.allowed_roots = vec![allowed]);
    let inside = |name: &str| root.join(name).display().to_string();
    for path in [
        inside("link"),
        inside("../outside.rlog"),
        inside("sub"),
        "/etc/passwd".to_owned(),
        "/absent".to_owned(),
    ] {
        let by_input = json!({ "tool_id": "rlog-to-csv", "input": { "type": "path", "value": path } });
        let by_param = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": path } });
        for body in [by_input, by_param] {
            assert_eq!(refused(&lab, &body), (403, "path-not-allowed".to_owned()), "{body}");
        }
    }
    let other =
        json!({ "tool_id": "can-bitwatch", "params": { "csv": inside("a"), "watch_file": "/etc/passwd" } });
    assert_eq!(refused(&lab, &other).0, 403);
    std::fs::copy(lab.log(), root.join("ok.rlog")).unwrap();
    for out in ["../../../../escaped.csv", "/escaped.csv"] {
        let run =
            lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": inside("ok.rlog"), "out": out })));
        assert_eq!(
            (run["status"].as_str(), &run["report"]["data"]["out"]),
            (Some("completed"), &json!("escaped.csv"))
        );
    }
    assert!(!std::path::Path::new("/escaped.csv").exists());
}

#[test]
fn unknown_paths_and_methods_are_told_apart() {
    let lab = Lab::new();
    assert_eq!(
        (lab.client.get("/").status, lab.client.get("/v1/nope").json()["detail"].as_str()),
        (404, Some("Not Found"))
    );
    let wrong = lab.client.send("PATCH", "/v1/runs", &[], b"x".to_vec());
    assert_eq!((wrong.status, wrong.header("allow")), (405, "POST, GET, HEAD, OPTIONS"));
    let options = lab.client.send("OPTIONS", "/v1/runs", &[], Vec::new());
    assert_eq!((options.status, options.header("allow")), (204, "POST, GET, HEAD, OPTIONS"));
    assert_eq!(lab.client.send("OPTIONS", "/v1/nope", &[], Vec::new()).status, 404);
    assert_eq!(lab.client.send("HEAD", "/v1/runs/x/logs", &[], Vec::new()).status, 405);
    let trailing = lab.client.get("/v1/runs/");
    assert_eq!(trailing.status, 404, "no redirects: older clients do not follow them");
    let given = lab.client.send("GET", "/v1/version", &[("x-request-id", "abc-1")], Vec::new());
    assert_eq!(given.header("x-request-id"), "abc-1");
}

#[test]
fn head_is_get_without_the_body_and_answers_are_packed_and_known() {
    let lab = Lab::new();
    let client = &lab.client;
    let fixed = routes(client).into_iter().filter(|(method, path)| method == "GET" && !path.contains('{'));
    for (_, path) in fixed {
        let (get, head) = (client.get(&path), client.send("HEAD", &path, &[], Vec::new()));
        assert_eq!((head.status, head.bytes.len()), (get.status, 0), "{path}");
        assert_eq!(head.header("content-type"), get.header("content-type"), "{path}");
        assert_eq!(get.header("content-length"), get.bytes.len().to_string(), "{path}");
    }
    let first = client.send("GET", "/v1/capabilities", &[("accept-encoding", "gzip")], Vec::new());
    assert_eq!((first.header("content-encoding"), &first.bytes[..2]), ("gzip", &[0x1f, 0x8b][..]));
    assert_eq!(first.headers.get_all("vary").iter().count(), 2, "by encoding and by origin");
    let known = [("if-none-match", first.header("etag"))];
    let again = client.send("GET", "/v1/capabilities", &known, Vec::new());
    assert_eq!((again.status, again.bytes.len(), again.header("etag")), (304, 0, first.header("etag")));
    // Parts and streams are sent as they are.
    let run = client.wait(&client.run("rlog-to-csv", json!({ "rlog": lab.log() })));
    let file = format!("/v1/artifacts/{}/download", run["artifacts"][0].as_str().unwrap());
    let part =
        client.send("GET", &file, &[("accept-encoding", "gzip"), ("range", "bytes=0-9999")], Vec::new());
    assert_eq!((part.status, part.header("content-encoding"), part.bytes.len()), (206, "", 10_000));
    let log = format!("/v1/runs/{}/logs", run["run_id"].as_str().unwrap());
    let stream = client.send("GET", &log, &[("accept-encoding", "gzip")], Vec::new());
    assert_eq!(
        (stream.header("content-type"), stream.header("content-encoding")),
        ("text/event-stream; charset=utf-8", "")
    );
}

#[test]
fn pages_and_documents_need_nothing_from_elsewhere() {
    let lab = Lab::new();
    let docs = lab.client.get("/docs");
    assert!(docs.header("content-type").starts_with("text/html"));
    assert!(!docs.text().contains("http://") && !docs.text().contains("https://"));
    let api = lab.client.get("/openapi.json").json();
    assert_eq!(api["openapi"], "3.1.0");
    let packed = lab.client.open("GET", "/openapi.json", &[("accept-encoding", "gzip")], Vec::new());
    assert_eq!(packed.headers()["content-encoding"], "gzip");
    assert!(lab.client.get("/metrics").text().contains("\nactive_runs 0\n"));
    let json = lab.client.get("/v1/metrics").json();
    assert_eq!(json["execution_metrics"]["runs_total"], 0);
    assert_eq!(lab.client.get("/v1/health/ready").json()["status"], "ready");
    assert_eq!(lab.client.get("/v1/config/status").json()["environment"], "development");
}
