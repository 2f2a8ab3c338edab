//! What the due steps are compiled from.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;

use damm_clouds::{AddressOrders, NodeOrders};
use damm_fleet::blueprint::{RecordKey, RecordSet, Target, TargetKey};
use damm_fleet::inventory::{ObservedCatalog, ObservedProvider};
use damm_fleet::{
    Blueprint, Capabilities, FrontdoorId, Node, NodeId, Offers, ProviderName, RegionName, Resource,
    Role, Stage, Subject, Timestamp, Topology,
};
use damm_store::{Exposure, Lag, StoredReport};
use sha2::{Digest, Sha256};

use crate::sight::{Seen, is_open};

/// Rows by what they are about.
pub type Rows = BTreeMap<Subject, Resource>;

/// Channels that lag behind, each with a region.
pub type Lags = BTreeMap<(String, RegionName), Lag>;

/// What DNS servers, balancers, agents and channels were last told.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Told {
    /// DNS record sets, and since when they are so.
    pub records: BTreeMap<RecordKey, (RecordSet, Timestamp)>,
    /// Load-balancer targets.
    pub targets: BTreeMap<TargetKey, Target>,
    /// Digests of the orders left for agents.
    pub orders: BTreeMap<NodeId, String>,
    /// Published catalogs.
    pub catalogs: BTreeMap<RegionName, ObservedCatalog>,
}

/// All that the due steps are compiled from.
#[derive(Debug, Clone, Copy)]
pub struct View<'a> {
    /// What the operator wants: balancers' accounts, drain times.
    pub topology: &'a Topology,
    /// The target.
    pub blueprint: &'a Blueprint,
    /// What providers can do.
    pub offers: &'a Offers,
    /// What providers hold for us.
    pub rows: &'a Rows,
    /// What was told outside.
    pub told: &'a Told,
    /// Until when addresses may still be known outside.
    pub exposures: &'a BTreeMap<FrontdoorId, Exposure>,
    /// What agents last said.
    pub reports: &'a BTreeMap<NodeId, StoredReport>,
    /// What is known of accounts.
    pub providers: &'a BTreeMap<ProviderName, ObservedProvider>,
    /// Channels that lag behind, each with a region.
    pub lags: &'a Lags,
    /// What the last listings showed beside the rows.
    pub seen: &'a Seen,
    /// What was gathered from all of that.
    pub index: &'a Index,
    /// The moment.
    pub now: Timestamp,
}

/// Addresses that guards ask for again and again, gathered once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Index {
    /// Addresses that clients must never learn, in their canonical form, and whose they are.
    pub egress: BTreeMap<IpAddr, Subject>,
    /// Addresses that a DNS record names that was put, or is to be put.
    pub in_dns: BTreeSet<IpAddr>,
    /// Front doors by their addresses.
    pub doors: BTreeMap<IpAddr, FrontdoorId>,
}

impl Index {
    /// Gathers the addresses.
    pub fn of(blueprint: &Blueprint, rows: &Rows, told: &Told) -> Self {
        let hidden = |r: &&Resource| r.phase.may_exist() && is_egress(blueprint, r);
        let egress = rows.values().filter(hidden);
        let egress = egress.filter_map(|r| Some((r.address?.to_canonical(), r.subject)));
        let told = told.records.values().map(|(set, _)| set);
        let sets = told.chain(blueprint.records.values());
        let door = |r: &Resource| match r.subject {
            Subject::Frontdoor(id) if r.phase.may_exist() => Some((r.address?, id)),
            _ => None,
        };
        Self {
            doors: rows.values().filter_map(door).collect(),
            egress: egress.collect(),
            in_dns: sets.flat_map(|s| s.addresses.iter().copied()).collect(),
        }
    }
}

impl<'a> View<'a> {
    /// The row of a node, front door or egress address.
    pub fn row(&self, subject: impl Into<Subject>) -> Option<&'a Resource> {
        self.rows.get(&subject.into())
    }

    /// What an account's API can do.
    pub fn capabilities(&self, provider: &ProviderName) -> Option<&'a Capabilities> {
        self.offers.get(provider).map(|o| &o.capabilities)
    }

    /// Whether an account's addresses move while machines run; the common case when nothing is
    /// known of it.
    pub fn moves_addresses(&self, provider: &ProviderName) -> bool {
        self.capabilities(provider).is_none_or(|c| c.movable_addresses)
    }

    /// Whether an account's addresses carry tags; the common case when nothing is known of it.
    pub fn tags_addresses(&self, provider: &ProviderName) -> bool {
        self.capabilities(provider).is_none_or(|c| c.tagged_addresses)
    }

    /// Accounts whose addresses carry no tags, and where one may have been made of which that is
    /// not known.
    pub fn open_accounts(&self) -> BTreeSet<ProviderName> {
        if self.offers.0.values().all(|o| o.capabilities.tagged_addresses) {
            return BTreeSet::new();
        }
        let open = self.rows.values().filter(|r| !matches!(r.subject, Subject::Node(_)));
        let open = open.filter(|r| is_open(r) && !self.tags_addresses(&r.provider));
        open.map(|r| r.provider.clone()).collect()
    }

    /// What stands for a row's address on its machine, if anything does; none while that is not
    /// known, so that the agent can't be told of the address yet.
    pub fn inner(&self, row: &Resource) -> Option<Option<IpAddr>> {
        let translated = row.address.is_some_and(|a| a.is_ipv4())
            && self.capabilities(&row.provider).is_some_and(|c| c.translated_addresses);
        match translated {
            true => row.inner.map(Some),
            false => Some(None),
        }
    }

    /// Sessions on one address that its agent told of lately. An agent that has been silent for
    /// too long holds none that we know of.
    pub fn sessions(&self, node: NodeId, subject: Subject) -> u64 {
        let report = self.fresh(node);
        report.and_then(|r| r.sessions.get(&subject).copied()).unwrap_or(0)
    }

    /// Sessions through a node that its agent told of lately.
    pub fn node_sessions(&self, node: NodeId) -> u64 {
        self.fresh(node).map_or(0, |r| r.sessions.values().sum())
    }

    fn fresh(&self, node: NodeId) -> Option<&'a StoredReport> {
        let dead_after = self.topology.rotation.dead_after;
        let report = self.reports.get(&node)?;
        (self.now.since(report.heard_at) <= dead_after).then_some(report)
    }

    /// What a node's agent should do now. An address is in it from the moment that the provider
    /// gave it, attached or not, so that one word to the agent is enough for a new node; behind a
    /// translation, from the moment that it is known what stands for it.
    pub fn orders(&self, node: &Node) -> NodeOrders {
        let draining = |s: &Stage| node.stage.is_draining() || s.is_draining();
        let order = |subject: Subject, stage: &Stage| {
            let row = self.row(subject).filter(|r| r.phase.may_exist())?;
            let draining = draining(stage);
            let address = row.address.filter(|_| !stage.is_leaving())?;
            let inner = self.inner(row)?;
            Some(AddressOrders { address, inner, draining })
        };
        let doors = node.frontdoors.values();
        let ips = node.egress_ips.values();
        NodeOrders {
            generation: self.blueprint.generation,
            draining: node.stage.is_draining(),
            frontdoors: doors.filter_map(|d| Some((d.id, order(d.id.into(), &d.stage)?))).collect(),
            egress_ips: ips.filter_map(|e| Some((e.id, order(e.id.into(), &e.stage)?))).collect(),
        }
    }
}

/// Whether traffic leaves from a row's address, or may have: a machine that the blueprint does not
/// know is not known to be ingress.
fn is_egress(blueprint: &Blueprint, row: &Resource) -> bool {
    match row.subject {
        Subject::EgressIp(_) => true,
        Subject::Frontdoor(_) => false,
        Subject::Node(id) => blueprint.nodes.get(&id).is_none_or(|n| n.role == Role::Egress),
    }
}

/// A node's addresses with their stages. What a leaving node carries leaves with it.
pub fn addresses(node: &Node) -> impl Iterator<Item = (Subject, &Stage)> {
    let doors = node.frontdoors.values().map(|d| (d.id.into(), &d.stage));
    let ips = node.egress_ips.values().map(|e| (e.id.into(), &e.stage));
    let effective = |stage| match node.stage.is_leaving() {
        true => &node.stage,
        false => stage,
    };
    doors.chain(ips).map(move |(id, s)| (id, effective(s)))
}

/// A digest of what stands in orders, but for their generation: a new blueprint that changes
/// nothing for a node is no word to its agent.
pub fn orders_digest(orders: &NodeOrders) -> String {
    let mut text = format!("draining={}", orders.draining);
    for (id, o) in &orders.frontdoors {
        text.push_str(&format!("\n{id} {}", line(o)));
    }
    for (id, o) in &orders.egress_ips {
        text.push_str(&format!("\n{id} {}", line(o)));
    }
    let hash = Sha256::digest(text.as_bytes());
    hash.iter().map(|b| format!("{b:02x}")).collect()
}

fn line(orders: &AddressOrders) -> String {
    let AddressOrders { address, inner, draining } = orders;
    match inner {
        Some(inner) => format!("{address} at {inner} {draining}"),
        None => format!("{address} {draining}"),
    }
}
