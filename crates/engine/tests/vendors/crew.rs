//! Agents on whatever machines run, and an observer who counts what is there.

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{
    AddressOrders, Agents, Clock, Cloud, Error, ListedAddress, ListedMachine, MachineState,
    ManualClock, NodeOrders, NodeReport, Tag,
};
use damm_fleet::{FailureClass, NodeId, Subject};

use super::FLEET;

/// Sessions through an address in service.
const SESSIONS: u64 = 3;

/// Agents and an observer, over accounts without faults. They outlive engines.
pub struct Crew {
    clouds: Vec<Arc<dyn Cloud>>,
    clock: ManualClock,
    told: Mutex<Told>,
}

#[derive(Default)]
struct Told {
    orders: BTreeMap<NodeId, NodeOrders>,
    reports: BTreeMap<NodeId, NodeReport>,
    twice: BTreeSet<String>,
}

impl Crew {
    pub fn new(clouds: Vec<Arc<dyn Cloud>>, clock: ManualClock) -> Self {
        Self { clouds, clock, told: Mutex::default() }
    }

    /// All that is there, by account.
    pub async fn there(&self) -> Vec<(Vec<ListedMachine>, Vec<ListedAddress>)> {
        let mut there = Vec::new();
        for cloud in &self.clouds {
            let machines = cloud.list_machines(FLEET).await.unwrap();
            there.push((machines, cloud.list_addresses(FLEET).await.unwrap()));
        }
        let machines = there.iter().flat_map(|(m, _)| m).map(|m| &m.tag);
        let tags = machines.chain(there.iter().flat_map(|(_, a)| a).map(|a| &a.tag));
        self.count(tags.flatten());
        there
    }

    /// Tags that two things carried at the same time.
    pub fn twice(&self) -> BTreeSet<String> {
        self.told.lock().unwrap().twice.clone()
    }

    fn count<'a>(&self, tags: impl Iterator<Item = &'a Tag>) {
        let mut seen = BTreeSet::new();
        for tag in tags {
            if !seen.insert(tag) {
                self.told.lock().unwrap().twice.insert(tag.to_string());
            }
        }
    }

    /// What an agent says that sees these addresses on its machine.
    fn report(&self, orders: &NodeOrders, held: &BTreeSet<IpAddr>) -> NodeReport {
        let fronts = orders.frontdoors.iter().map(|(id, o)| (Subject::Frontdoor(*id), o));
        let eips = orders.egress_ips.iter().map(|(id, o)| (Subject::EgressIp(*id), o));
        // Where the vendor translates, the machine has another address than the internet sees.
        let there = fronts.chain(eips).filter(|(_, o)| held.contains(&seen(o.inner, o.address)));
        let sessions = |o: &AddressOrders| match orders.draining || o.draining {
            true => 0,
            false => SESSIONS,
        };
        let sessions: BTreeMap<_, _> = there.map(|(id, o)| (id, sessions(o))).collect();
        NodeReport {
            heard_at: self.clock.now(),
            healthy: true,
            generation: orders.generation,
            verified: sessions.keys().copied().collect(),
            sessions,
        }
    }
}

/// An address as its machine sees it.
fn seen(inner: Option<IpAddr>, address: IpAddr) -> IpAddr {
    inner.unwrap_or(address)
}

#[async_trait]
impl Agents for Crew {
    async fn reports(&self) -> Result<BTreeMap<NodeId, NodeReport>> {
        let there = self.there().await;
        let mut told = self.told.lock().unwrap();
        for (machines, addresses) in &there {
            for machine in machines.iter().filter(|m| m.state == MachineState::Running) {
                let Some(Subject::Node(node)) = machine.tag.as_ref().map(|t| t.subject) else {
                    continue;
                };
                let on = |a: &&ListedAddress| a.attached_to.as_ref() == Some(&machine.provider_ref);
                let held = addresses.iter().filter(on).map(|a| seen(a.inner, a.address)).collect();
                let orders = told.orders.get(&node).cloned().unwrap_or_default();
                told.reports.insert(node, self.report(&orders, &held));
            }
        }
        Ok(told.reports.clone())
    }

    async fn order(&self, node: NodeId, orders: &NodeOrders) -> Result<()> {
        let mut told = self.told.lock().unwrap();
        let before = told.orders.entry(node).or_default();
        if orders.generation < before.generation {
            return Err(Error {
                class: FailureClass::Rejected,
                provider: format!("agent of {node}"),
                operation: "leave orders",
                message: format!("generation {} is old", orders.generation),
                retry_after: None,
            });
        }
        *before = orders.clone();
        Ok(())
    }
}
