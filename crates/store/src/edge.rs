//! What DNS servers, balancers and agents were last told.

use std::collections::BTreeMap;

use damm_fleet::blueprint::{RecordKey, RecordSet, Target, TargetKey};
use damm_fleet::{NodeId, Timestamp};

use crate::Store;
use crate::error::Result;
use crate::rows::{Row, Statement, text, word};
use crate::tripwire::point;

/// Sets records: key, body, at.
static RECORDS: Statement = Statement {
    table: "applied_records",
    sql: "INSERT INTO applied_records (key, body, at)
          SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1)
          WHERE true ON CONFLICT (key) DO UPDATE SET body = excluded.body, at = excluded.at",
};

/// Forgets records: `[key]`.
static NO_RECORDS: Statement = Statement {
    table: "applied_records",
    sql: "DELETE FROM applied_records WHERE key IN (SELECT value ->> 0 FROM json_each(?1))",
};

/// Sets targets: key, body.
static TARGETS: Statement = Statement {
    table: "applied_targets",
    sql: "INSERT INTO applied_targets (key, body)
          SELECT value ->> 0, value ->> 1 FROM json_each(?1)
          WHERE true ON CONFLICT (key) DO UPDATE SET body = excluded.body",
};

/// Forgets targets: `[key]`.
static NO_TARGETS: Statement = Statement {
    table: "applied_targets",
    sql: "DELETE FROM applied_targets WHERE key IN (SELECT value ->> 0 FROM json_each(?1))",
};

/// Sets orders: node, digest.
static ORDERS: Statement = Statement {
    table: "applied_orders",
    sql: "INSERT INTO applied_orders SELECT value ->> 0, value ->> 1 FROM json_each(?1)
          WHERE true ON CONFLICT (node) DO UPDATE SET digest = excluded.digest",
};

/// Forgets orders: `[node]`.
static NO_ORDERS: Statement = Statement {
    table: "applied_orders",
    sql: "DELETE FROM applied_orders WHERE node IN (SELECT value ->> 0 FROM json_each(?1))",
};

const RECORD_PIECE: &str = "SELECT max(r),
    '[' || group_concat('[' || key || ',' || body || ',' || at || ']') || ']'
    FROM (SELECT rowid AS r, key, body, at FROM applied_records WHERE rowid > ?1
          ORDER BY rowid LIMIT 2000)";

const RECORD_SET_PIECE: &str = "SELECT max(r), '[' || group_concat(body) || ']'
    FROM (SELECT rowid AS r, body FROM applied_records WHERE rowid > ?1
          ORDER BY rowid LIMIT 2000)";

const TARGET_PIECE: &str = "SELECT max(r),
    '[' || group_concat('[' || key || ',' || body || ']') || ']'
    FROM (SELECT rowid AS r, key, body FROM applied_targets WHERE rowid > ?1
          ORDER BY rowid LIMIT 2000)";

impl Store {
    /// DNS record sets as they were last written, with when that was.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn applied_records(&self) -> Result<BTreeMap<RecordKey, (RecordSet, Timestamp)>> {
        let mut all = Vec::new();
        let each = |(key, set, at): (RecordKey, RecordSet, i64)| {
            all.push((key, (set, Timestamp::from_millis(at))));
        };
        self.read_all("applied_records", RECORD_PIECE, each).await?;
        Ok(all.into_iter().collect())
    }

    /// DNS record sets as they were last written, without their names, in no order that matters.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn applied_record_sets(&self) -> Result<Vec<RecordSet>> {
        let mut all = Vec::new();
        self.read_all("applied_records", RECORD_SET_PIECE, |set| all.push(set)).await?;
        Ok(all)
    }

    /// Notes that a DNS record set was written, or removed (`None`).
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_applied_record(
        &self,
        key: &RecordKey,
        set: Option<&RecordSet>,
        at: Timestamp,
    ) -> Result<()> {
        let key = text("a record's name", key)?;
        let row = match set {
            Some(set) => {
                let body = text("a record", set)?;
                Row::new(&RECORDS, &(key, body, at.as_millis()))?
            }
            None => Row::new(&NO_RECORDS, &[key])?,
        };
        self.put(point!("put_applied_record"), vec![row]).await
    }

    /// Load-balancer targets as they were last written.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn applied_targets(&self) -> Result<BTreeMap<TargetKey, Target>> {
        let mut all = Vec::new();
        let each = |entry: (TargetKey, Target)| all.push(entry);
        self.read_all("applied_targets", TARGET_PIECE, each).await?;
        Ok(all.into_iter().collect())
    }

    /// Notes that a load-balancer target was written, or removed (`None`).
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_applied_target(&self, key: &TargetKey, target: Option<&Target>) -> Result<()> {
        let key = text("a target's name", key)?;
        let row = match target {
            Some(target) => Row::new(&TARGETS, &(key, text("a target", target)?))?,
            None => Row::new(&NO_TARGETS, &[key])?,
        };
        self.put(point!("put_applied_target"), vec![row]).await
    }

    /// A digest of the orders that were last left for each node.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn applied_orders(&self) -> Result<BTreeMap<NodeId, String>> {
        let mut conn = self.read().await?;
        let rows = sqlx::query_as("SELECT node, digest FROM applied_orders");
        let rows: sqlx::Result<Vec<(String, String)>> = rows.fetch_all(&mut *conn).await;
        let rows = rows.map_err(|e| self.place.sql(e))?;
        let orders = rows
            .into_iter()
            .map(|(node, digest)| Ok((word(&self.place, "applied_orders", &node)?, digest)));
        orders.collect()
    }

    /// Notes the orders that were left for a node, or that it has none (`None`).
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_applied_orders(&self, node: NodeId, digest: Option<&str>) -> Result<()> {
        let row = match digest {
            Some(digest) => Row::new(&ORDERS, &(node, digest))?,
            None => Row::new(&NO_ORDERS, &[node])?,
        };
        self.put(point!("put_applied_orders"), vec![row]).await
    }
}
