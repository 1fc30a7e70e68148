use std::io::{Read, Write};
use std::net::TcpStream;
use std::time::Duration;

use serde_json::json;

use crate::client::messages;
use crate::lab::{Lab, endless_input};

#[test]
fn followers_get_every_line_once_and_the_end() {
    let lab = Lab::new();
    let id = lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() }));
    let early = lab.client.follow(&id, &[]);
    let late = lab.client.follow(&id, &[]);
    assert_eq!(early, late);
    assert_eq!(early[early.len() - 3..], ["event: end", "data: [DONE]", ""]);
    let said = messages(&early);
    assert_eq!(said.first().unwrap(), "Starting rlog-to-csv execution");
    assert_eq!(said.last().unwrap(), "rlog-to-csv completed");
    assert!(said.iter().any(|line| line.starts_with("wrote drive.csv (")), "{said:?}");
    let list = lab.client.get(&format!("/v1/runs/{id}/logs/list?limit=1")).json();
    assert_eq!(
        (&list["has_more"], &list["logs"][0]["message"]),
        (&json!(true), &json!("rlog-to-csv completed"))
    );
}

#[test]
fn a_stream_goes_on_after_the_last_line_seen() {
    let lab = Lab::new();
    let id = lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() }));
    let all = messages(&lab.client.follow(&id, &[]));
    let rest = messages(&lab.client.follow(&id, &[("last-event-id", "2")]));
    assert_eq!(rest, all[2..]);
    assert!(messages(&lab.client.follow(&id, &[("last-event-id", "99")])).is_empty());
}

#[test]
fn two_followers_of_a_live_run_both_get_all() {
    let lab = Lab::with(|settings| settings.http.heartbeat = Duration::from_millis(20));
    let id = lab.client.run("rlog-to-csv", json!({ "rlog": endless_input(lab.dir.path()) }));
    let followers: Vec<_> = (0..2)
        .map(|_| {
            let mut lines = lab.client.stream(&id, &[]);
            // Quiet streams say that they live.
            assert!(lines.any(|line| line.unwrap() == ": keep-alive"));
            lines
        })
        .collect();
    lab.client.send("DELETE", &format!("/v1/runs/{id}"), &[], Vec::new());
    for lines in followers {
        let lines: Vec<String> = lines.map_while(Result::ok).collect();
        assert!(messages(&lines).contains(&"Cancelled by user".to_owned()), "{lines:?}");
        assert!(lines.contains(&"data: [DONE]".to_owned()));
    }
}

#[test]
fn lines_are_paged_and_filtered() {
    let lab = Lab::new();
    let id = lab.client.run("rlog-to-csv", json!({ "rlog": "/nowhere" }));
    lab.client.wait(&id);
    let list = |query: &str| lab.client.get(&format!("/v1/runs/{id}/logs/list?{query}")).json();
    let texts = |query: &str| {
        let logs = list(query)["logs"].clone();
        logs.as_array()
            .unwrap()
            .iter()
            .map(|line| line["message"].as_str().unwrap().to_owned())
            .collect::<Vec<_>>()
    };
    let all = texts("");
    assert!(all.len() >= 3, "{all:?}");
    let pages = (0..all.len()).rev().flat_map(|offset| texts(&format!("limit=1&offset={offset}")));
    assert_eq!(pages.collect::<Vec<_>>(), all);
    assert_eq!(texts(&format!("offset={}", all.len())), [""; 0]);
    let errors = texts("level=error");
    assert_eq!(errors.len(), 1, "{all:?}");
    assert!(errors[0].starts_with("Validation error: "), "{errors:?}");
    assert_eq!(texts("level=DEBUG"), all);
    let wrong = lab.client.get(&format!("/v1/runs/{id}/logs/list?level=loud"));
    assert_eq!((wrong.status, &wrong.json()["errors"][0]["loc"]), (422, &json!(["query", "level"])));
}

#[test]
fn unknown_runs_have_no_stream() {
    let lab = Lab::new();
    assert_eq!(lab.client.get("/v1/runs/nope/logs").status, 404);
    assert_eq!(
        lab.client.get("/v1/runs/nope/logs/list").json(),
        json!({ "run_id": "nope", "logs": [], "has_more": false })
    );
    assert_eq!(lab.client.get("/v1/runs/nope/logs/list?limit=x").status, 422);
}

#[test]
fn the_old_client_that_comes_back_at_once_hears_nothing() {
    let lab = Lab::with(|settings| settings.http.heartbeat = Duration::from_millis(20));
    let id = lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() }));
    lab.client.wait(&id);
    let agent = [("user-agent", "python-httpx/0.28.1")];
    assert!(!messages(&lab.client.follow(&id, &agent)).is_empty());
    let mut again = lab.client.stream(&id, &agent);
    let first: Vec<String> = again.by_ref().take(6).map(Result::unwrap).collect();
    assert!(first.iter().all(|line| line.is_empty() || line == ": keep-alive"), "{first:?}");
    // Others are not held.
    assert!(!messages(&lab.client.follow(&id, &[])).is_empty());
}

#[test]
fn a_follower_that_goes_away_does_no_harm() {
    let lab = Lab::new();
    let id = lab.client.run("rlog-to-csv", json!({ "rlog": endless_input(lab.dir.path()) }));
    for _ in 0..20 {
        let mut stream = TcpStream::connect(lab.client.address).unwrap();
        write!(stream, "GET /v1/runs/{id}/logs HTTP/1.1\r\nHost: x\r\n\r\n").unwrap();
        stream.read_exact(&mut [0; 12]).unwrap();
    }
    lab.client.send("DELETE", &format!("/v1/runs/{id}"), &[], Vec::new());
    assert_eq!(lab.client.wait(&id)["status"], "canceled");
}
