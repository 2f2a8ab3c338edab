//! Agents' lives: they come with their machines, and go with them.

use damm_fleet::{NodeId, ProviderName, Subject, Timestamp};

use super::agent::{Agent, Flow};
use super::audit::Happening;
use super::rows::Key;
use super::state::{Due, State};
use crate::traits::{AddressOrders, Tag};

impl State {
    /// An agent's machine is there; its first one, while that lasts.
    pub(super) fn settle_in(
        &mut self,
        node: NodeId,
        place: (ProviderName, String),
        joins_at: Option<Timestamp>,
        now: Timestamp,
    ) {
        let agent = self.agents.entry(node).or_insert_with(|| Agent::new(node, now));
        if agent.machine.is_none() {
            agent.machine = Some(place);
            agent.joins_at = joins_at;
            agent.silent_since = None;
            agent.touched_at = now;
            self.refit(node, now);
        }
    }

    /// When one of two machines of a node goes, the other is where its agent lives.
    pub(super) fn settle_in_twin(&mut self, tag: &Tag, now: Timestamp) {
        let Subject::Node(node) = tag.subject else {
            return;
        };
        let twin = self.tags.get(tag).and_then(|places| places.first());
        let Some((provider, r)) = twin.cloned() else {
            return;
        };
        let account = self.accounts.get(&provider);
        if let Some(machine) = account.and_then(|a| a.machines.get(&r)) {
            let joins_at = machine.joins_at;
            self.settle_in(node, (provider, r), joins_at, now);
        }
    }

    pub(super) fn refit_machine(&mut self, provider: &ProviderName, machine: &str, now: Timestamp) {
        let account = self.accounts.get(provider);
        let machine = account.and_then(|a| a.machines.get(machine));
        let subject = machine.and_then(|m| m.tag.as_ref()).map(|t| t.subject);
        if let Some(Subject::Node(node)) = subject {
            self.refit(node, now);
        }
    }

    /// Lets an agent come for its orders and look at its addresses.
    pub(super) fn refit(&mut self, node: NodeId, now: Timestamp) {
        let Some(mut agent) = self.agents.remove(&node) else {
            return;
        };
        if let Some((provider, machine)) = agent.machine.clone() {
            let has = |o: &AddressOrders| self.stands_on(o, &provider, &machine);
            let settings = self.accounts.get(&provider).map(|a| &a.config.settings);
            let cut = settings.map(|s| agent.settle(now, s, has)).unwrap_or_default();
            for (subject, sessions) in cut {
                self.cut(&provider, &machine, subject, sessions, now);
            }
        }
        self.agents.insert(node, agent);
        self.touch(Key::Agent(node));
    }

    /// Whether traffic to an address comes to a machine, and is known there for what it is.
    fn stands_on(&self, told: &AddressOrders, provider: &ProviderName, machine: &str) -> bool {
        let owner = self.owners.get(&told.address).filter(|(p, _)| p == provider);
        let Some(((_, r), account)) = owner.zip(self.accounts.get(provider)) else {
            return false;
        };
        let held = account.held.get(machine).is_some_and(|h| h.contains(r));
        let translated = account.config.offer.capabilities.translated_addresses;
        let address = account.addresses.get(r).filter(|_| held && translated);
        let inner = address.and_then(|a| a.inner(machine));
        (held || r == machine) && told.inner == inner
    }

    fn cut(&mut self, p: &ProviderName, r: &str, subject: Subject, sessions: u64, at: Timestamp) {
        if sessions == 0 {
            return;
        }
        self.world.sessions_cut += sessions;
        self.log(at, p, r, None, Happening::SessionsCut { subject, sessions });
        self.touch(Key::World);
    }

    /// An agent says its last words: it falls silent on its machine, and its sessions end.
    pub(super) fn silence(&mut self, node: NodeId, now: Timestamp) -> Vec<(Subject, u64)> {
        let (accounts, agents) = (&self.accounts, &mut self.agents);
        let agent = agents.get_mut(&node).filter(|a| a.alive());
        let Some((agent, (provider, _))) = agent.and_then(|a| a.machine.clone().map(|m| (a, m)))
        else {
            return Vec::new();
        };
        let settings = accounts.get(&provider).map(|a| &a.config.settings);
        agent.last = settings.and_then(|s| agent.report(now, s));
        agent.silent_since = Some(now);
        agent.touched_at = now;
        let flows = std::mem::take(&mut agent.flows);
        self.touch(Key::Agent(node));
        let settings = self.accounts.get(&provider).map(|a| &a.config.settings);
        settings.map_or_else(Vec::new, |s| {
            let count =
                |(subject, flow): (Subject, Flow)| (subject, flow.sessions(subject, now, s));
            flows.into_iter().map(count).collect()
        })
    }

    /// An agent loses its machine.
    pub(super) fn evict(&mut self, node: NodeId, provider: &ProviderName, r: &str, now: Timestamp) {
        let lives_here =
            |a: &&Agent| a.machine.as_ref().is_some_and(|(p, m)| p == provider && m == r);
        if self.agents.get(&node).filter(lives_here).is_none() {
            return;
        }
        for (subject, sessions) in self.silence(node, now) {
            self.cut(provider, r, subject, sessions, now);
        }
        if let Some(agent) = self.agents.get_mut(&node) {
            agent.machine = None;
            agent.touched_at = now;
            let due = (agent.forgotten_at(), Due::Agent(node));
            self.due.insert(due);
        }
        self.touch(Key::Agent(node));
    }

    /// Forgets an agent that has had no machine for long.
    pub(super) fn forget_agent(&mut self, node: NodeId, now: Timestamp) {
        let old = |a: &Agent| a.machine.is_none() && a.forgotten_at() <= now;
        if self.agents.get(&node).is_some_and(old) {
            self.agents.remove(&node);
            self.touch(Key::Agent(node));
        }
    }
}
