use serde_json::json;

use crate::lab::{Lab, endless_input};

#[test]
fn a_run_goes_from_wish_to_artifact() {
    let lab = Lab::new();
    let client = &lab.client;
    let body = json!({
        "tool_id": "rlog-to-csv", "params": { "out": "sub/table.csv" }, "name": "mine",
        "input": { "type": "path", "value": lab.log() },
    });
    let queued = client.post("/v1/runs", &body).json();
    assert_eq!((&queued["status"], &queued["progress"]), (&json!("queued"), &json!(null)));
    let run = client.wait(queued["run_id"].as_str().unwrap());
    assert_eq!(run["status"], "completed", "{run}");
    assert_eq!((&run["progress"], &run["name"], &run["error"]), (&json!(100), &json!("mine"), &json!(null)));
    assert_eq!(run["params"]["rlog"], lab.log());
    assert!(run["duration"].as_str().unwrap().ends_with('s'));
    assert_eq!(run["report"]["data"]["out"], "table.csv");
    assert_eq!(run["artifacts"].as_array().unwrap().len(), 1);
    let list = client.get("/v1/runs?limit=10&status=completed").json();
    assert_eq!(
        (list[0]["id"].as_str(), list[0]["tool_id"].as_str()),
        (run["run_id"].as_str(), Some("rlog-to-csv"))
    );
    assert_eq!(client.get("/v1/runs?status=nonsense").json(), json!([]));
    assert_eq!(client.get("/v1/runs?limit=x").status, 422);
    // Nothing but the artifact is left of it.
    let left = lab.data().join("runs").join(run["run_id"].as_str().unwrap());
    let names: Vec<_> = std::fs::read_dir(left).unwrap().map(|entry| entry.unwrap().file_name()).collect();
    assert_eq!(names, ["artifacts"]);
}

#[test]
fn both_analyzers_give_what_they_promise() {
    let lab = Lab::new();
    let run =
        lab.client.wait(&lab.client.run("can-bitwatch", json!({ "csv": lab.log(), "watch": "0x027:B4b5" })));
    assert_eq!(run["status"], "completed", "{run}");
    let artifacts = lab.client.get(&format!("/v1/runs/{}/artifacts", run["run_id"].as_str().unwrap())).json();
    let names: Vec<&str> =
        artifacts.as_array().unwrap().iter().map(|a| a["filename"].as_str().unwrap()).collect();
    let want =
        ["accel_hunt.csv", "bit_edges.csv", "candidates_window_only.csv", "counts.csv", "per_address.json"];
    assert_eq!(names, want.map(|name| format!("analysis.{name}")));
}

#[test]
fn the_cruise_control_analyzer_takes_what_old_clients_send() {
    let lab = Lab::new();
    let params = json!({ "log_file": lab.log(), "speed_min": 50, "speed_max": "60", "export_csv": true, "output_dir": "/tmp" });
    let run = lab.client.wait(&lab.client.run("cruise-control-analyzer", params));
    assert_eq!(run["status"], "completed", "{run}");
    assert!(!run["artifacts"].as_array().unwrap().is_empty());
}

#[test]
fn a_canceled_run_is_stopped_and_stays_canceled() {
    let lab = Lab::with(|settings| settings.runs.max_concurrent = 1);
    let (client, input) = (&lab.client, endless_input(lab.dir.path()));
    let running = client.run("rlog-to-csv", json!({ "rlog": input }));
    client.wait_for(&running, &["running"]);
    let waiting = client.run("rlog-to-csv", json!({ "rlog": input }));
    for id in [&waiting, &running] {
        let answer = client.send("DELETE", &format!("/v1/runs/{id}"), &[], Vec::new());
        assert_eq!((answer.status, answer.json()["message"].as_str()), (200, Some("Run cancelled")));
        let run = client.wait(id);
        assert_eq!(
            (run["status"].as_str(), run["error"].as_str()),
            (Some("canceled"), Some("Cancelled by user"))
        );
        assert_eq!(run["error_category"], json!(null));
        assert!(client.follow(id, &[]).contains(&"data: [DONE]".to_owned()));
    }
    let again = client.send("DELETE", &format!("/v1/runs/{running}"), &[], Vec::new());
    assert_eq!(again.json()["message"], "Run not found or already completed");
    // The place is free again, and the worker is gone with its files.
    assert_eq!(client.wait(&client.run("rlog-to-csv", json!({ "rlog": lab.log() })))["status"], "completed");
    assert!(!lab.data().join("runs").join(&running).exists());
}
