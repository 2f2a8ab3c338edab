//! Which buckets are split and why, and which buckets were ever told of each front door.

use std::collections::BTreeMap;

use damm_fleet::{FrontdoorId, PopulationName};
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Store;
use crate::error::Result;
use crate::rows::{Row, Statement, read_all_by_key, text};
use crate::tripwire::point;

/// Sets populations: population, body.
static SPLITTINGS: Statement = Statement {
    table: "splittings",
    sql: "INSERT INTO splittings SELECT value ->> 0, value ->> 1 FROM json_each(?1)
          WHERE true ON CONFLICT (population) DO UPDATE SET body = excluded.body",
};

/// Adds what was told: frontdoor, population, bucket.
static LEARNED: Statement = Statement {
    table: "learned",
    sql: "INSERT INTO learned SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)
          WHERE true ON CONFLICT DO NOTHING",
};

/// Forgets front doors: frontdoor.
static UNLEARNED: Statement = Statement {
    table: "learned",
    sql: "DELETE FROM learned WHERE frontdoor IN (SELECT value ->> 0 FROM json_each(?1))",
};

/// A door's rows come in one piece, so that the next piece may begin behind its id.
const PIECE: &str = "SELECT max(frontdoor), '[' || group_concat('[\"' || frontdoor || '\",\"'
    || population || '\",' || bucket || ']') || ']' FROM learned WHERE frontdoor IN
    (SELECT DISTINCT frontdoor FROM learned WHERE frontdoor > ?1 ORDER BY frontdoor LIMIT 200)";

/// That a bucket of a population was told of a front door.
pub type Told = (FrontdoorId, PopulationName, u32);

impl Store {
    /// Each population's splits, as they were stored.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn splittings<T: DeserializeOwned>(&self) -> Result<BTreeMap<PopulationName, T>> {
        self.read_entries("splittings", "SELECT population, body FROM splittings").await
    }

    /// Stores one population's splits.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_splitting(
        &self,
        population: &PopulationName,
        splitting: &impl Serialize,
    ) -> Result<()> {
        let body = text("a population's splits", splitting)?;
        self.put(point!("put_splitting"), vec![Row::new(&SPLITTINGS, &(population, body))?]).await
    }

    /// The buckets that were ever told of each front door.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn learned(&self) -> Result<Vec<Told>> {
        let mut all = Vec::new();
        let mut conn = self.read().await?;
        read_all_by_key(&mut conn, &self.place, "learned", PIECE, |told| all.push(told)).await?;
        Ok(all)
    }

    /// Notes who is told of what; what was known stays.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn learn(&self, told: &[Told]) -> Result<()> {
        let rows: Result<Vec<Row>> = told.iter().map(|told| Row::new(&LEARNED, told)).collect();
        self.put(point!("learn"), rows?).await
    }

    /// Forgets front doors that are no more.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn unlearn(&self, doors: &[FrontdoorId]) -> Result<()> {
        let rows: Result<Vec<Row>> = doors.iter().map(|d| Row::new(&UNLEARNED, &[d])).collect();
        self.put(point!("unlearn"), rows?).await
    }
}
