//! A fleet on the embedded cloud with its controller, its clients and a censor; time is moved by
//! hand, all the rest is real.

use std::collections::BTreeSet;
use std::net::SocketAddr;
use std::sync::Arc;

use damm_assign::trust::{Level, Rate};
use damm_clouds::sim::{MemoryStorage, SimWorld};
use damm_clouds::traits::Agents;
use damm_clouds::{Clock, ManualClock, Providers};
use damm_engine::{Budget, Engine, Keys, Listener, Parts, Stop};
use damm_fleet::topology::Dial;
use damm_fleet::{
    Asn, FrontdoorId, Network, NodeId, PopulationName, Seed, Span, Stage as Life, State, Timestamp,
    Topology,
};
use damm_formats::Settings;
use damm_protocol::InvitationCode;
use damm_protocol::evidence::WitnessKey;
use damm_server::clients::Invitation;
use damm_server::{ClientParts, ClientsEndpoint, Served, Watch, WatchParts};
use damm_store::{Access, Store};
use serde_json::json;
use tempfile::TempDir;

use super::people::{Nature, Person, World};

const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);

/// Who is against a door says so every so many minutes, which is five times as often as others.
const HASTE: usize = 6;

/// The clients of each network.
const EACH: usize = 75;

/// Where clients stand, and how many populations they are of.
pub fn networks() -> [(Network, &'static str); 4] {
    let network = |country, asn| Network::new(country, Asn(asn)).unwrap();
    [
        (network("IR", 58_224), "ir"),
        (network("IR", 44_244), "ir"),
        (network("TM", 20_661), "tm"),
        (network("TM", 51_495), "tm"),
    ]
}

fn topology() -> Topology {
    let account = |asn: u32| {
        json!({
            "kind": "sim", "asns": [asn], "locations": { "north": "n1" },
            "limits": { "requests_per_hour": 360_000, "parallel": 16 },
            "sim": { "session_half_life": "5m" }
        })
    };
    let people = |country, asns: [u32; 2]| {
        let regions = ["north"];
        json!({ "country": country, "asns": asns, "regions": regions, "min_fronts": 4 })
    };
    let topology = json!({
        "fleet": "example",
        "providers": { "a": account(64_500), "b": account(64_501), "c": account(64_502) },
        "profiles": {
            "edge": { "role": "ingress", "machine": { "sim": "small" }, "frontdoors": 2,
                      "transports": [ { "kind": "shadowsocks", "port": 443 } ] },
            "nat": { "role": "egress", "machine": { "sim": "small" }, "egress_ips": 2 }
        },
        "regions": { "north": {
            "ingress": { "profile": "edge", "live": 5, "providers": ["a", "b", "c"] },
            "egress": { "profile": "nat", "nodes": 1, "providers": ["a", "b"] }
        } },
        "populations": {
            "ir": people("IR", [58_224, 44_244]), "tm": people("TM", [20_661, 51_495]),
        },
        "rotation": {
            "ingress": { "max_age": "90d", "drain": "30m", "burned_drain": "15m",
                         "max_disrupted": "50%" },
            "egress": { "max_age": "180d", "drain": "30m", "max_disrupted": "50%" },
            "breaker": "60%", "max_destroys_per_plan": 50
        },
        "catalog": { "ttl": "2h", "buckets": 4, "fronts_per_bucket": 4,
                     "channels": [ { "kind": "directory", "path": "public" } ] }
    });
    serde_json::from_value(topology).unwrap()
}

/// What the censor and the networks do to clients.
#[derive(Default)]
pub struct Weather {
    /// Doors that nothing from a country gets through to.
    pub blocked: BTreeSet<(FrontdoorId, [u8; 2])>,
    /// A network where so much of everything fails.
    pub brownout: Option<(Network, f64)>,
}

/// The stage.
pub struct Stage {
    _dir: TempDir,
    pub clock: ManualClock,
    sim: Arc<SimWorld>,
    agents: Arc<dyn Agents>,
    pub engine: Engine,
    watch: Arc<Watch>,
    served: Served,
    keys: Arc<Keys>,
    pub people: Vec<Person>,
    pub weather: Weather,
    pub dead: BTreeSet<NodeId>,
    dice: u64,
    minute: usize,
}

impl Stage {
    /// A fleet that stands, whose clients enrolled over a week ago and have reported for hours.
    pub async fn new(seed: u64) -> Self {
        println!("seed {seed}");
        let mut stage = Self::empty(seed).await;
        stage.minutes(20).await;
        stage.crowd().await;
        for _ in 0..8 * 12 {
            stage.clock.advance(Span::from_hours(2));
            stage.settle().await;
        }
        for person in &mut stage.people {
            person.fetch(stage.served.address(), stage.clock.now()).await;
        }
        stage.minutes(5 * 60).await;
        assert!(stage.states(State::Blocked).is_empty(), "{:?}", stage.states(State::Blocked));
        assert_eq!(stage.live().len(), 10);
        stage
    }

    async fn empty(seed: u64) -> Self {
        let (dir, topology) = (tempfile::tempdir().unwrap(), topology());
        let clock = ManualClock::at(START);
        let shared: Arc<dyn Clock> = Arc::new(clock.clone());
        let storage = Arc::new(MemoryStorage::default());
        let sim = SimWorld::open(storage, shared.clone(), &topology).await.unwrap();
        let mut byte = 0;
        let draw = |bytes: &mut [u8; 32]| {
            byte += 1;
            bytes.fill(byte);
        };
        let keys = Arc::new(Keys::generate("example", START, draw).unwrap().keys);
        let store = Store::open(&dir.path().join("damm.db"), Access::Write).await.unwrap();
        store.bind_fleet("example").await.unwrap();
        let mut next = seed << 20;
        let providers = Providers::over(&topology, sim.clone());
        let agents = providers.agents.clone();
        let engine = Engine::new(Parts {
            store: store.clone(),
            topology: topology.clone(),
            base: dir.path().to_owned(),
            providers,
            clock: shared.clone(),
            keys: keys.clone(),
            templates: Default::default(),
            seeds: Box::new(move || {
                next += 1;
                Seed::from_number(next)
            }),
            listener: Listener::default(),
            stop: Stop::default(),
        });
        engine.recover().await.unwrap();
        let watch = Watch::open(WatchParts {
            store: store.clone(),
            topology: topology.clone(),
            keys: keys.clone(),
            clock: shared.clone(),
            file: dir.path().join("damm.db.reach"),
            origins: None,
            key: [9; 32],
        });
        let endpoint = ClientsEndpoint::new(ClientParts {
            store,
            topology,
            base: dir.path().to_owned(),
            keys: keys.clone(),
            clock: shared,
            agents: None,
            watch: watch.clone(),
            direct: false,
            settings: Settings::default(),
        });
        let served = endpoint.serve(SocketAddr::from(([127, 0, 0, 1], 0)), None).await.unwrap();
        Self {
            _dir: dir,
            clock,
            sim,
            agents,
            engine,
            watch,
            served,
            keys,
            people: Vec::new(),
            weather: Weather::default(),
            dead: BTreeSet::new(),
            dice: seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1,
            minute: 0,
        }
    }

    /// Everybody enrols, one a minute.
    async fn crowd(&mut self) {
        let mut number = 0;
        for (home, population) in networks() {
            let code = self.invite(population).await;
            for _ in 0..EACH {
                self.clock.advance(Span::from_mins(1));
                let at = self.served.address();
                self.people.push(Person::enrol(at, &code, number, home).await);
                number += 1;
            }
        }
    }

    async fn invite(&mut self, population: &str) -> InvitationCode {
        let code = InvitationCode::new(std::array::from_fn(|_| self.draw() as u8));
        let invitation = Invitation {
            population: PopulationName::new(population).unwrap(),
            level: Level::MOST,
            left: EACH as u32,
            made_at: self.clock.now(),
            expires_at: self.clock.now() + Span::from_days(1),
            revoked: false,
            rate: Rate::default(),
        };
        self.engine.store().put_invitation(&code.hash(), &invitation).await.unwrap();
        code
    }

    /// One round of the controller's, as `damm serve` goes about it.
    async fn settle(&self) {
        let tries = u32::MAX;
        let budget = Budget { polls: 0, patience: Span::ZERO, tries, destroyed: 0 };
        self.engine.settle(budget, "test").await.unwrap();
        let inventory = self.engine.inventory().await.unwrap();
        let words = self.agents.reports().await.unwrap();
        if self.watch.look(&self.engine.blueprint(), &inventory, &words).await.unwrap() {
            self.engine.settle(budget, "test").await.unwrap();
        }
    }

    /// Lets minutes pass in which clients live and the controller works.
    pub async fn minutes(&mut self, n: usize) {
        for _ in 0..n {
            self.clock.advance(Span::from_mins(1));
            self.minute += 1;
            self.live_on().await;
            self.settle().await;
        }
    }

    /// Lets minutes pass until something is so; how many it took.
    pub async fn until(&mut self, most: usize, what: &str, so: impl Fn(&Self) -> bool) -> usize {
        for n in 0..most {
            if so(self) {
                return n;
            }
            self.minutes(1).await;
        }
        panic!("{what}: not within {most} minutes; {:?}", self.states(State::Blocked));
    }

    /// What clients do in a minute.
    async fn live_on(&mut self) {
        let (at, now) = (self.served.address(), self.clock.now());
        let mut people = std::mem::take(&mut self.people);
        for (n, person) in people.iter_mut().enumerate() {
            let hasty = person.nature != Nature::Honest;
            if !(person.is_due(now) || hasty && (n + self.minute).is_multiple_of(HASTE)) {
                continue;
            }
            let (report, failed) = person.attempt(self, now);
            Person::report(at, &report).await;
            // Every hour, and when a door fails.
            if failed || self.minute % 60 < 30 {
                person.fetch(at, now).await;
            }
        }
        self.people = people;
    }

    /// A number of 64 bits (xorshift, Marsaglia 2003).
    fn draw(&mut self) -> u64 {
        self.dice ^= self.dice << 13;
        self.dice ^= self.dice >> 7;
        self.dice ^= self.dice << 17;
        self.dice
    }

    fn happens(&mut self, share: f64) -> bool {
        ((self.draw() >> 11) as f64) < share * (1u64 << 53) as f64
    }

    /// The doors that serve.
    pub fn live(&self) -> BTreeSet<FrontdoorId> {
        let target = self.engine.blueprint();
        let doors = target.nodes.values().filter(|n| n.serves()).flat_map(|n| n.served_doors());
        doors.map(|d| d.id).collect()
    }

    /// Doors that drain.
    pub fn draining(&self) -> BTreeSet<FrontdoorId> {
        let target = self.engine.blueprint();
        let doors = target.nodes.values().flat_map(|n| n.frontdoors.values());
        doors.filter(|d| matches!(d.stage, Life::Draining { .. })).map(|d| d.id).collect()
    }

    /// The node that holds a door.
    pub fn node_of(&self, door: FrontdoorId) -> Option<NodeId> {
        let target = self.engine.blueprint();
        target.nodes.values().find(|n| n.frontdoors.contains_key(&door)).map(|n| n.id)
    }

    /// Where doors are in a state.
    pub fn states(&self, state: State) -> BTreeSet<(FrontdoorId, Network)> {
        let verdicts = self.watch.verdicts();
        let all =
            verdicts.0.keys().flat_map(|door| verdicts.of(*door).map(|(n, v)| (*door, *n, v)));
        all.filter(|(_, _, v)| v.state == state).map(|(door, n, _)| (door, n)).collect()
    }

    /// A node dies, and what runs on it.
    pub async fn kill(&mut self, node: NodeId) {
        assert!(self.sim.kill_machine(node).await.unwrap());
        self.dead.insert(node);
    }

    /// Providers refuse everything, or are as they were.
    pub fn refuse(&self, all: bool) {
        let error_before = if all { 1.0 } else { 0.0 };
        for account in self.engine.topology().providers.keys() {
            self.sim.set_dial(account, &Dial { error_before, ..Dial::default() });
        }
    }
}

impl World for Stage {
    /// One attempt in thirty fails for no reason.
    fn try_door(&mut self, door: FrontdoorId, from: Network) -> Option<NodeId> {
        let node = self.node_of(door)?;
        let browned = self.weather.brownout.filter(|(network, _)| *network == from);
        let fails = self.happens(browned.map_or(0.033, |(_, share)| share));
        let stopped = self.weather.blocked.contains(&(door, from.country));
        (!fails && !stopped && !self.dead.contains(&node)).then_some(node)
    }

    fn witness(&self, node: NodeId) -> WitnessKey {
        WitnessKey::new(self.keys.secret().witness(node))
    }
}
