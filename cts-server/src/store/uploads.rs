//! Files that clients sent.

use rusqlite::{Connection, OptionalExtension, Row, params};

use serde::Serialize;
use utoipa::ToSchema;

use super::Sql;
use crate::clock::Micros;

/// Whether all of it is there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum UploadState {
    /// Bytes may come.
    Open,
    /// Checked; runs may read it.
    Complete,
}

impl UploadState {
    /// `open` or `complete`.
    pub fn name(self) -> &'static str {
        match self {
            Self::Open => "open",
            Self::Complete => "complete",
        }
    }
}

/// One file.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Upload {
    /// Its id.
    pub id: String,
    /// Who may use it; everybody if nobody is named.
    pub owner: Option<String>,
    /// A plain file name.
    pub filename: String,
    /// The size that was announced, or that it has.
    pub size: Option<u64>,
    /// The SHA-256 that was announced, or that it has, in lower-case hex.
    pub sha256: Option<String>,
    /// Whether all of it is there.
    pub state: UploadState,
    /// When it was announced.
    pub created_at: Micros,
}

/// Of no run that is not done.
const UNUSED: &str = "id NOT IN (SELECT json_extract(input, '$.value') FROM runs \
                      WHERE status IN ('queued', 'running') AND input IS NOT NULL)";

impl Upload {
    fn from_row(row: &Row<'_>) -> Sql<Self> {
        let state: String = row.get("state")?;
        Ok(Self {
            id: row.get("id")?,
            owner: row.get("owner")?,
            filename: row.get("filename")?,
            size: row.get::<_, Option<i64>>("size")?.map(i64::unsigned_abs),
            sha256: row.get("sha256")?,
            state: if state == "complete" { UploadState::Complete } else { UploadState::Open },
            created_at: row.get("created_at")?,
        })
    }

    /// Adds it, or changes it.
    pub fn save(&self, db: &Connection) -> Sql<()> {
        let sql = "INSERT INTO uploads (id, owner, filename, size, sha256, state, created_at) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7) \
                   ON CONFLICT (id) DO UPDATE SET size = ?4, sha256 = ?5, state = ?6";
        let size = self.size.map(u64::cast_signed);
        let Self { id, owner, filename, sha256, created_at, .. } = self;
        let values = params![id, owner, filename, size, sha256, self.state.name(), created_at];
        db.prepare_cached(sql)?.execute(values)?;
        Ok(())
    }

    /// The upload of that id.
    pub fn get(db: &Connection, id: &str) -> Sql<Option<Self>> {
        let sql = "SELECT * FROM uploads WHERE id = ?";
        db.prepare_cached(sql)?.query_row([id], Self::from_row).optional()
    }

    /// All ids with their times.
    pub fn ids(db: &Connection) -> Sql<Vec<(String, Micros)>> {
        let mut statement = db.prepare_cached("SELECT id, created_at FROM uploads")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get(1)?)))?;
        rows.collect()
    }

    /// Uploads that no unfinished run reads: id, time, bytes as far as they are known.
    pub fn unused(db: &Connection) -> Sql<Vec<(String, Micros, u64)>> {
        let sql = format!("SELECT id, created_at, COALESCE(size, 0) FROM uploads WHERE {UNUSED} ORDER BY id");
        let mut statement = db.prepare_cached(&sql)?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs())))?;
        rows.collect()
    }

    /// Forgets those that no unfinished run reads by now; gives their ids.
    pub fn delete_unused(db: &Connection, ids: &[String]) -> Sql<Vec<String>> {
        let mut statement = db.prepare_cached(&format!("DELETE FROM uploads WHERE id = ? AND {UNUSED}"))?;
        let deleted = ids.iter().filter_map(|id| match statement.execute([id]) {
            Ok(0) => None,
            Ok(_) => Some(Ok(id.clone())),
            Err(error) => Some(Err(error)),
        });
        deleted.collect()
    }

    /// Forgets uploads.
    pub fn delete(db: &Connection, ids: &[String]) -> Sql<()> {
        let mut statement = db.prepare_cached("DELETE FROM uploads WHERE id = ?")?;
        ids.iter().try_for_each(|id| statement.execute([id]).map(drop))
    }
}
