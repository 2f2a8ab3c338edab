//! One front for agents that are real and agents that are played.

use std::collections::BTreeMap;
use std::sync::Arc;

use async_trait::async_trait;
use damm_clouds::{Agents, Error as CloudError, NodeOrders, NodeReport};
use damm_fleet::{FailureClass, NodeId};

use super::AgentsEndpoint;

/// The agents of a fleet that stands partly on the embedded cloud.
pub struct MixedAgents {
    /// The embedded cloud's.
    pub played: Arc<dyn Agents>,
    /// All others.
    pub real: Arc<AgentsEndpoint>,
}

#[async_trait]
impl Agents for MixedAgents {
    async fn reports(&self) -> damm_clouds::traits::Result<BTreeMap<NodeId, NodeReport>> {
        let mut reports = self.played.reports().await?;
        reports.extend(self.real.reports().await?);
        Ok(reports)
    }

    async fn order(&self, node: NodeId, orders: &NodeOrders) -> damm_clouds::traits::Result<()> {
        let real = self.real.serves(node).await.map_err(|e| CloudError {
            class: FailureClass::Busy,
            provider: format!("agent of {node}"),
            operation: "leave orders",
            message: e.to_string(),
            retry_after: None,
        })?;
        match real {
            true => self.real.order(node, orders).await,
            false => self.played.order(node, orders).await,
        }
    }

    async fn retarget(&self) {
        self.played.retarget().await;
        self.real.retarget().await;
    }
}
