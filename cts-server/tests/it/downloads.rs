//! Downloads from comma connect, over the whole way: client, service, comma connect as the tests have it.

use std::path::Path;
use std::time::{Duration, Instant};

use cts_core::io::connect::Patience;
use cts_server::config::Secret;
use cts_server::settings::{Settings, TokenSource};
use serde_json::{Value, json};

use crate::client::{Answer, Client};
use crate::comma::{Comma, DONGLE, Fault, LOG, TOKEN, route};
use crate::keys::key;
use crate::lab::{Daemon, Lab, command};

/// A log of two seconds in two segments.
fn drive() -> Comma {
    let mut log = Vec::new();
    cts_core::demo::Drive::new(1, 2).write(&mut log).unwrap();
    Comma::new(&[("0/rlog.zst", &log), ("0/qlog.zst", b"q"), ("1/rlog.zst", &log)])
}

/// One whose second file never comes as a whole.
fn stalling() -> Comma {
    Comma::with(&[("0/rlog.zst", b"first"), ("1/rlog.zst", b"second, and longer")], |request| {
        (request.gets("1/rlog.zst") && request.nth == 0).then_some(Fault::Stall(6))
    })
}

/// A service that downloads from there.
fn lab(comma: &Comma) -> Lab {
    lab_with(comma, |_| {})
}

fn lab_with(comma: &Comma, change: impl FnOnce(&mut Settings)) -> Lab {
    let api = comma.url.clone();
    Lab::with(|settings| {
        settings.downloads.api = Some(api);
        settings.downloads.token = TokenSource::Given(Secret::new(TOKEN));
        settings.downloads.patience = Patience {
            pause: Duration::ZERO,
            attempts: 3,
            lists_per_minute: 100,
            silence: Duration::from_secs(30),
            ..Patience::default()
        };
        settings.search_dirs.push(settings.downloads.base.clone());
        change(settings);
    })
}

/// Asks for a download without waiting for it.
fn start(client: &Client, body: &Value) -> Answer {
    let headers = [("content-type", "application/json"), ("prefer", "respond-async")];
    client.send("POST", "/v1/downloads", &headers, body.to_string().into_bytes())
}

fn id(answer: &Answer) -> String {
    answer.json()["download_id"].as_str().unwrap_or_else(|| panic!("{}", answer.text())).to_owned()
}

/// Asks until `is` holds.
fn until(client: &Client, id: &str, is: impl Fn(&Value) -> bool) -> Value {
    let begun = Instant::now();
    loop {
        let download = client.get(&format!("/v1/downloads/{id}")).json();
        if is(&download) {
            return download;
        }
        assert!(begun.elapsed() < Duration::from_secs(60), "still {download}");
        std::thread::sleep(Duration::from_millis(5));
    }
}

fn ended(download: &Value) -> bool {
    matches!(download["status"].as_str().unwrap(), "completed" | "failed")
}

fn came(dest: &Path, name: &str) -> Vec<u8> {
    std::fs::read(dest.join(DONGLE).join(LOG).join(name)).unwrap()
}

#[test]
fn a_download_is_answered_when_it_is_done_and_runs_find_it() {
    let comma = drive();
    let lab = lab(&comma);
    let answer =
        lab.client.post("/v1/downloads", &json!({ "route": route(), "file_types": { "logs": true } }));
    let done = answer.json();
    assert_eq!((answer.status, &done["status"]), (202, &json!("completed")), "{done}");
    assert_eq!((&done["canonical_route"], &done["error"]), (&json!(route()), &Value::Null));
    let counts = ["downloaded_files", "skipped_files", "failed_files"].map(|name| done[name].as_u64());
    assert_eq!(counts, [Some(2), Some(0), Some(0)]);
    let base = lab.data().canonicalize().unwrap().with_file_name("downloads");
    assert_eq!(done["dest_root"], json!(base));
    assert!(done["total_bytes"].as_u64() > Some(0) && done["completed_at"].as_str().unwrap().ends_with('Z'));
    let path = format!("/v1/downloads/{}", id(&answer));
    assert_eq!(answer.header("location"), path);
    assert_eq!(lab.client.get(&path).json(), done);
    assert_eq!(lab.client.get("/v1/downloads?status=completed").json(), json!([done]));
    assert_eq!(lab.client.get("/v1/downloads?status=queued").json(), json!([]));
    let run = lab.client.run("rlog-to-csv", json!({ "rlog": route() }));
    assert_eq!(lab.client.wait(&run)["status"], "completed");
    let again = lab.client.post("/v1/downloads", &json!({ "route": route() })).json();
    assert_eq!((&again["downloaded_files"], &again["skipped_files"]), (&json!(0), &json!(2)));
    let metrics = lab.client.get("/metrics").text();
    assert!(
        metrics.contains("\ndownloads_total 2\n") && metrics.contains("\nactive_downloads 0\n"),
        "{metrics}"
    );
}

#[test]
fn requests_that_make_no_sense_are_refused() {
    let comma = drive();
    let lab = lab(&comma);
    let ask = |body: Value| {
        let answer = lab.client.post("/v1/downloads", &body);
        (answer.status, answer.json())
    };
    for (body, field) in [
        (json!({ "route": route(), "parallel": 0 }), "parallel"),
        (json!({ "route": route(), "parallel": 17 }), "parallel"),
        (json!({ "route": route(), "search_days": 31 }), "search_days"),
        (json!({ "route": route(), "search_days": -1 }), "search_days"),
        (json!({ "route": route(), "file_types": { "rlogs": true } }), "file_types"),
        (json!({ "route": route(), "file_types": { "logs": false } }), "file_types"),
        (json!({ "dest_root": "x" }), "route"),
    ] {
        let (status, problem) = ask(body.clone());
        assert_eq!(
            (status, &problem["errors"][0]["loc"]),
            (422, &json!(["body", field])),
            "{body}: {problem}"
        );
    }
    assert_eq!(ask(json!({ "route": 7 })).0, 422);
    for dest in ["/etc", "..", "x/../..", "../data2"] {
        let (status, problem) = ask(json!({ "route": route(), "dest_root": dest }));
        let detail = problem["detail"].as_str().unwrap();
        assert_eq!((status, detail), (400, format!("Invalid destination path: {dest}").as_str()));
    }
    for bad in ["x", DONGLE, LOG, "https://example.com/rlog.zst"] {
        let (status, problem) = ask(json!({ "route": bad }));
        assert_eq!((status, &problem["code"]), (400, &json!("bad-route")));
        assert!(problem["detail"].as_str().unwrap().starts_with("Download failed: "), "{problem}");
    }
    for answer in
        [lab.client.get("/v1/downloads/nope"), lab.client.send("DELETE", "/v1/downloads/nope", &[], vec![])]
    {
        assert_eq!((answer.status, &answer.json()["detail"]), (404, &json!("Download nope not found")));
    }
    assert!(comma.requests().is_empty());
    assert_eq!(lab.client.get("/v1/downloads").json(), json!([]));
}

#[test]
fn what_fails_says_why() {
    let comma = drive();
    let lab = lab_with(&comma, |settings| settings.downloads.token = TokenSource::Nothing);
    let done = lab.client.post("/v1/downloads", &json!({ "route": route() })).json();
    assert_eq!(
        (&done["status"], &done["error_category"]),
        (&json!("failed"), &json!("system_error")),
        "{done}"
    );
    assert_eq!(done["error_details"]["code"], "no-access");
    assert!(done["error_details"]["suggested_fix"].as_str().unwrap().contains("jwt.comma.ai"));
    let offline = lab_with(&comma, |settings| settings.downloads.api = Some("http://127.0.0.1:1".to_owned()));
    let done = offline.client.post("/v1/downloads", &json!({ "route": route() })).json();
    assert_eq!(done["error_details"]["code"], "unreachable", "{done}");
    let broken = Comma::with(&[("0/rlog.zst", b"a"), ("1/rlog.zst", b"b")], |request| {
        request.gets("1/rlog.zst").then(|| crate::comma::status("404 Not Found")).flatten()
    });
    let done = self::lab(&broken).client.post("/v1/downloads", &json!({ "route": route() })).json();
    let counts = ["downloaded_files", "failed_files"].map(|name| done[name].as_u64());
    assert_eq!((&done["status"], counts), (&json!("failed"), [Some(1), Some(1)]));
    assert!(
        done["error"].as_str().unwrap().starts_with("1 of 2 files failed; the first, rlog.zst: "),
        "{done}"
    );
}

#[test]
fn one_who_prefers_it_is_answered_at_once_and_can_cancel() {
    let comma = stalling();
    let lab = lab(&comma);
    let started = start(&lab.client, &json!({ "route": route(), "parallel": 1 }));
    assert_eq!((started.status, started.header("preference-applied")), (202, "respond-async"));
    assert!(!ended(&started.json()));
    let id = id(&started);
    let now = until(&lab.client, &id, |download| download["total_bytes"] == 11);
    assert_eq!((&now["status"], &now["downloaded_files"]), (&json!("downloading"), &json!(1)));
    assert!(now["progress"].as_f64().unwrap() > 50.0, "{now}");
    let path = format!("/v1/downloads/{id}");
    let canceled = lab.client.send("DELETE", &path, &[], Vec::new());
    let shown = canceled.json();
    assert_eq!(
        (canceled.status, &shown["status"], &shown["error"]),
        (200, &json!("failed"), &json!("Cancelled by user"))
    );
    // What is ended stays as it is.
    let again = lab.client.send("DELETE", &path, &[], Vec::new()).json();
    assert_eq!((&again["status"], &again["completed_at"]), (&json!("failed"), &shown["completed_at"]));
}

#[test]
fn nobody_waits_longer_than_the_service_says() {
    let comma = stalling();
    let lab = lab_with(&comma, |settings| settings.downloads.wait = Duration::from_millis(1));
    let answer = lab.client.post("/v1/downloads", &json!({ "route": route() }));
    assert!(answer.status == 202 && !ended(&answer.json()) && answer.header("preference-applied").is_empty());
    lab.client.send("DELETE", &format!("/v1/downloads/{}", id(&answer)), &[], Vec::new());
}

#[test]
fn downloads_take_turns() {
    let comma = stalling();
    let lab = lab_with(&comma, |settings| {
        settings.downloads.max_concurrent = 1;
        settings.downloads.max_queued = 1;
    });
    let first = id(&start(&lab.client, &json!({ "route": route(), "parallel": 1 })));
    until(&lab.client, &first, |download| download["status"] == "downloading");
    let second = id(&start(&lab.client, &json!({ "route": route(), "dest_root": "other" })));
    let third = start(&lab.client, &json!({ "route": route() }));
    assert_eq!((third.status, &third.json()["code"]), (429, &json!("too-many-downloads")));
    assert_eq!(lab.client.get(&format!("/v1/downloads/{second}")).json()["status"], "queued");
    // One that waits is gone at once.
    let canceled = lab.client.send("DELETE", &format!("/v1/downloads/{second}"), &[], Vec::new()).json();
    assert_eq!(canceled["status"], "failed");
    lab.client.send("DELETE", &format!("/v1/downloads/{first}"), &[], Vec::new());
}

#[test]
fn a_repeated_request_is_no_second_download() {
    let comma = drive();
    let lab = lab(&comma);
    let headers = [("content-type", "application/json"), ("idempotency-key", "k")];
    let ask = |body: Value| lab.client.send("POST", "/v1/downloads", &headers, body.to_string().into_bytes());
    let first = ask(json!({ "route": route() }));
    assert_eq!(id(&first), id(&ask(json!({ "route": route() }))));
    let other = ask(json!({ "route": route(), "parallel": 2 }));
    assert_eq!((other.status, &other.json()["code"]), (409, &json!("idempotency-mismatch")));
    assert_eq!(comma.count("/files"), 1);
}

#[test]
fn a_service_may_offer_none() {
    let lab = Lab::with(|settings| settings.downloads.max_concurrent = 0);
    let answer = lab.client.post("/v1/downloads", &json!({ "route": route() }));
    let problem = answer.json();
    assert_eq!((answer.status, &problem["code"]), (404, &json!("not-offered")));
    assert!(problem["suggested_fix"].as_str().unwrap().contains("/v1/uploads"));
}

/// The program, downloading from there.
fn daemon(dir: &Path, comma: &Comma) -> std::process::Command {
    let mut command = command(dir);
    command.env("CTS_COMMA_API_URL", &comma.url).env("COMMA_JWT", TOKEN);
    command
}

#[test]
fn a_killed_download_is_failed_and_goes_on_when_asked_again() {
    let (dir, comma) = (tempfile::tempdir().unwrap(), stalling());
    let service = Daemon::start_with(daemon(dir.path(), &comma));
    let wish = json!({ "route": route(), "parallel": 1, "dest_root": "x" });
    let first = id(&start(&service.client, &wish));
    until(&service.client, &first, |download| download["total_bytes"] == 11);
    service.kill();
    let service = Daemon::start_with(daemon(dir.path(), &comma));
    let found = service.client.get(&format!("/v1/downloads/{first}")).json();
    assert_eq!(
        (&found["status"], &found["error_details"]["code"]),
        (&json!("failed"), &json!("interrupted")),
        "{found}"
    );
    let done = service.client.post("/v1/downloads", &wish).json();
    assert_eq!((&done["status"], &done["skipped_files"]), (&json!("completed"), &json!(1)), "{done}");
    assert_eq!(done["total_bytes"], "second, and longer".len() - 6);
    assert_eq!(came(&dir.path().join("downloads/x"), "1/rlog.zst"), b"second, and longer");
    let last = comma.requests().into_iter().rfind(|request| request.gets("1/rlog.zst")).unwrap();
    assert_eq!(last.header("range"), Some("bytes=6-"));
}

#[test]
fn a_graceful_end_lets_downloads_go_on_with_the_next_start() {
    let (dir, comma) = (tempfile::tempdir().unwrap(), stalling());
    let service = Daemon::start_with(daemon(dir.path(), &comma));
    let first = id(&start(&service.client, &json!({ "route": route(), "parallel": 1 })));
    until(&service.client, &first, |download| download["total_bytes"] == 11);
    assert!(service.terminate().success());
    let service = Daemon::start_with(daemon(dir.path(), &comma));
    let done = until(&service.client, &first, ended);
    assert_eq!(done["status"], "completed", "{done}");
    assert_eq!(came(&dir.path().join("downloads"), "1/rlog.zst"), b"second, and longer");
}

#[test]
fn with_keys_people_see_only_their_own_downloads() {
    let (dir, comma) = (tempfile::tempdir().unwrap(), drive());
    let [ann, bob, reader] =
        [("ann", "run"), ("bob", "run"), ("eve", "read")].map(|(name, scope)| key(dir.path(), name, scope));
    let mut protected = daemon(dir.path(), &comma);
    protected.env("CTS_REQUIRE_AUTHENTICATION", "true");
    let service = Daemon::start_with(protected);
    let ask = |method: &str, path: &str, key: &str, body: Vec<u8>| {
        service.client.send(method, path, &[("authorization", key)], body)
    };
    let wish = json!({ "route": route() }).to_string().into_bytes();
    assert_eq!(service.client.get("/v1/downloads").status, 401);
    assert_eq!(ask("POST", "/v1/downloads", &reader, wish.clone()).status, 403);
    let mine = ask("POST", "/v1/downloads", &ann, wish);
    assert_eq!((mine.status, &mine.json()["status"]), (202, &json!("completed")));
    let path = format!("/v1/downloads/{}", id(&mine));
    assert_eq!(ask("GET", &path, &ann, Vec::new()).status, 200);
    for method in ["GET", "DELETE"] {
        assert_eq!(ask(method, &path, &bob, Vec::new()).status, 404);
    }
    assert_eq!(ask("GET", "/v1/downloads", &bob, Vec::new()).json(), json!([]));
    assert_eq!(ask("GET", "/v1/downloads", &reader, Vec::new()).json(), json!([]));
}
