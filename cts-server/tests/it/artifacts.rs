use std::io::{Read, Write};
use std::net::TcpStream;

use serde_json::json;

use crate::lab::Lab;

fn one(lab: &Lab) -> (String, serde_json::Value) {
    let id = lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() }));
    assert_eq!(lab.client.wait(&id)["status"], "completed");
    let list = lab.client.get(&format!("/v1/runs/{id}/artifacts")).json();
    (id, list[0].clone())
}

#[test]
fn bytes_come_whole_and_in_parts() {
    let lab = Lab::new();
    let (_, artifact) = one(&lab);
    let client = &lab.client;
    let url = artifact["download_url"].as_str().unwrap();
    assert!(url.starts_with(&client.base), "{url}");
    let path = &url[client.base.len()..];
    let whole = client.get(path);
    assert_eq!((whole.status, whole.bytes.len() as u64), (200, artifact["size"].as_u64().unwrap()));
    assert_eq!(whole.header("content-length"), artifact["size"].to_string());
    assert_eq!(whole.header("content-type"), "text/csv");
    assert_eq!(whole.header("content-disposition"), "attachment; filename=\"drive.csv\"");
    let content = client.get(&format!("/v1/artifacts/{}/content", artifact["id"].as_str().unwrap()));
    assert_eq!(content.bytes, whole.bytes);
    let part = client.send("GET", path, &[("range", "bytes=10-19")], Vec::new());
    assert_eq!((part.status, &part.bytes[..]), (206, &whole.bytes[10..20]));
    assert_eq!(part.header("content-range"), format!("bytes 10-19/{}", whole.bytes.len()));
    let beyond = client.send("GET", path, &[("range", "bytes=99999999-")], Vec::new());
    assert_eq!((beyond.status, beyond.json()["code"].as_str()), (416, Some("bad-range")));
    assert_eq!(beyond.header("content-range"), format!("bytes */{}", whole.bytes.len()));
    let tag = whole.header("etag");
    assert_eq!(client.send("GET", path, &[("if-none-match", tag)], Vec::new()).status, 304);
    let since = whole.header("last-modified");
    assert_eq!(client.send("GET", path, &[("if-modified-since", since)], Vec::new()).status, 304);
    let other = [("range", "bytes=0-1"), ("if-range", "\"other\"")];
    assert_eq!(client.send("GET", path, &other, Vec::new()).bytes.len(), whole.bytes.len());
    let same = [("range", "bytes=0-1"), ("if-range", tag)];
    assert_eq!(client.send("GET", path, &same, Vec::new()).bytes.len(), 2);
    let head = client.send("HEAD", path, &[], Vec::new());
    assert_eq!((head.status, head.bytes.len()), (200, 0));
}

#[test]
fn data_has_both_spellings() {
    let lab = Lab::new();
    let (run, artifact) = one(&lab);
    let single = lab.client.get(&format!("/v1/artifacts/{}", artifact["id"].as_str().unwrap())).json();
    assert_eq!(single, artifact);
    assert_eq!((&single["artifact_id"], &single["size_bytes"]), (&single["id"], &single["size"]));
    assert_eq!((&single["content_type"], single["run_id"].as_str()), (&single["type"], Some(run.as_str())));
    assert_eq!(lab.client.get("/v1/artifacts/nope").json()["detail"], "Artifact not found");
    assert_eq!(lab.client.get("/v1/runs/nope/artifacts").json(), json!([]));
}

#[test]
fn an_archive_has_all_of_them() {
    let lab = Lab::new();
    let (run, artifact) = one(&lab);
    let zip = lab.client.get(&format!("/v1/runs/{run}/artifacts.zip"));
    assert_eq!((zip.status, zip.header("content-type")), (200, "application/zip"));
    assert!(
        zip.bytes.starts_with(b"PK\x03\x04") && zip.bytes.len() as u64 > artifact["size"].as_u64().unwrap()
    );
    let whole = lab.client.get(&format!("/v1/artifacts/{}/content", artifact["id"].as_str().unwrap()));
    assert!(zip.bytes.windows(64).any(|window| window == &whole.bytes[..64]), "stored as it is");
    assert_eq!(lab.client.get("/v1/runs/nope/artifacts.zip").status, 404);
}

#[test]
fn an_archive_that_cannot_be_finished_breaks_off() {
    let lab = Lab::new();
    let id = lab.client.run("can-bitwatch", json!({ "csv": lab.log() }));
    assert_eq!(lab.client.wait(&id)["artifacts"].as_array().unwrap().len(), 5);
    let whole = |connection: &str| {
        let mut stream = TcpStream::connect(lab.client.address).unwrap();
        let head = format!("Host: x\r\nConnection: {connection}\r\n");
        write!(stream, "GET /v1/runs/{id}/artifacts.zip HTTP/1.1\r\n{head}\r\n").unwrap();
        let mut said = Vec::new();
        let _ = stream.read_to_end(&mut said);
        assert!(said.starts_with(b"HTTP/1.1 200"));
        said.ends_with(b"0\r\n\r\n")
    };
    assert!(whole("close"));
    std::fs::remove_file(lab.data().join("runs").join(&id).join("artifacts/analysis.counts.csv")).unwrap();
    assert!(!whole("keep-alive"), "the client sees that it is not whole");
}
