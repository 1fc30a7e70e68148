//! What lies in `deployment/` works with the program as it is.

#![expect(clippy::print_stderr, clippy::unwrap_used, reason = "tests")]

use std::path::{Path, PathBuf};
use std::process::Command;

fn deployment() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("../deployment")
}

fn read(name: &str) -> String {
    std::fs::read_to_string(deployment().join(name)).unwrap()
}

/// `cts-lite` without the environment of the one who runs the tests; its exit code and all that it says.
fn cts_lite(args: &[&str], environment: &[(&str, &str)]) -> (i32, String) {
    let dir = tempfile::tempdir().unwrap();
    let mut command = Command::new(env!("CARGO_BIN_EXE_cts-lite"));
    let output =
        command.args(args).env_clear().envs(environment.iter().copied()).current_dir(&dir).output().unwrap();
    let text = [output.stdout, output.stderr].concat();
    (output.status.code().unwrap(), String::from_utf8(text).unwrap())
}

#[test]
fn the_example_configurations_can_be_used() {
    for name in ["development", "staging", "production"] {
        let file = deployment().join(format!("config/{name}.toml"));
        let (code, text) = cts_lite(&["config", "check", "--config", file.to_str().unwrap()], &[]);
        assert_eq!(code, 0, "{name}: {text}");
        assert!(text.contains(&format!("(environment {name},")), "{text}");
    }
}

#[test]
fn the_container_listens_on_all_addresses_with_keys() {
    let file = deployment().join("config/production.toml");
    // Compose passes variables that nobody set as empty ones.
    let environment =
        [("CTS_CONFIG", file.to_str().unwrap()), ("CTS_HOST", "0.0.0.0"), ("CTS_MAX_CONCURRENT_RUNS", "")];
    let (code, text) = cts_lite(&["config", "show", "--json"], &environment);
    assert_eq!(code, 0, "{text}");
    let text = &text[text.find("{\n").unwrap()..];
    let shown: serde_json::Value = serde_json::from_str(&text[..=text.rfind('}').unwrap()]).unwrap();
    assert_eq!(shown["settings"]["host"]["source"], "CTS_HOST");
    assert_eq!(shown["settings"]["require_authentication"]["value"], true);
    assert_eq!(shown["settings"]["max_concurrent_runs"]["value"], 5);
    let dockerfile = read("docker/Dockerfile");
    for line in ["CTS_HOST=0.0.0.0", "USER 10001", "HEALTHCHECK", "ENTRYPOINT [\"cts-lite\"]"] {
        assert!(dockerfile.contains(line), "{line}");
    }
}

#[test]
fn the_variables_of_unit_and_compose_exist() {
    let files = ["systemd/cts-lite.env", "docker/docker-compose.yml", "docker/Dockerfile"];
    for (name, text) in files.map(|name| (name, read(name))) {
        let words = text.split(|c: char| !(c.is_ascii_uppercase() || c == '_' || c.is_ascii_digit()));
        for word in words.filter(|word| word.starts_with("CTS_")) {
            let known =
                cts_server::config::FIELDS.iter().any(|field| field.variables().iter().any(|v| v == word));
            // The last is compose's own: where the logs of the host lie.
            assert!(known || ["CTS_CONFIG", "CTS_LOGS"].contains(&word), "{name}: {word}");
        }
    }
}

/// Words of PromQL that could be metrics: followed by a selector, or part of one.
fn metrics_in(text: &str) -> Vec<String> {
    let mut found: Vec<String> = text
        .match_indices("{job=")
        .map(|(at, _)| {
            let before = &text[..at];
            let start = before.rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(0, |i| i + 1);
            before[start..].trim_end_matches("_bucket").to_owned()
        })
        .filter(|name| name != "up")
        .collect();
    found.sort_unstable();
    found.dedup();
    found
}

#[test]
fn alerts_and_dashboard_use_metrics_that_exist() {
    let dashboard: serde_json::Value = serde_json::from_str(&read("grafana/cts-lite.json")).unwrap();
    let panels = dashboard["panels"].as_array().unwrap();
    let targets = panels.iter().filter_map(|panel| panel["targets"].as_array()).flatten();
    let text: String = targets.map(|target| format!("{}\n", target["expr"].as_str().unwrap())).collect();
    let used = metrics_in(&format!("{text}{}", read("prometheus/alerts.yml")));
    let source = include_str!("../src/metrics.rs");
    for name in &used {
        assert!(source.contains(&format!("\"{name}\"")), "{name} is no metric of the service");
    }
    for name in [
        "runs_total",
        "runs_successful",
        "runs_failed",
        "execution_duration",
        "api_requests_total",
        "api_response_time",
        "api_errors",
        "active_runs",
        "artifact_storage_bytes",
        "log_storage_bytes",
        "tools_usage",
        "artifacts_generated",
        "unique_users",
        "system_cpu_percent",
        "system_memory_percent",
        "system_disk_used_percent",
    ] {
        assert!(used.iter().any(|u| u == name), "{name} is not shown");
    }
}

/// Runs a checker that need not be there; says so when it is not.
fn check(program: &str, args: &[&str], file: &str) {
    match Command::new(program).args(args).arg(deployment().join(file)).output() {
        Ok(output) => {
            let text = [output.stdout, output.stderr].concat();
            assert!(output.status.success(), "{program}: {}", String::from_utf8_lossy(&text));
        }
        Err(_) => eprintln!("SKIPPED: {file}, since there is no {program}"),
    }
}

#[test]
fn checkers_find_nothing() {
    check("promtool", &["check", "rules"], "prometheus/alerts.yml");
    check("promtool", &["test", "rules"], "prometheus/alerts_test.yml");
    check("hadolint", &[], "docker/Dockerfile");
    for script in ["install", "start", "stop", "health-check"] {
        check("bash", &["-n"], &format!("scripts/{script}.sh"));
        check("shellcheck", &[], &format!("scripts/{script}.sh"));
    }
}
