//! The schema and its versions.

use sqlx::sqlite::SqliteConnection;
use sqlx::{Connection, Executor};

use crate::error::{Error, Place, Result};

/// Each brings a state from the version before it to its own: its place in this list, from 1.
///
/// What is released is never edited; a change is a new one.
const MIGRATIONS: [&str; 7] = [
    include_str!("../migrations/0001_first.sql"),
    include_str!("../migrations/0002_agents.sql"),
    include_str!("../migrations/0003_history.sql"),
    include_str!("../migrations/0004_clients.sql"),
    include_str!("../migrations/0005_splits.sql"),
    include_str!("../migrations/0006_channels.sql"),
    include_str!("../migrations/0007_exposure.sql"),
];

/// The version of the schema that this damm writes.
pub(crate) const VERSION: u32 = MIGRATIONS.len() as u32;

/// `damm` in ASCII: marks the file as ours (`PRAGMA application_id`).
const APPLICATION_ID: i64 = 0x6461_6d6d;

const VERSIONS: &str = "CREATE TABLE IF NOT EXISTS schema_versions (
    version INTEGER NOT NULL PRIMARY KEY, damm TEXT NOT NULL);
    PRAGMA application_id = 0x64616d6d";

/// The version of a state's schema.
///
/// # Errors
///
/// [`Error::NotAState`] when another program made the file, [`Error::Newer`] when a newer damm did.
pub(crate) async fn version(conn: &mut SqliteConnection, place: &Place) -> Result<u32> {
    let id: i64 = sqlx::query_scalar("PRAGMA application_id")
        .fetch_one(&mut *conn)
        .await
        .map_err(|e| place.sql(e))?;
    if id != APPLICATION_ID {
        let (path, why) = (place.path(), "another program's database");
        return Err(Error::NotAState { path, why });
    }
    let found: u32 = sqlx::query_scalar("SELECT coalesce(max(version), 0) FROM schema_versions")
        .fetch_one(conn)
        .await
        .map_err(|e| place.sql(e))?;
    match found > VERSION {
        false => Ok(found),
        true => Err(Error::Newer { path: place.path(), found, known: VERSION }),
    }
}

/// Marks a fresh file as a state of version 0.
pub(crate) async fn mark(conn: &mut SqliteConnection, place: &Place) -> Result<()> {
    let marked = conn.execute(sqlx::raw_sql(VERSIONS)).await;
    marked.map(drop).map_err(|e| place.sql(e))
}

/// Brings a state to [`VERSION`], each step in its own transaction.
pub(crate) async fn migrate(conn: &mut SqliteConnection, from: u32, place: &Place) -> Result<()> {
    for (migration, version) in MIGRATIONS.iter().zip(1u32..) {
        if version > from {
            let step = step(conn, migration, version).await;
            step.map_err(|e| place.sql(e))?;
        }
    }
    Ok(())
}

async fn step(
    conn: &mut SqliteConnection,
    migration: &'static str,
    version: u32,
) -> sqlx::Result<()> {
    let mut tx = conn.begin_with("BEGIN IMMEDIATE").await?;
    tx.execute(sqlx::raw_sql(migration)).await?;
    sqlx::query("INSERT INTO schema_versions VALUES (?1, ?2)")
        .bind(version)
        .bind(env!("CARGO_PKG_VERSION"))
        .execute(&mut *tx)
        .await?;
    tx.commit().await
}
