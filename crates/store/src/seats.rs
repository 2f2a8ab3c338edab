//! What agents' configs are made from and made into: seats, orders, generations.

use std::collections::BTreeMap;

use damm_fleet::NodeId;
use serde::Serialize;
use serde::de::DeserializeOwned;

use crate::Store;
use crate::error::Result;
use crate::record::{StoredConfig, StoredSeat};
use crate::rows::{Row, Statement, text};
use crate::tripwire::point;

/// Gives seats: node, region, place. A node keeps the one that it has.
static SEATS: Statement = Statement {
    table: "seats",
    sql: "INSERT INTO seats (node, region, place)
          SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) AS given
          WHERE EXISTS (SELECT 1 FROM resources WHERE subject = given.value ->> 0)
          ON CONFLICT (node) DO NOTHING",
};

/// Sets configs: node, generation, body.
static CONFIGS: Statement = Statement {
    table: "agent_configs",
    sql: "INSERT INTO agent_configs (node, generation, body)
          SELECT value ->> 0, value ->> 1, value ->> 2 FROM json_each(?1) AS given
          WHERE EXISTS (SELECT 1 FROM resources WHERE subject = given.value ->> 0)
          ON CONFLICT (node) DO UPDATE SET generation = excluded.generation, body = excluded.body",
};

/// Sets orders: node, body.
static ORDERS: Statement = Statement {
    table: "node_orders",
    sql: "INSERT INTO node_orders (node, body)
          SELECT value ->> 0, value ->> 1 FROM json_each(?1) AS given
          WHERE EXISTS (SELECT 1 FROM resources WHERE subject = given.value ->> 0)
          ON CONFLICT (node) DO UPDATE SET body = excluded.body",
};

const SEAT_PIECE: &str = "SELECT max(r),
    json_group_array(json_object('node', node, 'region', region, 'place', place))
    FROM (SELECT rowid AS r, node, region, place FROM seats WHERE rowid > ?1
          ORDER BY rowid LIMIT 2000)";

const CONFIG_PIECE: &str = "SELECT max(r),
    '[' || group_concat('[\"' || node || '\",' || generation || ',' || body || ']') || ']'
    FROM (SELECT rowid AS r, node, generation, body FROM agent_configs WHERE rowid > ?1
          ORDER BY rowid LIMIT 2000)";

const ORDER_PIECE: &str = "SELECT max(r),
    '[' || group_concat('[\"' || node || '\",' || body || ']') || ']'
    FROM (SELECT rowid AS r, node, body FROM node_orders WHERE rowid > ?1
          ORDER BY rowid LIMIT 2000)";

impl Store {
    /// Each agent's place in its region's overlay.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn seats(&self) -> Result<BTreeMap<NodeId, StoredSeat>> {
        let mut all = Vec::new();
        let each = |seat: StoredSeat| all.push((seat.node, seat));
        self.read_all("seats", SEAT_PIECE, each).await?;
        Ok(all.into_iter().collect())
    }

    /// Gives seats. A node that has one keeps it until it leaves the target.
    ///
    /// # Errors
    ///
    /// When a place is taken; [`Error::ReadOnly`](crate::Error::ReadOnly),
    /// [`Error::Full`](crate::Error::Full) and other failures of the database.
    pub async fn put_seats(&self, seats: &[StoredSeat]) -> Result<()> {
        let row = |s: &StoredSeat| Row::new(&SEATS, &(s.node, &s.region, s.place));
        let rows: Result<Vec<Row>> = seats.iter().map(row).collect();
        self.put(point!("put_seats"), rows?).await
    }

    /// What stands in each agent's config.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn agent_configs(&self) -> Result<BTreeMap<NodeId, StoredConfig>> {
        let mut all = Vec::new();
        let each = |(node, generation, config): (NodeId, u64, StoredConfig)| {
            all.push((node, StoredConfig { generation, ..config }));
        };
        self.read_all("agent_configs", CONFIG_PIECE, each).await?;
        Ok(all.into_iter().collect())
    }

    /// Stores what stands in agents' configs, before they are handed out.
    ///
    /// # Errors
    ///
    /// When a generation does not rise; [`Error::ReadOnly`](crate::Error::ReadOnly),
    /// [`Error::Full`](crate::Error::Full) and other failures of the database.
    pub async fn put_agent_configs(&self, configs: &BTreeMap<NodeId, StoredConfig>) -> Result<()> {
        let rows = configs.iter().map(|(node, config)| {
            Row::new(&CONFIGS, &(node, config.generation, text("a config", config)?))
        });
        let rows: Result<Vec<Row>> = rows.collect();
        self.put(point!("put_agent_configs"), rows?).await
    }

    /// The last orders for each node, as they were put.
    ///
    /// # Errors
    ///
    /// [`Error::Corrupt`](crate::Error::Corrupt) and other failures of the database.
    pub async fn node_orders<T: DeserializeOwned>(&self) -> Result<BTreeMap<NodeId, T>> {
        let mut all = Vec::new();
        self.read_all("node_orders", ORDER_PIECE, |entry: (NodeId, T)| all.push(entry)).await?;
        Ok(all.into_iter().collect())
    }

    /// Keeps the last orders for a node until it leaves the target.
    ///
    /// # Errors
    ///
    /// [`Error::ReadOnly`](crate::Error::ReadOnly), [`Error::Full`](crate::Error::Full) and other
    /// failures of the database.
    pub async fn put_node_orders(&self, node: NodeId, orders: &impl Serialize) -> Result<()> {
        let row = Row::new(&ORDERS, &(node, text("orders", orders)?))?;
        self.put(point!("put_node_orders"), vec![row]).await
    }
}
