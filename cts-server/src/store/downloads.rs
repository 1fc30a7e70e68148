//! Downloads from comma connect.

use std::collections::BTreeMap;

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, named_params, params};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;

use super::runs::{json, text};
use super::{Sql, Store};
use crate::clock::Micros;
use crate::failure::Failure;

/// The state of a download. The last two are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum DownloadStatus {
    /// Waiting for its turn.
    Queued,
    /// The drive and its files are looked up.
    Resolving,
    /// Files come.
    Downloading,
    /// All files are there.
    Completed,
    /// Some files are not there, or somebody ended it.
    Failed,
}

impl DownloadStatus {
    const ALL: [Self; 5] = [Self::Queued, Self::Resolving, Self::Downloading, Self::Completed, Self::Failed];

    /// Its name, as clients see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Resolving => "resolving",
            Self::Downloading => "downloading",
            Self::Completed => "completed",
            Self::Failed => "failed",
        }
    }

    /// The state of that name.
    pub fn named(name: &str) -> Option<Self> {
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether nothing follows.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed)
    }
}

impl ToSql for DownloadStatus {
    fn to_sql(&self) -> Sql<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for DownloadStatus {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::named(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

/// What was asked for, so that it can be done again after a restart.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct DownloadWish {
    /// A route or an address.
    pub route: String,
    /// Names of kinds of files.
    pub files: Vec<String>,
    /// How far around an address with times drives are looked for.
    pub search_days: u32,
    /// Whether to go on with what an earlier download left.
    pub resume: bool,
    /// Files at a time.
    pub parallel: usize,
}

/// What came of a download, so far or in the end.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct DownloadResult {
    /// The drive.
    pub route: Option<String>,
    /// Files that were fetched.
    pub downloaded: u64,
    /// Files that were there already.
    pub skipped: u64,
    /// Files that could not be fetched.
    pub failed: u64,
    /// Bytes that came.
    pub bytes: u64,
    /// Segments whose files are not uploaded, by kind.
    pub missing: BTreeMap<String, Vec<u32>>,
    /// Why it failed.
    pub failure: Option<Failure>,
}

/// One download.
#[derive(Clone, Debug)]
pub struct Download {
    /// Its id.
    pub id: String,
    /// Who may see it; everybody if nobody is named.
    pub owner: Option<String>,
    /// Who asked.
    pub client: String,
    /// What was asked for.
    pub wish: DownloadWish,
    /// Where it goes, with links resolved.
    pub dest: String,
    /// Its state.
    pub status: DownloadStatus,
    /// What came of it.
    pub result: DownloadResult,
    /// When it was asked for.
    pub created_at: Micros,
    /// When it ended.
    pub completed_at: Option<Micros>,
    /// Given by the client, so that a repeated request is no second download.
    pub idempotency_key: Option<String>,
}

impl Download {
    fn from_row(row: &Row<'_>) -> Sql<Self> {
        let count = |column: &str| row.get::<_, i64>(column).map(i64::unsigned_abs);
        let wish: Option<DownloadWish> = json(row, "wish")?;
        let result = DownloadResult {
            route: row.get("route")?,
            downloaded: count("downloaded")?,
            skipped: count("skipped")?,
            failed: count("failed")?,
            bytes: count("bytes")?,
            missing: json(row, "missing")?.unwrap_or_default(),
            failure: json(row, "failure")?,
        };
        Ok(Self {
            id: row.get("id")?,
            owner: row.get("owner")?,
            client: row.get("client")?,
            wish: wish.ok_or(rusqlite::Error::InvalidQuery)?,
            dest: row.get("dest")?,
            status: row.get("status")?,
            result,
            created_at: row.get("created_at")?,
            completed_at: row.get("completed_at")?,
            idempotency_key: row.get("idempotency_key")?,
        })
    }

    /// Adds it.
    pub fn insert(&self, db: &Connection) -> Sql<()> {
        let sql = "INSERT INTO downloads (id, owner, client, wish, dest, status, created_at, idempotency_key) \
                   VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)";
        let Self { id, owner, client, dest, status, created_at, idempotency_key, .. } = self;
        let wish = text(Some(&self.wish));
        let values = params![id, owner, client, wish, dest, status, created_at, idempotency_key];
        db.prepare_cached(sql)?.execute(values).map(drop)
    }

    /// Changes the state, and what came so far. False if it has ended: the first end stands.
    pub fn advance(
        db: &Connection,
        id: &str,
        status: DownloadStatus,
        result: &DownloadResult,
        completed_at: Option<Micros>,
    ) -> Sql<bool> {
        let sql = "UPDATE downloads SET status = :status, route = COALESCE(:route, route), downloaded = :downloaded, \
            skipped = :skipped, failed = :failed, bytes = :bytes, missing = :missing, failure = :failure, \
            completed_at = :at WHERE id = :id AND status NOT IN ('completed', 'failed')";
        let changed = db.prepare_cached(sql)?.execute(named_params! {
            ":id": id, ":status": status, ":route": result.route, ":downloaded": result.downloaded.cast_signed(),
            ":skipped": result.skipped.cast_signed(), ":failed": result.failed.cast_signed(),
            ":bytes": result.bytes.cast_signed(), ":missing": text(Some(&result.missing)),
            ":failure": text(result.failure.as_ref()), ":at": completed_at,
        })?;
        Ok(changed == 1)
    }

    /// The download of that id.
    pub fn get(db: &Connection, id: &str) -> Sql<Option<Self>> {
        let sql = "SELECT * FROM downloads WHERE id = ?";
        db.prepare_cached(sql)?.query_row([id], Self::from_row).optional()
    }

    /// The download that this owner or client started with that key.
    pub fn by_idempotency_key(db: &Connection, who: &str, key: &str) -> Sql<Option<Self>> {
        let sql = "SELECT * FROM downloads WHERE COALESCE(owner, client) = ?1 AND idempotency_key = ?2";
        db.prepare_cached(sql)?.query_row([who, key], Self::from_row).optional()
    }

    /// Downloads, the newest first; with `owner` only those of this owner, and nobody's.
    pub fn list(
        db: &Connection,
        owner: Option<&str>,
        status: Option<DownloadStatus>,
        limit: u32,
    ) -> Sql<Vec<Self>> {
        let sql = "SELECT * FROM downloads WHERE (?1 IS NULL OR owner IS NULL OR owner = ?1) \
                   AND (?2 IS NULL OR status = ?2) ORDER BY seq DESC LIMIT ?3";
        let mut statement = db.prepare_cached(sql)?;
        statement.query_map(params![owner, status, limit], Self::from_row)?.collect()
    }

    /// Those that have not ended, in order.
    pub fn unfinished(db: &Connection) -> Sql<Vec<Self>> {
        let sql = "SELECT * FROM downloads WHERE status NOT IN ('completed', 'failed') ORDER BY seq";
        let mut statement = db.prepare_cached(sql)?;
        statement.query_map([], Self::from_row)?.collect()
    }

    /// Forgets those that ended before that time.
    pub fn delete_ended(db: &Connection, before: Micros) -> Sql<usize> {
        db.prepare_cached("DELETE FROM downloads WHERE completed_at < ?")?.execute([before])
    }
}

impl Store {
    /// As [`Download::advance`].
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub async fn advance_download(
        &self,
        id: &str,
        status: DownloadStatus,
        result: DownloadResult,
        completed_at: Option<Micros>,
    ) -> Result<bool, Failure> {
        let id = id.to_owned();
        self.write(move |db| Download::advance(db, &id, status, &result, completed_at)).await
    }
}
