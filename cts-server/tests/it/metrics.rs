//! What is counted, after real runs and requests.

use std::io::Write;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_json::{Value, json};

use crate::lab::{Lab, endless_input};

/// The value of a sample.
fn value(text: &str, sample: &str) -> f64 {
    let line = text.lines().find_map(|line| line.strip_prefix(sample)?.strip_prefix(' '));
    line.unwrap_or_else(|| panic!("no {sample} in\n{text}")).parse().unwrap()
}

#[test]
fn numbers_are_true_after_runs() {
    let lab = Lab::with(|settings| settings.measuring.storage = Duration::ZERO);
    let client = &lab.client;
    let good = client.wait(&client.run("rlog-to-csv", json!({ "rlog": lab.log() })));
    let bad = client.wait(&client.run("can-bitwatch", json!({ "csv": "/nowhere" })));
    assert_eq!((&good["status"], &bad["status"]), (&json!("completed"), &json!("failed")));
    let endless = client.run("rlog-to-csv", json!({ "rlog": endless_input(lab.dir.path()) }));
    client.wait_for(&endless, &["running"]);
    assert_eq!(client.get("/v1/artifacts/nope").status, 404);
    assert_eq!(client.send("DELETE", "/v1/nowhere/17", &[], Vec::new()).status, 404);
    let artifacts = client.get(&format!("/v1/runs/{}/artifacts", good["run_id"].as_str().unwrap())).json();
    let size = artifacts[0]["size"].as_f64().unwrap();

    let text = client.get("/metrics").text();
    let seconds = value(&text, "execution_duration_sum{tool=\"rlog-to-csv\"}");
    for (sample, expected) in [
        ("runs_total", 3.0),
        ("runs_successful", 1.0),
        ("runs_failed{category=\"validation_error\"}", 1.0),
        ("runs_failed{category=\"tool_error\"}", 0.0),
        ("active_runs", 1.0),
        ("queued_runs", 0.0),
        ("tools_usage{tool=\"rlog-to-csv\"}", 2.0),
        ("tools_usage{tool=\"can-bitwatch\"}", 1.0),
        ("execution_duration_count{tool=\"rlog-to-csv\"}", 1.0),
        ("artifacts_generated", 1.0),
        ("artifact_bytes_written_total", size),
        ("artifact_storage_bytes", size),
        ("unique_users", 1.0),
        ("api_errors{endpoint=\"/v1/artifacts/{artifact_id}\",method=\"GET\"}", 1.0),
        ("api_requests_total{endpoint=\"/v1/runs\",method=\"POST\",status=\"200\"}", 3.0),
        ("api_requests_total{endpoint=\"(none)\",method=\"DELETE\",status=\"404\"}", 1.0),
    ] {
        assert_eq!(value(&text, sample), expected, "{sample}");
    }
    assert!(seconds > 0.0 && seconds < 60.0, "{seconds}");
    for positive in ["log_storage_bytes", "process_resident_memory_bytes", "system_disk_free_bytes"] {
        assert!(value(&text, positive) > 0.0, "{positive}");
    }
    assert!(!text.contains("nowhere") && !text.contains("nope"), "labels are not made by clients");

    let numbers = client.get("/v1/metrics").json();
    let execution = &numbers["execution_metrics"];
    let expected = json!({ "runs_total": 3, "runs_successful": 1, "runs_failed": 1, "success_rate": 0.5,
        "average_execution_time_seconds": execution["average_execution_time_seconds"], "active_runs": 1,
        "queued_runs": 0, "peak_concurrent_runs": 1 });
    assert_eq!(*execution, expected);
    assert!(execution["average_execution_time_seconds"].as_f64().unwrap() > 0.0);
    let errors = &numbers["api_metrics"]["errors_by_endpoint"];
    assert_eq!(*errors, json!({ "DELETE (none)": 1, "GET /v1/artifacts/{artifact_id}": 1 }));
    assert!(numbers["api_metrics"]["average_response_time_ms"].as_f64().unwrap() > 0.0);
    let business = &numbers["business_metrics"];
    assert_eq!(business["tools_usage"], json!({ "can-bitwatch": 1, "rlog-to-csv": 2 }));
    assert_eq!(
        (&business["artifacts_generated"], business["artifact_storage_bytes"].as_f64()),
        (&json!(1), Some(size))
    );
    let is_number = |name: &&str| numbers["system_metrics"][name].is_number();
    let system =
        ["cpu_percent", "memory_percent", "memory_available_bytes", "disk_free_bytes", "disk_used_percent"];
    assert!(system.iter().all(is_number) && is_number(&"uptime_seconds"), "{numbers}");
    client.send("DELETE", &format!("/v1/runs/{endless}"), &[], Vec::new());
}

#[test]
fn metrics_can_be_turned_off() {
    let lab = Lab::with(|settings| settings.metrics = false);
    assert_eq!((lab.client.get("/metrics").status, lab.client.get("/v1/metrics").status), (404, 404));
}

/// Names that were asked for, though counters usually end in `_total`.
const ASKED_FOR: [&str; 5] =
    ["api_errors", "artifacts_generated", "runs_failed", "runs_successful", "tools_usage"];

#[test]
fn prometheus_reads_them() {
    let lab = Lab::new();
    let checker = Command::new("promtool")
        .args(["check", "metrics"])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let Ok(mut checker) = checker else {
        eprintln!("SKIPPED: the format of /metrics, since there is no promtool");
        return;
    };
    let answer = lab.client.get("/metrics");
    assert_eq!(answer.header("content-type"), "text/plain; version=0.0.4; charset=utf-8");
    checker.stdin.take().unwrap().write_all(&answer.bytes).unwrap();
    let said = checker.wait_with_output().unwrap();
    let said = String::from_utf8([said.stdout, said.stderr].concat()).unwrap();
    let expected = ASKED_FOR.map(|name| format!("{name} counter metrics should have \"_total\" suffix"));
    assert_eq!(said.lines().collect::<Vec<_>>(), expected);
}

#[test]
fn health_says_what_is_wrong() {
    let lab = Lab::with(|settings| {
        (settings.runs.max_concurrent, settings.runs.max_queued) = (1, 1);
        settings.measuring.health = Duration::ZERO;
    });
    let client = &lab.client;
    assert_eq!(client.get("/v1/health/live").json()["status"], "ok");
    assert_eq!(client.get("/v1/health/simple").json()["status"], "ok");
    let health = client.get("/v1/health").json();
    assert_eq!(
        (&health["status"], &health["version"]),
        (&json!("healthy"), &json!(env!("CARGO_PKG_VERSION")))
    );
    assert!(health["uptime"].as_str().unwrap().starts_with("0d 0h 0m "));
    let input = endless_input(lab.dir.path());
    let running = client.run("rlog-to-csv", json!({ "rlog": input }));
    client.wait_for(&running, &["running"]);
    client.run("rlog-to-csv", json!({ "rlog": input }));
    let find = |all: &Value, name: &str| {
        all["checks"].as_array().unwrap().iter().find(|check| check["name"] == name).unwrap().clone()
    };
    for path in ["/v1/health/detailed", "/v1/health/comprehensive"] {
        let all = client.get(path);
        let (all, queue) = (all.json(), find(&all.json(), "queue"));
        assert_eq!(
            (&all["status"], &all["summary"]["failed_checks"]),
            (&json!("degraded"), &json!(1)),
            "{all}"
        );
        assert_eq!(
            (&queue["status"], &queue["details"]),
            (&json!("unhealthy"), &json!("1 runs wait, the limit is 1"))
        );
        for name in ["database_connection", "file_system", "tool_registry", "resource_usage", "worker_start"]
        {
            assert_eq!(find(&all, name)["status"], "healthy", "{all}");
        }
    }
    let ready = client.get("/v1/health/ready");
    assert_eq!((ready.status, &ready.json()["status"]), (503, &json!("not ready")));
    let blind = Lab::with(|settings| settings.health_checks = false).client.get("/v1/health/detailed").json();
    assert_eq!((&blind["status"], &blind["checks"]), (&json!("healthy"), &json!([])));
}
