//! Runs.

use rusqlite::types::{FromSql, FromSqlError, FromSqlResult, ToSql, ToSqlOutput, ValueRef};
use rusqlite::{Connection, OptionalExtension, Row, RowIndex, named_params, params};
use serde::{Deserialize, Serialize};
use serde_json::{Map, Value};
use utoipa::ToSchema;

use super::{Artifact, Sql};
use crate::clock::Micros;
use crate::failure::Failure;

/// The state of a run. The last three are final.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "lowercase")]
pub enum Status {
    /// Waiting for its turn.
    Queued,
    /// A worker has it.
    Running,
    /// Done, with a report.
    Completed,
    /// Ended with a failure.
    Failed,
    /// Ended by its owner.
    Canceled,
}

impl Status {
    /// All of them.
    pub const ALL: [Self; 5] = [Self::Queued, Self::Running, Self::Completed, Self::Failed, Self::Canceled];

    /// Its name, as clients see it.
    pub fn name(self) -> &'static str {
        match self {
            Self::Queued => "queued",
            Self::Running => "running",
            Self::Completed => "completed",
            Self::Failed => "failed",
            Self::Canceled => "canceled",
        }
    }

    /// The state of that name; `pending` is what the MCP server calls `queued`.
    pub fn named(name: &str) -> Option<Self> {
        let name = if name == "pending" { "queued" } else { name };
        Self::ALL.into_iter().find(|status| status.name() == name)
    }

    /// Whether nothing follows.
    pub fn is_final(self) -> bool {
        matches!(self, Self::Completed | Self::Failed | Self::Canceled)
    }
}

impl ToSql for Status {
    fn to_sql(&self) -> Sql<ToSqlOutput<'_>> {
        Ok(self.name().into())
    }
}

impl FromSql for Status {
    fn column_result(value: ValueRef<'_>) -> FromSqlResult<Self> {
        Self::named(value.as_str()?).ok_or(FromSqlError::InvalidType)
    }
}

/// What a run reads, as it was asked for.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct InputRef {
    /// `path` or `upload`.
    #[serde(rename = "type")]
    pub kind: String,
    /// The path or route, or the id of the upload.
    pub value: String,
    /// What the tool is told to open.
    pub resolved: String,
}

/// One run.
#[derive(Clone, Debug)]
pub struct Run {
    /// Ascending with creation.
    pub seq: i64,
    /// Its id.
    pub id: String,
    /// Who may see it; everybody if nobody is named.
    pub owner: Option<String>,
    /// Whose turn in the queue it takes.
    pub client: String,
    /// The tool.
    pub tool: String,
    /// What its owner calls it.
    pub name: Option<String>,
    /// The parameters as given, with the input.
    pub params: Map<String, Value>,
    /// What it reads.
    pub input: Option<InputRef>,
    /// Its state.
    pub status: Status,
    /// Higher goes first.
    pub priority: i64,
    /// When it was asked for.
    pub created_at: Micros,
    /// When its first attempt began.
    pub started_at: Option<Micros>,
    /// When it ended.
    pub completed_at: Option<Micros>,
    /// Attempts begun.
    pub attempts: u32,
    /// The report of the tool.
    pub report: Option<Value>,
    /// Why it failed.
    pub failure: Option<Failure>,
    /// Given by the client, so that a repeated request is no second run.
    pub idempotency_key: Option<String>,
    /// Log lines beyond the limit.
    pub logs_dropped: u64,
}

/// Which runs a list shows.
#[derive(Clone, Debug, Default)]
pub struct RunFilter {
    /// Only of this state.
    pub status: Option<Status>,
    /// Only of this tool.
    pub tool: Option<String>,
    /// Only those of this owner, and nobody's.
    pub owner: Option<String>,
    /// Only those whose name contains this.
    pub name: Option<String>,
    /// Only those older than the run of this id.
    pub before: Option<String>,
    /// At most so many.
    pub limit: u32,
    /// Leaves out so many.
    pub offset: u32,
}

const COLUMNS: &str = "seq, id, owner, client, tool, name, params, input, status, priority, created_at, started_at, \
    completed_at, attempts, report, failure, idempotency_key, logs_dropped";

pub(super) fn json<T: serde::de::DeserializeOwned>(row: &Row<'_>, column: impl RowIndex) -> Sql<Option<T>> {
    let parse = |text: &str| {
        serde_json::from_str(text).map_err(|e| {
            rusqlite::Error::FromSqlConversionFailure(0, rusqlite::types::Type::Text, Box::new(e))
        })
    };
    row.get_ref(column)?.as_str_or_null()?.map(parse).transpose()
}

pub(super) fn text<T: Serialize>(value: Option<&T>) -> Option<String> {
    value.and_then(|value| serde_json::to_string(value).ok())
}

impl Run {
    /// The columns in the order of [`COLUMNS`]: to look for their names would take longer than to read them.
    fn from_row(row: &Row<'_>) -> Sql<Self> {
        Ok(Self {
            seq: row.get(0)?,
            id: row.get(1)?,
            owner: row.get(2)?,
            client: row.get(3)?,
            tool: row.get(4)?,
            name: row.get(5)?,
            params: json(row, 6)?.unwrap_or_default(),
            input: json(row, 7)?,
            status: row.get(8)?,
            priority: row.get(9)?,
            created_at: row.get(10)?,
            started_at: row.get(11)?,
            completed_at: row.get(12)?,
            attempts: row.get(13)?,
            report: json(row, 14)?,
            failure: json(row, 15)?,
            idempotency_key: row.get(16)?,
            logs_dropped: row.get::<_, i64>(17)?.unsigned_abs(),
        })
    }

    /// Adds the run; `seq` is chosen here.
    pub fn insert(&self, db: &Connection) -> Sql<i64> {
        let sql = "INSERT INTO runs (id, owner, client, tool, name, params, input, status, priority, created_at, \
            idempotency_key) VALUES (:id, :owner, :client, :tool, :name, :params, :input, :status, :priority, \
            :created_at, :key)";
        db.prepare_cached(sql)?.insert(named_params! {
            ":id": self.id, ":owner": self.owner, ":client": self.client, ":tool": self.tool, ":name": self.name,
            ":params": text(Some(&self.params)), ":input": text(self.input.as_ref()), ":status": self.status,
            ":priority": self.priority, ":created_at": self.created_at, ":key": self.idempotency_key,
        })
    }

    /// The highest number that a run ever had, also one that is forgotten; 0 if there never was one.
    pub fn newest(db: &Connection) -> Sql<i64> {
        let sql = "SELECT seq FROM sqlite_sequence WHERE name = 'runs'";
        Ok(db.query_row(sql, [], |row| row.get(0)).optional()?.unwrap_or_default())
    }

    /// The run of that id.
    pub fn get(db: &Connection, id: &str) -> Sql<Option<Self>> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE id = ?");
        db.prepare_cached(&sql)?.query_row([id], Self::from_row).optional()
    }

    /// Whose run of that id it is; `None` if there is none.
    pub fn owner(db: &Connection, id: &str) -> Sql<Option<Option<String>>> {
        let sql = "SELECT owner FROM runs WHERE id = ?";
        db.prepare_cached(sql)?.query_row([id], |row| row.get(0)).optional()
    }

    /// The run that an earlier request with that key began.
    pub fn by_idempotency_key(db: &Connection, who: &str, key: &str) -> Sql<Option<Self>> {
        let sql =
            format!("SELECT {COLUMNS} FROM runs WHERE COALESCE(owner, client) = ? AND idempotency_key = ?");
        db.prepare_cached(&sql)?.query_row([who, key], Self::from_row).optional()
    }

    /// The newest completed run of this owner that read the same file, or one of the same content.
    pub fn with_result(db: &Connection, owner: Option<&str>, keys: &ResultKeys) -> Sql<Option<Self>> {
        let sql = format!(
            "SELECT {COLUMNS} FROM runs WHERE (cache_key = :file OR content_key = :content) AND status = 'completed' \
             AND owner IS :owner ORDER BY seq DESC LIMIT 1"
        );
        let values = named_params! { ":file": keys.file, ":content": keys.content, ":owner": owner };
        db.prepare_cached(&sql)?.query_row(values, Self::from_row).optional()
    }

    /// The newest first, without their reports.
    pub fn list(db: &Connection, filter: &RunFilter) -> Sql<Vec<Self>> {
        let columns = COLUMNS.replace(" report,", " NULL AS report,");
        let sql = format!(
            "SELECT {columns} FROM runs WHERE (:status IS NULL OR status = :status) AND (:tool IS NULL OR tool = :tool) \
             AND (:owner IS NULL OR owner IS NULL OR owner = :owner) AND (:name IS NULL OR instr(lower(name), lower(:name))) \
             AND (:before IS NULL OR seq < (SELECT seq FROM runs WHERE id = :before)) \
             ORDER BY seq DESC LIMIT :limit OFFSET :offset"
        );
        let mut statement = db.prepare_cached(&sql)?;
        let rows = statement.query_map(
            named_params! {
                ":status": filter.status, ":tool": filter.tool, ":owner": filter.owner, ":name": filter.name,
                ":before": filter.before, ":limit": filter.limit, ":offset": filter.offset,
            },
            Self::from_row,
        )?;
        rows.collect()
    }

    /// How many runs there are of each state.
    pub fn counts(db: &Connection) -> Sql<Vec<(Status, u64)>> {
        let mut statement = db.prepare_cached("SELECT status, count(*) FROM runs GROUP BY status")?;
        let rows = statement.query_map([], |row| Ok((row.get(0)?, row.get::<_, i64>(1)?.unsigned_abs())))?;
        rows.collect()
    }

    /// Owners, or addresses where there are none, that have runs.
    pub fn users(db: &Connection) -> Sql<u64> {
        let sql = "SELECT count(DISTINCT COALESCE(owner, client)) FROM runs";
        db.query_row(sql, [], |row| row.get::<_, i64>(0)).map(i64::unsigned_abs)
    }

    /// All runs of a state, the oldest first.
    pub fn of_status(db: &Connection, status: Status) -> Sql<Vec<Self>> {
        let sql = format!("SELECT {COLUMNS} FROM runs WHERE status = ? ORDER BY seq");
        let mut statement = db.prepare_cached(&sql)?;
        let rows = statement.query_map([status], Self::from_row)?;
        rows.collect()
    }

    /// Queued to running. False if it was no longer queued.
    pub fn start(db: &Connection, id: &str, now: Micros) -> Sql<bool> {
        let sql = "UPDATE runs SET status = 'running', started_at = COALESCE(started_at, ?2), attempts = attempts + 1 \
                   WHERE id = ?1 AND status = 'queued'";
        let started = db.prepare_cached(sql)?.execute(params![id, now])? == 1;
        if started {
            // Of an attempt that the end of the service cut off.
            Artifact::delete_of_run(db, id)?;
        }
        Ok(started)
    }

    /// One more attempt of a running run; what the one before finished does not count.
    pub fn attempt(db: &Connection, id: &str) -> Sql<()> {
        db.prepare_cached("UPDATE runs SET attempts = attempts + 1 WHERE id = ?")?.execute([id])?;
        Artifact::delete_of_run(db, id)
    }

    /// A running run back to queued, because the service shall end.
    pub fn requeue(db: &Connection, id: &str) -> Sql<bool> {
        let sql = "UPDATE runs SET status = 'queued' WHERE id = ? AND status = 'running'";
        Ok(db.prepare_cached(sql)?.execute([id])? == 1)
    }

    /// Puts a run into a final state. False if it is in one already: the first end stands.
    pub fn finish(db: &Connection, id: &str, end: &End) -> Sql<bool> {
        let sql = "UPDATE runs SET status = :status, completed_at = :at, report = :report, failure = :failure, \
                   logs_dropped = :dropped, cache_key = :file, content_key = :content \
                   WHERE id = :id AND status IN ('queued', 'running')";
        let changed = db.prepare_cached(sql)?.execute(named_params! {
            ":id": id, ":status": end.status, ":at": end.at, ":report": text(end.report.as_ref()),
            ":failure": text(end.failure.as_ref()), ":dropped": end.logs_dropped.cast_signed(),
            ":file": end.keys.file, ":content": end.keys.content,
        })?;
        Ok(changed == 1)
    }

    /// Forgets runs with their logs and artifacts.
    pub fn delete(db: &Connection, ids: &[String]) -> Sql<()> {
        let mut statement = db.prepare_cached("DELETE FROM runs WHERE id = ?")?;
        ids.iter().try_for_each(|id| statement.execute([id]).map(drop))
    }

    /// Finished runs that the clean-up may remove, the oldest first: id, time of the end, bytes of artifacts.
    pub fn finished(db: &Connection) -> Sql<Vec<(String, Micros, u64)>> {
        let sql = "SELECT runs.id, COALESCE(completed_at, runs.created_at) AS at, COALESCE(SUM(bytes), 0) FROM runs \
                   LEFT JOIN artifacts ON artifacts.run = runs.id \
                   WHERE status IN ('completed', 'failed', 'canceled') GROUP BY runs.id ORDER BY at, seq";
        let mut statement = db.prepare_cached(sql)?;
        let rows = statement
            .query_map([], |row| Ok((row.get(0)?, row.get(1)?, row.get::<_, i64>(2)?.unsigned_abs())))?;
        rows.collect()
    }
}

/// Equal for runs that must have the same result.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct ResultKeys {
    /// Of those that read the same file.
    pub file: Option<String>,
    /// Of those that read the same bytes.
    pub content: Option<String>,
}

/// How a run ends.
#[derive(Clone, Debug)]
pub struct End {
    /// A final state.
    pub status: Status,
    /// When.
    pub at: Micros,
    /// The report, of a completed run.
    pub report: Option<Value>,
    /// Why, of one that did not complete.
    pub failure: Option<Failure>,
    /// Log lines beyond the limit.
    pub logs_dropped: u64,
    /// By which a later run finds this result.
    pub keys: ResultKeys,
}
