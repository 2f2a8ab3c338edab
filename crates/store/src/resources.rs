//! What providers hold for us.

use damm_fleet::{Phase, Resource, Subject};

use crate::Store;
use crate::error::Result;
use crate::rows::{Row, Statement, parse, text};
use crate::tripwire::point;

/// Sets rows: subject, phase, body. A row that is gone is kept only while its subject is in the
/// target, so a late word about a forgotten one does not bring it back.
static RESOURCES: Statement = Statement {
    table: "resources",
    sql: "INSERT INTO resources (subject, phase, body)
          SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) AS given
          WHERE given.value ->> 1 <> 'gone'
             OR EXISTS (SELECT 1 FROM resources WHERE subject = given.value ->> 0)
          ON CONFLICT (subject) DO UPDATE SET phase = excluded.phase, body = excluded.body",
};

/// Makes rows for what is new in the target: subject, phase, body. What stands is left alone.
pub(crate) static WANTED: Statement = Statement {
    table: "resources",
    sql: "INSERT INTO resources (subject, phase, body)
          SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)
          WHERE true ON CONFLICT (subject) DO NOTHING",
};

const PIECE: &str = "SELECT max(r), '[' || group_concat(body) || ']' FROM
    (SELECT rowid AS r, body FROM resources WHERE rowid > ?1 ORDER BY rowid LIMIT 2000)";

const MACHINES: &str = "SELECT max(r), '[' || group_concat(body) || ']' FROM
    (SELECT rowid AS r, body FROM resources WHERE rowid > ?1 AND subject GLOB 'node-*'
     ORDER BY rowid LIMIT 2000)";

/// A row for a resource.
pub(crate) fn row(statement: &'static Statement, resource: &Resource) -> Result<Row> {
    let body = text("a resource", resource)?;
    let phase: &Phase = &resource.phase;
    Row::new(statement, &(resource.subject, phase.as_str(), body))
}

/// A row that replaces what is known of a resource.
pub(crate) fn put(resource: &Resource) -> Result<Row> {
    row(&RESOURCES, resource)
}

impl Store {
    /// All rows, in order of their subjects. `Gone` ones only while their subject is still in the
    /// target.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn resources(&self) -> Result<Vec<Resource>> {
        let mut all: Vec<Resource> = Vec::new();
        self.read_all("resources", PIECE, |r| all.push(r)).await?;
        all.sort_unstable_by_key(|r| r.subject);
        Ok(all)
    }

    /// The rows of machines alone, in order of their nodes.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn machines(&self) -> Result<Vec<Resource>> {
        let mut all: Vec<Resource> = Vec::new();
        self.read_all("resources", MACHINES, |r| all.push(r)).await?;
        all.sort_unstable_by_key(|r| r.subject);
        Ok(all)
    }

    /// The row of a node, front door or egress address.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn resource(&self, subject: Subject) -> Result<Option<Resource>> {
        let mut conn = self.read().await?;
        let found = sqlx::query_scalar("SELECT body FROM resources WHERE subject = ?1");
        let found = found.bind(subject.to_string()).fetch_optional(&mut *conn).await;
        let found: Option<String> = found.map_err(|e| self.place.sql(e))?;
        found.map(|body| parse(&self.place, "resources", &body)).transpose()
    }

    /// Whether this subject ever was in a target, had a row or was the subject of a step, even if
    /// it is forgotten since: what is known is no orphan.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn ever_known(&self, subject: Subject) -> Result<bool> {
        let known = sqlx::query_scalar(
            "SELECT EXISTS (SELECT 1 FROM subjects WHERE subject = ?1)
                 OR EXISTS (SELECT 1 FROM intents WHERE subject = ?1)
                 OR EXISTS (SELECT 1 FROM resources WHERE subject = ?1)",
        );
        let mut conn = self.read().await?;
        let known = known.bind(subject.to_string()).fetch_one(&mut *conn).await;
        known.map_err(|e| self.place.sql(e))
    }

    /// Stores what was observed without a call of ours, in one transaction.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_resources(&self, resources: &[Resource]) -> Result<()> {
        let rows: Result<Vec<Row>> = resources.iter().map(put).collect();
        self.put(point!("put_resources"), rows?).await
    }
}
