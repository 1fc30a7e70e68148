//! The tables, and their version.

use std::path::Path;

use rusqlite::Connection;
use rusqlite::config::DbConfig;

use super::{CORRUPT, Sql, failure};
use crate::failure::Failure;

/// What each version adds to the one before. Their number is the version of a file, in SQLite's `user_version`.
const STEPS: &[&str] = &[FIRST, DOWNLOADS, FACTS_AND_CONTENTS];

/// Bytes of the write-ahead log that are kept on the disk for what comes next.
const LARGE_LOG: i64 = 32 << 20;

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

const FACTS_AND_CONTENTS: &str = "
CREATE TABLE facts (name TEXT NOT NULL PRIMARY KEY, value TEXT NOT NULL) WITHOUT ROWID;

ALTER TABLE runs ADD COLUMN content_key TEXT;
CREATE INDEX runs_by_content_key ON runs (content_key) WHERE content_key IS NOT NULL;
";

/// Creates the tables in an empty file, brings older ones up to date, and refuses a file that cannot be used: that one
/// stays as it is, to the last byte.
pub(super) fn prepare(connection: &mut Connection, path: &Path) -> Result<(), Failure> {
    let sql = |e: rusqlite::Error| failure(&e, path);
    // Closing a refused file would move pages from its log.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, true).map_err(sql)?;
    set_up(connection).map_err(sql)?;
    let version = version(connection).map_err(sql)?;
    if version > STEPS.len() {
        let message = format!("store: version {version}, this program knows up to {}: {path:?}", STEPS.len());
        return Err(Failure::system(
            "store-too-new",
            message,
            "Use the newer program that wrote this store.",
        ));
    }
    let found = check(connection).map_err(sql)?;
    if found != "ok" {
        return Err(Failure::system("store-corrupt", format!("store: {found}: {path:?}"), CORRUPT));
    }
    bring_up_to_date(connection).map_err(sql)?;
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, false).map_err(sql)?;
    Ok(())
}

fn set_up(connection: &Connection) -> Sql<()> {
    connection.pragma_update(None, "journal_mode", "wal")?;
    // A commit survives the end of this process at any moment; that it survives a loss of power, too, is left to the
    // checkpoints, which come every second and hold up nobody (see `Store::checkpoint`).
    connection.pragma_update(None, "synchronous", "normal")?;
    connection.pragma_update(None, "wal_autocheckpoint", 0)?;
    connection.pragma_update(None, "journal_size_limit", LARGE_LOG)
}

fn version(connection: &Connection) -> Sql<usize> {
    let version: i64 = connection.query_row("PRAGMA user_version", [], |row| row.get(0))?;
    Ok(usize::try_from(version).unwrap_or(usize::MAX))
}

fn bring_up_to_date(connection: &mut Connection) -> Sql<()> {
    // Looked at again inside: another process may be as far.
    let transaction = connection.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
    let version = version(&transaction)?;
    for step in STEPS.iter().skip(version) {
        transaction.execute_batch(step)?;
    }
    if version < STEPS.len() {
        transaction.pragma_update(None, "user_version", STEPS.len().cast_signed())?;
    }
    transaction.commit()
}

/// `ok`, or the first thing that is wrong with the file.
fn check(connection: &Connection) -> Sql<String> {
    connection.query_row("PRAGMA quick_check(1)", [], |row| row.get(0))
}
