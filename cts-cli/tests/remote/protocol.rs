//! Versions, keys, configuration, exit codes.

use serde_json::{Value, json};

use crate::cts::Cts;
use crate::script::{Script, answer, events, json, not_found};

fn healthy() -> Value {
    json!({ "status": "healthy", "version": "9", "uptime": "0d 0h 0m 1s" })
}

#[test]
fn a_service_that_wants_a_newer_client_is_left_alone() {
    let service = Script::new(|request| match request.line.as_str() {
        "GET /v1/version" => json(&json!({ "api_version": "9", "min_client_version": "99.0.0" })),
        _ => json(&healthy()),
    });
    let done = Cts::new(&service.url).run(&["ping"]);
    assert_eq!((done.code, service.lines().len()), (Some(1), 0));
    assert!(done.err.contains("[client-too-old]") && done.err.contains("99.0.0"), "{}", done.err);
}

#[test]
fn a_broken_version_answer_is_no_obstacle() {
    let service = Script::new(|request| match request.line.as_str() {
        "GET /v1/version" => {
            json(&json!({ "min_client_version": "newest", "deprecated_features": ["a", "b"] }))
        }
        _ => json(&healthy()),
    });
    let done = Cts::new(&service.url).run(&["--json", "ping"]).ok();
    assert_eq!(done.json(), healthy());
    assert!(done.err.contains("a, b"));
    assert_eq!(Cts::new(&service.url).run(&["-q", "--json", "ping"]).err, "");
}

#[test]
fn the_key_goes_to_the_service_and_nowhere_else() {
    let service = Script::new(|request| {
        let key = request.header("authorization").unwrap_or_default();
        let body = json!({
            "detail": format!("who is {key}?"), "code": "wrong-key", "error_category": "validation_error",
            "suggested_fix": format!("Not {key}."),
        });
        answer("401 Unauthorized", &["Content-Type: application/problem+json"], body.to_string().as_bytes())
    });
    let cts = Cts::new(&service.url);
    let flag = cts.run(&["-k", "secret-key", "ping"]);
    let variable = cts.command(&["ping"]).env("CTS_API_KEY", "secret-key").output().unwrap().into();
    cts.write("config/cts/config.toml", b"api_key = \"secret-key\"");
    let file = cts.run(&["ping"]);
    for done in [flag, variable, file] {
        assert_eq!(done.code, Some(2));
        assert!(!done.err.contains("secret") && !done.out.contains("secret"), "{done:?}");
        assert!(
            done.err.contains("[wrong-key]: who is JWT ***? (validation_error, HTTP 401)"),
            "{}",
            done.err
        );
        assert!(done.err.contains("hint: Not JWT ***."), "{}", done.err);
    }
    let requests = service.requests();
    assert!(requests.iter().all(|request| request.header("authorization") == Some("JWT secret-key")));
}

#[test]
fn flags_win_over_variables_and_these_over_the_file() {
    let [a, b, c] = ["a", "b", "c"]
        .map(|name| Script::new(move |_| json(&json!({ "status": name, "version": "1", "uptime": "1" }))));
    let cts = Cts::new("");
    cts.write("config/cts/config.toml", format!("url = \"{}\"", c.url).as_bytes());
    let mut command = cts.command(&["ping"]);
    let from_file: crate::cts::Done = command.env_remove("CTS_URL").output().unwrap().into();
    assert!(from_file.ok().out.starts_with("c: "));
    let from_variable: crate::cts::Done =
        cts.command(&["ping"]).env("CTS_URL", &b.url).output().unwrap().into();
    assert!(from_variable.ok().out.starts_with("b: "));
    let flag: crate::cts::Done =
        cts.command(&["ping", "-u", &a.url]).env("CTS_URL", &b.url).output().unwrap().into();
    assert!(flag.ok().out.starts_with("a: "));
}

/// What becomes of a run that ends as `status`.
fn ended(status: &'static str, more: Value) -> Script {
    Script::new(move |request| {
        let mut run = json!({ "run_id": "r", "status": status, "artifacts": [] });
        run.as_object_mut().unwrap().extend(more.as_object().unwrap().clone());
        match request.line.as_str() {
            "POST /v1/runs" | "GET /v1/runs/r" => json(&run),
            "GET /v1/runs/r/logs" => events("data: [DONE]\n\n"),
            "GET /v1/runs/r/artifacts" => json(&json!([])),
            _ => not_found(),
        }
    })
}

#[test]
fn exit_codes_tell_how_a_run_ended() {
    let run = ["run", "a-tool-of-tomorrow", "-p", "n=1", "--wait", "--out-dir", "out"];
    let (failed, canceled) = (
        ended(
            "failed",
            json!({
                "error": "boom", "error_category": "tool_error", "error_details": { "code": "worker-crashed", "suggested_fix": "Less." },
            }),
        ),
        ended("canceled", json!({})),
    );
    for (service, code) in [(&ended("completed", json!({})), 0), (&failed, 3), (&canceled, 4)] {
        let cts = Cts::new(&service.url);
        assert_eq!(cts.run(&run).code, Some(code));
        let posted = &service.requests()[0];
        let body: Value = serde_json::from_slice(&posted.body).unwrap();
        assert_eq!(body, json!({ "tool_id": "a-tool-of-tomorrow", "params": { "n": "1" } }));
    }
    let said = Cts::new(&failed.url).run(&run).err;
    assert!(said.contains("[worker-crashed]: boom (tool_error)\nhint: Less.\n"), "{said}");
    let warnings = json!([{ "code": "damaged", "message": "1 damaged place" }]);
    let report = json!({ "human": "x", "completeness": { "complete": false }, "warnings": warnings });
    let damaged = ended("completed", json!({ "report": report }));
    let done = Cts::new(&damaged.url).run(&run);
    assert_eq!(done.code, Some(0));
    assert!(done.err.contains("warning [damaged]: 1 damaged place"), "{}", done.err);
    let done = Cts::new(&damaged.url).run(&[&["--strict"][..], &run[..]].concat());
    assert!(done.code == Some(3) && done.err.contains("error [damaged]"), "{}", done.err);
    assert_eq!(Cts::new(&damaged.url).run(&["run", "a-tool-of-tomorrow", "-p", "x"]).code, Some(1));
}

#[test]
fn nobody_there_is_said_with_a_remedy() {
    // Bound and closed again: nobody listens there now.
    let free = std::net::TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let cts = Cts::new(&format!("http://{free}"));
    let done = cts.run(&["ping"]);
    assert_eq!(done.code, Some(2));
    assert!(done.err.contains("[unreachable]") && done.err.contains("hint: "), "{}", done.err);
}
