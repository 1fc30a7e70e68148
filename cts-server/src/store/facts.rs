//! Single things that the service remembers from one start to the next.

use rusqlite::{Connection, OptionalExtension, params};

use super::Sql;

/// The fact of that name.
pub fn fact(db: &Connection, name: &str) -> Sql<Option<String>> {
    db.prepare_cached("SELECT value FROM facts WHERE name = ?")?
        .query_row([name], |row| row.get(0))
        .optional()
}

/// Remembers it.
pub fn set_fact(db: &Connection, name: &str, value: &str) -> Sql<()> {
    db.prepare_cached("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)")?
        .execute(params![name, value])?;
    Ok(())
}
