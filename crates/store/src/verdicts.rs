//! Verdicts: one row for each front door.

use damm_fleet::verdict::Verdict;
use damm_fleet::{Few, FrontdoorId, Network, Verdicts};
use sqlx::sqlite::SqliteConnection;

use crate::Store;
use crate::error::{Place, Result};
use crate::rows::text;
use crate::task::Task;
use crate::tripwire::point;

const PIECE: &str = "SELECT max(r), '[' || group_concat('[\"' || frontdoor || '\",' || body || ']')
    || ']' FROM (SELECT rowid AS r, frontdoor, body FROM verdicts WHERE rowid > ?1
                 ORDER BY rowid LIMIT 2000)";

/// Writes what differs and removes what is not named: an array of `[frontdoor, body]`.
pub(crate) async fn replace(conn: &mut SqliteConnection, all: &str, place: &Place) -> Result<()> {
    let statements = [
        "DELETE FROM verdicts WHERE frontdoor NOT IN (SELECT value ->> 0 FROM json_each(?1))",
        "INSERT INTO verdicts (frontdoor, body)
         SELECT value ->> 0, value ->> 1 FROM json_each(?1)
         WHERE true ON CONFLICT (frontdoor) DO UPDATE SET body = excluded.body
         WHERE body <> excluded.body",
    ];
    for sql in statements {
        let done = sqlx::query(sql).bind(all).execute(&mut *conn).await;
        done.map_err(|e| place.sql(e))?;
    }
    Ok(())
}

impl Store {
    /// All verdicts.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn verdicts(&self) -> Result<Verdicts> {
        let mut all: Vec<(FrontdoorId, Few<Network, Verdict>)> = Vec::new();
        let each = |entry| all.push(entry);
        self.read_all("verdicts", PIECE, each).await?;
        Ok(Verdicts(all.into_iter().collect()))
    }

    /// Replaces all verdicts.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_verdicts(&self, verdicts: &Verdicts) -> Result<()> {
        let rows = verdicts.0.iter().map(|(door, of)| Ok((door, text("a verdict", of)?)));
        let rows: Result<Vec<_>> = rows.collect();
        let all = text("verdicts", &rows?)?;
        self.carry_out(point!("put_verdicts"), Task::Verdicts(all)).await
    }
}
