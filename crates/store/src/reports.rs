//! What agents last said, and what is known of accounts.

use std::collections::BTreeMap;

use damm_fleet::inventory::ObservedProvider;
use damm_fleet::{NodeId, ProviderName};

use crate::Store;
use crate::error::Result;
use crate::record::StoredReport;
use crate::rows::{Row, Statement, text};
use crate::tripwire::point;

/// Sets reports: node, body.
static REPORTS: Statement = Statement {
    table: "reports",
    sql: "INSERT INTO reports (node, body) SELECT value ->> 0, value ->> 1 FROM json_each(?1)
          WHERE true ON CONFLICT (node) DO UPDATE SET body = excluded.body
          WHERE body <> excluded.body",
};

/// Sets what is known of accounts: name, body.
static PROVIDERS: Statement = Statement {
    table: "providers",
    sql: "INSERT INTO providers SELECT value ->> 0, value ->> 1 FROM json_each(?1)
          WHERE true ON CONFLICT (name) DO UPDATE SET body = excluded.body",
};

const PIECE: &str = "SELECT max(r), '[' || group_concat('[\"' || node || '\",' || body || ']')
    || ']' FROM (SELECT rowid AS r, node, body FROM reports WHERE rowid > ?1
                 ORDER BY rowid LIMIT 2000)";

impl Store {
    /// What each agent last said.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn reports(&self) -> Result<BTreeMap<NodeId, StoredReport>> {
        let mut all = Vec::new();
        let each = |entry: (NodeId, StoredReport)| all.push(entry);
        self.read_all("reports", PIECE, each).await?;
        Ok(all.into_iter().collect())
    }

    /// Stores what these agents said; others' reports stay. A node's report is dropped when the
    /// node leaves the target.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_reports(&self, reports: &BTreeMap<NodeId, StoredReport>) -> Result<()> {
        let rows = reports
            .iter()
            .map(|(node, report)| Row::new(&REPORTS, &(node, text("a report", report)?)));
        let rows: Result<Vec<Row>> = rows.collect();
        self.put(point!("put_reports"), rows?).await
    }

    /// What is known of each account.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn providers(&self) -> Result<BTreeMap<ProviderName, ObservedProvider>> {
        self.read_entries("providers", "SELECT name, body FROM providers").await
    }

    /// Stores what is known of an account.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_provider(
        &self,
        name: &ProviderName,
        observed: &ObservedProvider,
    ) -> Result<()> {
        let row = Row::new(&PROVIDERS, &(name, text("a provider", observed)?))?;
        self.put(point!("put_provider"), vec![row]).await
    }
}
