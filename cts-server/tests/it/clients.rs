//! Clients that go away, or take their time: others do not notice.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::path::Path;
use std::time::{Duration, Instant};

use serde_json::json;

use crate::lab::{Lab, endless_input, log_of};

const PATIENCE: Duration = Duration::from_secs(20);

fn talk(lab: &Lab, request: &str) -> TcpStream {
    let mut stream = TcpStream::connect(lab.client.address).unwrap();
    stream.set_read_timeout(Some(PATIENCE)).unwrap();
    stream.write_all(request.as_bytes()).unwrap();
    stream
}

/// What comes until the service closes the connection.
fn rest(mut stream: TcpStream) -> String {
    let mut said = Vec::new();
    // A connection that is reset has said what it had to say.
    let _ = stream.read_to_end(&mut said);
    String::from_utf8_lossy(&said).into_owned()
}

fn soon(what: &str, is_so: impl Fn() -> bool) {
    let begun = Instant::now();
    while !is_so() {
        assert!(begun.elapsed() < PATIENCE, "{what}");
        std::thread::sleep(Duration::from_millis(10));
    }
}

/// How often this process has something below `dir` open.
fn open_below(dir: &Path) -> usize {
    let open = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
    open.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to.starts_with(dir))).count()
}

#[test]
fn downloads_that_break_off_leave_no_open_files() {
    let lab = Lab::new();
    let log = log_of(lab.dir.path(), 60);
    let run = lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": log })));
    let path = format!("/v1/artifacts/{}/download", run["artifacts"][0].as_str().unwrap());
    let whole = lab.client.get(&path).bytes;
    let runs = lab.data().join("runs").canonicalize().unwrap();
    let readers: Vec<TcpStream> = (0..20)
        .map(|_| {
            let mut stream = talk(&lab, &format!("GET {path} HTTP/1.1\r\nHost: x\r\n\r\n"));
            stream.read_exact(&mut [0; 1000]).unwrap();
            stream
        })
        .collect();
    // Those that do not read on hold up nobody.
    assert_eq!(lab.client.get(&path).bytes, whole);
    drop(readers);
    soon("files stay open", || open_below(&runs) == 0);
}

#[test]
fn forms_that_break_off_leave_nothing() {
    let lab = Lab::new();
    let form = "--b\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n\r\nhello";
    let head = "POST /v1/uploads HTTP/1.1\r\nHost: x\r\nContent-Type: multipart/form-data; boundary=b\r\n";
    let uploads = lab.data().join("uploads");
    let count = || std::fs::read_dir(&uploads).map_or(0, Iterator::count);
    let client = talk(&lab, &format!("{head}Content-Length: 1000000\r\n\r\n{form}"));
    soon("nothing has come", || count() == 1);
    drop(client);
    soon("something is left", || count() == 0);
}

#[test]
fn slow_heads_and_bodies_are_not_waited_for() {
    let lab = Lab::with(|settings| {
        settings.http.header_timeout = Duration::from_millis(100);
        settings.http.body_timeout = Duration::from_millis(100);
    });
    let head = talk(&lab, "GET /v1/health HTTP/1.1\r\nHos");
    assert!(!rest(head).contains("200 OK"));
    let body = talk(&lab, "POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 100\r\n\r\n{");
    assert!(rest(body).contains("body-broken-off"));
    assert_eq!(lab.client.get("/v1/health").status, 200);
}

#[test]
fn a_follower_that_does_not_read_holds_up_nobody() {
    let lab = Lab::new();
    let id = lab.client.run("rlog-to-csv", json!({ "rlog": endless_input(lab.dir.path()) }));
    let idle = talk(&lab, &format!("GET /v1/runs/{id}/logs HTTP/1.1\r\nHost: x\r\n\r\n"));
    lab.client.send("DELETE", &format!("/v1/runs/{id}"), &[], Vec::new());
    assert!(lab.client.follow(&id, &[]).contains(&"data: [DONE]".to_owned()));
    drop(lab);
    assert!(rest(idle).contains("[DONE]"), "what was said before is there when it reads");
}

#[test]
fn many_ask_for_readiness_at_once() {
    let lab = Lab::new();
    let askers: Vec<_> = (0..16)
        .map(|_| {
            let client = lab.client.clone();
            std::thread::spawn(move || {
                (client.get("/v1/health/ready").status, client.get("/v1/health/detailed"))
            })
        })
        .collect();
    for asker in askers {
        let (ready, detailed) = asker.join().unwrap();
        assert_eq!(
            (ready, detailed.json()["status"].as_str()),
            (200, Some("healthy")),
            "{}",
            detailed.text()
        );
    }
}
