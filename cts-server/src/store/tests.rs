use serde_json::{Map, json};

use super::*;
use crate::clock::Micros;

fn run(id: &str) -> Run {
    Run {
        seq: 0,
        id: id.to_owned(),
        owner: None,
        client: "me".to_owned(),
        tool: "rlog-to-csv".to_owned(),
        name: Some("Drive".to_owned()),
        params: Map::from_iter([("rlog".to_owned(), json!("/a"))]),
        input: None,
        status: Status::Queued,
        priority: 0,
        created_at: 1,
        started_at: None,
        completed_at: None,
        attempts: 0,
        report: None,
        failure: None,
        idempotency_key: None,
        logs_dropped: 0,
    }
}

fn end(status: Status) -> End {
    End {
        status,
        at: 9,
        report: Some(json!({ "rows": 1 })),
        failure: None,
        logs_dropped: 0,
        keys: ResultKeys::default(),
    }
}

fn open() -> (tempfile::TempDir, Store) {
    let dir = tempfile::tempdir().unwrap();
    let store = Store::open(&dir.path().join("store.db")).unwrap();
    (dir, store)
}

#[test]
fn the_file_alone_is_whole_once_it_is_settled() {
    let (dir, store) = open();
    store.write_now(|db| run("a").insert(db)).unwrap();
    assert!(store.read_now(|db| Run::get(db, "a")).unwrap().is_some());
    let log = dir.path().join("store.db-wal");
    assert!(std::fs::metadata(&log).unwrap().len() > 0);
    assert!(store.settle().unwrap());
    assert_eq!(std::fs::metadata(&log).unwrap().len(), 0);
    let copy = dir.path().join("copy.db");
    std::fs::copy(dir.path().join("store.db"), &copy).unwrap();
    assert!(Store::open(&copy).unwrap().read_now(|db| Run::get(db, "a")).unwrap().is_some());
    // It goes on.
    assert!(store.read_now(|db| Run::get(db, "a")).unwrap().is_some());
}

#[test]
fn only_checkpoints_move_what_was_written_into_the_file() {
    let (dir, store) = open();
    let in_file = |id: &str| {
        let alone = tempfile::tempdir().unwrap();
        let copy = alone.path().join("store.db");
        std::fs::copy(dir.path().join("store.db"), &copy).unwrap();
        Store::open(&copy).unwrap().read_now(|db| Run::get(db, id)).unwrap().is_some()
    };
    // More than SQLite would move by itself in the middle of a write.
    let long = "x".repeat(10_000);
    store
        .write_now(|db| {
            run("a").insert(db)?;
            let line =
                |seq| LogEntry { seq, at: 1, level: Level::Info, source: "tool", message: long.clone() };
            LogEntry::insert(db, "a", &(1..600).map(line).collect::<Vec<_>>())
        })
        .unwrap();
    assert!(!in_file("a"));
    store.checkpoint().unwrap();
    assert!(in_file("a"));
    store.write_now(|db| run("b").insert(db)).unwrap();
    assert!(!in_file("b"));
    store.checkpoint().unwrap();
    assert!(in_file("b"));
}

#[test]
fn the_first_end_stands() {
    let (_dir, store) = open();
    store.write_now(|db| run("a").insert(db)).unwrap();
    assert!(store.write_now(|db| Run::start(db, "a", 5)).unwrap());
    assert!(!store.write_now(|db| Run::start(db, "a", 6)).unwrap());
    assert!(store.write_now(|db| Run::finish(db, "a", &end(Status::Canceled))).unwrap());
    assert!(!store.write_now(|db| Run::finish(db, "a", &end(Status::Completed))).unwrap());
    let run = store.read_now(|db| Run::get(db, "a")).unwrap().unwrap();
    assert_eq!((run.status, run.started_at, run.attempts), (Status::Canceled, Some(5), 1));
    assert_eq!(run.report, Some(json!({ "rows": 1 })));
}

#[test]
fn lists_are_filtered_and_paged() {
    let (_dir, store) = open();
    for id in ["a", "b", "c"] {
        store.write_now(|db| run(id).insert(db)).unwrap();
    }
    store.write_now(|db| Run::start(db, "b", 5)).unwrap();
    let list = |filter: RunFilter| -> Vec<String> {
        let filter = RunFilter { limit: if filter.limit == 0 { 9 } else { filter.limit }, ..filter };
        store.read_now(|db| Run::list(db, &filter)).unwrap().into_iter().map(|run| run.id).collect()
    };
    assert_eq!(list(RunFilter::default()), ["c", "b", "a"]);
    assert_eq!(list(RunFilter { status: Status::named("pending"), ..RunFilter::default() }), ["c", "a"]);
    assert_eq!(list(RunFilter { before: Some("c".into()), limit: 1, ..RunFilter::default() }), ["b"]);
    assert_eq!(list(RunFilter { offset: 2, ..RunFilter::default() }), ["a"]);
    store.write_now(|db| db.execute("UPDATE runs SET owner = 'me' WHERE id = 'a'", [])).unwrap();
    assert_eq!(list(RunFilter { owner: Some("other".into()), ..RunFilter::default() }), ["c", "b"]);
    assert_eq!(list(RunFilter { name: Some("riv".into()), limit: 1, ..RunFilter::default() }), ["c"]);
}

#[test]
fn a_run_goes_with_its_logs_and_artifacts() {
    let (_dir, store) = open();
    let entry = LogEntry { seq: 1, at: 2, level: Level::Info, source: "tool", message: "hi".to_owned() };
    let artifact = Artifact {
        id: "x".into(),
        run: "a".into(),
        name: "a.csv".into(),
        content_type: "text/csv".into(),
        bytes: 3,
        sha256: "00".into(),
        created_at: 4,
    };
    let (e, a) = (entry.clone(), artifact.clone());
    store
        .write_now(move |db| {
            run("a").insert(db)?;
            LogEntry::insert(db, "a", &[e])?;
            a.insert(db)
        })
        .unwrap();
    assert_eq!(store.read_now(|db| LogEntry::after(db, "a", 0, 9)).unwrap(), [entry]);
    assert_eq!(store.read_now(|db| Artifact::of_run(db, "a")).unwrap(), [artifact]);
    store.write_now(|db| Run::delete(db, &["a".to_owned()])).unwrap();
    assert!(store.read_now(|db| LogEntry::after(db, "a", 0, 9)).unwrap().is_empty());
    assert_eq!(store.read_now(Artifact::totals).unwrap(), (0, 0));
}

#[test]
fn damaged_and_newer_files_are_refused_and_kept() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    std::fs::write(
        &path,
        b"this is no database, and long enough to have a header of a hundred bytes or so".repeat(9),
    )
    .unwrap();
    let before = std::fs::read(&path).unwrap();
    assert_eq!(Store::open(&path).err().unwrap().code, "store-corrupt");
    assert_eq!(std::fs::read(&path).unwrap(), before);
    std::fs::remove_file(&path).unwrap();

    drop(Store::open(&path).unwrap());
    Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
    assert_eq!(Store::open(&path).err().unwrap().code, "store-too-new");
}

#[test]
fn the_first_end_of_a_download_stands() {
    let (_dir, store) = open();
    let wish = DownloadWish {
        route: "r".to_owned(),
        files: vec!["logs".to_owned()],
        search_days: 7,
        resume: true,
        parallel: 4,
    };
    let download = Download {
        id: "d".to_owned(),
        owner: None,
        client: "me".to_owned(),
        wish,
        dest: "/x".to_owned(),
        status: DownloadStatus::Queued,
        result: DownloadResult::default(),
        created_at: 5,
        completed_at: None,
        idempotency_key: Some("k".to_owned()),
    };
    store.write_now(|db| download.insert(db)).unwrap();
    assert!(store.write_now(|db| download.insert(db)).is_err());
    let advance = |status, route: Option<&str>, at| {
        let result =
            DownloadResult { route: route.map(str::to_owned), bytes: 3, ..DownloadResult::default() };
        store.write_now(|db| Download::advance(db, "d", status, &result, at)).unwrap()
    };
    assert!(advance(DownloadStatus::Downloading, Some("d|l"), None));
    assert!(advance(DownloadStatus::Failed, None, Some(9)));
    assert!(!advance(DownloadStatus::Completed, None, Some(10)));
    let found = store.read_now(|db| Download::by_idempotency_key(db, "me", "k")).unwrap().unwrap();
    assert_eq!((found.status, found.completed_at), (DownloadStatus::Failed, Some(9)));
    assert_eq!((found.result.route.as_deref(), found.result.bytes), (Some("d|l"), 3));
    assert_eq!(found.wish, download.wish);
    assert_eq!(store.write_now(|db| Download::delete_ended(db, 9)).unwrap(), 0);
    assert_eq!(store.write_now(|db| Download::delete_ended(db, 10)).unwrap(), 1);
}

#[test]
fn a_failed_change_changes_nothing() {
    let (_dir, store) = open();
    let broken = store.write_now(|db| {
        run("a").insert(db)?;
        run("a").insert(db)
    });
    assert_eq!(broken.err().unwrap().code, "store");
    assert!(store.read_now(|db| Run::get(db, "a")).unwrap().is_none());
}

#[test]
fn older_stores_are_brought_up_to_date() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("store.db");
    let old = Connection::open(&path).unwrap();
    old.execute_batch(include_str!("../../tests/data/store-1.sql")).unwrap();
    drop(old);
    let store = Store::open(&path).unwrap();
    let run = store.read_now(|db| Run::get(db, "a")).unwrap().unwrap();
    assert_eq!((run.status, run.attempts), (Status::Completed, 1));
    assert!(store.read_now(Download::unfinished).unwrap().is_empty());
    store.write_now(|db| set_fact(db, "x", "1")).unwrap();
    assert_eq!(store.read_now(|db| fact(db, "x")).unwrap().as_deref(), Some("1"));
    drop(store);
    assert!(Store::open(&path).is_ok(), "once more");
}

#[test]
fn uploads_go_unless_somebody_reads_them() {
    let (_dir, store) = open();
    let upload = |id: &str, created_at: Micros| Upload {
        id: id.to_owned(),
        owner: None,
        filename: "a".to_owned(),
        size: None,
        sha256: None,
        state: UploadState::Open,
        created_at,
    };
    let reads =
        |id: &str| InputRef { kind: "upload".to_owned(), value: id.to_owned(), resolved: String::new() };
    store
        .write_now(|db| {
            for (id, at) in [("old", 1), ("read", 1), ("done", 5)] {
                upload(id, at).save(db)?;
            }
            Run { input: Some(reads("read")), ..run("a") }.insert(db)?;
            Run { input: Some(reads("done")), ..run("b") }.insert(db)?;
            run("c").insert(db)?;
            Run::finish(db, "b", &end(Status::Failed))
        })
        .unwrap();
    let unused: Vec<(String, Micros, u64)> = store.read_now(Upload::unused).unwrap();
    assert_eq!(unused, [("done".to_owned(), 5, 0), ("old".to_owned(), 1, 0)]);
    // Looked at again: a run may have come in between.
    let ids = ["old", "read"].map(str::to_owned);
    assert_eq!(store.write_now(|db| Upload::delete_unused(db, &ids)).unwrap(), ["old"]);
    assert_eq!(store.read_now(Upload::ids).unwrap().len(), 2);
}

#[test]
fn lists_know_the_artifacts_of_each_run() {
    let (_dir, store) = open();
    let artifact = |id: &str, run: &str, name: &str| Artifact {
        id: id.into(),
        run: run.into(),
        name: name.into(),
        content_type: "text/csv".into(),
        bytes: 3,
        sha256: "00".into(),
        created_at: 4,
    };
    store
        .write_now(|db| {
            for id in ["a", "b", "c"] {
                run(id).insert(db)?;
            }
            [artifact("2", "a", "y"), artifact("1", "a", "x"), artifact("3", "c", "x")]
                .iter()
                .try_for_each(|one| one.insert(db))
        })
        .unwrap();
    let known = store.read_now(|db| Artifact::ids_of_runs(db, &["a", "b"])).unwrap();
    assert_eq!((known.len(), known["a"].join(",").as_str()), (1, "1,2"));
}
