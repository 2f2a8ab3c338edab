//! A topology of any size.

use anyhow::Result;
use damm_fleet::Topology;
use serde_json::{Map, Value, json};

/// Accounts, each over a network of its own.
const PROVIDERS: usize = 8;
/// Regions of a large fleet; a small one has fewer.
const REGIONS: usize = 10;
/// Groups of clients; each is served by three regions.
const POPULATIONS: usize = 8;
/// Addresses on each node, of either role.
pub const ADDRESSES: usize = 3;

fn region(i: usize) -> String {
    format!("region-{i}")
}

fn providers(regions: usize) -> Value {
    let places = (0..regions).map(|r| (region(r), json!(format!("place-{r}"))));
    let places: Map<String, Value> = places.collect();
    let account = |i: usize| {
        let asn = 64_500 + i;
        json!({ "kind": "sim", "asns": [asn], "locations": places.clone(),
                "limits": { "requests_per_hour": 3_600_000, "parallel": 64 } })
    };
    let all = (0..PROVIDERS).map(|i| (format!("account-{i}"), account(i)));
    Value::Object(all.collect())
}

/// One node in ten is an egress node, one in a hundred stands by.
fn pools(nodes: usize) -> Value {
    let names: Vec<String> = (0..PROVIDERS).map(|i| format!("account-{i}")).collect();
    let (egress, standby) = ((nodes / 10).max(1), nodes / 100);
    let live = nodes - egress - standby;
    json!({
        "ingress": { "profile": "edge", "live": live, "standby": standby,
                     "providers": names.clone() },
        "egress": { "profile": "exit", "nodes": egress, "providers": names }
    })
}

fn populations(regions: usize) -> Value {
    let one = |i: usize| {
        let served: Vec<String> = (0..3.min(regions)).map(|r| region((i + r) % regions)).collect();
        json!({ "country": "IR", "asns": [58_224, 44_244 + i], "regions": served,
                "min_fronts": 10 })
    };
    let all = (0..POPULATIONS).map(|i| (format!("group-{i}"), one(i)));
    Value::Object(all.collect())
}

/// A DNS name for each ingress node, and one for each region.
fn names(regions: usize) -> Value {
    let entry = |r: usize, names: &str| {
        json!({ "provider": format!("account-{}", r % PROVIDERS), "zone": "example.org",
                "region": region(r), "names": names, "label": format!("{names}-{r}") })
    };
    let both = |r| [entry(r, "node"), entry(r, "region")];
    (0..regions).flat_map(both).collect()
}

/// A topology of this many nodes, as a file holds it.
pub fn topology(nodes: usize) -> Value {
    let regions = (nodes / 20).clamp(1, REGIONS);
    let pools = pools(nodes / regions);
    let all = (0..regions).map(|r| (region(r), pools.clone()));
    json!({
        "fleet": "bench",
        "providers": providers(regions),
        "profiles": {
            "edge": { "role": "ingress", "machine": { "sim": "small" }, "frontdoors": ADDRESSES,
                      "transports": [ { "kind": "shadowsocks", "port": 443 },
                                      { "kind": "wireguard", "port": 51_820 } ] },
            "exit": { "role": "egress", "machine": { "sim": "medium" }, "egress_ips": ADDRESSES }
        },
        "regions": all.collect::<Map<String, Value>>(),
        "populations": populations(regions),
        "dns": names(regions),
        "catalog": { "ttl": "24h" }
    })
}

/// One account and one region, for what is built and not only planned.
pub fn single(nodes: usize, addresses: usize, account: &Value) -> Result<Topology> {
    let topology = json!({
        "fleet": "bench",
        "providers": { "account": account },
        "profiles": {
            "edge": { "role": "ingress", "machine": { "sim": "small" }, "frontdoors": addresses,
                      "transports": [ { "kind": "shadowsocks", "port": 443 } ] },
            "exit": { "role": "egress", "machine": { "sim": "small" }, "egress_ips": addresses }
        },
        "regions": { "north": {
            "ingress": { "profile": "edge", "live": nodes, "providers": ["account"] },
            "egress": { "profile": "exit", "nodes": 0, "providers": ["account"] }
        } },
        "populations": { "ir": { "country": "IR", "asns": [58_224], "regions": ["north"],
                                 "min_fronts": 1, "min_providers": 1, "min_asns": 1 } }
    });
    Ok(serde_json::from_value(topology)?)
}
