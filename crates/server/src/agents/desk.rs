//! What the endpoint holds in memory.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use damm_clouds::{NodeOrders, NodeReport};
use damm_fleet::{Blueprint, NodeId, Subject, Timestamp};
use damm_protocol::{Credential, Report};
use damm_store::{Store, StoredAgent, StoredConfig, StoredSeat};
use tokio::sync::watch;

use crate::compose::Scene;

/// An agent that has joined.
#[derive(Debug)]
pub(super) struct Known {
    pub(super) stored: StoredAgent,
    /// The last sequence number that was taken; at most the stored one, which is written ahead.
    pub(super) last: u64,
    /// When it was last heard of.
    pub(super) heard_at: Timestamp,
    /// Whether it was heard of since the start.
    pub(super) heard: bool,
    pub(super) sessions: BTreeMap<Subject, u64>,
    /// The generation of its config; requests that wait for news look here.
    pub(super) generation: watch::Sender<u64>,
}

/// All of it.
#[derive(Debug)]
pub(super) struct Desk {
    pub(super) target: Arc<Blueprint>,
    pub(super) agents: BTreeMap<NodeId, Known>,
    pub(super) orders: BTreeMap<NodeId, NodeOrders>,
    pub(super) seats: BTreeMap<NodeId, StoredSeat>,
    pub(super) configs: BTreeMap<NodeId, StoredConfig>,
    pub(super) credentials: Arc<[Credential]>,
    /// Whether agents had the time to come back after the start.
    pub(super) gathered: bool,
    /// What configs are made from; none before the first time.
    pub(super) scene: Option<Arc<Scene>>,
}

impl Desk {
    pub(super) async fn load(store: &Store) -> damm_store::Result<Self> {
        let configs = store.agent_configs().await?;
        let mut reports = store.reports().await?;
        let known = |(node, stored): (NodeId, StoredAgent)| {
            let report = reports.remove(&node).unwrap_or_default();
            let generation = configs.get(&node).map_or(0, |c| c.generation);
            let known = Known {
                last: stored.sequence,
                heard_at: report.heard_at.max(stored.joined_at),
                heard: false,
                sessions: report.sessions,
                generation: watch::Sender::new(generation),
                stored,
            };
            (node, known)
        };
        Ok(Self {
            target: Arc::new(store.target().await?),
            agents: store.agents().await?.into_iter().map(known).collect(),
            orders: store.node_orders().await?,
            seats: store.seats().await?,
            configs,
            credentials: store.credentials().await?.into(),
            gathered: false,
            scene: None,
        })
    }

    /// Forgets what is no longer in the target.
    pub(super) fn prune(&mut self) {
        let stays = |id: &NodeId| self.target.nodes.contains_key(id);
        self.agents.retain(|id, _| stays(id));
        self.orders.retain(|id, _| stays(id));
        self.seats.retain(|id, _| stays(id));
        self.configs.retain(|id, _| stays(id));
    }

    /// What agents last said. As long as they may not have come back yet, what is known of one that
    /// has not counts as said at `doubt` at the earliest.
    pub(super) fn reports(&self, doubt: Timestamp) -> BTreeMap<NodeId, NodeReport> {
        let heard_at = |known: &Known| match known.heard || self.gathered {
            true => known.heard_at,
            false => known.heard_at.max(doubt),
        };
        let report = |known: &Known| NodeReport {
            heard_at: heard_at(known),
            healthy: known.stored.healthy,
            generation: known.stored.orders,
            verified: known.stored.verified.clone(),
            sessions: known.sessions.clone(),
        };
        self.agents.iter().map(|(node, known)| (*node, report(known))).collect()
    }

    /// What a node was told of: an agent's words about anything else are not heard.
    pub(super) fn subjects(&self, node: NodeId) -> BTreeSet<Subject> {
        let orders = self.orders.get(&node);
        let doors = orders.into_iter().flat_map(|o| o.frontdoors.keys());
        let ips = orders.into_iter().flat_map(|o| o.egress_ips.keys());
        doors.map(|d| (*d).into()).chain(ips.map(|e| (*e).into())).collect()
    }

    /// What drains on a node.
    pub(super) fn draining(&self, node: NodeId) -> BTreeSet<Subject> {
        let Some(orders) = self.orders.get(&node) else {
            return BTreeSet::new();
        };
        let doors = orders.frontdoors.iter().map(|(id, o)| (Subject::from(*id), o));
        let ips = orders.egress_ips.iter().map(|(id, o)| (Subject::from(*id), o));
        let draining = doors.chain(ips).filter(|(_, o)| orders.draining || o.draining);
        draining.map(|(subject, _)| subject).collect()
    }
}

/// What a report changed.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Changed {
    /// Something that is kept over restarts.
    pub(super) lasting: bool,
    /// Something that the engine should look at.
    pub(super) news: bool,
}

impl Known {
    /// Takes an agent's words, as far as they are about what it was told of.
    pub(super) fn hear(
        &mut self,
        said: &Report,
        subjects: &BTreeSet<Subject>,
        draining: &BTreeSet<Subject>,
    ) -> Changed {
        let verified = said.verified.intersection(subjects).copied().collect();
        let sessions = said.sessions.iter().filter(|(s, _)| subjects.contains(s));
        let sessions: BTreeMap<Subject, u64> = sessions.map(|(s, n)| (*s, *n)).collect();
        let healthy = said.problems.is_empty();
        let lasting = (self.stored.healthy, self.stored.orders) != (healthy, said.orders)
            || self.stored.verified != verified;
        let ended = |s: &Subject| {
            let left = |of: &BTreeMap<Subject, u64>| of.get(s).copied().unwrap_or(0);
            left(&self.sessions) > 0 && left(&sessions) == 0
        };
        let news = lasting || draining.iter().any(ended);
        self.stored.healthy = healthy;
        self.stored.orders = said.orders;
        self.stored.verified = verified;
        self.sessions = sessions;
        Changed { lasting, news }
    }
}
