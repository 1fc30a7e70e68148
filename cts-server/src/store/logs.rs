//! Log lines of runs.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, Row, params};
use serde::Serialize;
use utoipa::ToSchema;

use super::Sql;
use crate::clock::Micros;

/// How much a line matters.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Serialize, ToSchema)]
#[serde(rename_all = "UPPERCASE")]
pub enum Level {
    /// For those who look for a fault.
    Debug,
    /// What happens.
    Info,
    /// Something is not as it should be.
    Warning,
    /// Why the run fails.
    Error,
}

impl Level {
    /// `DEBUG`, `INFO`, `WARNING` or `ERROR`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Debug => "DEBUG",
            Self::Info => "INFO",
            Self::Warning => "WARNING",
            Self::Error => "ERROR",
        }
    }

    /// The level of that name, in any case.
    pub fn named(name: &str) -> Option<Self> {
        let all = [Self::Debug, Self::Info, Self::Warning, Self::Error];
        all.into_iter().find(|level| level.name().eq_ignore_ascii_case(name))
    }
}

impl ToSql for Level {
    fn to_sql(&self) -> Sql<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for Level {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::named(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

/// One line.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// Its number within the run, from 1, without gaps.
    pub seq: u64,
    /// When.
    pub at: Micros,
    /// How much it matters.
    pub level: Level,
    /// `tool` or `service`.
    pub source: &'static str,
    /// The line.
    pub message: String,
}

impl LogEntry {
    fn from_row(row: &Row<'_>) -> Sql<Self> {
        let source: String = row.get("source")?;
        Ok(Self {
            seq: row.get::<_, i64>("seq")?.unsigned_abs(),
            at: row.get("at")?,
            level: row.get("level")?,
            source: if source == "tool" { "tool" } else { "service" },
            message: row.get("message")?,
        })
    }

    /// Adds lines of a run.
    pub fn insert(db: &Connection, run: &str, entries: &[Self]) -> Sql<()> {
        let sql =
            "INSERT OR IGNORE INTO logs (run, seq, at, level, source, message) VALUES (?, ?, ?, ?, ?, ?)";
        let mut statement = db.prepare_cached(sql)?;
        entries.iter().try_for_each(|e| {
            let seq = e.seq.cast_signed();
            statement.execute(params![run, seq, e.at, e.level, e.source, e.message]).map(drop)
        })
    }

    /// At most `limit` lines of a run after the line `after`.
    pub fn after(db: &Connection, run: &str, after: u64, limit: usize) -> Sql<Vec<Self>> {
        let sql =
            "SELECT seq, at, level, source, message FROM logs WHERE run = ? AND seq > ? ORDER BY seq LIMIT ?";
        let mut statement = db.prepare_cached(sql)?;
        let limit = i64::try_from(limit).unwrap_or(i64::MAX);
        let rows = statement.query_map(params![run, after.cast_signed(), limit], Self::from_row)?;
        rows.collect()
    }

    /// Number of the last line of a run; 0 if it has none.
    pub fn last(db: &Connection, run: &str) -> Sql<u64> {
        let sql = "SELECT COALESCE(MAX(seq), 0) FROM logs WHERE run = ?";
        db.prepare_cached(sql)?.query_row([run], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    }

    /// Bytes of all lines of all runs.
    pub fn bytes(db: &Connection) -> Sql<u64> {
        let sql = "SELECT COALESCE(SUM(length(CAST(message AS BLOB))), 0) FROM logs";
        db.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    }
}
