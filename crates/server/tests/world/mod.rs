//! A fleet in a state, an endpoint that listens on loopback, and agents that talk to it.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]
#![allow(dead_code, reason = "each test binary uses its own part")]

pub mod agent;
#[path = "../stock/mod.rs"]
mod stock;

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, SocketAddr};
use std::sync::Arc;

use damm_clouds::{AddressOrders, ManualClock, NodeOrders};
use damm_engine::Keys;
use damm_fleet::{
    Blueprint, Diff, Node, NodeId, Origin, Phase, Resource, Role, Seed, Timestamp, Topology,
};
use damm_server::{AgentsEndpoint, Parts, Served};
use damm_store::{Access, Store};
use serde_json::json;
use tempfile::TempDir;

/// When everything begins.
pub const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

pub struct World {
    pub dir: TempDir,
    pub store: Store,
    pub clock: ManualClock,
    pub keys: Arc<Keys>,
    pub endpoint: Arc<AgentsEndpoint>,
    pub served: Served,
    pub seed: Seed,
}

pub fn topology() -> Topology {
    let machine = json!({ "lab": "namespace", "sim": "small" });
    let topology = json!({
        "fleet": "example",
        "providers": {
            "lab-a": { "kind": "lab", "asns": [64500], "locations": { "north": "a1" },
                       "lab": { "prefixes": ["198.18.0.0/24"] } },
            "sim-a": { "kind": "sim", "asns": [64501], "locations": { "north": "b1" } },
        },
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
    });
    serde_json::from_value(topology).unwrap()
}

pub fn keys() -> Arc<Keys> {
    stock::keys(START)
}

pub fn node(seed: &mut Seed, role: Role) -> Node {
    stock::node(seed, role, START)
}

/// Orders for all of a node's addresses, the `n`th node's.
pub fn orders(node: &Node, n: u8, generation: u64) -> NodeOrders {
    let address = |k: usize| AddressOrders {
        address: IpAddr::from([198, 18, n, 10 + k as u8]),
        inner: None,
        draining: false,
    };
    let doors = node.frontdoors.keys().enumerate().map(|(k, id)| (*id, address(k)));
    let ips = node.egress_ips.keys().enumerate().map(|(k, id)| (*id, address(k)));
    NodeOrders {
        generation,
        draining: false,
        frontdoors: doors.collect(),
        egress_ips: ips.collect(),
    }
}

/// A running machine's row, the `n`th node's.
pub fn machine(node: &Node, n: u8) -> Resource {
    let mut row = Resource::wanted(node.id.into(), node.id, node.provider.clone(), START);
    row.phase = Phase::Present;
    row.attempt = 1;
    row.provider_ref = Some(format!("m{n}"));
    row.address = Some(IpAddr::V4(Ipv4Addr::new(198, 18, n, 1)));
    row
}

/// Makes a blueprint with these nodes the target.
pub async fn retarget(store: &Store, seed: &mut Seed, nodes: &[Node]) -> Blueprint {
    let parent = store.target().await.unwrap();
    let mut next = parent.child(seed.blueprint(), START, Origin::Planner);
    next.nodes = nodes.iter().map(|n| (n.id, n.clone())).collect();
    let diff = Diff::between(&parent, &next);
    store.set_target(&next, &diff, &json!({}), "tester").await.unwrap();
    next
}

impl World {
    /// A fleet of these nodes, whose machines run.
    pub async fn new(nodes: &[Node], seed: Seed) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let store = Store::open(&dir.path().join("damm.db"), Access::Write).await.unwrap();
        let mut seed = seed;
        retarget(&store, &mut seed, nodes).await;
        let rows: Vec<_> = (1u8..).zip(nodes).map(|(n, node)| machine(node, n)).collect();
        store.put_resources(&rows).await.unwrap();
        let (clock, keys) = (ManualClock::at(START), keys());
        let endpoint = open(&store, &clock, &keys).await;
        let served = endpoint.serve(loopback()).await.unwrap();
        Self { dir, store, clock, keys, endpoint, served, seed }
    }

    /// The endpoint stopped, the state closed as a crash would leave it, and all begun again.
    pub async fn restart(self) -> Self {
        let Self { dir, store, clock, keys, endpoint, served, seed } = self;
        served.stop().await;
        drop(endpoint);
        store.close().await.unwrap();
        let store = Store::open(&dir.path().join("damm.db"), Access::Write).await.unwrap();
        let endpoint = open(&store, &clock, &keys).await;
        let served = endpoint.serve(loopback()).await.unwrap();
        Self { dir, store, clock, keys, endpoint, served, seed }
    }

    pub fn token(&self, node: NodeId, attempt: u32) -> String {
        self.keys.join().token("example", node, attempt).expose().to_owned()
    }

    /// An agent of a node, connected.
    pub async fn agent(&self, node: NodeId, key: u8) -> agent::Agent {
        let token = self.token(node, 1);
        agent::Agent::connect(self.served.address(), self.keys.controller().pin(), node, key, token)
            .await
            .unwrap()
    }

    /// What the engine reads.
    pub async fn reports(&self) -> BTreeMap<NodeId, damm_clouds::NodeReport> {
        damm_clouds::Agents::reports(&*self.endpoint).await.unwrap()
    }

    pub async fn order(&self, node: NodeId, orders: &NodeOrders) {
        damm_clouds::Agents::order(&*self.endpoint, node, orders).await.unwrap();
    }
}

pub async fn open(store: &Store, clock: &ManualClock, keys: &Arc<Keys>) -> Arc<AgentsEndpoint> {
    let parts = Parts {
        store: store.clone(),
        topology: topology(),
        keys: keys.clone(),
        clock: Arc::new(clock.clone()),
    };
    AgentsEndpoint::open(parts).await.unwrap()
}

pub fn loopback() -> SocketAddr {
    SocketAddr::from(([127, 0, 0, 1], 0))
}
