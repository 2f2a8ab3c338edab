//! Writes that look before they write, each in a transaction of its own.

use serde_json::Value;
use sqlx::Connection;
use sqlx::sqlite::SqliteConnection;

use damm_fleet::Timestamp;

use crate::error::{Place, Result};
use crate::target::NewTarget;
use crate::{audit, identity, verdicts};

/// A write that looks before it writes.
pub(crate) enum Task {
    /// A new target.
    Target(Box<NewTarget>),
    /// An entry of the audit log.
    Audit(NewEntry),
    /// The fleet's name.
    Bind(String),
    /// All verdicts: front doors with their JSON.
    Verdicts(String),
}

/// An entry that is to be appended to the audit log.
pub(crate) struct NewEntry {
    /// When.
    pub at: Timestamp,
    /// Who.
    pub actor: String,
    /// What was done.
    pub what: String,
    /// Its particulars.
    pub detail: Value,
}

impl Task {
    /// Carries it out; nothing is written when it fails.
    pub async fn run(self, conn: &mut SqliteConnection, place: &Place) -> Result<()> {
        let begun = conn.begin_with("BEGIN IMMEDIATE").await;
        let mut tx = begun.map_err(|e| place.sql(e))?;
        match self {
            Self::Target(target) => target.write(&mut tx, place).await?,
            Self::Audit(entry) => audit::append(&mut tx, &entry, place).await?,
            Self::Bind(fleet) => identity::bind(&mut tx, &fleet, place).await?,
            Self::Verdicts(all) => verdicts::replace(&mut tx, &all, place).await?,
        }
        tx.commit().await.map_err(|e| place.sql(e))
    }
}
