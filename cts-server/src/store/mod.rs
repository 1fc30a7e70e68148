//! What is known of runs, logs, artifacts, uploads and downloads, in one SQLite file.
//!
//! This room knows SQL and nothing of processes, queues and HTTP. Every change is one transaction, so that the end of
//! the service at any moment leaves a true state. There is one writing connection; readers have their own, which the
//! write-ahead log lets go on beside it.

mod artifacts;
mod downloads;
mod facts;
mod logs;
mod runs;
mod schema;
mod uploads;

use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use rusqlite::{Connection, ErrorCode, OpenFlags};
use tokio::sync::Semaphore;

pub use artifacts::Artifact;
pub use downloads::{Download, DownloadResult, DownloadStatus, DownloadWish};
pub use facts::{fact, set_fact};
pub use logs::{Level, LogEntry};
pub use runs::{End, InputRef, ResultKeys, Run, RunFilter, Status};
pub use uploads::{Upload, UploadState};

use crate::failure::Failure;

/// What helps when the file is damaged.
pub const CORRUPT: &str = "The store is left as it is. Restore it from a copy, or move it away to begin with an empty one; \
    files of runs are then kept under `lost-1` beside it.";
/// How long a statement waits for another process that holds the file.
const BUSY: Duration = Duration::from_secs(5);
/// Pages in the write-ahead log after which it should begin anew: 32 MiB.
const MANY_FRAMES: i64 = 8192;
/// Reading connections that are kept.
const READERS: usize = 4;

/// The store; clones share it.
#[derive(Clone)]
pub struct Store(Arc<Inner>);

struct Inner {
    path: std::path::PathBuf,
    writer: Mutex<Connection>,
    /// Moves what is written from the log to the file.
    checkpointer: Mutex<Connection>,
    /// Whether anything was written since it last did.
    written: AtomicBool,
    readers: Mutex<Vec<Connection>>,
    /// Whoever waits here takes no thread, as whoever waits for a connection does.
    reading: Semaphore,
    writing: Semaphore,
}

/// The result of a statement.
pub type Sql<T> = rusqlite::Result<T>;

impl Store {
    /// Opens or creates the file.
    ///
    /// # Errors
    /// `store-corrupt`, `store-too-new`, and those of the file system. A damaged file is never replaced.
    pub fn open(path: &Path) -> Result<Self, Failure> {
        let mut writer = connect(path, OpenFlags::default()).map_err(|e| failure(&e, path))?;
        schema::prepare(&mut writer, path)?;
        let checkpointer = connect(path, OpenFlags::default()).map_err(|e| failure(&e, path))?;
        Ok(Self(Arc::new(Inner {
            path: path.to_owned(),
            writer: Mutex::new(writer),
            checkpointer: Mutex::new(checkpointer),
            written: AtomicBool::new(true),
            readers: Mutex::default(),
            reading: Semaphore::new(READERS),
            writing: Semaphore::new(1),
        })))
    }

    /// Has the disk keep what was written, beside readers and writers. Left to the writers, every few hundredth change
    /// would wait for the disk. Blocks.
    ///
    /// # Errors
    /// `busy`, `disk-full`, `store-corrupt`, `store`.
    pub fn checkpoint(&self) -> Result<(), Failure> {
        if !self.0.written.swap(false, Ordering::Relaxed) {
            return Ok(());
        }
        let moved = self.checkpoint_by("PASSIVE", 1).and_then(|pages| match pages < MANY_FRAMES {
            true => Ok(()),
            // Waits for readers and writers, for once, so that the log begins anew.
            false => self.checkpoint_by("RESTART", 0).map(drop),
        });
        if moved.is_err() {
            self.0.written.store(true, Ordering::Relaxed);
        }
        moved
    }

    /// One number of its answer: 0 whether somebody was in the way, 1 pages in the log.
    fn checkpoint_by(&self, how: &str, number: usize) -> Result<i64, Failure> {
        let connection = self.0.checkpointer.lock().unwrap_or_else(PoisonError::into_inner);
        let answer =
            connection.query_row(&format!("PRAGMA wal_checkpoint({how})"), [], |row| row.get(number));
        answer.map_err(|e| failure(&e, &self.0.path))
    }

    /// Changes something in one transaction, on a thread that may block.
    ///
    /// # Errors
    /// `busy`, `disk-full`, `store-corrupt`, `store`; nothing has changed then.
    pub async fn write<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Sql<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (store, _turn) = (self.clone(), self.0.writing.acquire().await);
        joined(tokio::task::spawn_blocking(move || store.write_now(work)).await)
    }

    /// As [`Store::write`], on this thread.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn write_now<T>(&self, work: impl FnOnce(&Connection) -> Sql<T>) -> Result<T, Failure> {
        let mut writer = self.0.writer.lock().unwrap_or_else(PoisonError::into_inner);
        let change = || {
            let transaction = writer.transaction_with_behavior(rusqlite::TransactionBehavior::Immediate)?;
            let value = work(&transaction)?;
            transaction.commit()?;
            self.0.written.store(true, Ordering::Relaxed);
            Ok(value)
        };
        change().map_err(|e| failure(&e, &self.0.path))
    }

    /// Reads something, on a thread that may block.
    ///
    /// # Errors
    /// `busy`, `store-corrupt`, `store`.
    pub async fn read<T: Send + 'static>(
        &self,
        work: impl FnOnce(&Connection) -> Sql<T> + Send + 'static,
    ) -> Result<T, Failure> {
        let (store, _turn) = (self.clone(), self.0.reading.acquire().await);
        joined(tokio::task::spawn_blocking(move || store.read_now(work)).await)
    }

    /// As [`Store::read`], on this thread.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub fn read_now<T>(&self, work: impl FnOnce(&Connection) -> Sql<T>) -> Result<T, Failure> {
        let pooled = self.0.readers.lock().unwrap_or_else(PoisonError::into_inner).pop();
        let attempt = || {
            let reader = pooled.map_or_else(|| connect(&self.0.path, read_only()), Ok)?;
            let value = work(&reader)?;
            let mut readers = self.0.readers.lock().unwrap_or_else(PoisonError::into_inner);
            if readers.len() < READERS {
                readers.push(reader);
            }
            Ok(value)
        };
        attempt().map_err(|e| failure(&e, &self.0.path))
    }

    /// Moves all changes from the write-ahead log into the file, so that a copy of the file alone is whole. False if
    /// somebody still reads; nothing is lost then.
    ///
    /// # Errors
    /// `disk-full`, `store-corrupt`, `store`.
    pub fn settle(&self) -> Result<bool, Failure> {
        self.0.readers.lock().unwrap_or_else(PoisonError::into_inner).clear();
        let busy = self.checkpoint_by("TRUNCATE", 0)?;
        Ok(busy == 0)
    }
}

fn read_only() -> OpenFlags {
    OpenFlags::SQLITE_OPEN_READ_ONLY | OpenFlags::SQLITE_OPEN_NO_MUTEX
}

fn connect(path: &Path, flags: OpenFlags) -> Sql<Connection> {
    let connection = Connection::open_with_flags(path, flags)?;
    connection.busy_timeout(BUSY)?;
    connection.set_prepared_statement_cache_capacity(64);
    connection.pragma_update(None, "foreign_keys", true)?;
    Ok(connection)
}

fn joined<T>(result: Result<Result<T, Failure>, tokio::task::JoinError>) -> Result<T, Failure> {
    result.unwrap_or_else(|e| {
        let fix = "Look at the log of the service and report this.";
        Err(Failure::system("store", format!("work on the store broke off: {e}"), fix))
    })
}

/// What a failure of SQLite means for the caller.
#[cold]
fn failure(error: &rusqlite::Error, path: &Path) -> Failure {
    let (code, fix) = match error.sqlite_error_code() {
        Some(ErrorCode::DatabaseBusy | ErrorCode::DatabaseLocked) => {
            ("busy", "Another program holds the store; end it, or try again.")
        }
        Some(ErrorCode::DiskFull) => ("disk-full", "Free space on the disk of the data directory."),
        Some(ErrorCode::DatabaseCorrupt | ErrorCode::NotADatabase) => ("store-corrupt", CORRUPT),
        Some(ErrorCode::ReadOnly | ErrorCode::PermissionDenied | ErrorCode::CannotOpen) => {
            ("permission-denied", "Let the user that the service runs as write the data directory.")
        }
        _ => ("store", "Look at the log of the service."),
    };
    let mut failure = Failure::system(code, format!("store: {error}: {path:?}"), fix);
    failure.details.error_type = error.sqlite_error_code().map(|code| format!("{code:?}"));
    // The statement was tried for as long as [`BUSY`] says.
    failure.recovery_attempted = code == "busy";
    failure
}

#[cfg(test)]
mod tests;
