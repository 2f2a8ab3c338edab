//! A small fleet on the embedded cloud, with a clock that nobody waits for.

#![allow(dead_code, missing_docs, clippy::unwrap_used)] // Each test file uses its own part of this.

pub mod crash;
pub mod tap;

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex};

use damm_catalog::{Catalog, Expected, Verifier};
use damm_clouds::sim::{MemoryStorage, SimStorage, SimWorld};
use damm_clouds::{Clock, ManualClock, Providers};
use damm_engine::{Budget, Engine, Event, Keys, Listener, Parts, Settled, Stop};
use damm_fleet::{
    FrontdoorId, Network, ProviderName, Seed, Span, State, Subject, Timestamp, Topology, Verdict,
    Verdicts,
};
use damm_planner::{Edit, Situation};
use damm_store::{Access, Store};
use serde_json::{Value, json};
use tempfile::TempDir;

pub const START: i64 = 1_800_000_000_000;

/// Two accounts over two networks; one region, two doors on each of two ingress nodes, two egress
/// addresses; names and a balancer that follow.
pub fn topology_json() -> Value {
    let account = |asn: u32| {
        json!({
            "kind": "sim", "asns": [asn], "locations": { "north": "n1" },
            "limits": { "requests_per_hour": 360_000, "parallel": 16 },
            "sim": { "session_half_life": "1m" }
        })
    };
    json!({
        "fleet": "example",
        "providers": { "left": account(64_500), "right": account(64_501) },
        "profiles": {
            "edge": { "role": "ingress", "machine": { "sim": "small" }, "frontdoors": 2,
                      "transports": [ { "kind": "shadowsocks", "port": 443 } ] },
            "nat": { "role": "egress", "machine": { "sim": "small" }, "egress_ips": 2 }
        },
        "regions": { "north": {
            "ingress": { "profile": "edge", "live": 2, "providers": ["left", "right"] },
            "egress": { "profile": "nat", "nodes": 1, "providers": ["left", "right"] }
        } },
        "populations": { "ir": {
            "country": "IR", "asns": [58_224], "regions": ["north"], "min_fronts": 2
        } },
        "rotation": {
            "ingress": { "max_age": "7d", "drain": "20m", "burned_drain": "15m",
                         "max_disrupted": "50%" },
            "egress": { "max_age": "60d", "drain": "20m", "max_disrupted": "50%" },
            "breaker": "60%", "max_destroys_per_plan": 50
        },
        "dns": [
            { "provider": "left", "zone": "example.org", "region": "north", "names": "region",
              "label": "north" }
        ],
        "balancers": [ { "name": "front", "provider": "right", "region": "north", "port": 443 } ],
        "catalog": { "ttl": "1h", "buckets": 4, "fronts_per_bucket": 2,
                     "channels": [ { "kind": "directory", "path": "public" } ] }
    })
}

pub fn topology(change: impl FnOnce(&mut Value)) -> Topology {
    let mut value = topology_json();
    change(&mut value);
    serde_json::from_value(value).unwrap()
}

/// Accounts whose addresses carry no tags and stand behind a translation.
pub fn nameless(topology: &mut Value) {
    for account in ["left", "right"] {
        topology["providers"][account]["sim"]["tagged_addresses"] = false.into();
        topology["providers"][account]["sim"]["translated_addresses"] = true.into();
    }
}

/// A directory in memory where there is one: these tests commit a great deal.
fn room() -> TempDir {
    let memory = std::path::Path::new("/dev/shm");
    let in_memory = tempfile::Builder::new().tempdir_in(memory);
    in_memory.or_else(|_| tempfile::tempdir()).unwrap()
}

/// The world outside, which outlives engines.
pub struct Stage {
    pub storage: MemoryStorage,
    pub dir: TempDir,
    pub clock: ManualClock,
    pub world: Arc<SimWorld>,
    pub topology: Topology,
    pub keys: Arc<Keys>,
    pub seeds: Arc<AtomicU64>,
    pub events: Arc<Mutex<Vec<Event>>>,
}

impl Stage {
    pub async fn new(topology: Topology, seed: u64) -> Self {
        let start = Timestamp::from_millis(START);
        Self::over(topology, seed, MemoryStorage::default(), start).await
    }

    async fn over(topology: Topology, seed: u64, storage: MemoryStorage, start: Timestamp) -> Self {
        let clock = ManualClock::at(start);
        let kept = Arc::new(storage.clone());
        let world = SimWorld::open(kept, Arc::new(clock.clone()), &topology).await.unwrap();
        let mut byte = 0;
        let draw = |bytes: &mut [u8; 32]| {
            byte += 1;
            bytes.fill(byte);
        };
        let keys = Keys::generate(&topology.fleet, Timestamp::from_millis(START), draw).unwrap();
        Self {
            storage,
            dir: room(),
            clock,
            world,
            topology,
            keys: Arc::new(keys.keys),
            seeds: Arc::new(AtomicU64::new(seed << 20)),
            events: Arc::default(),
        }
    }

    /// The same world at the same moment, in a place of its own. The state has to be closed.
    pub async fn copy(&self, seed: u64) -> Self {
        let storage = MemoryStorage::default();
        let objects = self.storage.load().await.unwrap();
        let objects = objects.into_iter().map(|(k, v)| (k, Some(v)));
        storage.put(&objects.collect::<Vec<_>>()).await.unwrap();
        let copy = Self::over(self.topology.clone(), seed, storage, self.now()).await;
        if self.state().exists() {
            std::fs::copy(self.state(), copy.state()).unwrap();
        }
        for (name, bytes) in self.files() {
            std::fs::create_dir_all(copy.dir.path().join("public")).unwrap();
            std::fs::write(copy.dir.path().join("public").join(name), bytes).unwrap();
        }
        copy
    }

    pub fn providers(&self) -> Providers {
        Providers::over(&self.topology, self.world.clone())
    }

    pub fn state(&self) -> PathBuf {
        self.dir.path().join("damm.db")
    }

    pub async fn store(&self) -> Store {
        let store = Store::open(&self.state(), Access::Write).await.unwrap();
        store.bind_fleet(&self.topology.fleet).await.unwrap();
        store
    }

    pub fn engine_over(&self, store: Store, providers: Providers) -> Engine {
        Engine::new(self.parts(store, providers))
    }

    pub fn parts(&self, store: Store, providers: Providers) -> Parts {
        let (seeds, events) = (self.seeds.clone(), self.events.clone());
        Parts {
            store,
            topology: self.topology.clone(),
            base: self.dir.path().to_owned(),
            providers,
            clock: Arc::new(self.clock.clone()),
            keys: self.keys.clone(),
            templates: BTreeMap::new(),
            seeds: Box::new(move || Seed::from_number(seeds.fetch_add(1, Ordering::Relaxed))),
            listener: Listener::new(move |e| events.lock().unwrap().push(e.clone())),
            stop: Stop::default(),
        }
    }

    /// An engine that has taken up what was left behind.
    pub async fn engine(&self) -> Engine {
        self.engine_with(self.providers()).await
    }

    pub async fn engine_with(&self, providers: Providers) -> Engine {
        let engine = self.engine_over(self.store().await, providers);
        engine.recover().await.unwrap();
        engine
    }

    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Every catalog file, verified as a client would.
    pub fn catalogs(&self) -> BTreeMap<String, Catalog> {
        let verifier = Verifier::trust(self.keys.root(), Expected::fleet("example")).unwrap();
        let files = self.files().into_iter();
        files
            .map(|(name, bytes)| {
                let envelope = damm_catalog::Envelope::from_bytes(&bytes).unwrap();
                let catalog = Catalog::from_bytes(&envelope.payload).unwrap();
                let at = catalog.not_before;
                verifier.verify(&bytes, at, None).unwrap();
                (name, catalog)
            })
            .collect()
    }

    pub fn files(&self) -> BTreeMap<String, Vec<u8>> {
        let Ok(entries) = std::fs::read_dir(self.dir.path().join("public")) else {
            return BTreeMap::new();
        };
        let read = |e: std::io::Result<std::fs::DirEntry>| {
            let e = e.unwrap();
            let bytes = std::fs::read(e.path()).unwrap();
            (e.file_name().into_string().unwrap(), bytes)
        };
        entries.map(read).collect()
    }

    /// Doors that catalogs name now.
    pub fn told(&self) -> BTreeSet<FrontdoorId> {
        let catalogs = self.catalogs();
        let fronts = catalogs.values().flat_map(|c| &c.fronts);
        fronts.map(|f| f.id).collect()
    }

    /// What exists, by tag: how many carry it.
    pub fn carried(&self) -> BTreeMap<Subject, usize> {
        let mut carried = BTreeMap::new();
        for standing in self.world.audit().values() {
            let machines = standing.machines.iter().filter_map(|m| m.tag.as_ref());
            let addresses = standing.addresses.iter().filter_map(|a| a.tag.as_ref());
            for tag in machines.chain(addresses) {
                *carried.entry(tag.subject).or_default() += 1;
            }
        }
        carried
    }

    pub fn blocked(&self, door: FrontdoorId) -> Verdicts {
        let network = Network::new("IR", damm_fleet::Asn(58_224)).unwrap();
        let verdict = Verdict::new(State::Blocked, self.now(), "test");
        Verdicts([(door, [(network, verdict)].into())].into())
    }
}

/// A verb by hand, as an operator gives it.
pub async fn by_hand(stage: &Stage, engine: &Engine, edit: &Edit) {
    let inventory = engine.inventory().await.unwrap();
    let verdicts = engine.store().verdicts().await.unwrap();
    let parent = engine.blueprint();
    let situation = Situation {
        topology: engine.topology(),
        parent: &parent,
        inventory: &inventory,
        offers: engine.offers(),
        verdicts: &verdicts,
        now: stage.now(),
        destroys_used: 0,
    };
    let seed = Seed::from_number(stage.seeds.fetch_add(1, Ordering::Relaxed));
    let plan = damm_planner::edit(&situation, seed, edit).unwrap();
    engine.adopt(&plan, "operator").await.unwrap();
}

/// Waits for drains of hours, on a clock that nobody waits for.
pub fn long() -> Budget {
    Budget { polls: 200, patience: Span::from_hours(30), tries: 20, ..Budget::default() }
}

pub fn short() -> Budget {
    Budget { polls: 60, patience: Span::from_mins(5), tries: 20, ..Budget::default() }
}

/// Nothing is due, and the planner wants nothing.
pub async fn assert_at_rest(engine: &Engine) {
    let plan = engine.replan(0).await.unwrap();
    assert!(plan.diff.is_empty(), "replan after apply: {:#?}", plan.diff);
    let due = engine.due().await.unwrap();
    assert!(due.steps.is_empty(), "{:#?}", due.steps);
}

/// What exists is what the target wants, once each.
pub fn assert_nothing_more(stage: &Stage, engine: &Engine) {
    let blueprint = engine.blueprint();
    let mut wanted = BTreeMap::new();
    for node in blueprint.nodes.values() {
        wanted.insert(Subject::Node(node.id), 1);
        wanted.extend(node.frontdoors.keys().map(|d| (Subject::Frontdoor(*d), 1)));
        wanted.extend(node.egress_ips.keys().map(|e| (Subject::EgressIp(*e), 1)));
    }
    assert_eq!(stage.carried(), wanted);
    assert_eq!(stage.world.duplicates(), []);
}

pub fn provider(name: &str) -> ProviderName {
    ProviderName::new(name).unwrap()
}

pub fn done(settled: &Settled) {
    assert_eq!(settled.ended, damm_engine::Ended::Done, "{settled:#?}");
}
