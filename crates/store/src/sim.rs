//! The embedded cloud's own objects, in the same file.

use crate::Store;
use crate::error::Result;
use crate::rows::{Row, Statement};
use crate::tripwire::point;

/// Puts objects: key, body.
static PUT: Statement = Statement {
    table: "sim_objects",
    sql: "INSERT INTO sim_objects (key, body) SELECT value ->> 0, value ->> 1 FROM json_each(?1)
          WHERE true ON CONFLICT (key) DO UPDATE SET body = excluded.body",
};

/// Deletes objects: `[key]`.
static DELETE: Statement = Statement {
    table: "sim_objects",
    sql: "DELETE FROM sim_objects WHERE key IN (SELECT value ->> 0 FROM json_each(?1))",
};

const PIECE: &str = "SELECT max(r), json_group_array(json_array(key, body)) FROM
    (SELECT rowid AS r, key, body FROM sim_objects WHERE rowid > ?1 ORDER BY rowid LIMIT 2000)";

impl Store {
    /// All objects with their keys, in order of the keys.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn sim_objects(&self) -> Result<Vec<(String, String)>> {
        let mut all: Vec<(String, String)> = Vec::new();
        self.read_all("sim_objects", PIECE, |o| all.push(o)).await?;
        all.sort_unstable();
        Ok(all)
    }

    /// One transaction: puts (`Some`) and deletes (`None`), in order.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_sim_objects(&self, objects: &[(String, Option<String>)]) -> Result<()> {
        let rows = objects.iter().map(|(key, body)| match body {
            Some(body) => Row::new(&PUT, &(key, body)),
            None => Row::new(&DELETE, &[key]),
        });
        let rows: Result<Vec<Row>> = rows.collect();
        self.put(point!("put_sim_objects"), rows?).await
    }
}
