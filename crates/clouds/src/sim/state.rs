//! Everything that the embedded cloud holds, in memory, with what has to be written.

use std::collections::{BTreeMap, BTreeSet, HashMap, VecDeque};
use std::net::IpAddr;

use damm_fleet::{BalancerName, NodeId, ProviderName, Timestamp};
use serde::{Deserialize, Serialize};

use super::account::Config;
use super::agent::Agent;
use super::audit::{Duplicate, Event, Happening};
use super::rows::{AccountRow, Address, Key, Machine, Record};
use crate::traits::{BalancerTarget, Tag};

/// Events kept in memory; older ones are dropped.
const EVENTS: usize = 100_000;

/// One account with what it holds.
#[derive(Debug)]
pub(super) struct Account {
    pub(super) config: Config,
    pub(super) row: AccountRow,
    pub(super) machines: BTreeMap<String, Machine>,
    pub(super) addresses: BTreeMap<String, Address>,
    /// The addresses that each machine holds.
    pub(super) held: HashMap<String, BTreeSet<String>>,
    /// By zone and name.
    pub(super) records: BTreeMap<(String, String), Record>,
    pub(super) targets: BTreeMap<(BalancerName, NodeId), BalancerTarget>,
}

impl Account {
    pub(super) fn new(config: Config, row: AccountRow) -> Self {
        Self {
            config,
            row,
            machines: BTreeMap::new(),
            addresses: BTreeMap::new(),
            held: HashMap::new(),
            records: BTreeMap::new(),
            targets: BTreeMap::new(),
        }
    }
}

/// What is true of the world as a whole.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
pub(super) struct WorldRow {
    pub(super) duplicates: Vec<Duplicate>,
    pub(super) sessions_cut: u64,
}

/// What changes by itself at some moment.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub(super) enum Due {
    Machine(ProviderName, String),
    Address(ProviderName, String),
    /// An agent without a machine is forgotten.
    Agent(NodeId),
    /// An address that was given back may be given again.
    Rested(IpAddr),
}

#[derive(Debug, Default)]
pub(super) struct State {
    pub(super) accounts: BTreeMap<ProviderName, Account>,
    pub(super) agents: BTreeMap<NodeId, Agent>,
    pub(super) world: WorldRow,
    /// Who has each address that was given: an account, and the address's or machine's name there.
    pub(super) owners: HashMap<IpAddr, (ProviderName, String)>,
    /// Addresses that nobody is given before that moment.
    pub(super) quarantine: BTreeMap<IpAddr, Timestamp>,
    /// What carries each tag now.
    pub(super) tags: HashMap<Tag, BTreeSet<(ProviderName, String)>>,
    pub(super) due: BTreeSet<(Timestamp, Due)>,
    pub(super) events: VecDeque<Event>,
    /// What has to be written, with the number of the touch that said so last.
    dirty: BTreeMap<Key, u64>,
    touches: u64,
}

impl State {
    /// Marks an object to be written.
    pub(super) fn touch(&mut self, key: Key) {
        self.touches += 1;
        self.dirty.insert(key, self.touches);
    }

    /// Whether something has to be written before an answer is given. How far an account has
    /// counted goes along with the next change.
    pub(super) fn must_write(&self) -> bool {
        self.dirty.keys().any(|k| !matches!(k, Key::Account(_)))
    }

    /// All that has to be written, as it is now.
    pub(super) fn unwritten(&self) -> Vec<(Key, u64, Option<String>)> {
        let json = |(key, touch): (&Key, &u64)| (key.clone(), *touch, self.json(key));
        self.dirty.iter().map(json).collect()
    }

    /// Forgets what was written, unless it was touched again since.
    pub(super) fn written(&mut self, objects: &[(Key, u64, Option<String>)]) {
        for (key, touch, _) in objects {
            if self.dirty.get(key) == Some(touch) {
                self.dirty.remove(key);
            }
        }
    }

    fn json(&self, key: &Key) -> Option<String> {
        let account = |p: &ProviderName| self.accounts.get(p);
        match key {
            Key::World => text(Some(&self.world)),
            Key::Account(p) => text(account(p).map(|a| &a.row)),
            Key::Machine(p, r) => text(account(p).and_then(|a| a.machines.get(r))),
            Key::Address(p, r) => text(account(p).and_then(|a| a.addresses.get(r))),
            Key::Record(p, zone, name) => {
                let at = (zone.clone(), name.clone());
                text(account(p).and_then(|a| a.records.get(&at)))
            }
            Key::Target(p, balancer, node) => {
                let at = (balancer.clone(), *node);
                text(account(p).and_then(|a| a.targets.get(&at)))
            }
            Key::Agent(node) => text(self.agents.get(node)),
            Key::Quarantine(ip) => text(self.quarantine.get(ip)),
        }
    }

    /// Notes what happened.
    pub(super) fn log(
        &mut self,
        at: Timestamp,
        provider: &ProviderName,
        reference: &str,
        tag: Option<&Tag>,
        what: Happening,
    ) {
        if self.events.len() == EVENTS {
            self.events.pop_front();
        }
        self.events.push_back(Event {
            at,
            provider: provider.clone(),
            provider_ref: reference.to_owned(),
            tag: tag.cloned(),
            what,
        });
    }
}

/// The rows hold nothing that JSON can't: no maps with keys that are not text, no bytes.
fn text<T: Serialize>(row: Option<&T>) -> Option<String> {
    row.and_then(|r| serde_json::to_string(r).ok())
}
