//! All that the state tells of a fleet at one moment, read once.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_fleet::inventory::ObservedCatalog;
use damm_fleet::{
    Blueprint, FrontdoorId, Node, NodeId, RegionName, Resource, State, Subject, Timestamp, Verdicts,
};
use damm_store::{Exposure, Orphan, Store, StoredReport};

use crate::channels::{self, Held};
use crate::exit::Result;

/// All that the state tells of a fleet.
#[derive(Debug, Clone)]
pub struct Picture {
    /// The current target.
    pub target: Blueprint,
    /// What providers hold.
    pub resources: BTreeMap<Subject, Resource>,
    /// What agents last said.
    pub reports: BTreeMap<NodeId, StoredReport>,
    /// Until when addresses may be known outside.
    pub exposures: BTreeMap<FrontdoorId, Exposure>,
    /// What is known of reachability.
    pub verdicts: Verdicts,
    /// What is published.
    pub catalogs: BTreeMap<RegionName, ObservedCatalog>,
    /// What stands in channels, and which of them lag behind.
    pub channels: Vec<Held>,
    /// What nobody knows of.
    pub orphans: Vec<Orphan>,
    /// When it was read.
    pub now: Timestamp,
}

impl Picture {
    /// Reads it.
    ///
    /// # Errors
    ///
    /// When the state can't be read.
    pub async fn read(store: &Store, now: Timestamp) -> Result<Self> {
        let resources = store.resources().await?.into_iter();
        Ok(Self {
            target: store.target().await?,
            resources: resources.map(|r| (r.subject, r)).collect(),
            reports: store.reports().await?,
            exposures: store.exposures().await?,
            verdicts: store.verdicts().await?,
            catalogs: store.catalogs().await?,
            channels: channels::all(store).await?,
            orphans: store.orphans().await?,
            now,
        })
    }

    /// The address of a node, front door or egress address, once known.
    pub fn address(&self, subject: impl Into<Subject>) -> Option<IpAddr> {
        self.resources.get(&subject.into())?.address
    }

    /// Established sessions through a node's addresses, as its agent last said.
    pub fn sessions(&self, node: &Node) -> u64 {
        let of = |r: &StoredReport| r.sessions.values().sum();
        self.reports.get(&node.id).map_or(0, of)
    }

    /// Established sessions through one address.
    pub fn sessions_of(&self, node: NodeId, subject: Subject) -> u64 {
        let report = self.reports.get(&node);
        report.and_then(|r| r.sessions.get(&subject)).copied().unwrap_or(0)
    }

    /// The networks that a door is in a state.
    pub fn networks_in(&self, door: FrontdoorId, state: State) -> usize {
        self.verdicts.of(door).filter(|(_, v)| v.state == state).count()
    }

    /// The node that a subject is, or stands on.
    pub fn node_of(&self, subject: Subject) -> Option<&Node> {
        match subject {
            Subject::Node(id) => self.target.nodes.get(&id),
            Subject::Frontdoor(id) => self.target.frontdoor(id).map(|(n, _)| n),
            Subject::EgressIp(id) => {
                let mut nodes = self.target.nodes.values();
                nodes.find(|n| n.egress_ips.contains_key(&id))
            }
        }
    }
}
