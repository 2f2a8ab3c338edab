//! Durable state: blueprints, ledger, inventory, verdicts, audit log.
//!
//! # Guarantees
//!
//! - What a method has returned `Ok` for survives `kill -9` and a power cut (`synchronous=FULL`).
//! - The ledger and the audit log are only ever appended to.
//! - One process writes to a state at a time; any number may read.
//! - No client's address is ever given to this crate, and no secret but the servers' halves of
//!   clients' credentials: only its owner can read a state.

mod adopt;
mod agents;
mod audit;
mod blueprints;
mod catalogs;
mod channels;
mod check;
mod clients;
mod credentials;
mod edge;
mod error;
mod exposure;
mod history;
mod identity;
mod ledger;
mod lock;
mod open;
mod orphans;
mod record;
mod reports;
mod resources;
mod rows;
mod schema;
mod seats;
mod sim;
mod splits;
mod target;
mod task;
mod tripwire;
mod verdicts;
mod writer;

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

pub use channels::Edition;
pub use clients::Enrolment;
pub use error::{Error, Result};
pub use record::{
    Access, AuditEntry, BlueprintSummary, BucketKey, Exposure, Intent, Lag, LedgerFilter,
    LedgerRow, OpenIntent, Orphan, Outcome, PublishedBucket, StoredAgent, StoredConfig,
    StoredReport, StoredSeat,
};
use serde::de::DeserializeOwned;
pub use splits::Told;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;
use tokio::sync::{MappedMutexGuard, Mutex, MutexGuard};
pub use tripwire::Tripwire;

use crate::error::Place;
use crate::rows::Row;
use crate::task::Task;
use crate::tripwire::Point;
use crate::writer::{Queue, Rows};

/// One state file.
///
/// Clones share it. Reads see all that was written before they began. A call that is dropped before
/// it returns may still be carried out.
#[derive(Clone)]
pub struct Store {
    place: Arc<Place>,
    reader: Arc<Mutex<Option<SqliteConnection>>>,
    writer: Option<Queue>,
    tripwire: Option<Tripwire>,
}

impl std::fmt::Debug for Store {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let mut shown = f.debug_struct("Store");
        shown.field("path", &self.place.0).finish_non_exhaustive()
    }
}

impl Store {
    /// Opens a state file, making it when it is missing and `access` is `Write`.
    ///
    /// # Errors
    ///
    /// [`Error::Missing`], [`Error::InUse`], [`Error::Denied`], [`Error::NotAState`],
    /// [`Error::Corrupt`], [`Error::Newer`], [`Error::Older`], [`Error::Torn`], [`Error::Full`].
    pub async fn open(path: &Path, access: Access) -> Result<Self> {
        let place = Arc::new(Place(path.to_owned()));
        let held = match access {
            Access::Write => Some(open::hold(&place).await?),
            Access::Beside => Some(open::join(&place).await?),
            Access::Read => None,
        };
        let reader = open::look(&place).await?;
        Ok(Self {
            writer: held.map(|held| Queue::start(held, Arc::clone(&place))),
            reader: Arc::new(Mutex::new(Some(reader))),
            place,
            tripwire: None,
        })
    }

    /// Closes the state once all that was asked for is written, and gives its lock back. Other
    /// clones fail with [`Error::Closed`] from now on.
    ///
    /// # Errors
    ///
    /// [`Error::Full`] and others when the write-ahead log can't be moved into the file. Nothing is
    /// lost then: the log stays beside it.
    pub async fn close(self) -> Result<()> {
        if let Some(reader) = self.reader.lock().await.take() {
            reader.close().await.map_err(|e| self.place.sql(e))?;
        }
        match &self.writer {
            Some(writer) => writer.close(&self.place).await,
            None => Ok(()),
        }
    }

    async fn read(&self) -> Result<MappedMutexGuard<'_, SqliteConnection>> {
        let open = MutexGuard::try_map(self.reader.lock().await, Option::as_mut);
        open.map_err(|_| Error::Closed { path: self.place.path() })
    }

    fn queue(&self) -> Result<&Queue> {
        self.writer.as_ref().ok_or_else(|| Error::ReadOnly { path: self.place.path() })
    }

    /// Writes rows durably, between the two halves of a point; answers with the intent's `seq`.
    async fn write(&self, point: Point, intent: Option<String>, rows: Vec<Row>) -> Result<u64> {
        let queue = self.queue()?;
        self.trip(point.before)?;
        let rows = Rows { intent, rows };
        let seq = queue.rows(rows, &self.place).await?;
        self.trip(point.after)?;
        Ok(seq)
    }

    /// Writes rows that belong to no step.
    async fn put(&self, point: Point, rows: Vec<Row>) -> Result<()> {
        self.write(point, None, rows).await.map(drop)
    }

    /// Carries out a task durably, between the two halves of a point.
    async fn carry_out(&self, point: Point, task: Task) -> Result<()> {
        let queue = self.queue()?;
        self.trip(point.before)?;
        queue.alone(task, &self.place).await?;
        self.trip(point.after)
    }

    /// Reads a table in large pieces; see [`rows::read_all`].
    async fn read_all<T: DeserializeOwned>(
        &self,
        table: &'static str,
        sql: &'static str,
        each: impl FnMut(T),
    ) -> Result<()> {
        let mut conn = self.read().await?;
        rows::read_all(&mut conn, &self.place, table, sql, each).await
    }

    /// Reads a small table whole: `sql` answers with a word and a JSON text for each entry.
    async fn read_entries<K, V>(
        &self,
        table: &'static str,
        sql: &'static str,
    ) -> Result<BTreeMap<K, V>>
    where
        K: DeserializeOwned + Ord,
        V: DeserializeOwned,
    {
        let mut conn = self.read().await?;
        let rows = sqlx::query_as(sql).fetch_all(&mut *conn).await;
        let rows: Vec<(String, String)> = rows.map_err(|e| self.place.sql(e))?;
        let read = |(key, body): (String, String)| {
            let key = rows::word(&self.place, table, &key)?;
            Ok((key, rows::parse(&self.place, table, &body)?))
        };
        rows.into_iter().map(read).collect()
    }
}
