//! Files that runs wrote.

use std::collections::HashMap;

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::Sql;
use crate::clock::Micros;

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Artifact {
    /// Its id.
    pub id: String,
    /// The run that wrote it.
    pub run: String,
    /// A plain file name, unique within the run.
    pub name: String,
    /// Its media type.
    pub content_type: String,
    /// Its size.
    pub bytes: u64,
    /// SHA-256 in lower-case hex.
    pub sha256: String,
    /// When it was whole.
    pub created_at: Micros,
}

const COLUMNS: &str = "id, run, name, content_type, bytes, sha256, created_at";

impl Artifact {
    /// In the order of [`COLUMNS`].
    fn from_row(row: &Row<'_>) -> Sql<Self> {
        Ok(Self {
            id: row.get(0)?,
            run: row.get(1)?,
            name: row.get(2)?,
            content_type: row.get(3)?,
            bytes: row.get::<_, i64>(4)?.unsigned_abs(),
            sha256: row.get(5)?,
            created_at: row.get(6)?,
        })
    }

    /// Adds it; one of the same name of the same run is replaced.
    pub fn insert(&self, db: &Connection) -> Sql<()> {
        let sql = format!("INSERT OR REPLACE INTO artifacts ({COLUMNS}) VALUES (?, ?, ?, ?, ?, ?, ?)");
        let bytes = self.bytes.cast_signed();
        let Self { id, run, name, content_type, sha256, created_at, .. } = self;
        db.prepare_cached(&sql)?.execute(params![id, run, name, content_type, bytes, sha256, created_at])?;
        Ok(())
    }

    /// The artifact of that id.
    pub fn get(db: &Connection, id: &str) -> Sql<Option<Self>> {
        let sql = format!("SELECT {COLUMNS} FROM artifacts WHERE id = ?");
        db.prepare_cached(&sql)?.query_row([id], Self::from_row).optional()
    }

    /// Those of a run, by name.
    pub fn of_run(db: &Connection, run: &str) -> Sql<Vec<Self>> {
        let sql = format!("SELECT {COLUMNS} FROM artifacts WHERE run = ? ORDER BY name");
        let mut statement = db.prepare_cached(&sql)?;
        let rows = statement.query_map([run], Self::from_row)?;
        rows.collect()
    }

    /// The ids of those of several runs, by run and name.
    pub fn ids_of_runs(db: &Connection, runs: &[&str]) -> Sql<HashMap<String, Vec<String>>> {
        let sql =
            "SELECT run, id FROM artifacts WHERE run IN (SELECT value FROM json_each(?)) ORDER BY run, name";
        let mut statement = db.prepare_cached(sql)?;
        let mut rows = statement.query([serde_json::to_string(runs).unwrap_or_default()])?;
        let mut all: HashMap<String, Vec<String>> = HashMap::new();
        while let Some(row) = rows.next()? {
            all.entry(row.get(0)?).or_default().push(row.get(1)?);
        }
        Ok(all)
    }

    /// All of them.
    pub fn all(db: &Connection) -> Sql<Vec<Self>> {
        let sql = format!("SELECT {COLUMNS} FROM artifacts");
        let mut statement = db.prepare(&sql)?;
        let rows = statement.query_map([], Self::from_row)?;
        rows.collect()
    }

    /// Forgets one.
    pub fn delete(db: &Connection, id: &str) -> Sql<()> {
        db.prepare_cached("DELETE FROM artifacts WHERE id = ?")?.execute([id])?;
        Ok(())
    }

    /// Forgets those of a run.
    pub fn delete_of_run(db: &Connection, run: &str) -> Sql<()> {
        db.prepare_cached("DELETE FROM artifacts WHERE run = ?")?.execute([run])?;
        Ok(())
    }

    /// Number and bytes of all of them.
    pub fn totals(db: &Connection) -> Sql<(u64, u64)> {
        let sql = "SELECT count(*), COALESCE(SUM(bytes), 0) FROM artifacts";
        let (count, bytes): (i64, i64) = db.query_row(sql, [], |row| Ok((row.get(0)?, row.get(1)?)))?;
        Ok((count.unsigned_abs(), bytes.unsigned_abs()))
    }
}
