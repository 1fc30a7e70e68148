use super::*;

/// Names that were asked for, of which each must be found before anything has happened.
const ASKED_FOR: [&str; 14] = [
    "runs_total",
    "runs_successful",
    "runs_failed",
    "execution_duration_count",
    "api_requests_total",
    "api_response_time_count",
    "api_errors",
    "active_runs",
    "artifact_storage_bytes",
    "log_storage_bytes",
    "tools_usage",
    "artifacts_generated",
    "unique_users",
    "system_cpu_percent",
];

#[test]
fn names_are_there_from_the_start() {
    let metrics = Metrics::new().unwrap();
    metrics.announce_route("GET", "/metrics", 200);
    let text = metrics.text(&Sample::default()).unwrap();
    for name in ASKED_FOR {
        let is = |line: &str| line.split(['{', ' ']).next() == Some(name);
        assert!(text.lines().any(is), "{name} in\n{text}");
    }
}

#[test]
fn runs_and_answers_are_counted() {
    let metrics = Metrics::new().unwrap();
    metrics.run_created("rlog-to-csv");
    metrics.run_ended("rlog-to-csv", 1.5, None);
    metrics.run_created("can-bitwatch");
    metrics.run_ended("can-bitwatch", 2.5, Some(Category::ToolError));
    metrics.active_runs(2);
    metrics.active_runs(1);
    metrics.artifact(100);
    metrics.answered("GET", "/v1/runs/{run_id}", 404, Duration::from_millis(4));
    metrics.answered("GET", "/v1/runs/{run_id}", 200, Duration::from_millis(4));
    let text = metrics.text(&Sample::default()).unwrap();
    for line in [
        "runs_total 2",
        "runs_successful 1",
        "runs_failed{category=\"tool_error\"} 1",
        "runs_failed{category=\"system_error\"} 0",
        "execution_duration_sum{tool=\"can-bitwatch\"} 2.5",
        "api_requests_total{endpoint=\"/v1/runs/{run_id}\",method=\"GET\",status=\"404\"} 1",
        "api_errors{endpoint=\"/v1/runs/{run_id}\",method=\"GET\"} 1",
        "tools_usage{tool=\"rlog-to-csv\"} 1",
        "artifact_bytes_written_total 100",
    ] {
        assert!(text.lines().any(|l| l == line), "{line} in\n{text}");
    }
    let counted = metrics.counted();
    let tools = ["can-bitwatch", "rlog-to-csv"].map(|tool| (tool.to_owned(), 1));
    assert!((counted.response_seconds - 0.008).abs() < 1e-9);
    let expected = Counted {
        created: 2,
        successful: 1,
        failed: 1,
        seconds: 4.0,
        active: 1,
        peak: 2,
        requests: 2,
        response_seconds: counted.response_seconds,
        errors: BTreeMap::from([("GET /v1/runs/{run_id}".to_owned(), 1)]),
        tools: BTreeMap::from(tools),
        artifacts: 1,
    };
    assert_eq!(counted, expected);
}
