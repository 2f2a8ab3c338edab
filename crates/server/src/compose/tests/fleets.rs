//! Fleets to be composed for.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use damm_catalog::FleetSecret;
use damm_clouds::{AddressOrders, NodeOrders};
use damm_fleet::topology::Backbone;
use damm_fleet::{
    Duty, EgressIp, Frontdoor, Node, NodeId, Reason, RegionName, Role, Seed, Stage, Timestamp, Usd,
};
use damm_protocol::{ClientSecret, Credential, CredentialId, NodeConfig, Secret32};
use damm_store::StoredConfig;
use proptest::prelude::*;

use crate::compose::{Facts, Member, Scene, free};

const AT: Timestamp = Timestamp::EPOCH;

/// What the fleet's secret is.
pub const SECRET: [u8; 32] = [7; 32];

pub fn backbone() -> Backbone {
    Backbone::default()
}

pub fn credentials(count: u32) -> Vec<Credential> {
    let one = |n: u32| {
        let secret = ClientSecret::new(Secret32::new([n as u8; 32]));
        secret.credential(CredentialId::new(n).unwrap())
    };
    (0..count).map(one).collect()
}

/// What is told to all members.
pub fn configs(scene: &Scene) -> BTreeMap<NodeId, NodeConfig> {
    scene.members.keys().map(|id| (*id, scene.config(*id, 1).unwrap())).collect()
}

/// The stages in which no new sessions are taken.
pub fn ends() -> [Stage; 2] {
    let why = Reason::Operator;
    [
        Stage::Draining { since: AT, deadline: AT, why: why.clone() },
        Stage::Leaving { since: AT, why },
    ]
}

/// One thing that happens to a fleet. Numbers choose among what there is.
#[derive(Debug, Clone)]
pub enum Step {
    Join {
        role: bool,
        region: bool,
    },
    Leave {
        which: usize,
    },
    Drain {
        which: usize,
    },
    Address {
        which: usize,
    },
    Credentials {
        count: u32,
    },
    /// What happens next happens to egress alone.
    Egress {
        which: usize,
        what: usize,
    },
}

impl Step {
    pub fn is_about_egress(&self) -> bool {
        matches!(self, Self::Egress { .. } | Self::Join { role: false, .. })
    }
}

pub fn step() -> impl Strategy<Value = Step> {
    prop_oneof![
        6 => (any::<bool>(), any::<bool>()).prop_map(|(role, region)| Step::Join { role, region }),
        1 => (0..40usize).prop_map(|which| Step::Leave { which }),
        1 => (0..40usize).prop_map(|which| Step::Drain { which }),
        2 => (0..40usize).prop_map(|which| Step::Address { which }),
        1 => (0..5u32).prop_map(|count| Step::Credentials { count }),
        3 => (0..40usize, 0..3usize).prop_map(|(which, what)| Step::Egress { which, what }),
    ]
}

pub struct Fleet {
    pub members: BTreeMap<NodeId, Member>,
    pub credentials: Arc<[Credential]>,
    seed: Seed,
    /// Addresses that were given so far.
    given: u32,
}

impl Fleet {
    pub fn new(seed: u64) -> Self {
        let credentials = credentials(1).into();
        Self { members: BTreeMap::new(), credentials, seed: Seed::from_number(seed), given: 0 }
    }

    pub fn scene(&self, before: &BTreeMap<NodeId, StoredConfig>) -> Scene {
        let backbone = backbone();
        let facts = Facts {
            backbone: &backbone,
            members: self.members.clone(),
            credentials: self.credentials.clone(),
            before,
            secret: &FleetSecret::new(SECRET),
        };
        Scene::new(facts).unwrap()
    }

    pub fn region(&self, node: NodeId) -> &RegionName {
        &self.members[&node].node.region
    }

    /// All addresses that traffic leaves from.
    pub fn egress_addresses(&self) -> Vec<IpAddr> {
        let all = self.members.values().flat_map(|m| m.orders.egress_ips.values());
        all.map(|o| o.address).collect()
    }

    pub fn stage(&mut self, node: NodeId, stage: Stage) {
        self.members.get_mut(&node).unwrap().node.stage = stage;
    }

    pub fn add(&mut self, role: Role, north: bool) -> NodeId {
        let region: RegionName = if north { "north" } else { "south" }.parse().unwrap();
        let node = self.node(role, &region);
        let taken = |place| {
            let mut mates = self.members.values().filter(|m| m.node.region == region);
            mates.any(|m| m.place == place)
        };
        let place = free(role, taken).unwrap();
        let id = node.id;
        let orders = NodeOrders { generation: 1, ..NodeOrders::default() };
        let member = Member {
            key: Secret32::new([id.raw() as u8; 32]).wireguard_public(),
            place,
            machine: Some(self.address()),
            transports: ["shadowsocks".to_owned()].into(),
            orders,
            node,
        };
        self.members.insert(id, member);
        (0..2).for_each(|_| self.give(id));
        id
    }

    fn node(&mut self, role: Role, region: &RegionName) -> Node {
        Node {
            id: self.seed.node(),
            role,
            region: region.clone(),
            provider: "lab-a".parse().unwrap(),
            profile: "any".parse().unwrap(),
            machine: "namespace".to_owned(),
            location: "a1".to_owned(),
            created_at: AT,
            duty: Duty::Serve,
            stage: Stage::Live { since: AT },
            replaces: None,
            reason: Reason::Operator,
            cost: Usd::from_mills(0),
            frontdoors: Default::default(),
            egress_ips: Default::default(),
        }
    }

    fn address(&mut self) -> IpAddr {
        self.given += 1;
        IpAddr::V4(Ipv4Addr::from_bits(0xc612_0000 + self.given))
    }

    /// One more address for a node.
    fn give(&mut self, id: NodeId) {
        let order = AddressOrders { address: self.address(), inner: None, draining: false };
        let (door, ip) = (self.seed.frontdoor(), self.seed.egress_ip());
        let member = self.members.get_mut(&id).unwrap();
        let (stage, reason, cost) =
            (Stage::Live { since: AT }, Reason::Operator, Usd::from_mills(0));
        member.orders.generation += 1;
        match member.node.role {
            Role::Ingress => {
                let transport =
                    serde_json::from_str(r#"{"kind":"wireguard","port":51820}"#).unwrap();
                let new = Frontdoor {
                    id: door,
                    transport,
                    created_at: AT,
                    stage,
                    replaces: None,
                    withheld_from: Default::default(),
                    reason,
                    cost,
                };
                member.node.frontdoors.insert(door, new);
                member.orders.frontdoors.insert(door, order);
            }
            Role::Egress => {
                let new = EgressIp { id: ip, created_at: AT, stage, replaces: None, reason, cost };
                member.node.egress_ips.insert(ip, new);
                member.orders.egress_ips.insert(ip, order);
            }
        }
    }

    pub fn take(&mut self, step: &Step) {
        let all: Vec<NodeId> = self.members.keys().copied().collect();
        let nth = |which: usize| all.get(which % all.len().max(1)).copied();
        match *step {
            Step::Join { role, region } => {
                self.add(if role { Role::Ingress } else { Role::Egress }, region);
            }
            Step::Leave { which } => drop(nth(which).map(|id| self.members.remove(&id))),
            Step::Drain { which } => drop(nth(which).map(|id| self.drain(id))),
            Step::Address { which } => drop(nth(which).map(|id| self.give(id))),
            Step::Credentials { count } => self.credentials = credentials(count).into(),
            Step::Egress { which, what } => {
                let is_egress = |id: &&NodeId| self.members[*id].node.role == Role::Egress;
                let egress: Vec<NodeId> = all.iter().filter(is_egress).copied().collect();
                let Some(id) = egress.get(which % egress.len().max(1)).copied() else { return };
                match what {
                    0 => drop(self.members.remove(&id)),
                    1 => self.drain(id),
                    _ => self.give(id),
                }
            }
        }
    }

    fn drain(&mut self, id: NodeId) {
        let member = self.members.get_mut(&id).unwrap();
        let [draining, _] = ends();
        member.node.stage = draining;
        member.orders.draining = true;
        member.orders.generation += 1;
    }
}
