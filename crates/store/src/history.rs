//! What became of the addresses of front doors, one row for each.

use damm_fleet::FrontdoorId;
use damm_fleet::history::{History, Noted, Past};

use crate::Store;
use crate::error::Result;
use crate::rows::{Row, Statement, text};
use crate::tripwire::point;

/// Sets what became of doors: frontdoor, body.
static PAST: Statement = Statement {
    table: "past_doors",
    sql: "INSERT INTO past_doors SELECT value ->> 0, value ->> 1 FROM json_each(?1)
          WHERE true ON CONFLICT (frontdoor) DO UPDATE SET body = excluded.body",
};

/// Forgets doors: frontdoor.
static FORGOTTEN: Statement = Statement {
    table: "past_doors",
    sql: "DELETE FROM past_doors WHERE frontdoor IN (SELECT value ->> 0 FROM json_each(?1))",
};

const PIECE: &str = "SELECT max(r), '[' || group_concat('[\"' || frontdoor || '\",' || body || ']')
    || ']' FROM (SELECT rowid AS r, frontdoor, body FROM past_doors WHERE rowid > ?1
                 ORDER BY rowid LIMIT 2000)";

impl Store {
    /// What became of the addresses of front doors.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn history(&self) -> Result<History> {
        let mut all: Vec<(FrontdoorId, Past)> = Vec::new();
        self.read_all("past_doors", PIECE, |entry| all.push(entry)).await?;
        Ok(History(all.into_iter().collect()))
    }

    /// Stores what has changed of a history.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_history(&self, history: &History, noted: &Noted) -> Result<()> {
        let changed = noted.changed.iter().filter_map(|id| Some((id, history.0.get(id)?)));
        let changed = changed.map(|(id, past)| Row::new(&PAST, &(id, text("a past door", past)?)));
        let forgotten = noted.forgotten.iter().map(|id| Row::new(&FORGOTTEN, &(id,)));
        let rows: Result<Vec<Row>> = changed.chain(forgotten).collect();
        self.put(point!("put_history"), rows?).await
    }
}
