//! The store: held by others, damaged, lost. It is never replaced without a word.

use std::path::{Path, PathBuf};

use serde_json::json;

use crate::lab::{Daemon, Lab, command, log_in, refusal};

#[test]
fn a_store_that_others_hold_is_waited_for_and_then_told() {
    let lab = Lab::new();
    let other = rusqlite::Connection::open(lab.data().join("store.db")).unwrap();
    other.execute_batch("BEGIN IMMEDIATE").unwrap();
    let refused =
        lab.client.post("/v1/runs", &json!({ "tool_id": "rlog-to-csv", "params": { "rlog": lab.log() } }));
    assert_eq!((refused.status, refused.json()["code"].as_str()), (503, Some("busy")));
    assert_eq!(refused.json()["recovery_attempted"], true, "it was waited for");
    assert!(!refused.header("retry-after").is_empty());
    assert_eq!(lab.client.get("/v1/runs").json(), json!([]));
    other.execute_batch("ROLLBACK").unwrap();
    assert_eq!(
        lab.client.wait(&lab.client.run("rlog-to-csv", json!({ "rlog": lab.log() })))["status"],
        "completed"
    );
}

/// A service that has done a run.
fn used(dir: &Path) -> (Daemon, String) {
    let service = Daemon::start(dir);
    let run = service.client.run("rlog-to-csv", json!({ "rlog": log_in(dir) }));
    assert_eq!(service.client.wait(&run)["status"], "completed");
    (service, run)
}

/// What is in the data directory, file by file; but for the lock, which names the last process, and an empty log.
fn contents(dir: &Path) -> Vec<(PathBuf, Vec<u8>)> {
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir).unwrap().flatten() {
        let path = entry.path();
        if path.is_dir() {
            files.extend(contents(&path));
        } else if !path.ends_with("lock") && !path.ends_with("store.db-shm") {
            files.push((path.clone(), std::fs::read(path).unwrap()));
        }
    }
    files.retain(|(path, bytes)| !(path.ends_with("store.db-wal") && bytes.is_empty()));
    files.sort();
    files
}

fn is_refused(dir: &Path) {
    let before = contents(&dir.join("data"));
    let said = refusal(command(dir));
    assert!(said.contains("store-corrupt") && said.contains("hint: The store is left as it is"), "{said}");
    assert!(said.contains("store.db"), "{said}");
    assert!(contents(&dir.join("data")) == before, "nothing was changed");
}

#[test]
fn garbage_in_the_place_of_a_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("data/store.db");
    std::fs::create_dir_all(store.parent().unwrap()).unwrap();
    let garbage = b"this is no database, and long enough to have a header of a hundred bytes or so".repeat(9);
    std::fs::write(&store, &garbage).unwrap();
    let said = refusal(command(dir.path()));
    assert!(said.contains("store-corrupt"), "{said}");
    assert_eq!(std::fs::read(&store).unwrap(), garbage);
}

#[test]
fn damaged_pages_are_refused_also_when_the_log_is_not_yet_written_to_them() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("data/store.db");
    // What it wrote is in the file, and then more in the log.
    assert!(used(dir.path()).0.terminate().success());
    used(dir.path()).0.kill();
    let mut bytes = std::fs::read(&store).unwrap();
    assert!(bytes.len() > 3 * 4096, "{}", bytes.len());
    bytes[4096..].fill(0xA5);
    std::fs::write(&store, bytes).unwrap();
    let log = store.with_extension("db-wal");
    assert!(log.exists());
    is_refused(dir.path());
    std::fs::remove_file(log).unwrap();
    is_refused(dir.path());
}

#[test]
fn an_emptied_store_is_refused() {
    let dir = tempfile::tempdir().unwrap();
    let store = dir.path().join("data/store.db");
    used(dir.path()).0.kill();
    std::fs::remove_file(store.with_extension("db-wal")).unwrap();
    std::fs::write(&store, "").unwrap();
    is_refused(dir.path());
}

#[test]
fn files_of_a_store_that_was_moved_away_are_kept() {
    let dir = tempfile::tempdir().unwrap();
    let (service, run) = used(dir.path());
    service.kill();
    let data = dir.path().join("data");
    let store = data.join("store.db");
    let aside = tempfile::tempdir().unwrap();
    let parts = ["db", "db-wal", "db-shm"].map(|extension| store.with_extension(extension));
    let moved = |from: &PathBuf| aside.path().join(from.file_name().unwrap());
    parts.iter().for_each(|part| std::fs::rename(part, moved(part)).unwrap());

    let service = Daemon::start(dir.path());
    assert_eq!(service.client.get("/v1/runs").json(), json!([]));
    assert!(data.join("lost-1/runs").join(&run).join("artifacts/drive.csv").is_file());
    service.kill();
    // And back.
    parts.iter().for_each(|part| std::fs::rename(moved(part), part).unwrap());
    std::fs::remove_dir_all(data.join("runs")).unwrap();
    std::fs::rename(data.join("lost-1/runs"), data.join("runs")).unwrap();
    let service = Daemon::start(dir.path());
    let artifacts = service.client.get(&format!("/v1/runs/{run}/artifacts")).json();
    let path = format!("/v1/artifacts/{}/content", artifacts[0]["id"].as_str().unwrap());
    assert_eq!(service.client.get(&path).bytes.len() as u64, artifacts[0]["size"].as_u64().unwrap());
}

#[test]
fn a_second_service_on_the_same_directory_refuses() {
    let dir = tempfile::tempdir().unwrap();
    let first = Daemon::start(dir.path());
    let said = refusal(command(dir.path()));
    assert!(said.contains(&format!("another service (process {})", first.pid())), "{said}");
    assert!(said.contains("data-dir-in-use"), "{said}");
    assert_eq!(first.client.get("/v1/health").status, 200);
}
