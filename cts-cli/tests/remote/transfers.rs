//! Files on bad connections, and files that are not what they should be.

use serde_json::{Value, json};
use sha2::{Digest, Sha256};

use crate::cts::Cts;
use crate::script::{Answer, Request, Script, answer, json, not_found};

const CONTENT: &[u8] = b"0123456789";

fn hash(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().map(|byte| format!("{byte:02x}")).collect()
}

fn metadata(name: &str, content: &[u8]) -> Value {
    json!({
        "id": "a", "artifact_id": "a", "filename": name, "size": content.len(), "type": "text/csv",
        "sha256": hash(content), "download_url": "http://elsewhere.invalid/a",
    })
}

/// A service with one artifact whose bytes come as `bytes` says.
fn artifact(meta: Value, bytes: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Script {
    Script::new(move |request| match request.line.as_str() {
        "GET /v1/artifacts/a" => json(&meta),
        "GET /v1/artifacts/a/download" => bytes(request),
        _ => not_found(),
    })
}

fn get(cts: &Cts) -> crate::cts::Done {
    cts.run(&["art", "get", "a", "--out-dir", "out"])
}

#[test]
fn a_cut_download_is_resumed_where_it_broke() {
    let service = artifact(metadata("a.csv", CONTENT), |request| match request.header("range") {
        None => answer("200 OK", &["Content-Length: 10", "ETag: \"t\""], &CONTENT[..4]),
        Some("bytes=4-") => answer(
            "206 Partial Content",
            &["Content-Length: 6", "Content-Range: bytes 4-9/10", "ETag: \"t\""],
            &CONTENT[4..7],
        ),
        Some("bytes=7-") => answer("206 Partial Content", &["Content-Range: bytes 7-9/10"], &CONTENT[7..]),
        Some(other) => panic!("{other}"),
    });
    let cts = Cts::new(&service.url);
    get(&cts).ok();
    assert_eq!((cts.names("out"), cts.read("out/a.csv")), (vec!["a.csv".to_owned()], CONTENT.to_vec()));
    let second = service.requests().into_iter().find(|request| request.header("range").is_some()).unwrap();
    assert_eq!(second.header("if-range"), Some("\"t\""));
}

#[test]
fn a_service_that_cannot_resume_sends_all_again() {
    let service = artifact(metadata("a.csv", CONTENT), |request| {
        let end = if request.nth == 0 { 4 } else { 10 };
        answer("200 OK", &["Content-Length: 10"], &CONTENT[..end])
    });
    let cts = Cts::new(&service.url);
    get(&cts).ok();
    assert_eq!(cts.read("out/a.csv"), CONTENT);
}

#[test]
fn a_download_that_stays_cut_leaves_nothing() {
    let service = artifact(metadata("a.csv", CONTENT), |request| match request.header("range") {
        None => answer("200 OK", &["Content-Length: 10"], &CONTENT[..4]),
        Some(_) => answer("206 Partial Content", &["Content-Length: 6", "Content-Range: bytes 4-9/10"], b""),
    });
    let cts = Cts::new(&service.url);
    let done = get(&cts);
    assert_eq!((done.code, cts.names("out")), (Some(2), Vec::new()));
    assert!(done.err.contains("[cut-transfer]: `a.csv` is cut after 4 of 10 bytes"), "{}", done.err);
}

#[test]
fn bytes_with_another_hash_are_not_kept() {
    let service = artifact(metadata("a.csv", CONTENT), |_| answer("200 OK", &[], b"012345678X"));
    let cts = Cts::new(&service.url);
    let done = get(&cts);
    assert_eq!((done.code, cts.names("out")), (Some(2), Vec::new()));
    assert!(done.err.contains("[damaged-transfer]"), "{}", done.err);
}

#[test]
fn names_that_lead_elsewhere_are_refused() {
    for name in ["../evil.csv", "/tmp/evil.csv", ".profile", "-", "a\u{1b}[2J"] {
        let service = artifact(metadata(name, CONTENT), |_| answer("200 OK", &[], CONTENT));
        let cts = Cts::new(&service.url);
        let done = get(&cts);
        assert_eq!((done.code, cts.names("out")), (Some(2), Vec::new()), "{name}");
    }
}

#[test]
fn a_file_that_is_there_is_replaced_only_by_force() {
    let service = artifact(metadata("a.csv", CONTENT), |_| answer("200 OK", &[], CONTENT));
    let cts = Cts::new(&service.url);
    cts.write("out/a.csv", b"mine");
    assert_eq!((get(&cts).code, cts.read("out/a.csv")), (Some(1), b"mine".to_vec()));
    let done = cts.run(&["art", "get", "a", "--download", "out/a.csv", "--force", "--json"]).ok();
    assert_eq!((done.json()["size"].as_u64(), cts.read("out/a.csv")), (Some(10), CONTENT.to_vec()));
    assert_eq!(cts.run(&["art", "get", "a", "--stdout"]).ok().out.as_bytes(), CONTENT);
    assert!(service.lines().iter().all(|line| line.contains("/v1/artifacts/a")));
}

/// A service that takes an upload; `put` says what becomes of each part.
fn uploads(put: impl Fn(&Request) -> Answer + Send + Sync + 'static) -> Script {
    Script::new(move |request| match request.line.as_str() {
        "POST /v1/uploads" => answer(
            "201 Created",
            &["Content-Type: application/json"],
            b"{\"upload_id\":\"u\",\"upload_url\":\"/v1/uploads/u/content\"}",
        ),
        "PUT /v1/uploads/u/content" => put(request),
        "GET /v1/uploads/u" => json(&json!({ "upload_id": "u", "received": 6, "sha256": hash(CONTENT) })),
        "POST /v1/uploads/u/finalize" => json(&json!({ "upload_id": "u", "status": "complete" })),
        _ => not_found(),
    })
}

#[test]
fn a_cut_upload_is_resumed_where_it_broke() {
    let service = uploads(|request| match request.nth {
        0 => Answer::CutAfter(6),
        _ => json(&json!({})),
    });
    let cts = Cts::new(&service.url);
    cts.write("a.bin", CONTENT);
    let done = cts.run(&["upload", "a.bin", "--json"]).ok().json();
    assert_eq!((done["upload_id"].as_str(), done["sha256"].as_str()), (Some("u"), Some(&*hash(CONTENT))));
    let requests = service.requests();
    let announced: Value = serde_json::from_slice(&requests[0].body).unwrap();
    assert_eq!(announced, json!({ "filename": "a.bin", "size": 10, "sha256": hash(CONTENT) }));
    let puts: Vec<&Request> = requests.iter().filter(|request| request.line.starts_with("PUT")).collect();
    assert_eq!(puts.len(), 2);
    assert_eq!((puts[1].header("content-range"), &puts[1].body[..]), (Some("bytes 6-9/10"), &CONTENT[6..]));
    assert_eq!(requests.last().unwrap().line, "POST /v1/uploads/u/finalize");
}

#[test]
fn an_upload_of_another_day_is_resumed_by_its_id() {
    let service = uploads(|_| json(&json!({})));
    let cts = Cts::new(&service.url);
    cts.write("a.bin", CONTENT);
    cts.write("b.bin", b"something else");
    cts.run(&["upload", "a.bin", "--resume", "u"]).ok();
    assert_eq!(service.lines()[..2], ["GET /v1/uploads/u", "PUT /v1/uploads/u/content"]);
    let other = cts.run(&["upload", "b.bin", "--resume", "u"]);
    assert_eq!(other.code, Some(1));
    assert!(other.err.contains("is of another file"), "{}", other.err);
}

#[test]
fn an_upload_that_breaks_off_says_how_to_go_on() {
    let service = uploads(|_| Answer::CutAfter(0));
    let cts = Cts::new(&service.url);
    cts.write("a.bin", CONTENT);
    let done = cts.run(&["upload", "a.bin"]);
    assert_eq!(done.code, Some(1));
    assert!(done.err.contains("[cut-transfer]"), "{}", done.err);
    assert!(done.err.contains("`cts upload a.bin --resume u` goes on"), "{}", done.err);
}

#[test]
fn files_go_to_the_service_only() {
    let service = Script::new(|request| match request.line.as_str() {
        "POST /v1/uploads" => json(&json!({ "upload_id": "u", "upload_url": "http://elsewhere.invalid/u" })),
        _ => not_found(),
    });
    let cts = Cts::new(&service.url);
    cts.write("a.bin", CONTENT);
    let done = cts.run(&["upload", "a.bin"]);
    assert_eq!((done.code, service.lines().len()), (Some(1), 1));
    assert!(done.err.contains("[bad-answer]"), "{}", done.err);
}
