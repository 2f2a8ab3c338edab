//! The agents on the embedded cloud's machines, and the sessions through them.

use std::collections::BTreeMap;

use damm_fleet::topology::SimSettings;
use damm_fleet::{NodeId, ProviderName, Span, Subject, Timestamp};
use serde::{Deserialize, Serialize};

use super::dice::{hash, mix, unit};
use crate::traits::{AddressOrders, NodeOrders, NodeReport};

/// Sessions come this many times faster than they end: a new door is soon found by clients, while
/// whoever is connected stays.
const GROWTH: f64 = 10.0;
/// Half-lives after which the last session has surely ended: 2 hours at 10 minutes each.
const HALVINGS: f64 = 12.0;

/// An agent without a machine is remembered for this long.
const MEMORY: Span = Span::from_days(1);

/// A moment that does not come, and that can be written down: the start of the year 9999.
const NEVER: Timestamp = Timestamp::from_millis(253_370_764_800_000);

/// One agent, as far as the world knows of it.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Agent {
    pub(super) node: NodeId,
    /// The machine that it runs on, while there is one.
    pub(super) machine: Option<(ProviderName, String)>,
    /// When it joins; never, when its machine is stuck.
    pub(super) joins_at: Option<Timestamp>,
    /// It went silent then.
    pub(super) silent_since: Option<Timestamp>,
    /// Something that it runs is not well.
    #[serde(default)]
    pub(super) sick: bool,
    /// The newest orders that were left for it.
    pub(super) orders: NodeOrders,
    /// What it carries out, while it has not come for the newest.
    pub(super) doing: Option<NodeOrders>,
    pub(super) flows: BTreeMap<Subject, Flow>,
    /// Its last words, once it is silent.
    pub(super) last: Option<NodeReport>,
    /// When anything last happened to it.
    pub(super) touched_at: Timestamp,
}

impl Agent {
    pub(super) fn new(node: NodeId, now: Timestamp) -> Self {
        Self {
            node,
            machine: None,
            joins_at: None,
            silent_since: None,
            sick: false,
            orders: NodeOrders::default(),
            doing: None,
            flows: BTreeMap::new(),
            last: None,
            touched_at: now,
        }
    }

    /// When it is forgotten, if it has no machine by then.
    pub(super) fn forgotten_at(&self) -> Timestamp {
        self.touched_at + MEMORY
    }

    /// Whether it would answer.
    pub(super) fn alive(&self) -> bool {
        self.machine.is_some() && self.silent_since.is_none()
    }

    pub(super) fn joined(&self, now: Timestamp) -> bool {
        self.joins_at.is_some_and(|at| at <= now)
    }

    /// What it carries out.
    pub(super) fn doing(&self) -> &NodeOrders {
        self.doing.as_ref().unwrap_or(&self.orders)
    }

    /// Leaves new orders, for it to come for.
    pub(super) fn leave(&mut self, orders: NodeOrders) {
        let old = std::mem::replace(&mut self.orders, orders);
        self.doing.get_or_insert(old);
    }

    /// The addresses that its orders name, and whether each takes no new sessions.
    pub(super) fn doors(&self) -> impl Iterator<Item = (Subject, &AddressOrders, bool)> {
        let doing = self.doing();
        let all = doing.draining;
        let fronts = doing.frontdoors.iter();
        let eips = doing.egress_ips.iter();
        fronts
            .map(|(id, o)| (Subject::Frontdoor(*id), o))
            .chain(eips.map(|(id, o)| (Subject::EgressIp(*id), o)))
            .map(move |(subject, o)| (subject, o, all || o.draining))
    }

    /// Comes for its orders and fits its sessions to them and to the addresses that it has.
    ///
    /// Returns the sessions that were cut off.
    pub(super) fn settle(
        &mut self,
        now: Timestamp,
        settings: &SimSettings,
        has: impl Fn(&AddressOrders) -> bool,
    ) -> Vec<(Subject, u64)> {
        if !self.alive() {
            return Vec::new();
        }
        self.doing = None;
        // Nobody gets through a machine that is stuck.
        let begin = self.joins_at.map_or(NEVER, |at| at.max(now));
        let mut before = std::mem::take(&mut self.flows);
        let mut flows = BTreeMap::new();
        for (subject, orders, draining) in self.doors() {
            if has(orders) {
                let flow = before.remove(&subject);
                let flow = flow.unwrap_or_else(|| Flow::new(begin));
                flows.insert(subject, flow.turned(subject, draining, now, settings));
            }
        }
        self.flows = flows;
        let count = |(subject, flow): (Subject, Flow)| {
            let sessions = flow.sessions(subject, now, settings);
            (sessions > 0).then_some((subject, sessions))
        };
        before.into_iter().filter_map(count).collect()
    }

    /// What it says now, or said last; none before it ever joined.
    pub(super) fn report(&self, now: Timestamp, settings: &SimSettings) -> Option<NodeReport> {
        if !self.alive() {
            return self.last.clone();
        }
        let flows = self.flows.iter();
        let sessions = flows.map(|(s, flow)| (*s, flow.sessions(*s, now, settings)));
        self.joined(now).then(|| NodeReport {
            heard_at: now,
            healthy: !self.sick,
            generation: self.doing().generation,
            verified: self.flows.keys().copied().collect(),
            sessions: sessions.collect(),
        })
    }
}

/// The sessions through one address, as a function of time.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Flow {
    since: Timestamp,
    /// Sessions at `since`.
    base: f64,
    draining: bool,
    /// Held at this number by an operator's hook.
    #[serde(default)]
    pub(super) held: Option<u64>,
}

impl Flow {
    const fn new(since: Timestamp) -> Self {
        Self { since, base: 0.0, draining: false, held: None }
    }

    /// The flow from now on, when draining begins or ends.
    fn turned(
        self,
        subject: Subject,
        draining: bool,
        now: Timestamp,
        settings: &SimSettings,
    ) -> Self {
        match self.draining == draining {
            true => self,
            false => Self {
                base: self.exact(subject, now, settings),
                since: self.since.max(now),
                draining,
                held: self.held,
            },
        }
    }

    /// Sessions that are established at a moment.
    pub(super) fn sessions(&self, subject: Subject, now: Timestamp, with: &SimSettings) -> u64 {
        self.held.unwrap_or_else(|| self.exact(subject, now, with) as u64)
    }

    fn exact(&self, subject: Subject, now: Timestamp, with: &SimSettings) -> f64 {
        let lives = halvings(now.since(self.since), with.session_half_life);
        match self.draining {
            true if lives >= HALVINGS => 0.0,
            true => self.base * (-lives).exp2(),
            false => {
                let goal = goal(subject, with);
                goal + (self.base - goal) * (-lives * GROWTH).exp2()
            }
        }
    }
}

fn halvings(passed: Span, half_life: Span) -> f64 {
    passed.as_millis() as f64 / half_life.as_millis().max(1) as f64
}

/// What an address comes to hold: between half and one and a half times the average.
fn goal(subject: Subject, with: &SimSettings) -> f64 {
    let spread = 0.5 + unit(mix(hash(&subject.to_string()), 0));
    f64::from(with.sessions_per_address) * spread
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_that_does_not_come_is_stored_and_read_back() {
        let text = serde_json::to_string(&NEVER).unwrap();
        assert_eq!(serde_json::from_str::<Timestamp>(&text).unwrap(), NEVER);
    }
}
