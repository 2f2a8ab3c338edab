//! The fleet that a state belongs to, and the topology that its last blueprint was made from.

use sqlx::sqlite::SqliteConnection;

use crate::Store;
use crate::error::{Error, Place, Result};
use crate::rows::{Row, Statement};
use crate::task::Task;
use crate::tripwire::point;

/// Sets single values: key, value.
pub(crate) static META: Statement = Statement {
    table: "meta",
    sql: "INSERT INTO meta (key, value) SELECT value ->> 0, value ->> 1 FROM json_each(?1)
          WHERE true ON CONFLICT (key) DO UPDATE SET value = excluded.value",
};

/// A single value.
pub(crate) async fn meta(
    conn: &mut SqliteConnection,
    place: &Place,
    key: &str,
) -> Result<Option<String>> {
    sqlx::query_scalar("SELECT value FROM meta WHERE key = ?1")
        .bind(key)
        .fetch_optional(conn)
        .await
        .map_err(|e| place.sql(e))
}

/// Binds an unbound state; see [`Store::bind_fleet`].
pub(crate) async fn bind(conn: &mut SqliteConnection, fleet: &str, place: &Place) -> Result<()> {
    match meta(conn, place, "fleet").await? {
        Some(found) if found == fleet => Ok(()),
        Some(found) => Err(other(place, found, fleet)),
        None => {
            let bound = sqlx::query("INSERT INTO meta VALUES ('fleet', ?1)").bind(fleet);
            bound.execute(conn).await.map_err(|e| place.sql(e))?;
            Ok(())
        }
    }
}

fn other(place: &Place, found: String, asked: &str) -> Error {
    let (path, asked) = (place.path(), asked.to_owned());
    Error::OtherFleet { path, found, asked }
}

impl Store {
    /// Binds a fresh state to a fleet's name; refuses another fleet's. A handle that only reads
    /// compares, and takes an unbound state as fitting.
    ///
    /// # Errors
    ///
    /// [`Error::OtherFleet`] when the state is bound to another name.
    pub async fn bind_fleet(&self, fleet: &str) -> Result<()> {
        match self.fleet().await? {
            Some(found) if found == fleet => Ok(()),
            Some(found) => Err(other(&self.place, found, fleet)),
            None if self.writer.is_none() => Ok(()),
            None => {
                let task = Task::Bind(fleet.to_owned());
                self.carry_out(point!("bind_fleet"), task).await
            }
        }
    }

    /// The fleet that this state is bound to.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] and other failures of the database.
    pub async fn fleet(&self) -> Result<Option<String>> {
        let mut conn = self.read().await?;
        meta(&mut conn, &self.place, "fleet").await
    }

    /// The path and text of the topology that the last blueprint was made from, for `status` and
    /// `explain`.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`] and other failures of the database.
    pub async fn topology(&self) -> Result<Option<(String, String)>> {
        let mut conn = self.read().await?;
        let path = meta(&mut conn, &self.place, "topology_path").await?;
        let text = meta(&mut conn, &self.place, "topology_text").await?;
        Ok(path.zip(text))
    }

    /// Keeps the path and text of the topology that a blueprint was made from.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`], [`Error::Full`] and other failures of the database.
    pub async fn put_topology(&self, path: &str, text: &str) -> Result<()> {
        let rows = vec![
            Row::new(&META, &("topology_path", path))?,
            Row::new(&META, &("topology_text", text))?,
        ];
        self.put(point!("put_topology"), rows).await
    }
}
