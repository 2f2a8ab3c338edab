//! Joining: an agent shows its token and its keys.

use damm_fleet::{NodeId, Phase, Resource, Timestamp};
use damm_protocol::{AgentPublicKey, JoinAnswer, JoinRequest, Refusal};
use damm_store::StoredAgent;
use std::collections::{BTreeMap, BTreeSet};
use tokio::sync::watch;

use super::desk::Known;
use super::refusal::Denied;
use super::routes::Sent;
use super::{AgentsEndpoint, has_agents, params};

/// Sequence numbers that are written down ahead, so that not every request waits for the disk: at
/// one request a minute, a day's.
pub(super) const AHEAD: u64 = 1_440;

impl AgentsEndpoint {
    /// Lets an agent join, or says why not.
    pub(super) async fn join(&self, sent: &Sent) -> Result<JoinAnswer, Denied> {
        let request: JoinRequest = sent.parse()?;
        // It has to hold the key that it shows.
        let signed = sent.signed(JoinRequest::PATH).verify(&request.identity);
        signed.map_err(|_| Refusal::Signature)?;
        params::check(&request.transports)?;
        let node = self.node(request.node).await?.ok_or(Refusal::Unknown)?;
        if !has_agents(&self.topology, &node) || request.fleet != self.topology.fleet {
            return Err(Refusal::Unknown.into());
        }
        let _one = self.joining.lock().await;
        let row = self.store.resource(node.id.into()).await?.ok_or(Refusal::Unknown)?;
        self.check_token(&request, &row)?;
        let same = self.check_key(&request.identity, &row)?;
        if !same && !self.in_time(&row) {
            return Err(Refusal::Expired.into());
        }
        let agent = self.joined(&request, &row);
        self.store.put_agents(std::slice::from_ref(&agent)).await?;
        self.seat(agent);
        self.stale.notify_one();
        self.tell_news();
        Ok(JoinAnswer { config: self.config(node.id, 0) })
    }

    /// A token is of one attempt; of what is being taken down, or is gone, none is good.
    fn check_token(&self, request: &JoinRequest, row: &Resource) -> Result<(), Refusal> {
        let stands = matches!(
            row.phase,
            Phase::Creating | Phase::Unknown | Phase::Present | Phase::Ready | Phase::Ambiguous
        );
        let (fleet, node) = (&self.topology.fleet, request.node);
        let fits = self.keys.join().verify(fleet, node, row.attempt, &request.token);
        if stands && fits { Ok(()) } else { Err(Refusal::Token) }
    }

    /// Whether the key has joined with this token before; another one may not.
    fn check_key(&self, key: &AgentPublicKey, row: &Resource) -> Result<bool, Refusal> {
        let desk = self.desk();
        let known = desk.agents.get(&row.node).filter(|k| k.stored.attempt == row.attempt);
        match known.map(|k| k.stored.identity == *key) {
            Some(false) => {
                tracing::warn!("a second key shows the join token of {}", row.node);
                Err(Refusal::Used)
            }
            known => Ok(known.is_some()),
        }
    }

    /// Counted from when the machine was ordered, and anew from when its provider first showed it.
    fn in_time(&self, row: &Resource) -> bool {
        let limit = self.topology.rotation.join_timeout;
        self.clock.now().since(row.since) <= limit && row.phase != Phase::Ready
    }

    fn joined(&self, request: &JoinRequest, row: &Resource) -> StoredAgent {
        let desk = self.desk();
        let known = desk.agents.get(&row.node).map(|k| &k.stored);
        let before = known.filter(|k| k.attempt == row.attempt);
        let new = StoredAgent {
            node: row.node,
            attempt: row.attempt,
            identity: request.identity,
            overlay: request.overlay,
            transports: BTreeMap::new(),
            joined_at: self.clock.now(),
            sequence: 0,
            // It has not said how it is.
            healthy: false,
            orders: 0,
            verified: BTreeSet::new(),
        };
        let agent = before.cloned().unwrap_or(new);
        let transports = request.transports.clone();
        StoredAgent { overlay: request.overlay, transports, ..agent }
    }

    fn seat(&self, agent: StoredAgent) {
        let mut desk = self.desk();
        let generation = desk.configs.get(&agent.node).map_or(0, |c| c.generation);
        let heard_at: Timestamp = self.clock.now();
        let known = desk.agents.remove(&agent.node);
        let known = match known.filter(|k| k.stored.attempt == agent.attempt) {
            Some(known) => Known { stored: agent, heard: true, heard_at, ..known },
            None => Known {
                last: agent.sequence,
                heard_at,
                heard: true,
                sessions: BTreeMap::new(),
                generation: watch::Sender::new(generation),
                stored: agent,
            },
        };
        desk.agents.insert(known.stored.node, known);
    }

    /// A node's config, when it is newer than what its agent has.
    pub(super) fn config(&self, node: NodeId, have: u64) -> Option<damm_protocol::NodeConfig> {
        let (scene, generation) = {
            let desk = self.desk();
            let generation = desk.configs.get(&node)?.generation;
            (desk.scene.clone()?, generation)
        };
        (generation > have).then(|| scene.config(node, generation))?
    }
}
