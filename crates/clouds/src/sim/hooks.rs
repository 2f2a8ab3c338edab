//! The hand that reaches into the world: for demos and tests. None of it takes a call's way.

use std::collections::BTreeSet;

use damm_fleet::blueprint::RecordSet;
use damm_fleet::topology::Dial;
use damm_fleet::{NodeId, ProviderName, Subject, Timestamp};

use super::rows::{Key, Record};
use super::state::State;
use super::storage::StorageError;
use super::world::SimWorld;

impl SimWorld {
    /// Changes under the vendor's and our own feet, and writes it down.
    pub(super) async fn reach_in<T: Send>(
        &self,
        change: impl FnOnce(&mut State, Timestamp) -> T + Send,
    ) -> Result<T, StorageError> {
        let done = {
            let now = self.clock().now();
            let mut state = self.lock();
            state.settle(now);
            change(&mut state, now)
        };
        self.flush().await?;
        Ok(done)
    }

    /// Turns an account's fault dial, for this process only: the topology's comes back with the
    /// next [`open`](Self::open) or [`adopt`](Self::adopt).
    pub fn set_dial(&self, provider: &ProviderName, dial: &Dial) {
        if let Some(account) = self.lock().accounts.get_mut(provider) {
            account.config.settings.faults = dial.clone();
        }
    }

    /// A node dies with its sessions: its agent goes silent, and its provider still shows its
    /// machine as running. Tells whether there was a live one.
    ///
    /// # Errors
    ///
    /// Whatever the storage fails with.
    pub async fn kill_machine(&self, node: NodeId) -> Result<bool, StorageError> {
        let change = |state: &mut State, now| {
            let alive = state.agents.get(&node).is_some_and(|a| a.alive());
            state.silence(node, now);
            alive
        };
        self.reach_in(change).await
    }

    /// A node that was killed comes back, without its sessions. Tells whether it could.
    ///
    /// # Errors
    ///
    /// Whatever the storage fails with.
    pub async fn revive_machine(&self, node: NodeId) -> Result<bool, StorageError> {
        self.reach_in(|state, now| state.revive(node, now)).await
    }

    /// A node's machine will not come up, and its provider says so. Tells whether there is one.
    ///
    /// # Errors
    ///
    /// Whatever the storage fails with.
    pub async fn fail_machine(&self, node: NodeId) -> Result<bool, StorageError> {
        self.reach_in(|state, now| state.fail(node, now)).await
    }

    /// Takes a machine or an address away at once, as somebody with the account's password would.
    /// Tells whether it was there.
    ///
    /// # Errors
    ///
    /// Whatever the storage fails with.
    pub async fn delete_behind_our_back(
        &self,
        provider: &ProviderName,
        provider_ref: &str,
    ) -> Result<bool, StorageError> {
        let change = |state: &mut State, now| state.snatch(provider, provider_ref, now);
        self.reach_in(change).await
    }

    /// What a node runs is not well, and its agent says so; or it is well again. Tells whether
    /// there is an agent.
    ///
    /// # Errors
    ///
    /// Whatever the storage fails with.
    pub async fn set_sick(&self, node: NodeId, sick: bool) -> Result<bool, StorageError> {
        let change = |state: &mut State, _| {
            let agent = state.agents.get_mut(&node).map(|a| a.sick = sick);
            state.touch(Key::Agent(node));
            agent.is_some()
        };
        self.reach_in(change).await
    }

    /// Puts records into a zone that no fleet owns. The zone is there from then on.
    ///
    /// # Errors
    ///
    /// Whatever the storage fails with.
    pub async fn add_foreign_record(
        &self,
        provider: &ProviderName,
        zone: &str,
        name: &str,
        set: &RecordSet,
    ) -> Result<(), StorageError> {
        let change = |state: &mut State, _| {
            let record = Record { fleet: None, set: set.clone() };
            if let Some(account) = state.accounts.get_mut(provider) {
                account.config.zones.insert(zone.to_owned());
                let at = (zone.to_owned(), name.to_owned());
                account.records.insert(at, record);
            }
            state.touch(Key::Record(provider.clone(), zone.to_owned(), name.to_owned()));
        };
        self.reach_in(change).await
    }

    /// Who stands in a zone's records, foreign ones included.
    pub fn names(&self, provider: &ProviderName, zone: &str) -> BTreeSet<String> {
        let state = self.lock();
        let records = state.accounts.get(provider).map(|a| &a.records);
        let keys = records.into_iter().flat_map(|r| r.keys());
        keys.filter(|(z, _)| z == zone).map(|(_, n)| n.clone()).collect()
    }

    /// Holds the sessions of a front door or egress address at a number (`None`: lets them come
    /// and go again). Tells whether an agent has it.
    ///
    /// # Errors
    ///
    /// Whatever the storage fails with.
    pub async fn set_sessions(
        &self,
        subject: Subject,
        sessions: Option<u64>,
    ) -> Result<bool, StorageError> {
        let change = |state: &mut State, _| {
            let mut agents = state.agents.values_mut();
            let found = agents.find_map(|a| Some((a.node, a.flows.get_mut(&subject)?)));
            let node = found.map(|(node, flow)| {
                flow.held = sessions;
                node
            });
            if let Some(node) = node {
                state.touch(Key::Agent(node));
            }
            node.is_some()
        };
        self.reach_in(change).await
    }
}

impl State {
    fn revive(&mut self, node: NodeId, now: Timestamp) -> bool {
        let agent = self.agents.get_mut(&node);
        let silent = agent.filter(|a| a.machine.is_some() && a.silent_since.is_some());
        let Some(agent) = silent else { return false };
        agent.silent_since = None;
        agent.touched_at = now;
        self.refit(node, now);
        true
    }

    fn fail(&mut self, node: NodeId, now: Timestamp) -> bool {
        let place = self.agents.get(&node).and_then(|a| a.machine.clone());
        let Some((provider, r)) = place else {
            return false;
        };
        self.silence(node, now);
        let account = self.accounts.get_mut(&provider);
        let Some(machine) = account.and_then(|a| a.machines.get_mut(&r)) else {
            return false;
        };
        machine.failed = true;
        self.touch(Key::Machine(provider, r));
        true
    }

    fn snatch(&mut self, provider: &ProviderName, r: &str, now: Timestamp) -> bool {
        let account = self.accounts.get(provider);
        let Some(account) = account else { return false };
        let machine = account.machines.get(r).and_then(|m| m.tag.as_ref());
        let node = machine.map(|t| t.subject);
        let there = account.machines.contains_key(r) || account.addresses.contains_key(r);
        if let Some(Subject::Node(node)) = node {
            // The sessions that end here are not cut off by a call of ours.
            self.silence(node, now);
        }
        self.remove_machine(provider, r, now);
        self.remove_address(provider, r, now);
        there
    }
}
