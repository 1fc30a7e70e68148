//! Disks that are full or refuse: what could not be done is told, and done when it can be.

use std::os::unix::fs::PermissionsExt;
use std::path::Path;

use serde_json::{Value, json};

use crate::lab::{Daemon, Lab, command, endless_input, log_in, log_of, refusal};
use crate::machine::{SmallDisk, soon, unprivileged};

#[test]
fn a_full_disk_fails_the_run_and_nothing_else() {
    let Some(disk) = SmallDisk::mount("size=6m") else { return };
    let lab = Lab::with(|settings| settings.data_dir = disk.path().join("data"));
    let big = log_of(lab.dir.path(), 150);
    let run = lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": big })));
    assert_eq!(run["error_details"]["code"], "disk-full", "{run}");
    assert_eq!((&run["error_category"], &run["attempts"]), (&json!("system_error"), &json!(3)));
    assert!(run["error_details"]["suggested_fix"].as_str().unwrap().contains("Free space"));
    let small = lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() }));
    assert_eq!(lab.client.wait(&small)["status"], "completed");
}

#[test]
fn a_disk_that_is_full_for_a_while_loses_nothing() {
    let Some(disk) = SmallDisk::mount("size=8m") else { return };
    let marks = tempfile::tempdir().unwrap();
    let go = marks.path().join("go");
    let script = format!("read job; while [ ! -e {} ]; do sleep 0.01; done; exit 3", go.display());
    let lab = Lab::with_worker(&script, |settings| {
        settings.data_dir = disk.path().join("data");
        settings.runs.retry_pause = std::time::Duration::from_millis(50);
    });
    let client = &lab.client;
    let running = client.run("rlog-to-csv", json!({ "rlog": lab.log() }));
    client.wait_for(&running, &["running"]);
    let upload = client.post("/v1/uploads", &json!({ "filename": "a.rlog" })).json();
    let path = upload["upload_url"].as_str().unwrap();
    let ballast = disk.fill();

    let put = client.send("PUT", path, &[], vec![7; 100_000]);
    assert_eq!((put.status, &put.json()["code"]), (507, &json!("disk-full")), "{}", put.text());
    assert!(put.json()["suggested_fix"].as_str().unwrap().contains("Free space"));
    // The store keeps room of its own for a while.
    let body = json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log() } });
    let refused =
        (0..2000).map(|_| client.post("/v1/runs", &body)).find(|answer| answer.status != 200).unwrap();
    assert_eq!((refused.status, &refused.json()["code"]), (507, &json!("disk-full")), "{}", refused.text());
    assert_eq!(refused.json()["error_category"], "system_error");
    std::fs::write(&go, "").unwrap();
    // Lists still answer, and nothing is said to have ended that is not written.
    assert_eq!(client.get(&format!("/v1/runs/{running}")).json()["status"], "running");
    assert_eq!(client.get("/v1/health/ready").status, 503);

    std::fs::remove_file(ballast).unwrap();
    let run = client.wait(&running);
    assert_eq!(run["error_details"]["code"], "tool-exit", "{run}");
    assert_eq!(client.send("PUT", path, &[], vec![7; 100_000]).json()["received"], 100_000);
    assert_eq!(client.post("/v1/runs", &body).status, 200);
    soon("the service is ready again", || client.get("/v1/health/ready").status == 200);
}

#[test]
fn a_data_directory_that_cannot_be_written_is_told() {
    let dir = tempfile::tempdir().unwrap();
    let Some(disk) = SmallDisk::mount("ro,size=1m") else { return };
    let mut service = command(dir.path());
    service.env("CTS_STORAGE_DIR", disk.path());
    let said = refusal(service);
    assert!(said.contains("permission-denied") && said.contains("hint: Let the user"), "{said}");
}

fn chmod(path: &Path, mode: u32) {
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn permissions_that_are_missing_are_told() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path());
    let secret = dir.path().join("secret.rlog");
    std::fs::copy(&log, &secret).unwrap();
    chmod(&secret, 0o000);
    let Some(service) = unprivileged(&command(dir.path())) else { return };
    let service = Daemon::start_with(service);
    let fate = |path: &Path| {
        let run = service
            .client
            .wait(&service.client.run("rlog-to-csv", json!({ "rlog": path.display().to_string() })));
        let details = &run["error_details"];
        assert!(
            details["suggested_fix"].as_str().is_some_and(|fix| fix.starts_with("Let the user")),
            "{run}"
        );
        assert_eq!(run["attempts"], 1, "waiting does not help");
        (details["code"].clone(), run["error_category"].clone())
    };
    let denied = (json!("permission-denied"), json!("system_error"));
    assert_eq!(fate(&secret), denied, "the input");
    let runs = dir.path().join("data/runs");
    chmod(&runs, 0o555);
    assert_eq!(fate(Path::new(&log)), denied, "the place of the output");
    chmod(&runs, 0o755);
    let run = service.client.run("rlog-to-csv", json!({ "rlog": log }));
    assert_eq!(service.client.wait(&run)["status"], "completed");
}

#[test]
fn what_cannot_be_removed_holds_up_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path());
    let Some(service) = unprivileged(&command(dir.path())) else { return };
    let service = Daemon::start_with(service);
    let run = service.client.run("rlog-to-csv", json!({ "rlog": endless_input(dir.path()) }));
    service.client.wait_for(&run, &["running"]);
    let work = dir.path().join("data/runs").join(&run).join("work");
    soon("it has a place to work", || work.is_dir());
    std::fs::write(work.join("half"), "").unwrap();
    chmod(&work, 0o555);
    service.kill();
    let service = Daemon::start_with(unprivileged(&command(dir.path())).unwrap());
    let after = service.client.wait(&run);
    assert_eq!(after["error_details"]["code"], "interrupted");
    assert_eq!(
        service.client.wait(&service.client.run("rlog-to-csv", json!({ "rlog": log })))["status"],
        "completed"
    );
    assert!(work.join("half").exists());
    service.kill();
    chmod(&work, 0o755);
    let _service = Daemon::start(dir.path());
    assert!(!work.exists(), "the next start removes it");
}

#[test]
fn lost_power_leaves_no_half_files() {
    let dir = tempfile::tempdir().unwrap();
    let log = log_in(dir.path());
    let service = Daemon::start(dir.path());
    let run = service.client.wait(&service.client.run("rlog-to-csv", json!({ "rlog": log })));
    let id = run["run_id"].as_str().unwrap();
    let upload = service.client.post("/v1/uploads", &json!({ "filename": "a.rlog" })).json();
    let upload = upload["upload_id"].as_str().unwrap();
    service.client.send("PUT", &format!("/v1/uploads/{upload}/content"), &[], b"hello".to_vec());
    service.client.send("POST", &format!("/v1/uploads/{upload}/finalize"), &[], Vec::new());
    service.kill();
    // The names have reached the disk, the bytes have not.
    let data = dir.path().join("data");
    let artifact = data.join("runs").join(id).join("artifacts/drive.csv");
    for file in [&artifact, &data.join("uploads").join(upload).join("a.rlog")] {
        std::fs::File::options().write(true).open(file).unwrap().set_len(3).unwrap();
    }
    let service = Daemon::start(dir.path());
    assert_eq!(service.client.get(&format!("/v1/runs/{id}")).json()["artifacts"], Value::Array(Vec::new()));
    assert_eq!(service.client.get(&format!("/v1/uploads/{upload}")).status, 404);
    assert!(!data.join("uploads").join(upload).exists());
}
