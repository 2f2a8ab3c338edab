//! The complete next desired state.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;

use serde::{Deserialize, Serialize};

use crate::action::Verb;
use crate::id::{BlueprintId, FrontdoorId, NodeId};
use crate::name::{BalancerName, PopulationName, RegionName};
use crate::node::{Frontdoor, Node, Role};
use crate::nodes::Nodes;
use crate::time::{Span, Timestamp};
use crate::topology::Topology;
use crate::units::Usd;

/// The complete next desired state, immutable, with a parent.
///
/// It says what should be, not what to do: two executors that carry out the same blueprint converge
/// instead of making everything twice.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Blueprint {
    /// Its identity.
    pub id: BlueprintId,
    /// The blueprint that it was made from; it may become the target only while that one is.
    pub parent: Option<BlueprintId>,
    /// One more than its parent's. Agents refuse older ones.
    pub generation: u64,
    /// When it was made.
    pub created_at: Timestamp,
    /// Who asked for it.
    pub origin: Origin,
    /// The nodes that should be, with their front doors and egress addresses.
    pub nodes: Nodes,
    /// The DNS record sets that should be.
    #[serde(with = "crate::pairs")]
    pub records: BTreeMap<RecordKey, RecordSet>,
    /// The load-balancer targets that should be.
    #[serde(with = "crate::pairs")]
    pub targets: BTreeMap<TargetKey, Target>,
    /// What should be published, per region.
    pub catalogs: BTreeMap<RegionName, Catalog>,
}

/// Who asked for a blueprint.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Origin {
    /// The empty one that every fleet starts from.
    Genesis,
    /// The planner.
    Planner,
    /// An operator, by hand.
    Operator(Verb),
}

impl fmt::Display for Origin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Genesis => f.pad("genesis"),
            Self::Planner => f.pad("planner"),
            Self::Operator(verb) => f.pad(&format!("operator: {verb}")),
        }
    }
}

/// A DNS name in a zone at a provider. Written `<name> @ <provider>/<zone>`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct RecordKey {
    /// The account that holds the zone.
    pub provider: crate::ProviderName,
    /// The zone, without a trailing dot.
    pub zone: String,
    /// The full name, without a trailing dot.
    pub name: String,
}

/// The addresses that a name should have: A for IPv4, AAAA for IPv6. Never an egress address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct RecordSet {
    /// Addresses of live front doors.
    pub addresses: BTreeSet<IpAddr>,
    /// Time to live.
    pub ttl: Span,
}

/// One node behind one load balancer.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
pub struct TargetKey {
    /// The balancer.
    pub balancer: BalancerName,
    /// The node.
    pub node: NodeId,
}

/// How a load balancer should treat a node.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Target {
    /// The node's own address.
    pub address: IpAddr,
    /// The port on the node.
    pub port: u16,
    /// Whether it takes no new connections.
    pub draining: bool,
}

/// What should be published for a region.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Catalog {
    /// Raised by one whenever what clients are told changes, or is renewed.
    pub serial: u64,
    /// When that was.
    pub planned_at: Timestamp,
    /// A digest of what the topology says of catalogs: a change of it is a change of content.
    pub policy: String,
}

impl Blueprint {
    /// The empty blueprint that every fleet starts from.
    pub const fn genesis(id: BlueprintId, at: Timestamp) -> Self {
        Self {
            id,
            parent: None,
            generation: 0,
            created_at: at,
            origin: Origin::Genesis,
            nodes: Nodes::new(),
            records: BTreeMap::new(),
            targets: BTreeMap::new(),
            catalogs: BTreeMap::new(),
        }
    }

    /// A copy to be edited, with this one as its parent.
    pub fn child(&self, id: BlueprintId, at: Timestamp, origin: Origin) -> Self {
        let (records, targets) = (self.records.clone(), self.targets.clone());
        Self { records, targets, ..self.heir(id, at, origin) }
    }

    /// A child without DNS records and balancer targets: they follow from the nodes.
    pub fn heir(&self, id: BlueprintId, at: Timestamp, origin: Origin) -> Self {
        Self {
            id,
            parent: Some(self.id),
            generation: self.generation + 1,
            created_at: at,
            origin,
            nodes: self.nodes.clone(),
            records: BTreeMap::new(),
            targets: BTreeMap::new(),
            catalogs: self.catalogs.clone(),
        }
    }

    /// The nodes of one pool.
    pub fn pool<'a>(
        &'a self,
        region: &'a RegionName,
        role: Role,
    ) -> impl Iterator<Item = &'a Node> {
        self.nodes.values().filter(move |n| n.role == role && n.region == *region)
    }

    /// The front doors that a population's clients may be told of, with their nodes.
    pub fn told<'a>(
        &'a self,
        topology: &'a Topology,
        population: &'a PopulationName,
    ) -> impl Iterator<Item = (&'a Node, &'a Frontdoor)> {
        let regions = topology.populations.get(population).map(|p| &p.regions);
        let mine = move |n: &&Node| regions.is_some_and(|r| r.contains(&n.region));
        let doors = |n: &'a Node| n.served_doors().map(move |d| (n, d));
        let told = move |(_, d): &(&Node, &Frontdoor)| !d.withheld_from.contains(population);
        self.nodes.values().filter(mine).flat_map(doors).filter(told)
    }

    /// The node and front door of an id, by looking through all nodes.
    pub fn frontdoor(&self, id: FrontdoorId) -> Option<(&Node, &Frontdoor)> {
        self.nodes.values().find_map(|n| n.frontdoors.get(&id).map(|d| (n, d)))
    }

    /// What all of it costs a month. What leaves is counted until it is gone.
    pub fn monthly(&self) -> Usd {
        self.nodes.values().map(Node::monthly).sum()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_blueprint_with_records_and_targets_reads_back_from_json() {
        let mut seed = crate::Seed::from_number(5);
        let mut blueprint = Blueprint::genesis(seed.blueprint(), Timestamp::EPOCH);
        let key = RecordKey {
            provider: "dns".parse().unwrap(),
            zone: "example.net".to_owned(),
            name: "eu.example.net".to_owned(),
        };
        let addresses = BTreeSet::from([IpAddr::from([198, 51, 100, 7])]);
        let ttl = Span::from_mins(5);
        blueprint.records.insert(key, RecordSet { addresses, ttl });
        let key = TargetKey { balancer: "front".parse().unwrap(), node: seed.node() };
        let target =
            Target { address: IpAddr::from([198, 51, 100, 8]), port: 443, draining: false };
        blueprint.targets.insert(key, target);
        let json = serde_json::to_string(&blueprint).unwrap();
        assert_eq!(serde_json::from_str::<Blueprint>(&json).unwrap(), blueprint);
    }
}
