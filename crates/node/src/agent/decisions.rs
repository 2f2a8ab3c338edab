//! The agent without hands: what happened comes in, what to do comes out. Time is an argument.
//!
//! # Guarantees
//!
//! - A config is written down before anything is done with it, and applied in full or again.
//! - An older config than the one that is held, or another node's, changes nothing.
//! - Nothing that the controller says or fails to say stops what is in force.

use std::collections::VecDeque;
use std::sync::Arc;

use damm_fleet::{NodeId, Role, Span, Timestamp};
use damm_protocol::{JoinAnswer, NodeConfig, Problem, Refusal, Report, RoleConfig, SyncAnswer};

use super::applying::Applying;
use super::deeds::{Ahead, Deed, Event};
use super::pace::Pace;
use super::problems::{Problems, problem};
use super::proving::Proving;
use super::talking::{Ask, Talking};
use super::telling::Telling;
use crate::dataplane::Observation;
use crate::home::{Joined, Memory, PublicParams};
use crate::link::LinkError;

/// The agent without hands.
#[derive(Debug)]
pub struct Core {
    node: NodeId,
    role: Role,
    pace: Pace,
    applying: Applying,
    talking: Talking,
    proving: Proving,
    telling: Telling,
    transports: Transports,
    problems: Problems,
    /// When the server is looked at again; none while it is being looked at.
    look: Option<Timestamp>,
    /// Until when the first request waits for what is held to be in force and looked at; none once
    /// it is. A restart is not to look like a server that lost all.
    start: Option<Timestamp>,
    deeds: VecDeque<Deed>,
}

/// What clients need to know of transports.
#[derive(Debug)]
struct Transports {
    here: PublicParams,
    told: Option<PublicParams>,
    under_way: bool,
}

impl Core {
    /// An agent that remembers.
    pub fn new(
        (node, role): (NodeId, Role),
        memory: Memory,
        transports: PublicParams,
        (pace, seed): (Pace, u64),
        now: Timestamp,
    ) -> Self {
        let told = memory.joined.map(|j| j.transports);
        let found_until = now + pace.refresh;
        let pace_start = pace.start;
        let problems = Problems { found: memory.problems, found_until, ..Problems::default() };
        let mut core = Self {
            node,
            role,
            pace,
            talking: Talking::new(told.is_some(), seed ^ 1, now),
            applying: Applying::new(memory.held, memory.applied, seed ^ 2, now),
            proving: Proving::new(memory.verified, seed ^ 3),
            telling: Telling::new(),
            transports: Transports { here: transports, told, under_way: false },
            problems,
            look: Some(now),
            start: Some(now + pace_start),
            deeds: VecDeque::new(),
        };
        if let Some(config) = core.applying.wanted().cloned() {
            core.telling.aim(&config);
        }
        core.go_on(now);
        core
    }

    /// Something happened.
    pub fn handle(&mut self, event: Event, now: Timestamp) {
        match event {
            Event::Tick => {}
            Event::Joined(ask, answer) if self.talking.is_awaited(ask) => self.joined(answer, now),
            Event::Synced(ask, answer) if self.talking.is_awaited(ask) => self.synced(answer, now),
            Event::Joined(..) | Event::Synced(..) => {}
            Event::Applied(ended, transports) => self.applied(ended, transports, now),
            Event::Observed(seen, listening) => {
                self.proving.heard(listening);
                self.observed(*seen, now);
            }
            Event::Echoed(address, seen) => {
                if self.proving.seen(address, seen, &self.pace, now) {
                    self.deeds.push_back(Deed::KeepVerified(self.proving.proved().clone()));
                }
            }
            Event::Kept(kept) => {
                self.problems.disk = kept.err().map(|why| problem("disk", why));
            }
        }
        self.go_on(now);
    }

    /// What to do next; none when there is nothing until something happens.
    pub fn deed(&mut self) -> Option<Deed> {
        self.deeds.pop_front()
    }

    /// When to come back with [`Event::Tick`], if nothing happens before.
    pub fn wake(&self) -> Option<Timestamp> {
        let interrupt = self.interrupt_at();
        let times = [
            self.applying.wake(),
            self.talking.wake().map(|due| due.max(self.held_back())),
            self.proving.wake().filter(|_| self.talking.is_joined()),
            self.look,
            interrupt,
        ];
        times.into_iter().flatten().min()
    }

    /// How the agent is: what the controller is told, with what is wrong with the controller.
    pub fn report(&self) -> Report {
        let mut report = self.telling.report().clone();
        let trouble = self.talking.trouble();
        report.problems.extend(trouble.map(|(e, _)| problem("controller", e.to_string())));
        report
    }

    /// What clients need to know of transports.
    pub const fn transports(&self) -> &PublicParams {
        &self.transports.here
    }

    /// Whether the controller knows this server.
    pub const fn is_joined(&self) -> bool {
        self.talking.is_joined()
    }

    /// Since when the controller has not answered as it should.
    pub fn alone_since(&self) -> Option<Timestamp> {
        self.talking.trouble().map(|(_, since)| *since)
    }

    /// The generation that is held; 0: none.
    pub fn held(&self) -> u64 {
        self.applying.wanted().map_or(0, |c| c.generation)
    }

    fn joined(&mut self, answer: Result<JoinAnswer, LinkError>, now: Timestamp) {
        match answer {
            Err(error) => self.talking.failed(error, &self.pace, now),
            Ok(answer) => {
                self.talking.joined(now);
                self.telling.forget();
                self.told_transports(self.transports.here.clone());
                self.take(answer.config, now);
            }
        }
    }

    fn synced(&mut self, answer: Result<SyncAnswer, LinkError>, now: Timestamp) {
        match answer {
            Ok(answer) => {
                self.telling.answered();
                if self.talking.trouble().is_some() {
                    self.proving.hurry(now);
                }
                if self.transports.under_way {
                    self.told_transports(self.transports.here.clone());
                }
                self.take(answer.config, now);
            }
            Err(LinkError::Refused(Refusal::Replayed { above })) => {
                self.deeds.push_back(Deed::Rise(above));
                self.talking.again(&self.pace, now);
                self.telling.forget();
            }
            Err(error) => {
                self.talking.failed(error, &self.pace, now);
                // It may come back without what it was told.
                self.telling.forget();
            }
        }
    }

    fn told_transports(&mut self, told: PublicParams) {
        self.transports.under_way = false;
        self.transports.told = Some(told.clone());
        self.deeds.push_back(Deed::KeepJoined(Joined { transports: told }));
    }

    /// The controller has sent a config, perhaps.
    fn take(&mut self, config: Option<NodeConfig>, now: Timestamp) {
        // A join is answered with what there is, which may be held already.
        let held = self.applying.wanted().map(|held| &**held);
        let Some(config) = config.filter(|c| Some(c) != held) else {
            self.problems.refused = None;
            return self.talking.answered();
        };
        if let Err(why) = self.judge(&config) {
            self.problems.refused = Some(problem("config", why.clone()));
            return self.talking.failed(LinkError::Unfit(why), &self.pace, now);
        }
        self.talking.answered();
        self.problems.refused = None;
        let config = Arc::new(config);
        self.deeds.push_back(Deed::KeepHeld(Arc::clone(&config)));
        self.telling.aim(&config);
        self.applying.want(config, now);
    }

    fn judge(&self, config: &NodeConfig) -> Result<(), String> {
        let (held, sent) = (self.held(), config.generation);
        let role = match &config.role {
            RoleConfig::Ingress(_) => Role::Ingress,
            RoleConfig::Egress(_) => Role::Egress,
        };
        if config.node != self.node {
            return Err(format!(
                "a config for {} was sent to {}, and refused",
                config.node, self.node
            ));
        }
        if role != self.role {
            return Err(format!(
                "a config for an {role} was sent to an {}, and refused",
                self.role
            ));
        }
        match sent > held {
            true => Ok(()),
            false => Err(format!("generation {sent} was sent after {held}, and refused")),
        }
    }

    fn applied(&mut self, ended: Result<(), Problem>, transports: PublicParams, now: Timestamp) {
        self.transports.here = transports;
        if let Some(config) = self.applying.ended(ended, &self.pace, now) {
            self.deeds.push_back(Deed::KeepApplied(Arc::clone(&config)));
            if self.proving.aim(&config, now) {
                self.deeds.push_back(Deed::KeepVerified(self.proving.proved().clone()));
            }
            // What is new in it is looked at soon.
            self.look = self.look.map(|at| at.min(now + self.pace.gap));
        }
    }

    fn observed(&mut self, seen: Observation, now: Timestamp) {
        self.problems.seen = seen.problems;
        let wanted = self.applying.wanted().is_some();
        let tried = self.applying.done().is_some() || self.applying.problem().is_some();
        self.start.take_if(|_| tried || !wanted);
        let report = self.telling.now();
        report.sessions = seen.sessions;
        report.towards = seen.towards;
        report.counters = seen.counters;
        report.unbegun = seen.unbegun;
        report.peers = seen.peers;
        report.overlay = seen.overlay;
        let lively = self.telling.is_used() || self.telling.is_draining();
        self.look = Some(now + if lively { self.pace.look.0 } else { self.pace.look.1 });
    }

    /// Finds out what there is to do.
    fn go_on(&mut self, now: Timestamp) {
        self.sum_up(now);
        self.deeds.extend(self.applying.next(now).map(Deed::Apply));
        if self.look.is_some_and(|at| at <= now) {
            self.look = None;
            self.deeds.push_back(Deed::Observe);
        }
        while self.talking.is_joined()
            && let Some(address) = self.proving.next(now)
        {
            self.deeds.push_back(Deed::Prove(address));
        }
        if self.interrupt_at().is_some_and(|at| at <= now) {
            self.talking.interrupt(now);
            self.telling.given_up();
            self.deeds.push_back(Deed::GiveUp);
        }
        if self.held_back() <= now {
            self.ask(now);
        }
    }

    fn ask(&mut self, now: Timestamp) {
        let wait = self.wait();
        match self.talking.next(wait, &self.pace, now) {
            None => {}
            Some((Ask::Join, ask)) => self.deeds.push_back(Deed::Join(ask)),
            Some((Ask::Sync, ask)) => {
                let news = self.transports.told.as_ref() != Some(&self.transports.here);
                self.transports.under_way = news;
                let transports = news.then(|| self.transports.here.clone());
                let report = self.telling.tell(&self.pace, now);
                let ahead = Ahead { have: self.held(), report, transports, wait };
                self.deeds.push_back(Deed::Sync(ask, Box::new(ahead)));
            }
        }
    }

    fn wait(&self) -> Span {
        match () {
            () if self.applying.busy_since().is_some() || self.proving.is_fresh() => self.pace.soon,
            () if self.telling.is_used() => self.pace.counts,
            () => self.pace.quiet,
        }
    }

    /// A config that is being applied is waited for a moment, so that it is told with the next
    /// request.
    fn held_back(&self) -> Timestamp {
        let start = self.start.filter(|_| self.applying.wanted().is_some());
        let since = self.applying.busy_since().filter(|_| self.talking.is_joined());
        let busy = since.map(|since| since + self.pace.soon);
        start.or(busy).unwrap_or(Timestamp::EPOCH)
    }

    fn interrupt_at(&self) -> Option<Timestamp> {
        self.talking.may_interrupt(&self.pace).filter(|_| self.telling.is_pressing())
    }

    fn sum_up(&mut self, now: Timestamp) {
        let verified = self.proving.verified();
        let mut problems = self.problems.all(now);
        problems.extend(self.applying.problem().cloned());
        if self.talking.trouble().is_none() {
            problems.extend(self.proving.problems());
        }
        problems.dedup();
        let done = self.applying.done().map(|c| (c.generation, c.orders));
        let report = self.telling.now();
        (report.applied, report.orders) = done.unwrap_or_default();
        report.verified = verified;
        report.problems = problems;
    }
}
