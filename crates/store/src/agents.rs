//! Agents that have joined: their keys, what they last said, and how far their requests got.

use std::collections::BTreeMap;

use damm_fleet::NodeId;

use crate::Store;
use crate::error::Result;
use crate::record::StoredAgent;
use crate::rows::{Row, Statement, text};
use crate::tripwire::point;

/// Sets agents: node, sequence, body. A sequence number is never lowered. An agent whose node was
/// forgotten meanwhile is not kept.
static AGENTS: Statement = Statement {
    table: "agents",
    sql: "INSERT INTO agents (node, sequence, body)
          SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) AS given
          WHERE EXISTS (SELECT 1 FROM resources WHERE subject = given.value ->> 0)
          ON CONFLICT (node) DO UPDATE
          SET sequence = max(sequence, excluded.sequence), body = excluded.body",
};

/// Raises sequence numbers: node, sequence.
static SEQUENCES: Statement = Statement {
    table: "agents",
    sql: "UPDATE agents SET sequence = given.value ->> 1 FROM json_each(?1) AS given
          WHERE agents.node = given.value ->> 0 AND agents.sequence < given.value ->> 1",
};

const PIECE: &str = "SELECT max(r), '[' || group_concat('[' || sequence || ',' || body || ']')
    || ']' FROM (SELECT rowid AS r, sequence, body FROM agents WHERE rowid > ?1
                 ORDER BY rowid LIMIT 2000)";

impl Store {
    /// All agents that have joined, and whose nodes are in the target.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn agents(&self) -> Result<BTreeMap<NodeId, StoredAgent>> {
        let mut all = Vec::new();
        let each = |(sequence, agent): (u64, StoredAgent)| {
            all.push((agent.node, StoredAgent { sequence, ..agent }));
        };
        self.read_all("agents", PIECE, each).await?;
        Ok(all.into_iter().collect())
    }

    /// Stores agents; others stay. One is forgotten when its node leaves the target.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_agents(&self, agents: &[StoredAgent]) -> Result<()> {
        let row = |a: &StoredAgent| Row::new(&AGENTS, &(a.node, a.sequence, text("an agent", a)?));
        let rows: Result<Vec<Row>> = agents.iter().map(row).collect();
        self.put(point!("put_agents"), rows?).await
    }

    /// Raises agents' sequence numbers; a lower one than is stored changes nothing.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_sequences(&self, sequences: &BTreeMap<NodeId, u64>) -> Result<()> {
        let rows: Result<Vec<Row>> = sequences.iter().map(|s| Row::new(&SEQUENCES, &s)).collect();
        self.put(point!("put_sequences"), rows?).await
    }
}
