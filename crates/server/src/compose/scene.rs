//! All that configs are made from, put in order once.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::Arc;

use damm_catalog::FleetSecret;
use damm_clouds::NodeOrders;
use damm_fleet::topology::Backbone;
use damm_fleet::{Node, NodeId, RegionName, Role};
use damm_protocol::evidence::WitnessKey;
use damm_protocol::{Credential, NodeConfig, RoleConfig, WireguardKey};
use damm_store::StoredConfig;
use sha2::{Digest, Sha256};

use super::place::{NoRoom, Overlay};
use super::working_set::{Choice, working_set};

/// A node whose agent has joined and that has orders.
#[derive(Debug, Clone, PartialEq)]
pub struct Member {
    /// What the target says of it.
    pub node: Node,
    /// What it was ordered last.
    pub orders: NodeOrders,
    /// Its key in the overlay.
    pub key: WireguardKey,
    /// Its place among its region's nodes.
    pub place: u16,
    /// Its machine's own address, where egress nodes are reached.
    pub machine: Option<IpAddr>,
    /// The transports that its profile names.
    pub transports: BTreeSet<String>,
}

/// All that configs are made from.
#[derive(Debug, Clone)]
pub struct Facts<'a> {
    /// The overlay, as the topology has it.
    pub backbone: &'a Backbone,
    /// Nodes whose agents have joined.
    pub members: BTreeMap<NodeId, Member>,
    /// The clients that are let in, in order of their numbers.
    pub credentials: Arc<[Credential]>,
    /// What stands in each agent's config now.
    pub before: &'a BTreeMap<NodeId, StoredConfig>,
    /// What nodes' witness keys follow from.
    pub secret: &'a FleetSecret,
}

/// The facts in order, for any node's config to be made when its agent comes for it.
#[derive(Debug, Clone)]
pub struct Scene {
    pub(super) overlay: Overlay,
    pub(super) port: u16,
    pub(super) members: BTreeMap<NodeId, Member>,
    pub(super) credentials: Arc<[Credential]>,
    credentials_digest: [u8; 32],
    /// For each ingress the egress nodes that it uses, for each egress the ingress nodes that use
    /// it.
    pub(super) peers: BTreeMap<NodeId, BTreeSet<NodeId>>,
    /// What each ingress' witness signs with.
    pub(super) witnesses: BTreeMap<NodeId, WitnessKey>,
}

impl Scene {
    /// Puts facts in order.
    ///
    /// # Errors
    ///
    /// [`NoRoom`] when the overlay can't be laid out.
    pub fn new(facts: Facts<'_>) -> Result<Self, NoRoom> {
        Ok(Self {
            overlay: Overlay::of(facts.backbone)?,
            port: facts.backbone.port,
            peers: peers(&facts.members, facts.before),
            witnesses: witnesses(&facts.members, facts.secret),
            credentials_digest: digest_of(&*facts.credentials),
            credentials: facts.credentials,
            members: facts.members,
        })
    }

    /// What a node's agent is told; nothing for a node that is no member.
    pub fn config(&self, node: NodeId, generation: u64) -> Option<NodeConfig> {
        let mut config = self.bare(node)?;
        config.generation = generation;
        if let RoleConfig::Ingress(ingress) = &mut config.role {
            ingress.credentials = self.credentials.to_vec();
        }
        Some(config)
    }

    /// The configs that differ from what stands, each with a generation of its own.
    pub fn changes(
        &self,
        before: &BTreeMap<NodeId, StoredConfig>,
    ) -> BTreeMap<NodeId, StoredConfig> {
        let changed = self.members.keys().filter_map(|node| {
            let (digest, old) = (self.digest(*node)?, before.get(node));
            if old.is_some_and(|old| old.digest == digest) {
                return None;
            }
            let config = StoredConfig {
                generation: old.map_or(0, |o| o.generation) + 1,
                digest,
                orders: self.members.get(node)?.orders.generation,
                peers: self.egresses_of(*node),
            };
            Some((*node, config))
        });
        changed.collect()
    }

    /// The egress nodes that an ingress was given; none for an egress.
    fn egresses_of(&self, node: NodeId) -> BTreeSet<NodeId> {
        let ingress = self.members.get(&node).filter(|m| m.node.role == Role::Ingress);
        ingress.and_then(|_| self.peers.get(&node)).cloned().unwrap_or_default()
    }

    /// Clients' credentials are the same at every ingress and may be many: they are gone through
    /// once, not for each node.
    fn digest(&self, node: NodeId) -> Option<String> {
        let config = self.bare(node)?;
        let hash = Sha256::new().chain_update(digest_of(&config));
        let hash = match config.role {
            RoleConfig::Ingress(_) => hash.chain_update(self.credentials_digest),
            RoleConfig::Egress(_) => hash,
        };
        Some(hash.finalize().iter().map(|b| format!("{b:02x}")).collect())
    }
}

fn digest_of(value: &(impl serde::Serialize + ?Sized)) -> [u8; 32] {
    // It holds no map with keys that are no texts, so writing it to memory can't fail; should it
    // ever, the digest would still be one of something else than any content's.
    let text = serde_json::to_vec(value).unwrap_or_default();
    Sha256::digest(&text).into()
}

fn witnesses(
    members: &BTreeMap<NodeId, Member>,
    secret: &FleetSecret,
) -> BTreeMap<NodeId, WitnessKey> {
    let ingresses = members.iter().filter(|(_, m)| m.node.role == Role::Ingress);
    ingresses.map(|(id, _)| (*id, WitnessKey::new(secret.witness(*id)))).collect()
}

fn peers(
    members: &BTreeMap<NodeId, Member>,
    before: &BTreeMap<NodeId, StoredConfig>,
) -> BTreeMap<NodeId, BTreeSet<NodeId>> {
    let mut choices: BTreeMap<&RegionName, Vec<Choice>> = BTreeMap::new();
    // An egress without an address can't be reached yet.
    for (id, egress) in members.iter().filter(|(_, m)| m.machine.is_some()) {
        if egress.node.role == Role::Egress {
            let stage = &egress.node.stage;
            let receives = !stage.is_draining() && !stage.is_leaving();
            let choice = Choice { egress: *id, receives };
            choices.entry(&egress.node.region).or_default().push(choice);
        }
    }
    let mut peers: BTreeMap<NodeId, BTreeSet<NodeId>> = BTreeMap::new();
    let none = BTreeSet::new();
    for (id, ingress) in members.iter().filter(|(_, m)| m.node.role == Role::Ingress) {
        let known = before.get(id).map_or(&none, |c| &c.peers);
        let theirs = choices.get(&ingress.node.region).map_or(&[][..], Vec::as_slice);
        let set = working_set(*id, theirs, known);
        for egress in &set {
            peers.entry(*egress).or_default().insert(*id);
        }
        peers.insert(*id, set);
    }
    peers
}
