//! The log of one unfinished run: every follower reads all of it at its own pace.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use rusqlite::Connection;
use tokio::sync::watch;

use super::text::calm;
use crate::clock::Clock;
use crate::settings::RunSettings;
use crate::store::{Level, LogEntry, Sql};

/// The lines so far. Memory is bounded by the limits of the settings.
#[derive(Debug)]
pub struct LogBook {
    inner: Mutex<Pages>,
    /// Number of the last line, and whether no more come.
    changed: watch::Sender<(u64, bool)>,
    max_lines: usize,
    max_bytes: u64,
    clock: Arc<dyn Clock>,
}

#[derive(Debug, Default)]
struct Pages {
    /// Numbers from 1 without gaps.
    entries: Vec<LogEntry>,
    /// The last number that is in the store.
    saved: u64,
    bytes: u64,
    dropped: u64,
}

impl LogBook {
    /// A log that goes on after the lines that the store has.
    pub(super) fn new(runs: &RunSettings, clock: Arc<dyn Clock>, entries: Vec<LogEntry>) -> Self {
        let (saved, bytes) = (entries.len() as u64, entries.iter().map(|e| e.message.len() as u64).sum());
        let (changed, _) = watch::channel((saved, false));
        let inner = Mutex::new(Pages { entries, saved, bytes, dropped: 0 });
        Self { inner, changed, max_lines: runs.max_log_lines, max_bytes: runs.max_log_bytes, clock }
    }

    /// Adds a line. Lines of tools beyond the limit are counted only; the service always has a word.
    pub fn push(&self, level: Level, source: &'static str, message: &str) {
        let message = calm(message);
        let mut pages = self.lock();
        let full =
            pages.entries.len() >= self.max_lines || pages.bytes + message.len() as u64 > self.max_bytes;
        if full && source == "tool" {
            pages.dropped += 1;
            if pages.dropped > 1 {
                return;
            }
        }
        let (message, source) = match full && source == "tool" {
            true => ("the log is full; further lines of the tool are left out".to_owned(), "service"),
            false => (message, source),
        };
        let seq = pages.entries.len() as u64 + 1;
        pages.bytes += message.len() as u64;
        pages.entries.push(LogEntry { seq, at: self.clock.now(), level, source, message });
        drop(pages);
        self.changed.send_modify(|(last, _)| *last = (*last).max(seq));
    }

    /// Says that no more lines come.
    pub fn close(&self) {
        self.changed.send_modify(|(_, closed)| *closed = true);
    }

    /// Tells of new lines and of the end.
    pub fn subscribe(&self) -> watch::Receiver<(u64, bool)> {
        self.changed.subscribe()
    }

    /// At most `limit` lines after the line `seq`.
    pub fn after(&self, seq: u64, limit: usize) -> Vec<LogEntry> {
        let pages = self.lock();
        let from = usize::try_from(seq).unwrap_or(usize::MAX).min(pages.entries.len());
        pages.entries[from..].iter().take(limit).cloned().collect()
    }

    /// Number of the last line.
    pub fn last(&self) -> u64 {
        self.lock().entries.len() as u64
    }

    /// Lines that were left out.
    pub fn dropped(&self) -> u64 {
        self.lock().dropped
    }

    /// Whether there are lines that the store does not have.
    pub(super) fn is_saved(&self) -> bool {
        let pages = self.lock();
        pages.saved >= pages.entries.len() as u64
    }

    /// Puts the lines into the store that it does not have; gives the number of the last, for when that is committed.
    pub(super) fn save(&self, db: &Connection, run: &str) -> Sql<u64> {
        let saved = self.lock().saved;
        let entries = self.after(saved, usize::MAX);
        LogEntry::insert(db, run, &entries)?;
        Ok(entries.last().map_or(saved, |entry| entry.seq))
    }

    /// The lines up to that number are in the store.
    pub(super) fn saved(&self, seq: u64) {
        let mut pages = self.lock();
        pages.saved = pages.saved.max(seq);
    }

    fn lock(&self) -> MutexGuard<'_, Pages> {
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::clock::SystemClock;

    fn book(max_log_lines: usize) -> LogBook {
        let settings = RunSettings { max_log_lines, ..RunSettings::default() };
        LogBook::new(&settings, Arc::new(SystemClock::default()), Vec::new())
    }

    #[test]
    fn floods_are_cut_and_said_once() {
        let book = book(3);
        for i in 0..10 {
            book.push(Level::Info, "tool", &format!("line {i}"));
        }
        book.push(Level::Error, "service", "the end");
        let lines: Vec<_> = book.after(0, 99).into_iter().map(|e| (e.seq, e.message)).collect();
        assert_eq!(lines.len(), 5);
        assert_eq!((lines[2].1.as_str(), lines[4].1.as_str()), ("line 2", "the end"));
        assert_eq!((lines[4].0, book.dropped()), (5, 7));
        assert_eq!(book.after(4, 99).len(), 1);
        assert!(book.after(99, 99).is_empty());
    }

    #[test]
    fn what_is_saved_is_not_saved_again() {
        let book = book(9);
        book.push(Level::Info, "tool", "a");
        let db = Connection::open_in_memory().unwrap();
        db.execute_batch("CREATE TABLE logs (run, seq, at, level, source, message)").unwrap();
        let last = book.save(&db, "r").unwrap();
        book.push(Level::Info, "tool", "b");
        book.saved(last);
        assert!(!book.is_saved());
        book.saved(book.save(&db, "r").unwrap());
        assert!(book.is_saved());
        assert_eq!(
            db.query_row("SELECT group_concat(message) FROM logs", [], |row| row.get(0)),
            Ok("a,b".to_owned())
        );
    }
}
