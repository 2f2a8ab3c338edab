//! A world that the planner can be tried in: all calls succeed at once unless a script says
//! otherwise, addresses come from a table, sessions end two hours after a drain began.

#![allow(dead_code, reason = "each test binary uses a part of it")]
#![allow(clippy::unwrap_used, reason = "a test stops where its script is wrong")]

mod observe;
pub mod script;

use std::collections::{BTreeMap, BTreeSet, VecDeque};
use std::net::IpAddr;

use damm_fleet::history::History;
use damm_fleet::inventory::{ObservedAddress, ObservedCatalog};
use damm_fleet::{
    Blueprint, BlueprintId, FrontdoorId, Inventory, NodeId, Offers, ProviderName, Seed, Span,
    Timestamp, Topology, Verdicts,
};
use damm_planner::{Plan, Situation, Violation, destroys, lint, plan};

/// 2026-01-01T00:00:00Z.
const START: i64 = 1_767_225_600_000;

/// The planner's world.
#[derive(Debug, Clone)]
pub struct World {
    pub topology: serde_json::Value,
    typed: Topology,
    pub target: Blueprint,
    pub inventory: Inventory,
    pub verdicts: Verdicts,
    pub now: Timestamp,
    /// Providers that have nothing to give.
    pub empty: BTreeSet<ProviderName>,
    /// Providers whose machines never join.
    pub stuck: BTreeSet<ProviderName>,
    /// Nodes whose agents are silent.
    pub silent: BTreeMap<NodeId, Timestamp>,
    seed: u64,
    drawn: u64,
    given: BTreeMap<ProviderName, u32>,
    pub destroys_used: u32,
    /// Providers give what was given back before anything else, and rows of what has gone are kept:
    /// for longer than the store keeps them.
    pub thrifty: bool,
    /// What became of addresses.
    pub history: History,
    /// Addresses that providers give next.
    pub next: BTreeMap<ProviderName, VecDeque<IpAddr>>,
}

impl World {
    pub fn new(topology: &str, seed: u64) -> Self {
        let topology: serde_json::Value = serde_json::from_str(topology).expect("JSON");
        let typed = serde_json::from_value(topology.clone()).expect("a topology");
        let now = Timestamp::from_millis(START);
        Self {
            topology,
            typed,
            target: Blueprint::genesis(BlueprintId::from_raw(0), now),
            inventory: Inventory::default(),
            verdicts: Verdicts::default(),
            now,
            empty: BTreeSet::new(),
            stuck: BTreeSet::new(),
            silent: BTreeMap::new(),
            seed,
            drawn: 0,
            given: BTreeMap::new(),
            destroys_used: 0,
            thrifty: false,
            history: History::default(),
            next: BTreeMap::new(),
        }
    }

    /// A world whose providers give the addresses that they got back to whoever asks next.
    pub fn thrifty(topology: &str, seed: u64) -> Self {
        Self { thrifty: true, ..Self::new(topology, seed) }
    }

    pub const fn typed(&self) -> &Topology {
        &self.typed
    }

    /// Reads the topology again after an edit of its JSON.
    pub fn reread(&mut self) {
        self.typed = serde_json::from_value(self.topology.clone()).expect("a topology");
    }

    /// Calls `f` with the situation as it is now.
    pub fn with<T>(&self, f: impl FnOnce(&Situation<'_>) -> T) -> T {
        let offers = Offers::of(&self.typed);
        f(&Situation {
            topology: &self.typed,
            parent: &self.target,
            inventory: &self.inventory,
            offers: &offers,
            verdicts: &self.verdicts,
            now: self.now,
            destroys_used: self.destroys_used,
        })
    }

    pub fn next_seed(&mut self) -> Seed {
        self.drawn += 1;
        Seed::from_number(self.seed.wrapping_mul(1_000_003).wrapping_add(self.drawn))
    }

    pub fn plan(&mut self) -> Plan {
        let (target, verdicts) = (&self.target, &self.verdicts);
        self.history.note(target, &self.inventory, verdicts, self.now);
        self.inventory.lessons = self.history.lessons(self.now);
        let seed = self.next_seed();
        self.with(|s| plan(s, seed))
    }

    pub fn lint(&self, plan: &Plan) -> Vec<Violation> {
        self.with(|s| lint(s, &plan.blueprint))
    }

    /// Makes a plan the target, and carries out what takes no time.
    pub fn adopt(&mut self, plan: &Plan) {
        self.destroys_used += destroys(&plan.report);
        let old = std::mem::replace(&mut self.target, plan.blueprint.clone());
        self.write_down();
        self.publish(&old);
    }

    fn publish(&mut self, old: &Blueprint) {
        let expires_at = self.now + self.typed.catalog.ttl;
        for (region, catalog) in &self.target.catalogs {
            if old.catalogs.get(region) == Some(catalog) {
                continue;
            }
            let (serial, published_at) = (catalog.serial, self.now);
            let seen = ObservedCatalog { serial, published_at, expires_at };
            self.inventory.catalogs.insert(region.clone(), seen);
            let nodes = self.target.nodes.values().filter(|n| n.region == *region);
            for door in nodes.flat_map(|n| n.served_doors()) {
                if let Some(a) = self.inventory.frontdoors.get_mut(&door.id) {
                    a.named_until = a.named_until.max(Some(expires_at));
                }
            }
        }
    }

    pub fn advance(&mut self, span: Span) {
        self.now = self.now + span;
        self.destroys_used = 0;
        self.observe_sessions();
    }

    /// Doors that a population is told of and that are not blocked for it.
    pub fn usable(&self, population: &str) -> Vec<FrontdoorId> {
        let topology = self.typed();
        let name = population.parse().expect("a population");
        let p = &topology.populations[&name];
        let told = self.target.told(topology, &name);
        let open = told.filter(|(_, d)| self.verdicts.blocked_in(d.id, p).is_empty());
        open.map(|(_, d)| d.id).collect()
    }

    pub fn address(&self, door: FrontdoorId) -> Option<&ObservedAddress> {
        self.inventory.frontdoors.get(&door)
    }
}
