//! What lies in `deployment/` works with the program as it is.

#![expect(clippy::print_stderr, clippy::unwrap_used, reason = "tests")]

use std::collections::BTreeSet;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};

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

/// A service that a test has started; it ends with the test.
struct Live {
    child: Child,
    base: String,
    _dir: tempfile::TempDir,
}

impl Live {
    fn start() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let place = |name: &str| dir.path().join(name);
        let mut command = Command::new(env!("CARGO_BIN_EXE_cts-lite"));
        command.env_clear().env("CTS_PORT", "0").env("CTS_LOG_LEVEL", "INFO").env("CTS_LOG_FORMAT", "json");
        command.env("CTS_STORAGE_DIR", place("data")).env("CTS_LOG_DIRECTORY", place("log"));
        let mut child = command.current_dir(&dir).stderr(Stdio::piped()).spawn().unwrap();
        let mut lines = BufReader::new(child.stderr.take().unwrap()).lines().map(Result::unwrap);
        let listening = lines.find(|line| line.contains("\"listening\"")).unwrap();
        std::thread::spawn(move || lines.for_each(drop));
        let listening: serde_json::Value = serde_json::from_str(&listening).unwrap();
        let base = format!("http://{}", listening["address"].as_str().unwrap());
        Self { child, base, _dir: dir }
    }

    fn get(&self, path: &str) -> (u16, String) {
        let agent = ureq::Agent::from(ureq::Agent::config_builder().http_status_as_error(false).build());
        let mut answer = agent.get(format!("{}{path}", self.base)).call().unwrap();
        (answer.status().as_u16(), answer.body_mut().read_to_string().unwrap())
    }
}

impl Drop for Live {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Names of metrics and of the labels by which they are chosen.
fn selectors(text: &str) -> BTreeSet<(String, String)> {
    let mut found = BTreeSet::new();
    for (at, _) in text.match_indices("{job=") {
        let start = text[..at].rfind(|c: char| !(c.is_ascii_alphanumeric() || c == '_')).map_or(0, |i| i + 1);
        let (inside, _) = text[at + 1..].split_once("\"}").unwrap();
        for matcher in inside.split(", ") {
            let label = matcher.split(['=', '!']).next().unwrap();
            found.insert((text[start..at].to_owned(), label.to_owned()));
        }
    }
    // Prometheus makes this one itself.
    found.retain(|(name, _)| name != "up");
    found
}

fn dashboard() -> serde_json::Value {
    serde_json::from_str(&read("grafana/cts-lite.json")).unwrap()
}

/// All expressions of the dashboard, one a line.
fn shown() -> String {
    let dashboard = dashboard();
    let targets =
        dashboard["panels"].as_array().unwrap().iter().filter_map(|panel| panel["targets"].as_array());
    let marks = dashboard["annotations"]["list"].as_array().unwrap();
    let all = targets.flatten().chain(marks);
    all.map(|one| format!("{}\n", one["expr"].as_str().unwrap())).collect()
}

#[test]
fn alerts_and_dashboard_use_metrics_that_exist() {
    let live = Live::start();
    assert_eq!(live.get("/v1/runs/nobody").0, 404);
    let (_, text) = live.get("/metrics");
    let alerts = read("prometheus/alerts.yml");
    let used = selectors(&format!("{}{alerts}", shown()));
    for (name, label) in &used {
        let mut series = text.lines().filter(|line| line.split(['{', ' ']).next() == Some(name));
        let has = |line: &str| {
            ["job", "instance"].contains(&label.as_str()) || line.contains(&format!("{label}=\""))
        };
        assert!(series.any(has), "{name} with the label {label} is no metric of the service");
    }
    for name in [
        "runs_total",
        "runs_successful",
        "runs_failed",
        "execution_duration_bucket",
        "api_requests_total",
        "api_response_time_bucket",
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
        assert!(used.iter().any(|(u, _)| u == name), "{name} is not shown");
    }
    // Between two bounds of a histogram a quantile is a guess, and an alert on it false.
    let quantiles: Vec<&str> = alerts.split("histogram_quantile(").skip(1).collect();
    for one in &quantiles {
        let (name, rest) = one.split_once("rate(").unwrap().1.split_once("{job=").unwrap();
        let limit = rest.split_once("))) > ").unwrap().1.lines().next().unwrap();
        let bound = format!("le=\"{limit}\"");
        assert!(text.lines().any(|line| line.starts_with(name) && line.contains(&bound)), "{name} {bound}");
    }
    assert_eq!(quantiles.len(), 2);
}

#[test]
fn each_alert_has_a_test() {
    let tests = read("prometheus/alerts_test.yml");
    let alerts = read("prometheus/alerts.yml");
    let names = alerts.lines().filter_map(|line| line.trim().strip_prefix("- alert: "));
    let untested: Vec<&str> = names.filter(|name| !tests.contains(&format!("alertname: {name}\n"))).collect();
    assert!(untested.is_empty(), "{untested:?}");
}

#[test]
fn the_dashboard_is_well_formed() {
    let dashboard = dashboard();
    let panels = dashboard["panels"].as_array().unwrap();
    let (mut ids, mut cells) = (BTreeSet::new(), BTreeSet::new());
    for panel in panels {
        assert!(ids.insert(panel["id"].as_u64().unwrap()), "{}: id", panel["title"]);
        let [x, y, w, h] = ["x", "y", "w", "h"].map(|side| panel["gridPos"][side].as_u64().unwrap());
        assert!(x + w <= 24, "{}: too far right", panel["title"]);
        for cell in (x..x + w).flat_map(|x| (y..y + h).map(move |y| (x, y))) {
            assert!(cells.insert(cell), "{}: lies on another", panel["title"]);
        }
        for target in panel["targets"].as_array().into_iter().flatten() {
            assert_eq!(target["datasource"]["uid"], "${source}", "{}", panel["title"]);
        }
    }
    // Shorter than two readings, `$__interval` gives no rate.
    assert!(!shown().contains("$__interval"));
}

#[test]
fn the_image_is_built_by_the_compiler_that_it_names() {
    let (dockerfile, ignored) = (read("docker/Dockerfile"), read("docker/Dockerfile.dockerignore"));
    let manifest = read("../Cargo.toml");
    let version = manifest.split_once("rust-version = \"").unwrap().1.split('"').next().unwrap();
    assert!(dockerfile.contains(&format!("FROM rust:{version}-")), "{version}");
    assert!(ignored.lines().any(|line| line == "rust-toolchain.toml"));
    // What the compose file puts there are secrets and logs.
    assert!(ignored.contains("deployment/*\n!deployment/config\n"));
}

#[test]
fn nobody_kills_a_service_that_still_says_goodbye() {
    // The grace of runs, their last words, those of connections, and the store.
    let grace = cts_server::config::field("shutdown_grace_seconds").unwrap();
    let needed = grace.default.parse::<u64>().unwrap() + 19;
    let seconds = |name: &str, key: &str| {
        let text = read(name);
        let value = text.split_once(key).unwrap().1.lines().next().unwrap();
        value.trim_end_matches('s').parse::<u64>().unwrap()
    };
    assert!(seconds("systemd/cts-lite.service", "TimeoutStopSec=") > needed);
    assert!(seconds("docker/docker-compose.yml", "stop_grace_period: ") > needed);
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
    check("check-jsonschema", &["--builtin-schema", "vendor.compose-spec"], "docker/docker-compose.yml");
    for script in ["install", "start", "stop", "health-check"] {
        check("bash", &["-n"], &format!("scripts/{script}.sh"));
        check("shellcheck", &[], &format!("scripts/{script}.sh"));
    }
}
