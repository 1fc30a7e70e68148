//! The table of keys, in the store of the service.

use rusqlite::{Connection, OptionalExtension, Row, params};

use super::key::{ApiKey, KeyHash};
use super::scope::Scopes;
use crate::clock::{self, Micros};
use crate::failure::Failure;
use crate::store::{Sql, Store};

const TABLE: &str = "
CREATE TABLE IF NOT EXISTS keys (
    id TEXT NOT NULL PRIMARY KEY,
    name TEXT NOT NULL,
    hash BLOB NOT NULL CHECK (length(hash) = 32),
    scopes TEXT NOT NULL,
    created_at INTEGER NOT NULL,
    expires_at INTEGER,
    revoked_at INTEGER
)";

/// What is known of a key.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct KeyRecord {
    /// The part of the key that names it.
    pub id: String,
    /// What its owner is called.
    pub name: String,
    /// What proves it.
    pub hash: KeyHash,
    /// What it allows.
    pub scopes: Scopes,
    /// When it was made.
    pub created_at: Micros,
    /// From when on it is void.
    pub expires_at: Option<Micros>,
    /// When it was revoked.
    pub revoked_at: Option<Micros>,
}

/// The keys of a store; clones share it.
#[derive(Clone)]
pub struct Keys(Store);

impl Keys {
    /// The keys of `store`; the table is made if it is absent.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn open(store: Store) -> Result<Self, Failure> {
        store.write_now(|db| db.execute_batch(TABLE))?;
        Ok(Self(store))
    }

    /// Makes a key and keeps its hash. The answer is the only time that the key exists as a whole.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn create(&self, name: &str, scopes: Scopes, expires_at: Option<Micros>) -> Result<ApiKey, Failure> {
        let key = ApiKey::generate().map_err(|e| {
            Failure::system("no-randomness", format!("no random numbers: {e}"), "Look at the kernel's log.")
        })?;
        let (id, hash, name, scopes) = (key.id().to_owned(), key.hash(), name.to_owned(), scopes.to_string());
        self.0.write_now(move |db| {
            let sql =
                "INSERT INTO keys (id, name, hash, scopes, created_at, expires_at) VALUES (?, ?, ?, ?, ?, ?)";
            db.execute(sql, params![id, name, hash.0, scopes, clock::now(), expires_at])
        })?;
        Ok(key)
    }

    /// All keys, the oldest first.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub fn list(&self) -> Result<Vec<KeyRecord>, Failure> {
        self.0.read_now(|db| {
            let mut statement = db.prepare_cached("SELECT * FROM keys ORDER BY created_at, id")?;
            statement.query_map([], record)?.collect()
        })
    }

    /// Revokes a key; false when there is none of that id. Revoking again keeps the first time.
    ///
    /// # Errors
    /// Those of [`Store::write`].
    pub fn revoke(&self, id: &str) -> Result<bool, Failure> {
        let id = id.to_owned();
        self.0.write_now(move |db| {
            let sql = "UPDATE keys SET revoked_at = COALESCE(revoked_at, ?) WHERE id = ?";
            Ok(db.execute(sql, params![clock::now(), id])? > 0)
        })
    }

    /// What is known of the key of that id.
    ///
    /// # Errors
    /// Those of [`Store::read`].
    pub async fn find(&self, id: &str) -> Result<Option<KeyRecord>, Failure> {
        let id = id.to_owned();
        self.0.read(move |db| find(db, &id)).await
    }
}

fn find(db: &Connection, id: &str) -> Sql<Option<KeyRecord>> {
    db.prepare_cached("SELECT * FROM keys WHERE id = ?")?.query_row([id], record).optional()
}

fn record(row: &Row<'_>) -> Sql<KeyRecord> {
    Ok(KeyRecord {
        id: row.get("id")?,
        name: row.get("name")?,
        hash: KeyHash(row.get("hash")?),
        scopes: Scopes::parse(&row.get::<_, String>("scopes")?),
        created_at: row.get("created_at")?,
        expires_at: row.get("expires_at")?,
        revoked_at: row.get("revoked_at")?,
    })
}
