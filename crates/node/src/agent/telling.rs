//! What the controller is told, and when.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use damm_fleet::{NodeId, Subject, Timestamp};
use damm_protocol::{Counters, NodeConfig, PeerHealth, Problem, Receiving, Report, RoleConfig};

use super::pace::Pace;

/// What the controller is told, and when.
#[derive(Debug)]
pub(super) struct Telling {
    /// How it is now.
    now: Report,
    /// What takes no new sessions, and for whose last session somebody waits.
    draining: BTreeSet<Subject>,
    /// Egress nodes that take no new sessions.
    leaving: BTreeSet<NodeId>,
    /// What the controller has been told, and when.
    told: Option<(Report, Timestamp)>,
    /// What it is being told, and since when.
    under_way: Option<(Report, Timestamp)>,
}

/// What is worth a new connection, if need be.
#[derive(Debug, PartialEq)]
struct Urgent<'a> {
    applied: (u64, u64),
    problems: &'a [Problem],
    verified: &'a BTreeSet<Subject>,
    down: BTreeSet<NodeId>,
    /// Of what drains: what has no session left.
    drained: BTreeSet<Subject>,
    left: BTreeSet<NodeId>,
}

impl Telling {
    /// Nothing was told yet.
    pub(super) fn new() -> Self {
        let version = env!("CARGO_PKG_VERSION").to_owned();
        let now = Report { version, ..Report::default() };
        let (draining, leaving) = (BTreeSet::new(), BTreeSet::new());
        Self { now, draining, leaving, told: None, under_way: None }
    }

    /// How it is now, to be changed.
    pub(super) const fn now(&mut self) -> &mut Report {
        &mut self.now
    }

    /// How it is now.
    pub(super) const fn report(&self) -> &Report {
        &self.now
    }

    /// A config was received: what drains is told at once when its last session has ended.
    pub(super) fn aim(&mut self, config: &Arc<NodeConfig>) {
        (self.draining, self.leaving) = draining(config);
    }

    /// Whether something drains that has sessions.
    pub(super) fn is_draining(&self) -> bool {
        let urgent = self.urgent(&self.now);
        urgent.drained.len() < self.draining.len() || urgent.left.len() < self.leaving.len()
    }

    /// Whether there are sessions, so that counts will change.
    pub(super) fn is_used(&self) -> bool {
        self.now.sessions.values().chain(self.now.towards.values()).any(|n| *n > 0)
    }

    /// Whether there is something that should not wait.
    pub(super) fn is_pressing(&self) -> bool {
        let known = self.under_way.as_ref().or(self.told.as_ref());
        known.is_none_or(|(known, _)| self.urgent(known) != self.urgent(&self.now))
    }

    /// What to tell with a request that is about to be made.
    pub(super) fn tell(&mut self, pace: &Pace, now: Timestamp) -> Option<Report> {
        let due = match &self.told {
            None => true,
            Some((_, at)) if now.since(*at) >= pace.refresh => true,
            Some((told, at)) => {
                let counts = counts(told) != counts(&self.now) && now.since(*at) >= pace.counts;
                let urgent = self.urgent(told) != self.urgent(&self.now);
                urgent || counts || rest(told) != rest(&self.now)
            }
        };
        let report = due.then(|| self.now.clone());
        self.under_way = report.clone().map(|r| (r, now));
        report
    }

    /// The request was answered.
    pub(super) fn answered(&mut self) {
        self.told = self.under_way.take().or(self.told.take());
    }

    /// The request was given up: nobody knows whether what it told was heard.
    pub(super) fn given_up(&mut self) {
        self.told.take_if(|_| self.under_way.take().is_some());
    }

    /// The controller may have lost what it was told.
    pub(super) fn forget(&mut self) {
        (self.told, self.under_way) = (None, None);
    }

    fn urgent<'a>(&self, report: &'a Report) -> Urgent<'a> {
        let peers = report.peers.iter();
        let down = peers.filter(|(_, health)| **health == PeerHealth::Down);
        Urgent {
            applied: (report.applied, report.orders),
            problems: &report.problems,
            verified: &report.verified,
            down: down.map(|(node, _)| *node).collect(),
            drained: none_left(&self.draining, &report.sessions),
            left: none_left(&self.leaving, &report.towards),
        }
    }
}

fn none_left<K: Ord + Copy>(of: &BTreeSet<K>, counts: &BTreeMap<K, u64>) -> BTreeSet<K> {
    of.iter().filter(|k| counts.get(k).is_none_or(|n| *n == 0)).copied().collect()
}

type Counts<'a> =
    (&'a BTreeMap<Subject, u64>, &'a BTreeMap<NodeId, u64>, &'a BTreeMap<Subject, Counters>, u64);

const fn counts(report: &Report) -> Counts<'_> {
    (&report.sessions, &report.towards, &report.counters, report.unbegun)
}

/// What is neither urgent nor a count.
fn rest(report: &Report) -> impl PartialEq + '_ {
    (&report.peers, report.overlay, &report.version)
}

fn draining(config: &NodeConfig) -> (BTreeSet<Subject>, BTreeSet<NodeId>) {
    let mut subjects = BTreeSet::new();
    let mut nodes = BTreeSet::new();
    let drains = |receiving: Receiving| !receiving.is_active();
    match &config.role {
        RoleConfig::Ingress(role) => {
            let doors = role.frontdoors.iter().filter(|(_, d)| drains(d.receiving));
            subjects.extend(doors.map(|(id, _)| Subject::from(*id)));
            let egresses = role.egresses.iter().filter(|(_, e)| drains(e.receiving));
            nodes.extend(egresses.map(|(id, _)| *id));
        }
        RoleConfig::Egress(role) => {
            let ips = role.addresses.iter().filter(|(_, a)| drains(a.receiving));
            subjects.extend(ips.map(|(id, _)| Subject::from(*id)));
        }
    }
    (subjects, nodes)
}
