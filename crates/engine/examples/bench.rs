//! What the engine costs, and how close it comes to what an account's rate allows.
//!
//! `cargo run --release -p damm-engine --example bench`

#![allow(clippy::unwrap_used)] // A measurement that can not go on stops.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::time::Instant;

use damm_clouds::sim::{MemoryStorage, SimWorld};
use damm_clouds::{Clock, Providers, WallClock};
use damm_engine::{Engine, Keys, Listener, Parts, Stop};
use damm_fleet::{ProviderName, Seed, Topology};
use damm_store::{Access, Store};
use serde_json::{Value, json};

/// One account, one region, and as many egress nodes as asked for.
fn topology(nodes: u32, ips: u32, account: &Value) -> Topology {
    let text = json!({
        "fleet": "bench",
        "providers": { "one": account },
        "profiles": {
            "edge": { "role": "ingress", "machine": { "sim": "small" }, "frontdoors": 1,
                      "transports": [ { "kind": "shadowsocks", "port": 443 } ] },
            "nat": { "role": "egress", "machine": { "sim": "small" }, "egress_ips": ips }
        },
        "regions": { "north": {
            "ingress": { "profile": "edge", "live": 0, "providers": ["one"] },
            "egress": { "profile": "nat", "nodes": nodes, "providers": ["one"] }
        } },
        "populations": { "ir": {
            "country": "IR", "asns": [1], "regions": ["north"], "min_fronts": 1
        } }
    });
    serde_json::from_value(text).unwrap()
}

fn account(requests_per_hour: u32, parallel: u32, latency: &str) -> Value {
    json!({
        "kind": "sim", "asns": [64_500], "locations": { "north": "n1" },
        "limits": { "requests_per_hour": requests_per_hour, "parallel": parallel },
        "sim": { "latency": latency, "boot_time": "1h" }
    })
}

async fn engine(topology: Topology, dir: &Path) -> (Engine, Arc<SimWorld>) {
    let clock: Arc<dyn Clock> = Arc::new(WallClock);
    let storage = Arc::new(MemoryStorage::default());
    let world = SimWorld::open(storage, clock.clone(), &topology).await.unwrap();
    let store = Store::open(&dir.join("damm.db"), Access::Write).await.unwrap();
    store.bind_fleet(&topology.fleet).await.unwrap();
    let mut byte = 0;
    let draw = |bytes: &mut [u8; 32]| {
        byte += 1;
        bytes.fill(byte);
    };
    let keys = Keys::generate(&topology.fleet, clock.now(), draw);
    let mut drawn = 0;
    let engine = Engine::new(Parts {
        store,
        providers: Providers::over(&topology, world.clone()),
        topology,
        base: dir.to_owned(),
        clock,
        keys: Arc::new(keys.unwrap().keys),
        templates: BTreeMap::new(),
        seeds: Box::new(move || {
            drawn += 1;
            Seed::from_number(drawn)
        }),
        listener: Listener::default(),
        stop: Stop::default(),
    });
    engine.recover().await.unwrap();
    let plan = engine.replan(0).await.unwrap();
    engine.adopt(&plan, "bench").await.unwrap();
    (engine, world)
}

/// User and system time of this process so far, in seconds: fields 14 and 15 of proc(5)'s `stat`,
/// in ticks of 10 ms.
fn cpu() -> f64 {
    let stat = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let after_name = stat.rsplit(')').next().unwrap_or_default();
    let fields: Vec<f64> = after_name.split_whitespace().filter_map(|f| f.parse().ok()).collect();
    // The state is no number, so what proc(5) calls 14 is the eleventh number here.
    fields.get(10..12).map_or(0.0, |t| (t[0] + t[1]) / 100.0)
}

/// A thousand creations, each with its two durable lines in the ledger, and no latency.
async fn bookkeeping() {
    let dir = tempfile::tempdir().unwrap();
    let at_once = account(u32::MAX, 256, "0s");
    let (engine, _) = engine(topology(1_000, 0, &at_once), dir.path()).await;
    let (before, began) = (cpu(), Instant::now());
    let passed = engine.pass().await.unwrap();
    let (spent, took) = (cpu() - before, began.elapsed());
    println!(
        "1,000 creates and {} orders, each step durable: {spent:.2} s CPU, {took:.2?}",
        passed.done - 1_000
    );
}

/// Five hundred nodes with an address each, at a rate, with 200 ms for each answer.
async fn pace(per_second: u32) {
    let dir = tempfile::tempdir().unwrap();
    let parallel = per_second.div_ceil(4).max(2);
    let slow = account(per_second * 3_600, parallel, "200ms");
    let (engine, world) = engine(topology(500, 1, &slow), dir.path()).await;
    let began = Instant::now();
    engine.pass().await.unwrap();
    let took = began.elapsed().as_secs_f64();
    let standing = &world.audit()[&ProviderName::new("one").unwrap()];
    let allowed = standing.calls as f64 / f64::from(per_second);
    println!(
        "500 nodes at {per_second} calls a second and 200 ms latency: {} calls in {took:.1} s, \
         {:+.1} % over the {allowed:.1} s that the limit allows; {} throttled",
        standing.calls,
        (took / allowed - 1.0) * 100.0,
        standing.over_limit
    );
}

#[tokio::main]
async fn main() {
    bookkeeping().await;
    pace(20).await;
    pace(100).await;
}
