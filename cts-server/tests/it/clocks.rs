//! Clocks that are set: nothing gets lost, nothing takes less than no time.

use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicI64, Ordering};
use std::time::Duration;

use cts_server::clock::{Clock, Micros, SystemClock, Uptime};
use serde_json::{Value, json};

use crate::lab::{Lab, endless_input};
use crate::machine::soon;

const DAY: Micros = 24 * 3600 * 1_000_000;

/// The clock of the machine, set by hand.
#[derive(Debug, Default)]
struct Hands {
    machine: SystemClock,
    /// How far the time of day is ahead.
    ahead: AtomicI64,
    /// How much more time has really passed.
    passed: AtomicI64,
}

impl Clock for Hands {
    fn now(&self) -> Micros {
        self.machine.now() + self.ahead.load(Ordering::SeqCst) + self.passed.load(Ordering::SeqCst)
    }

    fn uptime(&self) -> Uptime {
        let uptime = self.machine.uptime();
        Uptime { micros: uptime.micros + self.passed.load(Ordering::SeqCst), ..uptime }
    }
}

fn lab_in(data: &Path, hands: &Arc<Hands>) -> Lab {
    Lab::with(|settings| {
        settings.data_dir = data.to_owned();
        settings.clock = Arc::clone(hands) as Arc<dyn Clock>;
        settings.retention.max_age = Duration::from_secs(7 * 24 * 3600);
        settings.retention.interval = Duration::from_secs(1);
    })
}

/// Waits until a clean-up has seen the clock where it is now.
fn cleaned(data: &Path, hands: &Hands) {
    let store = rusqlite::Connection::open(data.join("store.db")).unwrap();
    let wanted = hands.now();
    soon("the clean-up looks at the clock", || {
        let seen: String = store
            .query_row("SELECT value FROM facts WHERE name = 'clocks'", [], |row| row.get(0))
            .unwrap_or_default();
        let seen: Value = serde_json::from_str(&seen).unwrap_or_default();
        // Looked after that, and not before it was set back.
        seen["now"].as_i64().is_some_and(|now| (wanted..wanted + DAY / 2).contains(&now))
    });
    // The removal follows the look.
    std::thread::sleep(Duration::from_millis(300));
}

fn make(lab: &Lab) -> (String, String) {
    let run = lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() }));
    assert_eq!(lab.client.wait(&run)["status"], "completed");
    let upload = lab.client.post("/v1/uploads", &json!({ "filename": "a" })).json();
    (run, upload["upload_id"].as_str().unwrap().to_owned())
}

fn both_there(lab: &Lab, (run, upload): &(String, String)) -> [bool; 2] {
    [format!("/v1/runs/{run}"), format!("/v1/uploads/{upload}")]
        .map(|path| lab.client.get(&path).status == 200)
}

#[test]
fn a_jump_ahead_removes_nothing_until_time_has_really_passed() {
    let (data, hands) = (tempfile::tempdir().unwrap(), Arc::new(Hands::default()));
    let lab = lab_in(data.path(), &hands);
    let things = make(&lab);
    cleaned(data.path(), &hands);
    hands.ahead.fetch_add(400 * DAY, Ordering::SeqCst);
    cleaned(data.path(), &hands);
    assert_eq!(both_there(&lab, &things), [true; 2]);
    hands.passed.fetch_add(6 * DAY, Ordering::SeqCst);
    cleaned(data.path(), &hands);
    assert_eq!(both_there(&lab, &things), [true; 2], "six days old");
    hands.passed.fetch_add(2 * DAY, Ordering::SeqCst);
    cleaned(data.path(), &hands);
    soon("it is old now", || both_there(&lab, &things) == [false; 2]);
}

#[test]
fn a_jump_while_the_service_is_off_removes_nothing_either() {
    let (data, hands) = (tempfile::tempdir().unwrap(), Arc::new(Hands::default()));
    let lab = lab_in(data.path(), &hands);
    let things = make(&lab);
    cleaned(data.path(), &hands);
    drop(lab);
    hands.ahead.fetch_add(400 * DAY, Ordering::SeqCst);
    let lab = lab_in(data.path(), &hands);
    cleaned(data.path(), &hands);
    assert_eq!(both_there(&lab, &things), [true; 2]);
    // Set right again: all ages are true, and eight days have passed with the service off.
    drop(lab);
    hands.ahead.store(0, Ordering::SeqCst);
    hands.passed.fetch_add(8 * DAY, Ordering::SeqCst);
    let lab = lab_in(data.path(), &hands);
    soon("it is old now", || both_there(&lab, &things) == [false; 2]);
}

#[test]
fn a_clock_that_is_set_back_changes_no_order_and_no_duration() {
    let (data, hands) = (tempfile::tempdir().unwrap(), Arc::new(Hands::default()));
    let lab = lab_in(data.path(), &hands);
    let first = make(&lab).0;
    let running = lab.client.run("rlog-to-csv", json!({ "rlog": endless_input(lab.dir.path()) }));
    lab.client.wait_for(&running, &["running"]);
    let monitor = json!({ "tool_id": "can_bus_check", "params": { "log": lab.log(), "speed": 1 } });
    let monitor = lab.client.post("/v1/monitors", &monitor).json();
    hands.ahead.fetch_sub(2 * DAY, Ordering::SeqCst);
    let run = lab.client.get(&format!("/v1/runs/{running}")).json();
    assert_eq!(run["duration"], "0.0s", "{run}");
    lab.client.send("DELETE", &format!("/v1/runs/{running}"), &[], Vec::new());
    let run = lab.client.wait(&running);
    assert!(run["completed_at"].as_str() < run["started_at"].as_str(), "{run}");
    assert_eq!(run["duration"], "0.0s");
    let last = make(&lab).0;
    cleaned(data.path(), &hands);
    let listed = lab.client.get("/v1/runs").json();
    let listed: Vec<&str> =
        listed.as_array().unwrap().iter().map(|run| run["id"].as_str().unwrap()).collect();
    assert_eq!(listed, [&*last, &*running, &*first], "the order is that of creation");
    let metrics = lab.client.get("/v1/metrics").json();
    assert!(
        metrics["execution_metrics"]["average_execution_time_seconds"].as_f64().unwrap() >= 0.0,
        "{metrics}"
    );
    let seen =
        lab.client.get(&format!("/v1/monitors/{}/status", monitor["monitor_id"].as_str().unwrap())).json();
    assert!(!seen["uptime"].as_str().unwrap().starts_with('-'), "{seen}");
}
