//! The engine, the endpoint and agents together: machines of the embedded cloud that run agents
//! which join over real TLS.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod world;

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;
use std::time::{Duration, Instant};

use async_trait::async_trait;
use damm_catalog::{Catalog, Envelope};
use damm_clouds::sim::{MemoryStorage, SimWorld};
use damm_clouds::{Agents, Clock, Providers};
use damm_engine::{Budget, Ended, Engine, Keys, Listener, Stop};
use damm_fleet::{NodeId, Phase, Seed, Span, Subject, Timestamp, Topology};
use damm_protocol::{NodeConfig, Report, RoleConfig};
use damm_server::{AgentsEndpoint, Parts, Served};
use damm_store::{Access, Store};
use serde_json::json;
use tempfile::TempDir;
use world::agent::Agent;

/// How much faster than the machine's the tests' clock goes.
const FASTER: u64 = 60;

/// A clock that goes faster than the machine's.
#[derive(Clone)]
struct Fast(Instant);

#[async_trait]
impl Clock for Fast {
    fn now(&self) -> Timestamp {
        world::START + Span::from_millis(self.0.elapsed().as_millis() as u64 * FASTER)
    }

    async fn sleep(&self, span: Span) {
        tokio::time::sleep(Duration::from_millis(span.as_millis() / FASTER)).await;
    }
}

/// The same fleet as the embedded cloud sees it, and as the controller does: with agents.
fn topology(agents: bool) -> Topology {
    let machine = json!({ "lab": "small", "sim": "small" });
    // Clients are told of doors in several prefixes, where there are some.
    let prefixes: Vec<String> = (0..32).map(|n| format!("198.18.{n}.0/24")).collect();
    let sim = json!({ "prefixes": prefixes, "boot_time": "2s", "delete_time": "1s" });
    let lab = json!({ "prefixes": prefixes });
    let settings = if agents { ("lab", "lab", lab) } else { ("sim", "sim", sim) };
    let mut provider = json!({ "asns": [64500], "locations": { "north": "a1" },
        "limits": { "requests_per_hour": 3_600_000 }, "prices": { "machines": { "small": 1 } } });
    provider["kind"] = settings.0.into();
    provider[settings.1] = settings.2;
    serde_json::from_value(json!({
        "fleet": "example",
        "providers": { "lab-a": provider },
        "profiles": {
            "edge": { "role": "ingress", "machine": machine, "frontdoors": 2,
                      "transports": [{ "kind": "shadowsocks", "port": 443 }] },
            "exit": { "role": "egress", "machine": machine, "egress_ips": 2 },
        },
        "regions": { "north": {
            "ingress": { "profile": "edge", "live": 2, "providers": ["lab-a"] },
            "egress": { "profile": "exit", "nodes": 1, "providers": ["lab-a"] },
        } },
        "populations": { "first": {
            "country": "IR", "asns": [58224], "regions": ["north"], "min_fronts": 1,
        } },
        "catalog": { "ttl": "6h", "buckets": 2, "fronts_per_bucket": 2,
                     "channels": [{ "kind": "directory", "path": "public" }] },
    }))
    .unwrap()
}

/// What outlives a controller.
struct Outside {
    dir: TempDir,
    clock: Arc<Fast>,
    sim: Arc<SimWorld>,
    keys: Arc<Keys>,
}

/// A controller at work.
struct Controller {
    store: Store,
    engine: Engine,
    endpoint: Arc<AgentsEndpoint>,
    served: Served,
}

impl Outside {
    async fn new() -> Self {
        let clock = Arc::new(Fast(Instant::now()));
        let storage = Arc::new(MemoryStorage::default());
        let sim = SimWorld::open(storage, clock.clone(), &topology(false)).await.unwrap();
        let dir = tempfile::tempdir().unwrap();
        Self { dir, clock, sim, keys: world::keys() }
    }

    async fn controller(&self, seed: u64) -> Controller {
        let store = Store::open(&self.dir.path().join("damm.db"), Access::Write).await.unwrap();
        let mut providers = Providers::over(&topology(false), self.sim.clone());
        let topology = topology(true);
        let endpoint = AgentsEndpoint::open(Parts {
            store: store.clone(),
            topology: topology.clone(),
            keys: self.keys.clone(),
            clock: self.clock.clone(),
        });
        let endpoint = endpoint.await.unwrap();
        // Not beside the agents that the embedded cloud would play.
        providers.agents = endpoint.clone();
        let mut number = seed << 20;
        let engine = Engine::new(damm_engine::Parts {
            store: store.clone(),
            topology,
            base: self.dir.path().to_owned(),
            providers,
            clock: self.clock.clone(),
            keys: self.keys.clone(),
            templates: BTreeMap::new(),
            seeds: Box::new(move || {
                number += 1;
                Seed::from_number(number)
            }),
            listener: Listener::default(),
            stop: Stop::default(),
        });
        engine.recover().await.unwrap();
        let served = endpoint.serve(world::loopback()).await.unwrap();
        Controller { store, engine, endpoint, served }
    }
}

/// All addresses that a config names are found working at once.
fn report(config: Option<&NodeConfig>) -> Report {
    let verified: BTreeSet<Subject> = match config.map(|c| &c.role) {
        Some(RoleConfig::Ingress(i)) => i.frontdoors.keys().map(|d| (*d).into()).collect(),
        Some(RoleConfig::Egress(e)) => e.addresses.keys().map(|a| (*a).into()).collect(),
        None => BTreeSet::new(),
    };
    let (applied, orders) = config.map_or((0, 0), |c| (c.generation, c.orders));
    Report { applied, orders, verified, ..Report::default() }
}

/// An agent's life, until its controller goes.
async fn live(mut agent: Agent, params: String) {
    agent.join().await.unwrap();
    let params: BTreeMap<_, _> = [("key".to_owned(), params)].into();
    let transports: BTreeMap<_, _> = [("shadowsocks".to_owned(), params)].into();
    let mut config: Option<NodeConfig> = None;
    loop {
        let said = report(config.as_ref());
        let have = config.as_ref().map_or(0, |c| c.generation);
        let answer = agent.sync(|r| {
            (r.have, r.report, r.wait) = (have, Some(said), Span::from_millis(200));
            r.transports = Some(transports.clone());
        });
        let answer = answer.await;
        match answer {
            Ok(answer) => config = answer.config.or(config),
            Err(refused) => panic!("{refused:?}"),
        }
    }
}

/// Starts an agent on each machine that runs, as its cloud-init would.
async fn boot(outside: &Outside, controller: &Controller, started: &mut BTreeSet<NodeId>) {
    for row in controller.store.machines().await.unwrap() {
        if row.phase != Phase::Present || !started.insert(row.node) {
            continue;
        }
        let token = outside.keys.join().token("example", row.node, row.attempt);
        let (at, pin) = (controller.served.address(), outside.keys.controller().pin());
        let key = started.len() as u8;
        let token = token.expose().to_owned();
        let agent = Agent::connect(at, pin, row.node, key, token).await.unwrap();
        tokio::spawn(live(agent, format!("of {}", row.node)));
    }
}

async fn settle(outside: &Outside, controller: &Controller, started: &mut BTreeSet<NodeId>) {
    let budget = Budget { polls: 200, ..Budget::default() };
    let settling = controller.engine.settle(budget, "tester");
    let booting = async {
        loop {
            boot(outside, controller, started).await;
            tokio::time::sleep(Duration::from_millis(50)).await;
        }
    };
    tokio::select! {
            settled = settling => {
                let settled = settled.unwrap();
    assert_eq!(settled.ended, Ended::Done, "{:?} {:?}", settled.held, settled.waits);
            }
            () = booting => unreachable!("it never ends"),
        }
}

fn published(dir: &Path) -> BTreeMap<String, Catalog> {
    let files = std::fs::read_dir(dir.join("public")).unwrap();
    let read = |file: std::io::Result<std::fs::DirEntry>| {
        let file = file.unwrap();
        let bytes = std::fs::read(file.path()).unwrap();
        let envelope = Envelope::from_bytes(&bytes).unwrap();
        (file.file_name().into_string().unwrap(), Catalog::from_bytes(&envelope.payload).unwrap())
    };
    files.map(read).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_fleet_is_built_by_its_agents_and_a_new_controller_changes_nothing() {
    let outside = Outside::new().await;
    let controller = outside.controller(1).await;
    let mut started = BTreeSet::new();
    settle(&outside, &controller, &mut started).await;
    assert_eq!(started.len(), 3);
    let catalogs = published(outside.dir.path());
    let target = controller.store.target().await.unwrap();
    for front in catalogs.values().flat_map(|c| &c.fronts) {
        let (node, _) = target.frontdoor(front.id).unwrap();
        assert_eq!(front.params["key"], format!("of {}", node.id));
    }
    // Each ingress was told of the egress, with sessions for it.
    let egress = target.nodes.values().find(|n| !n.egress_ips.is_empty()).unwrap().id;
    for ingress in target.nodes.values().filter(|n| !n.frontdoors.is_empty()) {
        let config = controller.store.agent_configs().await.unwrap().remove(&ingress.id).unwrap();
        assert_eq!(config.peers, BTreeSet::from([egress]));
    }

    // The controller is gone for longer than a silence may last, and another one takes over.
    let Controller { store, engine, endpoint, served } = controller;
    served.stop().await;
    drop((engine, endpoint));
    store.close().await.unwrap();
    outside.clock.sleep(Span::from_mins(11)).await;
    let again = outside.controller(2).await;
    again.engine.refresh().await.unwrap();
    let plan = again.engine.replan(0).await.unwrap();
    assert!(plan.diff.is_empty(), "{:?}", plan.report.changes);
    assert_eq!(again.engine.due().await.unwrap().steps, []);
    assert_eq!(published(outside.dir.path()), catalogs);
    assert_eq!(again.endpoint.reports().await.unwrap().len(), 3);
}
