//! A watch over a small fleet, and the clients who report to it.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};

use damm_catalog::{Catalog, Front, SCHEMA};
use damm_clouds::{ManualClock, NodeReport};
use damm_engine::Keys;
use damm_fleet::{
    Asn, Blueprint, BlueprintId, FrontdoorId, Inventory, Network, Node, NodeId, PopulationName,
    Role, Seed, Span, State, Topology,
};
use damm_hearing::{Heard, Sender};
use damm_protocol::CredentialId;
use damm_protocol::evidence::{
    Attempt, Ending, Entry, Epoch, Phase as Came, Report, ReporterKey, VERSION, WitnessKey,
};
use damm_server::{Watch, WatchParts};
use damm_store::{Access, BucketKey, Edition, PublishedBucket, Store};
use tempfile::TempDir;

use crate::world;

pub const BUCKETS: u32 = 64;

/// A fleet of two ingress nodes with two doors each, and clients who were told of all of them.
pub struct Scene {
    pub dir: TempDir,
    pub store: Store,
    pub clock: ManualClock,
    pub keys: Arc<Keys>,
    pub topology: Topology,
    pub nodes: Vec<Node>,
    pub inventory: Inventory,
    pub words: Mutex<BTreeMap<NodeId, NodeReport>>,
    pub silent: BTreeSet<NodeId>,
    /// Nobody tries these.
    pub untried: BTreeSet<FrontdoorId>,
    pub watch: Arc<Watch>,
}

impl Scene {
    pub async fn new() -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("damm.db"), Access::Write).await.unwrap();
        let (clock, keys) = (ManualClock::at(world::START), world::keys());
        let mut seed = Seed::new([7; 32]);
        let nodes: Vec<Node> = (0..2).map(|_| world::node(&mut seed, Role::Ingress)).collect();
        let topology = world::topology();
        let parts = parts(&dir, &store, &clock, &keys, &topology);
        let scene = Self {
            watch: Watch::open(parts),
            inventory: Inventory::default(),
            words: Mutex::default(),
            silent: BTreeSet::new(),
            untried: BTreeSet::new(),
            dir,
            store,
            clock,
            keys,
            topology,
            nodes,
        };
        scene.meet();
        scene.look().await;
        scene
    }

    /// What the endpoint tells a watch of clients, and publishing of doors.
    pub fn meet(&self) {
        let population = population();
        let long_ago = world::START - Span::from_days(60);
        (0..CLIENTS).for_each(|n| self.watch.let_in(client(n), &population, long_ago));
        let doors = self.doors();
        let each = (0..BUCKETS).flat_map(|bucket| doors.iter().map(move |door| (*door, bucket)));
        let told = each.map(|(door, bucket)| (door, population.clone(), bucket));
        self.watch.told(&told.collect::<Vec<_>>());
    }

    /// The controller was killed and started again.
    pub fn restart(&mut self) {
        let parts = parts(&self.dir, &self.store, &self.clock, &self.keys, &self.topology);
        self.watch = Watch::open(parts);
        self.meet();
    }

    pub fn doors(&self) -> Vec<FrontdoorId> {
        self.nodes.iter().flat_map(|node| node.frontdoors.keys().copied()).collect()
    }

    /// What agents said last: those that are not silent say so now.
    pub fn words(&self) -> BTreeMap<NodeId, NodeReport> {
        let mut words = self.words.lock().unwrap();
        let heard_at = damm_clouds::Clock::now(&self.clock);
        for node in self.nodes.iter().filter(|n| !self.silent.contains(&n.id)) {
            words.insert(node.id, NodeReport { heard_at, healthy: true, ..NodeReport::default() });
        }
        words.clone()
    }

    pub async fn look(&self) -> bool {
        let mut blueprint = Blueprint::genesis(BlueprintId::from_raw(1), world::START);
        let nodes = self.nodes.iter().map(|node| (node.id, Arc::new(node.clone())));
        blueprint.nodes = nodes.collect();
        self.watch.look(&blueprint, &self.inventory, &self.words()).await.unwrap()
    }

    pub async fn minutes(&self, n: u32) -> bool {
        let mut changed = false;
        for _ in 0..n {
            self.clock.advance(Span::from_mins(1));
            changed |= self.look().await;
        }
        changed
    }

    /// A client's report on all doors, of which some fail.
    pub fn reports(&self, by: u32, failing: &[FrontdoorId]) -> Heard {
        let (credential, epoch) = (client(by), Epoch::at(damm_clouds::Clock::now(&self.clock)));
        let key = ReporterKey::new(self.keys.secret().reporter(by));
        let tried = self.doors().into_iter().filter(|door| !self.untried.contains(door));
        let entries = tried.map(|door| {
            let tok = key.token(&Attempt { door, epoch, network: home() });
            let fails = failing.contains(&door);
            let node = self.nodes.iter().find(|n| n.frontdoors.contains_key(&door)).unwrap();
            let witness = WitnessKey::new(self.keys.secret().witness(node.id));
            Entry {
                ep: door,
                epoch,
                tok,
                rcpt: (!fails).then(|| witness.receipt(door, epoch, &tok)),
                age: 0,
                phase: Came::Connection,
                ending: if fails { Ending::TimedOut } else { Ending::Ok },
                elapsed_time: None,
                rx: None,
                ctl: None,
            }
        });
        let report = Report { v: VERSION, by: credential, net: home(), entries: entries.collect() };
        self.watch.hear(&report, Sender::Unseen)
    }

    /// The clients whose moment was within the last minute.
    pub fn due(&self) -> impl Iterator<Item = u32> {
        let now = damm_clouds::Clock::now(&self.clock);
        let keys = self.keys.clone();
        (0..CLIENTS).filter(move |by| {
            let due = ReporterKey::new(keys.secret().reporter(*by)).due(Epoch::at(now));
            due <= now && now < due + Span::from_mins(1)
        })
    }

    /// Half an hour in which every client reports once.
    pub async fn half_an_hour(&self, failing: &[FrontdoorId]) {
        for _ in 0..30 {
            for by in self.due() {
                self.reports(by, failing);
            }
            self.minutes(1).await;
        }
    }

    /// What the catalogs of all buckets name from now on.
    pub async fn publish(&self, version: u64, doors: &[FrontdoorId]) {
        let front = |id: &FrontdoorId| Front {
            id: *id,
            address: [203, 0, 113, 1].into(),
            port: 443,
            transport: "shadowsocks".to_owned(),
            params: BTreeMap::new(),
        };
        let catalog = Catalog {
            schema: SCHEMA,
            fleet: "example".to_owned(),
            region: "north".parse().unwrap(),
            audience: "mfrggzdfmztwq2lknnwg23tpobyxe43u".parse().unwrap(),
            version,
            not_before: world::START,
            expires: world::START + Span::from_days(6),
            fronts: doors.iter().map(front).collect(),
        };
        let signed = catalog.seal(&[self.keys.online()]).to_bytes();
        let digest = catalog.contents_digest();
        let bucket = PublishedBucket { version, digest, expires_at: catalog.expires };
        let signed = Some(String::from_utf8(signed).unwrap());
        let editions = (0..BUCKETS).map(|number| Edition {
            key: BucketKey {
                region: catalog.region.clone(),
                population: population(),
                bucket: number,
            },
            bucket: bucket.clone(),
            signed: signed.clone(),
        });
        self.store.put_editions(&editions.collect::<Vec<_>>()).await.unwrap();
    }

    pub async fn state(&self, door: FrontdoorId) -> State {
        self.store.verdicts().await.unwrap().state(door, home())
    }
}

pub const CLIENTS: u32 = 120;

pub fn parts(
    dir: &TempDir,
    store: &Store,
    clock: &ManualClock,
    keys: &Arc<Keys>,
    topology: &Topology,
) -> WatchParts {
    WatchParts {
        store: store.clone(),
        topology: topology.clone(),
        keys: keys.clone(),
        clock: Arc::new(clock.clone()),
        file: kept(dir),
        origins: None,
        key: [9; 32],
    }
}

pub fn kept(dir: &TempDir) -> PathBuf {
    dir.path().join("damm.reach")
}

pub fn population() -> PopulationName {
    PopulationName::new("first").unwrap()
}

pub fn client(n: u32) -> CredentialId {
    CredentialId::new(n).unwrap()
}

pub fn home() -> Network {
    Network::new("IR", Asn(58_224)).unwrap()
}
