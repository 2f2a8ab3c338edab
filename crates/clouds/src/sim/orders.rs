//! The controller's word to the agents, and theirs to it.

use std::collections::BTreeMap;

use damm_fleet::{FailureClass, NodeId, Timestamp};

use super::agent::Agent;
use super::state::{Due, State};
use super::world::SimWorld;
use crate::error::Error;
use crate::traits::{NodeOrders, NodeReport, Result};

impl SimWorld {
    pub(super) fn reports(&self) -> BTreeMap<NodeId, NodeReport> {
        let now = self.clock().now();
        let mut state = self.lock();
        state.settle(now);
        let agents = state.agents.iter();
        let said = agents.filter_map(|(n, a)| Some((*n, state.report(a, now)?)));
        said.collect()
    }

    pub(super) async fn order(&self, node: NodeId, orders: &NodeOrders) -> Result<()> {
        let now = self.clock().now();
        self.lock().order(node, orders, now)?;
        let written = self.flush().await;
        written.map_err(|e| {
            let text = format!("the state file can't be written: {e}");
            refused(node, FailureClass::Unknown, text)
        })
    }
}

impl State {
    fn report(&self, agent: &Agent, now: Timestamp) -> Option<NodeReport> {
        match &agent.machine {
            Some((provider, _)) => {
                let account = self.accounts.get(provider)?;
                agent.report(now, &account.config.settings)
            }
            None => agent.last.clone(),
        }
    }

    /// Leaves orders. An agent that is up comes for them at once; one that is silent does when it
    /// is back.
    fn order(&mut self, node: NodeId, orders: &NodeOrders, now: Timestamp) -> Result<()> {
        self.settle(now);
        let agent = self.agents.entry(node);
        let agent = agent.or_insert_with(|| Agent::new(node, now));
        let (old, new) = (agent.orders.generation, orders.generation);
        if new < old {
            let text = format!("generation {new} is older than {old}, which it has seen");
            return Err(refused(node, FailureClass::Rejected, text));
        }
        if agent.orders == *orders {
            return Ok(());
        }
        agent.leave(orders.clone());
        agent.touched_at = now;
        if agent.machine.is_none() {
            let due = (agent.forgotten_at(), Due::Agent(node));
            self.due.insert(due);
        }
        self.refit(node, now);
        Ok(())
    }
}

fn refused(node: NodeId, class: FailureClass, message: String) -> Error {
    Error {
        class,
        provider: format!("agent of {node}"),
        operation: "leave orders",
        message,
        retry_after: None,
    }
}
