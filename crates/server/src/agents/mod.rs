//! The agents' endpoint: where nodes' agents join, report, and come for their configs.
//!
//! # Guarantees
//!
//! - Nothing but counts and health is kept of what an agent says, and nothing of where a peer
//!   connects from is kept or logged.
//! - A token is good for one key, one node and one attempt to make it, and for a limited time.
//! - A request is taken once: its sequence number has to rise, over restarts too.
//! - A config is handed out only after its generation is durable, so no generation ever stands for
//!   two contents.
//!
//! # Assumptions
//!
//! One process writes to a state at a time, and the endpoint lives in that process.

mod composer;
mod desk;
mod join;
mod listen;
mod mixed;
mod params;
mod refusal;
mod routes;
mod sync;
mod tls;

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use damm_clouds::{Agents, Clock, Error as CloudError, NodeOrders, NodeReport};
use damm_engine::Keys;
use damm_fleet::{FailureClass, Node, NodeId, Span, Topology};
use damm_store::Store;
use tokio::sync::{Mutex, Notify, Semaphore, watch};

use crate::compose::Overlay;
use crate::error::ServerError;
use desk::Desk;
pub use mixed::MixedAgents;
pub use sync::LONGEST_WAIT;

/// Requests that are read and judged at once: bounds the memory that peers can make us hold.
const BUSY: usize = 256;

/// What an endpoint is made of.
pub struct Parts {
    /// The state, held by this process for writing.
    pub store: Store,
    /// What the operator wants.
    pub topology: Topology,
    /// What agents believe, and what join tokens follow from.
    pub keys: Arc<Keys>,
    /// The only clock.
    pub clock: Arc<dyn Clock>,
}

/// The agents' endpoint. It answers nobody before [`serve`](Self::serve), and works out what agents
/// are told from then on.
pub struct AgentsEndpoint {
    store: Store,
    topology: Topology,
    keys: Arc<Keys>,
    clock: Arc<dyn Clock>,
    desk: StdMutex<Desk>,
    /// One join at a time looks whether a token was used, and writes down that it is.
    joining: Mutex<()>,
    composing: Mutex<()>,
    /// What agents are told may have to change.
    stale: Notify,
    /// Clients were let in since credentials were last read.
    enrolled: AtomicBool,
    /// Counts what agents said that is new.
    news: watch::Sender<u64>,
    busy: Semaphore,
}

impl std::fmt::Debug for AgentsEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("AgentsEndpoint").field("store", &self.store).finish_non_exhaustive()
    }
}

impl AgentsEndpoint {
    /// Takes up what is known of agents from the state.
    ///
    /// # Errors
    ///
    /// Failures of the store, and a topology whose overlay can't be laid out.
    pub async fn open(parts: Parts) -> Result<Arc<Self>, ServerError> {
        Overlay::of(&parts.topology.backbone)?;
        let desk = Desk::load(&parts.store).await?;
        let endpoint = Self {
            store: parts.store,
            topology: parts.topology,
            keys: parts.keys,
            clock: parts.clock,
            desk: StdMutex::new(desk),
            joining: Mutex::new(()),
            composing: Mutex::new(()),
            stale: Notify::new(),
            enrolled: AtomicBool::new(false),
            news: watch::Sender::new(0),
            busy: Semaphore::new(BUSY),
        };
        endpoint.compose().await?;
        Ok(Arc::new(endpoint))
    }

    /// Changes whenever an agent joins, or says something that the engine should look at: its
    /// health, an address found working, orders carried out, the last session of what drains.
    pub fn news(&self) -> watch::Receiver<u64> {
        self.news.subscribe()
    }

    /// Credentials were added to the state: ingress nodes are to let them in.
    pub fn let_in(&self) {
        self.enrolled.store(true, Ordering::Release);
        self.stale.notify_one();
    }

    /// Agents that are known and have not been heard of since the start.
    pub fn missing(&self) -> usize {
        self.desk().agents.values().filter(|a| !a.heard).count()
    }

    /// Waits until all known agents are heard of, or for so long; the answer is how many are not.
    ///
    /// Until then an agent's silence counts for nothing, since nobody was there to hear it: it is
    /// told of as it was last. From then on it counts from when the agent was last heard of.
    pub async fn gather(&self, limit: Span) -> usize {
        let mut news = self.news();
        let all = async { while self.missing() > 0 && news.changed().await.is_ok() {} };
        let _ = tokio::time::timeout(limit.to_std(), all).await;
        self.desk().gathered = true;
        self.missing()
    }

    /// Whether a node of the target stands at an account whose machines run agents.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub async fn serves(&self, node: NodeId) -> Result<bool, ServerError> {
        Ok(self.node(node).await?.is_some_and(|n| has_agents(&self.topology, &n)))
    }

    /// A node of the target.
    async fn node(&self, id: NodeId) -> Result<Option<Node>, ServerError> {
        if let Some(node) = self.desk().target.nodes.get(&id) {
            return Ok(Some(node.clone()));
        }
        self.retake_target().await?;
        Ok(self.desk().target.nodes.get(&id).cloned())
    }

    fn desk(&self) -> MutexGuard<'_, Desk> {
        // Every change of it is small and leaves it whole; a panic elsewhere can't tear it.
        self.desk.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn tell_news(&self) {
        self.news.send_modify(|count| *count += 1);
    }
}

/// Whether a node's machine runs an agent of its own; the embedded cloud's are played.
fn has_agents(topology: &Topology, node: &Node) -> bool {
    topology.providers.get(&node.provider).is_some_and(|p| p.kind.has_agents())
}

#[async_trait]
impl Agents for AgentsEndpoint {
    async fn reports(&self) -> damm_clouds::traits::Result<BTreeMap<NodeId, NodeReport>> {
        // Half of what is taken for death: neither dead now, nor alive for long.
        let doubt = self.topology.rotation.dead_after.scale(0.5);
        Ok(self.desk().reports(self.clock.now() - doubt))
    }

    async fn order(&self, node: NodeId, orders: &NodeOrders) -> damm_clouds::traits::Result<()> {
        let newer = self.desk().orders.get(&node).map(|o| o.generation);
        if newer.is_some_and(|newer| newer > orders.generation) {
            let text = "it was given newer orders".to_owned();
            return Err(failed(node, FailureClass::Rejected, text));
        }
        let kept = self.store.put_node_orders(node, orders).await;
        kept.map_err(|e| failed(node, FailureClass::Unknown, e.to_string()))?;
        self.desk().orders.insert(node, orders.clone());
        self.stale.notify_one();
        Ok(())
    }

    async fn retarget(&self) {
        self.stale.notify_one();
    }
}

fn failed(node: NodeId, class: FailureClass, message: String) -> CloudError {
    CloudError {
        class,
        provider: format!("agent of {node}"),
        operation: "leave orders",
        message,
        retry_after: None,
    }
}
