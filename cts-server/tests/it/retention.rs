//! What is kept, and how long: by number, by size, by age (see `clocks`).

use std::time::Duration;

use serde_json::json;

use crate::client::Client;
use crate::lab::{Lab, endless_input, log_of};
use crate::machine::soon;

fn complete(client: &Client, log: &str) -> String {
    let id = client.run("rlog-to-csv", json!({ "rlog": log }));
    assert_eq!(client.wait(&id)["status"], "completed");
    id
}

fn is_gone(lab: &Lab, id: &str) -> bool {
    let path = format!("/v1/runs/{id}");
    lab.client.get(&path).status == 404 && !lab.data().join("runs").join(id).exists()
}

#[test]
fn the_oldest_go_when_there_are_too_many() {
    let lab = Lab::with(|settings| {
        (settings.retention.max_runs, settings.retention.interval) = (1, Duration::from_secs(1));
    });
    let artifact = |id: &str| lab.client.get(&format!("/v1/runs/{id}/artifacts")).json()[0]["id"].clone();
    let first = complete(&lab.client, &lab.log());
    let file = artifact(&first);
    let second = complete(&lab.client, &lab.log());
    soon("the first is removed with its files", || is_gone(&lab, &first));
    assert_eq!(lab.client.get(&format!("/v1/artifacts/{}", file.as_str().unwrap())).status, 404);
    assert_eq!(lab.client.get(&format!("/v1/runs/{first}/logs")).status, 404);
    assert!(!is_gone(&lab, &second) && artifact(&second).is_string());
}

#[test]
fn the_oldest_go_when_they_take_too_much() {
    let lab = Lab::with(|settings| {
        (settings.retention.max_bytes, settings.retention.interval) = (500_000, Duration::from_secs(1));
    });
    // Never removed while it is not done, however much there is.
    let running = lab.client.run("rlog-to-csv", json!({ "rlog": endless_input(lab.dir.path()) }));
    lab.client.wait_for(&running, &["running"]);
    let upload = lab.client.post("/v1/uploads", &json!({ "filename": "a", "size": 400_000 })).json();
    let upload = format!("/v1/uploads/{}", upload["upload_id"].as_str().unwrap());
    let small = complete(&lab.client, &lab.log());
    let large = complete(&lab.client, &log_of(lab.dir.path(), 12));
    let size =
        |id: &str| lab.client.get(&format!("/v1/runs/{id}/artifacts")).json()[0]["size"].as_u64().unwrap();
    assert!(size(&large) > 500_000, "{}", size(&large));
    soon("both are too much, and one alone is, too", || is_gone(&lab, &small) && is_gone(&lab, &large));
    assert_eq!(lab.client.get(&upload).status, 404, "uploads count, too");
    assert_eq!(lab.client.get(&format!("/v1/runs/{running}")).json()["status"], "running");
}
