//! The tables, and their version.

use std::path::Path;

use rusqlite::Connection;

use super::{Sql, failure};
use crate::failure::Failure;

/// What each version adds to the one before it; the number of those applied stands in SQLite's `user_version`.
const STEPS: [&str; 2] = [FIRST, DOWNLOADS];
const VERSION: i64 = STEPS.len() as i64;

const FIRST: &str = "
CREATE TABLE runs (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT,
    client TEXT NOT NULL,
    tool TEXT NOT NULL,
    name TEXT,
    params TEXT NOT NULL,
    input TEXT,
    status TEXT NOT NULL CHECK (status IN ('queued', 'running', 'completed', 'failed', 'canceled')),
    priority INTEGER NOT NULL,
    created_at INTEGER NOT NULL,
    started_at INTEGER,
    completed_at INTEGER,
    attempts INTEGER NOT NULL DEFAULT 0,
    report TEXT,
    failure TEXT,
    cache_key TEXT,
    idempotency_key TEXT,
    logs_dropped INTEGER NOT NULL DEFAULT 0
);
CREATE INDEX runs_by_status ON runs (status, seq);
CREATE INDEX runs_by_cache_key ON runs (cache_key) WHERE cache_key IS NOT NULL;
CREATE UNIQUE INDEX runs_by_idempotency_key ON runs (COALESCE(owner, client), idempotency_key)
    WHERE idempotency_key IS NOT NULL;

CREATE TABLE logs (
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    seq INTEGER NOT NULL,
    at INTEGER NOT NULL,
    level TEXT NOT NULL,
    source TEXT NOT NULL,
    message TEXT NOT NULL,
    PRIMARY KEY (run, seq)
) WITHOUT ROWID;

CREATE TABLE artifacts (
    id TEXT NOT NULL PRIMARY KEY,
    run TEXT NOT NULL REFERENCES runs (id) ON DELETE CASCADE,
    name TEXT NOT NULL,
    content_type TEXT NOT NULL,
    bytes INTEGER NOT NULL,
    sha256 TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    UNIQUE (run, name)
);

CREATE TABLE uploads (
    id TEXT NOT NULL PRIMARY KEY,
    owner TEXT,
    filename TEXT NOT NULL,
    size INTEGER,
    sha256 TEXT,
    state TEXT NOT NULL CHECK (state IN ('open', 'complete')),
    created_at INTEGER NOT NULL
);
";

const DOWNLOADS: &str = "
CREATE TABLE downloads (
    seq INTEGER PRIMARY KEY AUTOINCREMENT,
    id TEXT NOT NULL UNIQUE,
    owner TEXT,
    client TEXT NOT NULL,
    wish TEXT NOT NULL,
    dest TEXT NOT NULL,
    status TEXT NOT NULL CHECK (status IN ('queued', 'resolving', 'downloading', 'completed', 'failed')),
    route TEXT,
    downloaded INTEGER NOT NULL DEFAULT 0,
    skipped INTEGER NOT NULL DEFAULT 0,
    failed INTEGER NOT NULL DEFAULT 0,
    bytes INTEGER NOT NULL DEFAULT 0,
    missing TEXT,
    failure TEXT,
    created_at INTEGER NOT NULL,
    completed_at INTEGER,
    idempotency_key TEXT
);
CREATE INDEX downloads_by_status ON downloads (status, seq);
CREATE UNIQUE INDEX downloads_by_idempotency_key ON downloads (COALESCE(owner, client), idempotency_key)
    WHERE idempotency_key IS NOT NULL;
";

/// Brings the tables up to this version, and refuses a file that this version cannot use.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), Failure> {
    let version = begin(connection).map_err(|e| failure(&e, path))?;
    if version > VERSION {
        let message = format!("store: version {version}, this program knows up to {VERSION}: {path:?}");
        return Err(Failure::system(
            "store-too-new",
            message,
            "Use the newer program that wrote this store.",
        ));
    }
    let found = check(connection).map_err(|e| failure(&e, path))?;
    if found != "ok" {
        let fix =
            "The store is left as it is. Restore it from a copy, or move it away to begin with an empty one.";
        return Err(Failure::system("store-corrupt", format!("store: {found}: {path:?}"), fix));
    }
    Ok(())
}

fn begin(connection: &mut Connection) -> Sql<i64> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    connection.pragma_update(None, "synchronous", "normal")?;
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version: i64 = transaction.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    let done = usize::try_from(version).unwrap_or(usize::MAX);
    for step in STEPS.iter().skip(done) {
        transaction.execute_batch(step)?;
    }
    if version < VERSION {
        transaction.pragma_update(None, "user_version", VERSION)?;
    }
    transaction.commit()?;
    Ok(version)
}

/// `ok`, or the first thing that is wrong with the file.
fn check(connection: &Connection) -> Sql<String> {
    connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
}
