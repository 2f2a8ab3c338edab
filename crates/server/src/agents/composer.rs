//! Working out what agents are told, whenever something that it follows from has changed.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;
use std::sync::atomic::Ordering;
use std::time::Duration;

use damm_fleet::{Node, NodeId, Subject};
use damm_store::StoredSeat;

use super::desk::Desk;
use super::{AgentsEndpoint, has_agents};
use crate::compose::{Facts, Member, Scene, free};
use crate::error::ServerError;

/// A failure of the state, such as a full disk, is tried again after this.
const AGAIN: Duration = Duration::from_secs(1);

impl AgentsEndpoint {
    /// Composes whenever something is stale, for ever. What becomes stale meanwhile is taken
    /// together.
    pub(super) async fn keep_composing(self: Arc<Self>) {
        loop {
            self.stale.notified().await;
            if let Err(error) = self.compose().await {
                tracing::error!("agents can't be told what is new: {error}");
                tokio::time::sleep(AGAIN).await;
                self.stale.notify_one();
            }
        }
    }

    /// Brings what agents are told up to date, and wakes those whose config has changed.
    pub(super) async fn compose(&self) -> Result<(), ServerError> {
        let _turn = self.composing.lock().await;
        self.retake_target().await?;
        let machines = self.machines().await?;
        self.retake_credentials().await?;
        let new = self.desk().unseated(|n| has_agents(&self.topology, n));
        if !new.is_empty() {
            self.store.put_seats(&new).await?;
            self.desk().seats.extend(new.into_iter().map(|s| (s.node, s)));
        }
        let (scene, changes) = {
            let desk = self.desk();
            let scene = Scene::new(Facts {
                backbone: &self.topology.backbone,
                members: self.members(&desk, &machines),
                credentials: desk.credentials.clone(),
                before: &desk.configs,
                secret: self.keys.secret(),
            })?;
            let changes = scene.changes(&desk.configs);
            (Arc::new(scene), changes)
        };
        if !changes.is_empty() {
            self.store.put_agent_configs(&changes).await?;
        }
        let mut desk = self.desk();
        desk.scene = Some(scene);
        for (node, config) in changes {
            if let Some(known) = desk.agents.get(&node) {
                known.generation.send_replace(config.generation);
            }
            desk.configs.insert(node, config);
        }
        Ok(())
    }

    /// Reads credentials when some were added.
    async fn retake_credentials(&self) -> Result<(), ServerError> {
        if self.enrolled.swap(false, Ordering::AcqRel) {
            let read = self.store.credentials().await;
            let read = read.inspect_err(|_| self.enrolled.store(true, Ordering::Release));
            self.desk().credentials = read?.into();
        }
        Ok(())
    }

    /// Reads the target when it is another one.
    pub(super) async fn retake_target(&self) -> Result<(), ServerError> {
        let id = self.store.target_id().await?;
        if self.desk().target.id != id {
            let target = Arc::new(self.store.target().await?);
            let mut desk = self.desk();
            // Another may have read a newer one meanwhile.
            if desk.target.generation < target.generation {
                desk.target = target;
                desk.prune();
            }
        }
        Ok(())
    }

    async fn machines(&self) -> Result<BTreeMap<NodeId, IpAddr>, ServerError> {
        let rows = self.store.machines().await?;
        let rows = rows.into_iter().filter(|r| r.phase.may_exist());
        let of = |subject| match subject {
            Subject::Node(node) => Some(node),
            _ => None,
        };
        Ok(rows.filter_map(|r| Some((of(r.subject)?, r.address?))).collect())
    }

    fn members(
        &self,
        desk: &Desk,
        machines: &BTreeMap<NodeId, IpAddr>,
    ) -> BTreeMap<NodeId, Member> {
        let member = |id: NodeId| {
            let node = desk.target.nodes.get(&id)?;
            Some(Member {
                orders: desk.orders.get(&id)?.clone(),
                key: desk.agents.get(&id)?.stored.overlay,
                place: desk.seats.get(&id)?.place,
                machine: machines.get(&id).copied(),
                transports: self.transports(node),
                node: node.clone(),
            })
        };
        desk.agents.keys().filter_map(|id| Some((*id, member(*id)?))).collect()
    }

    fn transports(&self, node: &Node) -> BTreeSet<String> {
        let profile = self.topology.profiles.get(&node.profile);
        let transports = profile.into_iter().flat_map(|p| &p.transports);
        transports.map(|t| t.kind.clone()).collect()
    }
}

impl Desk {
    /// Seats for agents that have none. Where a region is full its newest wait: they are told
    /// nothing.
    fn unseated(&self, has_agents: impl Fn(&Node) -> bool) -> Vec<StoredSeat> {
        let mut taken: BTreeSet<_> = self.seats.values().map(|s| (&s.region, s.place)).collect();
        let mut new = Vec::new();
        for id in self.agents.keys().filter(|id| !self.seats.contains_key(id)) {
            let Some(node) = self.target.nodes.get(id).filter(|n| has_agents(n)) else {
                continue;
            };
            let place = free(node.role, |p| taken.contains(&(&node.region, p)));
            let Some(place) = place else {
                tracing::error!("region {} has no room in its overlay for {id}", node.region);
                continue;
            };
            taken.insert((&node.region, place));
            new.push(StoredSeat { node: *id, region: node.region.clone(), place });
        }
        new
    }
}
