//! How the world answers: what is made comes up, what leaves is gone.

use std::collections::{BTreeSet, VecDeque};
use std::net::{IpAddr, Ipv4Addr};

use damm_fleet::inventory::{Health, ObservedAddress, ObservedMachine};
use damm_fleet::{
    Asn, FailureClass, Node, NodeId, Phase, ProviderName, Span, Stage, Subject, Timestamp,
};

use super::World;

const SESSIONS: u64 = 10;

impl World {
    /// A row for everything that the target wants, as the engine writes before any call; rows of
    /// what the target has forgotten go.
    pub(super) fn write_down(&mut self) {
        let now = self.now;
        for node in self.target.nodes.values() {
            self.inventory.machines.entry(node.id).or_insert_with(|| machine(now));
            for id in node.frontdoors.keys() {
                self.inventory.frontdoors.entry(*id).or_insert_with(|| address(now));
            }
            for id in node.egress_ips.keys() {
                self.inventory.egress_ips.entry(*id).or_insert_with(|| address(now));
            }
        }
        if self.thrifty {
            return;
        }
        let nodes = &self.target.nodes;
        let doors: BTreeSet<_> = nodes.values().flat_map(|n| n.frontdoors.keys()).collect();
        let ips: BTreeSet<_> = nodes.values().flat_map(|n| n.egress_ips.keys()).collect();
        self.inventory.machines.retain(|id, _| nodes.contains_key(id));
        self.inventory.frontdoors.retain(|id, _| doors.contains(id));
        self.inventory.egress_ips.retain(|id, _| ips.contains(id));
    }

    /// All that is being made comes up, and all that leaves is gone.
    pub fn up(&mut self) {
        let nodes: Vec<Node> = self.target.nodes.values().cloned().collect();
        for node in &nodes {
            self.machine_up(node);
            let doors = node.frontdoors.values().map(|d| (Subject::from(d.id), d.stage.clone()));
            let ips = node.egress_ips.values().map(|e| (Subject::from(e.id), e.stage.clone()));
            for (subject, stage) in doors.chain(ips).collect::<Vec<_>>() {
                let stage = if node.stage.is_leaving() { node.stage.clone() } else { stage };
                self.address_up(node, subject, &stage);
            }
        }
        self.observe_sessions();
    }

    fn machine_up(&mut self, node: &Node) {
        let (now, empty) = (self.now, self.empty.contains(&node.provider));
        let stuck = self.stuck.contains(&node.provider);
        let silent = self.silent.contains_key(&node.id);
        let Some(m) = self.inventory.machines.get_mut(&node.id) else {
            return;
        };
        match node.stage {
            Stage::Leaving { .. } => m.phase = Phase::Gone,
            Stage::Building if m.phase == Phase::Wanted && empty => {
                (m.phase, m.failure) = (Phase::Refused, Some(FailureClass::Exhausted));
                let known = self.inventory.providers.entry(node.provider.clone()).or_default();
                known.exhausted_until = Some(now + Span::from_hours(1));
            }
            Stage::Building if m.phase == Phase::Wanted => {
                let phase = if stuck { Phase::Present } else { Phase::Ready };
                (m.phase, m.since) = (phase, now);
                m.health = Health::Healthy;
                m.address = Some(own_address(node.id));
            }
            _ if m.phase == Phase::Ready && !silent => m.health = Health::Healthy,
            _ => {}
        }
    }

    fn address_up(&mut self, node: &Node, subject: Subject, stage: &Stage) {
        let joined = self.inventory.machines.get(&node.id).is_some_and(|m| m.phase == Phase::Ready);
        let (now, wanted) =
            (self.now, self.seen(subject).is_some_and(|a| a.phase == Phase::Wanted));
        let given = (wanted && stage.is_building()).then(|| self.give(&node.provider));
        let Some(a) = self.seen_mut(subject) else {
            return;
        };
        match stage {
            Stage::Leaving { .. } => a.phase = Phase::Gone,
            Stage::Building if matches!(a.phase, Phase::Wanted | Phase::Present) => {
                let phase = if joined { Phase::Ready } else { Phase::Present };
                if a.phase != phase {
                    (a.phase, a.since) = (phase, now);
                }
                if let Some((address, asn)) = given {
                    (a.address, a.asn) = (Some(address), Some(asn));
                }
            }
            _ => {}
        }
    }

    /// The next address of a provider, from two /24 in turn.
    fn give(&mut self, provider: &ProviderName) -> (IpAddr, Asn) {
        let topology = &self.typed;
        let asn = topology.providers[provider].asns[0];
        if let Some(address) = self.next.get_mut(provider).and_then(VecDeque::pop_front) {
            return (address, asn);
        }
        if let Some(address) = self.returned(asn).filter(|_| self.thrifty) {
            return (address, asn);
        }
        let index = topology.providers.keys().position(|p| p == provider).unwrap_or(0) as u8;
        let n = self.given.entry(provider.clone()).or_insert(0);
        *n += 1;
        let (half, block, host) = (*n % 2, *n / 400, (*n / 2) % 200 + 1);
        let third = (block * 2 + half) as u8;
        let address = Ipv4Addr::new(198, 18 + index, third, host as u8);
        (address.into(), asn)
    }

    /// An address that was given back, and that nobody has now.
    fn returned(&self, asn: Asn) -> Option<IpAddr> {
        let all = || self.inventory.frontdoors.values().chain(self.inventory.egress_ips.values());
        let held: BTreeSet<_> =
            all().filter(|a| a.phase.may_exist()).filter_map(|a| a.address).collect();
        let gone = all().filter(|a| a.phase == Phase::Gone && a.asn == Some(asn));
        gone.filter_map(|a| a.address).find(|a| !held.contains(a))
    }

    fn seen(&self, subject: Subject) -> Option<&ObservedAddress> {
        match subject {
            Subject::Frontdoor(id) => self.inventory.frontdoors.get(&id),
            Subject::EgressIp(id) => self.inventory.egress_ips.get(&id),
            Subject::Node(_) => None,
        }
    }

    fn seen_mut(&mut self, subject: Subject) -> Option<&mut ObservedAddress> {
        match subject {
            Subject::Frontdoor(id) => self.inventory.frontdoors.get_mut(&id),
            Subject::EgressIp(id) => self.inventory.egress_ips.get_mut(&id),
            Subject::Node(_) => None,
        }
    }

    /// Sessions as they are now: some on what is live, none two hours after a drain began.
    pub(super) fn observe_sessions(&mut self) {
        let now = self.now;
        for node in self.target.nodes.values() {
            let held = |stage: &Stage| sessions(now, &node.stage).min(sessions(now, stage));
            let mut all = 0;
            for door in node.frontdoors.values() {
                if let Some(a) = self.inventory.frontdoors.get_mut(&door.id) {
                    a.sessions = held(&door.stage);
                    all += a.sessions;
                }
            }
            for ip in node.egress_ips.values() {
                if let Some(a) = self.inventory.egress_ips.get_mut(&ip.id) {
                    a.sessions = held(&ip.stage);
                    all += a.sessions;
                }
            }
            if let Some(m) = self.inventory.machines.get_mut(&node.id) {
                m.sessions = all;
                if let Some(since) = self.silent.get(&node.id) {
                    m.health = Health::Unhealthy { since: *since };
                }
            }
        }
    }
}

fn sessions(now: Timestamp, stage: &Stage) -> u64 {
    match stage {
        Stage::Live { .. } => SESSIONS,
        Stage::Draining { since, .. } if now.since(*since) < Span::from_hours(2) => SESSIONS,
        _ => 0,
    }
}

const fn machine(since: Timestamp) -> ObservedMachine {
    ObservedMachine {
        phase: Phase::Wanted,
        since,
        health: Health::Unseen,
        failure: None,
        address: None,
        sessions: 0,
    }
}

const fn address(since: Timestamp) -> ObservedAddress {
    ObservedAddress {
        phase: Phase::Wanted,
        since,
        address: None,
        asn: None,
        sessions: 0,
        named_until: None,
        resolvable_until: None,
        failure: None,
        learned_by: 0,
    }
}

fn own_address(id: NodeId) -> IpAddr {
    let raw = id.raw();
    Ipv4Addr::new(100, 64 + (raw >> 16 & 63) as u8, (raw >> 8) as u8, raw as u8).into()
}
