use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::{Value, json};

use crate::client::Client;
use crate::lab::{Daemon, Lab};

fn announce(client: &Client, body: &Value) -> String {
    let answer = client.post("/v1/uploads", body);
    assert_eq!(answer.status, 201, "{}", answer.text());
    let id = answer.json()["upload_id"].as_str().unwrap().to_owned();
    assert_eq!(answer.json()["upload_url"], format!("/v1/uploads/{id}/content"));
    id
}

fn put(client: &Client, id: &str, headers: &[(&str, &str)], bytes: &[u8]) -> crate::client::Answer {
    client.send("PUT", &format!("/v1/uploads/{id}/content"), headers, bytes.to_vec())
}

fn finalize(client: &Client, id: &str) -> crate::client::Answer {
    client.send("POST", &format!("/v1/uploads/{id}/finalize"), &[], Vec::new())
}

const HELLO: &str = "2cf24dba5fb0a30e26e83b2ac5b9e29e1b161e5c1fa7425e73043362938b9824";

#[test]
fn an_upload_can_be_run() {
    let lab = Lab::new();
    let bytes = std::fs::read(lab.log()).unwrap();
    let id = announce(&lab.client, &json!({ "filename": "my drive.rlog", "size": bytes.len() }));
    let run = json!({ "tool_id": "rlog-to-csv", "input": { "type": "upload", "value": id } });
    assert_eq!(lab.client.post("/v1/runs", &run).json()["code"], "upload-incomplete");
    assert_eq!(put(&lab.client, &id, &[], &bytes).status, 200);
    assert_eq!(lab.client.post("/v1/runs", &run).status, 400);
    assert_eq!(finalize(&lab.client, &id).json()["status"], "complete");
    assert_eq!(finalize(&lab.client, &id).status, 200);
    let run = lab.client.wait(lab.client.post("/v1/runs", &run).json()["run_id"].as_str().unwrap());
    assert_eq!(
        (run["status"].as_str(), &run["report"]["data"]["out"]),
        (Some("completed"), &json!("my drive.csv"))
    );
    assert!(!run.to_string().contains(&*lab.data().to_string_lossy()), "{run}");
    let unknown = json!({ "tool_id": "rlog-to-csv", "input": { "type": "upload", "value": "nope" } });
    assert_eq!(lab.client.post("/v1/runs", &unknown).status, 404);
}

#[test]
fn a_parameter_can_name_an_upload() {
    let lab = Lab::new();
    let bytes = std::fs::read(lab.log()).unwrap();
    let id = announce(&lab.client, &json!({ "filename": "drive.rlog", "size": bytes.len() }));
    let run = |id: &str| json!({ "tool_id": "rlog-to-csv", "params": { "rlog": id } });
    assert_eq!(lab.client.post("/v1/runs", &run(&id)).json()["code"], "upload-incomplete");
    put(&lab.client, &id, &[], &bytes);
    finalize(&lab.client, &id);
    let made = lab.client.post("/v1/runs", &run(&id)).json();
    assert_eq!(made["input"], json!({ "type": "upload", "value": id }));
    let ended = lab.client.wait(made["run_id"].as_str().unwrap());
    assert_eq!(
        (ended["status"].as_str(), &ended["params"]["rlog"]),
        (Some("completed"), &json!(id)),
        "{ended}"
    );
    let unknown = lab.client.post("/v1/runs", &run("00000000-0000-4000-8000-000000000000")).json();
    assert_eq!(unknown["input"]["type"], "path");
}

#[test]
fn a_cut_upload_goes_on_where_it_stopped() {
    let lab = Lab::new();
    let id = announce(&lab.client, &json!({ "filename": "a", "size": 5, "sha256": HELLO }));
    let mut stream = TcpStream::connect(lab.client.address).unwrap();
    write!(stream, "PUT /v1/uploads/{id}/content HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe")
        .unwrap();
    stream.shutdown(std::net::Shutdown::Write).unwrap();
    let _ = stream.read_to_end(&mut Vec::new());
    let received = || lab.client.get(&format!("/v1/uploads/{id}")).json()["received"].clone();
    while received() != 2 {
        std::thread::yield_now();
    }
    assert_eq!(finalize(&lab.client, &id).json()["code"], "upload-incomplete");
    let gap = put(&lab.client, &id, &[("content-range", "bytes 3-4/5")], b"lo");
    assert_eq!((gap.status, gap.json()["code"].as_str()), (409, Some("upload-offset")));
    let lie = put(&lab.client, &id, &[("content-range", "bytes 2-3/5")], b"llo");
    assert_eq!((lie.status, lie.json()["code"].as_str()), (400, Some("bad-range")));
    assert_eq!(put(&lab.client, &id, &[("content-range", "bytes 2-4/5")], b"llo").json()["received"], 5);
    assert_eq!(finalize(&lab.client, &id).json()["sha256"], HELLO);
    assert_eq!(put(&lab.client, &id, &[], b"jello").status, 409);
}

#[test]
fn wrong_sizes_and_hashes_are_refused() {
    let lab = Lab::with(|settings| settings.http.max_upload_bytes = 100);
    let id = announce(&lab.client, &json!({ "filename": "a", "size": 5, "sha256": HELLO }));
    assert_eq!(put(&lab.client, &id, &[], b"hello!").json()["code"], "upload-size");
    put(&lab.client, &id, &[], b"jello");
    let wrong = finalize(&lab.client, &id);
    assert_eq!((wrong.status, wrong.json()["code"].as_str()), (400, Some("upload-hash")));
    put(&lab.client, &id, &[], b"hello");
    assert_eq!(finalize(&lab.client, &id).status, 200);
    assert_eq!(lab.client.post("/v1/uploads", &json!({ "filename": "a", "size": 101 })).status, 413);
    let open = announce(&lab.client, &json!({ "filename": "a" }));
    assert_eq!(put(&lab.client, &open, &[], &[0; 101]).status, 413);
    assert_eq!(put(&lab.client, "nope", &[], b"x").status, 404);
    assert_eq!(finalize(&lab.client, "nope").status, 404);
    for (name, want) in [("../../x", "x"), ("a\\b.zst", "b.zst")] {
        let made = lab.client.post("/v1/uploads", &json!({ "filename": name })).json();
        assert_eq!(made["filename"], want);
    }
    for name in ["", "..", ".part", "a/.."] {
        assert_eq!(lab.client.post("/v1/uploads", &json!({ "filename": name })).status, 400, "{name}");
    }
}

#[test]
fn a_form_is_complete_at_once() {
    let lab = Lab::new();
    let form = "--b\r\nContent-Disposition: form-data; name=\"other\"\r\n\r\nx\r\n--b\r\nContent-Disposition: form-data; \
                name=\"file\"; filename=\"a/b.txt\"\r\nContent-Type: text/plain\r\n\r\nhello\r\n--b--\r\n";
    let headers = [("content-type", "multipart/form-data; boundary=b")];
    let answer = lab.client.send("POST", "/v1/uploads", &headers, form.into());
    let upload = answer.json();
    assert_eq!((upload["status"].as_str(), upload["filename"].as_str()), (Some("complete"), Some("b.txt")));
    assert_eq!((&upload["size"], upload["sha256"].as_str()), (&json!(5), Some(HELLO)));
    let none = "--b\r\nContent-Disposition: form-data; name=\"x\"\r\n\r\nx\r\n--b--\r\n";
    assert_eq!(lab.client.send("POST", "/v1/uploads", &headers, none.into()).status, 422);
}

#[test]
fn an_upload_survives_kill_9_at_every_step() {
    let dir = tempfile::tempdir().unwrap();
    let service = Daemon::start(dir.path());
    let id = announce(&service.client, &json!({ "filename": "a", "size": 5, "sha256": HELLO }));
    assert_eq!(put(&service.client, &id, &[("content-range", "bytes 0-1/5")], b"he").json()["received"], 2);
    service.kill();
    let service = Daemon::start(dir.path());
    let path = format!("/v1/uploads/{id}");
    assert_eq!(service.client.get(&path).json()["received"], 2);
    // The hash of the first bytes is no longer in memory.
    put(&service.client, &id, &[("content-range", "bytes 2-4/5")], b"llo");
    service.kill();
    // As if it had ended between the name and the note of it.
    let folder = dir.path().join("data/uploads").join(&id);
    std::fs::rename(folder.join(".part"), folder.join("a")).unwrap();
    let service = Daemon::start(dir.path());
    let finished = finalize(&service.client, &id).json();
    assert_eq!((&finished["status"], &finished["sha256"]), (&json!("complete"), &json!(HELLO)));
    service.kill();
    assert_eq!(Daemon::start(dir.path()).client.get(&path).json()["status"], "complete");
}

#[test]
fn bytes_that_come_again_replace_those_before() {
    let lab = Lab::new();
    let id = announce(&lab.client, &json!({ "filename": "a", "sha256": HELLO }));
    put(&lab.client, &id, &[], b"jello and more");
    put(&lab.client, &id, &[("content-range", "bytes 0-3/*")], b"hell");
    put(&lab.client, &id, &[("content-range", "bytes 2-4/*")], b"llo");
    assert_eq!(finalize(&lab.client, &id).json()["sha256"], HELLO);
}
