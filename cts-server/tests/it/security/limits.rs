//! How much, how often, how slowly.

use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::{Duration, Instant};

use serde_json::json;

use super::raw;
use crate::lab::{Daemon, Lab, command, log_of};

#[test]
fn heads_and_bodies_have_limits() {
    let lab = Lab::new();
    let ask = |head: &str| {
        raw(&lab.client, &format!("GET /v1/version HTTP/1.1\r\nHost: x\r\nConnection: close\r\n{head}\r\n"))
    };
    assert!(ask("").starts_with("HTTP/1.1 200"));
    let long = ask(&format!("X-A: {}\r\n", "a".repeat(20 << 10)));
    assert!(long.starts_with("HTTP/1.1 431") && long.contains("\"code\":\"headers-too-large\""), "{long}");
    let many: String = (0..120).map(|i| format!("X-{i}: a\r\n")).collect();
    for endless in [many, format!("X-A: {}\r\n", "a".repeat(200 << 10))] {
        let said = ask(&endless);
        assert!(said.is_empty() || said.starts_with("HTTP/1.1 431"), "{said}");
    }
    let path = "a".repeat(20 << 10);
    let said = raw(&lab.client, &format!("GET /{path} HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"));
    assert!(said.starts_with("HTTP/1.1 431") || said.starts_with("HTTP/1.1 414"), "{said}");
    // Bodies: a deep one, one that is longer than it says, one that is too long.
    let deep = lab.client.send("POST", "/v1/runs", &[], "[".repeat(100_000).into_bytes());
    assert_eq!(deep.status, 422);
    let big = lab.client.send("POST", "/v1/monitors", &[], vec![b' '; (1 << 20) + 1]);
    assert_eq!((big.status, big.json()["code"].as_str()), (413, Some("too-large")));
    assert!(big.text().contains("max_body_kb"), "the setting is named as it is called");
    let two = "POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\nContent-Length: 6\r\n\r\n{}   ";
    assert!(raw(&lab.client, two).starts_with("HTTP/1.1 400"));
    assert_eq!(lab.client.get("/v1/health").status, 200);
}

#[test]
fn too_many_requests_are_told_when_to_come_back() {
    let dir = tempfile::tempdir().unwrap();
    let mut limited = command(dir.path());
    limited.env("CTS_ENABLE_RATE_LIMITING", "true").env("CTS_MAX_REQUESTS_PER_MINUTE", "2");
    let service = Daemon::start_with(limited);
    let ask = |n: usize| {
        service.client.send("GET", "/v1/runs", &[("x-forwarded-for", &format!("1.2.3.{n}"))], Vec::new())
    };
    let refused = (0..100).map(ask).find(|answer| answer.status != 200).unwrap();
    assert_eq!((refused.status, refused.json()["code"].as_str()), (429, Some("rate-limited")));
    assert_eq!(refused.headers.get_all("retry-after").iter().count(), 1);
    let wait: u64 = refused.header("retry-after").parse().unwrap();
    assert!((1..=30).contains(&wait), "{wait}");
}

#[test]
fn slow_clients_lose_their_place() {
    let lab = Lab::with(|settings| {
        settings.http.body_timeout = Duration::from_millis(300);
        settings.http.send_timeout = Duration::from_millis(300);
    });
    // One byte after the other, each in time, but never the whole.
    let mut drip = TcpStream::connect(lab.client.address).unwrap();
    drip.write_all(b"POST /v1/runs HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\n").unwrap();
    let begun = Instant::now();
    // It ends when the service closes the connection.
    while drip.write_all(b" ").is_ok() {
        assert!(begun.elapsed() < Duration::from_secs(20), "a body that drips is waited for");
        std::thread::sleep(Duration::from_millis(50));
    }
    // A client that does not read: the file is closed though the client stays.
    let run = lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": log_of(lab.dir.path(), 120) })));
    let path = format!("/v1/artifacts/{}/download", run["artifacts"][0].as_str().unwrap());
    let size =
        lab.client.send("HEAD", &path, &[], Vec::new()).header("content-length").parse::<u64>().unwrap();
    assert!(size > 8 << 20, "{size} bytes fit into the buffers of sockets");
    let mut idle = TcpStream::connect(lab.client.address).unwrap();
    write!(idle, "GET {path} HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
    idle.read_exact(&mut [0; 100]).unwrap();
    let runs = lab.data().join("runs").canonicalize().unwrap();
    let open = || {
        let files = std::fs::read_dir("/proc/self/fd").unwrap().flatten();
        files.filter(|fd| std::fs::read_link(fd.path()).is_ok_and(|to| to.starts_with(&runs))).count()
    };
    let begun = Instant::now();
    while open() > 0 {
        assert!(begun.elapsed() < Duration::from_secs(20), "a client that does not read is waited for");
        std::thread::sleep(Duration::from_millis(20));
    }
    drop(idle);
}
