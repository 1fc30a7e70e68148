//! What is refused, and what every answer says.

use std::io::Read;
use std::process::Command;

use serde_json::json;

use super::routes;
use crate::client::Answer;
use crate::keys::key;
use crate::lab::{Daemon, Lab, command, program};

#[test]
fn what_is_refused_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let reader = key(dir.path(), "reader", "read");
    let mut strict = command(dir.path());
    strict.env("CTS_REQUIRE_AUTHENTICATION", "true").env("CTS_CORS_ALLOWED_ORIGINS", "https://a.example");
    let service = Daemon::start_with(strict);
    let client = &service.client;
    let told = |answer: &Answer, status: u16, code: &str| {
        assert_eq!(answer.header("content-type"), "application/problem+json");
        let problem = answer.json();
        assert_eq!((answer.status, problem["code"].as_str()), (status, Some(code)), "{problem}");
        assert_eq!(problem["request_id"], answer.header("x-request-id"));
        assert!(
            !problem["detail"].as_str().unwrap().is_empty()
                && !problem["suggested_fix"].as_str().unwrap().is_empty()
        );
    };
    let missing = client.get("/v1/runs");
    told(&missing, 401, "authentication-required");
    assert!(missing.header("www-authenticate").starts_with("Bearer"));
    let ask =
        |method: &str, path: &str, headers: &[(&str, &str)]| client.send(method, path, headers, Vec::new());
    told(&ask("GET", "/v1/runs", &[("authorization", "Bearer nonsense")]), 401, "wrong-key");
    told(&ask("DELETE", "/v1/runs/x", &[("authorization", &reader)]), 403, "missing-scope");
    told(&ask("GET", "/v1/config/status", &[("authorization", &reader)]), 403, "missing-scope");
    told(&ask("POST", "/v1/runs", &[("origin", "https://evil.example")]), 403, "origin-not-allowed");
    let preflight =
        |origin| ask("OPTIONS", "/v1/runs", &[("origin", origin), ("access-control-request-method", "POST")]);
    told(&preflight("https://evil.example"), 403, "origin-not-allowed");
    let yes = preflight("https://a.example");
    assert_eq!(
        (yes.status, yes.text(), yes.header("access-control-allow-origin")),
        (200, "OK".into(), "https://a.example")
    );
    // Pages may do all that the interface offers.
    let allowed = |name: &str| yes.header(name).split(", ").map(str::to_lowercase).collect::<Vec<_>>();
    let (methods, headers) =
        (allowed("access-control-allow-methods"), allowed("access-control-allow-headers"));
    let document = client.get("/openapi.json").json();
    for (method, path) in routes(client) {
        assert!(methods.contains(&method.to_lowercase()), "{method}");
        let parameters = &document["paths"][&path][method.to_lowercase()]["parameters"];
        for parameter in parameters.as_array().into_iter().flatten().filter(|one| one["in"] == "header") {
            let name = parameter["name"].as_str().unwrap().to_lowercase();
            assert!(headers.contains(&name), "{method} {path}: {name}");
        }
    }
    // Strangers learn whether the service is ready, and no more.
    let ready = client.get("/v1/health/ready").json();
    assert!(ready["checks"].as_array().unwrap().iter().all(|check| check["details"].is_null()), "{ready}");
    let ready = ask("GET", "/v1/health/ready", &[("authorization", &reader)]).json();
    assert!(ready["checks"][0]["details"].is_string());
}

#[test]
fn every_answer_carries_the_headers_of_security() {
    let lab = Lab::new();
    let client = &lab.client;
    let run = client.wait(&client.run("rlog-to-csv", json!({ "rlog": lab.log() })));
    let id = run["run_id"].as_str().unwrap();
    let file = format!("/v1/artifacts/{}/download", run["artifacts"][0].as_str().unwrap());
    let tag = client.get(&file).header("etag").to_owned();
    let none: &[(&str, &str)] = &[];
    for (method, path, headers, status) in [
        ("GET", "/v1/health".to_owned(), none, 200),
        ("GET", "/nowhere".to_owned(), none, 404),
        ("PATCH", "/v1/runs".to_owned(), none, 405),
        ("OPTIONS", "/v1/runs".to_owned(), none, 204),
        ("POST", "/v1/runs".to_owned(), none, 422),
        ("GET", format!("/v1/runs/{id}/logs"), none, 200),
        ("GET", format!("/v1/runs/{id}/artifacts.zip"), none, 200),
        ("GET", file.clone(), none, 200),
        ("GET", file.clone(), &[("range", "bytes=0-0")], 206),
        ("GET", file.clone(), &[("range", "bytes=999999999-")], 416),
        ("GET", file.clone(), &[("if-none-match", tag.as_str())], 304),
        ("GET", file.clone(), &[("if-match", "\"other\"")], 412),
        ("GET", "/docs".to_owned(), none, 200),
        ("GET", "/metrics".to_owned(), none, 200),
    ] {
        let answer = client.send(method, &path, headers, Vec::new());
        assert_eq!(answer.status, status, "{method} {path}");
        for (name, value) in [
            ("x-content-type-options", "nosniff"),
            ("x-frame-options", "DENY"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-opener-policy", "same-origin"),
            ("cross-origin-resource-policy", "same-origin"),
            ("cache-control", "no-cache"),
        ] {
            assert_eq!(answer.header(name), value, "{method} {path} {name}");
        }
        let policy = answer.header("content-security-policy");
        assert!(
            policy.starts_with("default-src 'none'; ") && policy.contains("frame-ancestors 'none'"),
            "{path}: {policy}"
        );
        assert!(!policy.contains("unsafe-inline") || policy.contains("sandbox"), "{path}: {policy}");
        assert_eq!(answer.header("x-request-id").len(), 36, "{path}");
    }
}

#[test]
fn nobody_else_is_listened_to_without_keys() {
    let dir = tempfile::tempdir().unwrap();
    let start = |environment: &[(&str, &str)]| {
        let mut open = command(dir.path());
        open.env("CTS_HOST", "0.0.0.0").envs(environment.iter().copied());
        let mut service = open.spawn().unwrap();
        let mut said = String::new();
        service.stderr.take().unwrap().read_to_string(&mut said).unwrap();
        (service.wait().unwrap().success(), said)
    };
    let (ok, said) = start(&[]);
    assert!(
        !ok && said.contains("`host` 0.0.0.0 is reachable by others") && said.contains("remedy: "),
        "{said}"
    );
    let (ok, said) = start(&[
        ("CTS_ENVIRONMENT", "production"),
        ("CTS_REQUIRE_AUTHENTICATION", "false"),
        ("CTS_ALLOW_UNAUTHENTICATED_NETWORK", "true"),
    ]);
    assert!(!ok && said.contains("authentication is off in production while listening"), "{said}");
    for (name, value) in
        [("CTS_REQUIRE_AUTHENTICATION", "true"), ("CTS_ALLOW_UNAUTHENTICATED_NETWORK", "true")]
    {
        let mut told = command(dir.path());
        told.env("CTS_HOST", "0.0.0.0").env(name, value);
        let service = Daemon::start_with(told);
        assert_eq!(service.client.get("/v1/health").status, 200, "{name}");
    }
}

#[test]
fn a_configuration_that_cannot_be_used_names_file_and_line() {
    let dir = tempfile::tempdir().unwrap();
    let file = dir.path().join("c.toml");
    std::fs::write(&file, "port = 8080\nmax_conurrent_runs = 3\nhost = 7\n").unwrap();
    for args in [&["--config", "c.toml"][..], &["config", "check", "--config", "c.toml"]] {
        let said = Command::new(program()).args(args).current_dir(&dir).env_clear().output().unwrap();
        assert_eq!(said.status.code(), Some(1));
        let said = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
        assert!(said.contains("c.toml:2: unknown key `max_conurrent_runs`"), "{said}");
        assert!(
            said.contains("did you mean `max_concurrent_runs`?") && said.contains("c.toml:3: `host` must be"),
            "{said}"
        );
    }
}
