//! How Linode writes what it has. Moments have no offset.

use std::net::Ipv4Addr;

use damm_fleet::Timestamp;
use serde_json::{Value, json};

use super::instances::{REGIONS, SIZES};
use super::state::{Instance, Node, Reserved};
use crate::moments::without_offset;
use crate::shelf::Aged;

/// All places, and one that is down.
pub fn regions() -> Vec<Value> {
    let shown = |(id, status): (&str, &str)| {
        json!({
            "id": id, "label": format!("{id}, somewhere"), "country": &id[..2],
            "capabilities": ["Linodes"], "status": status,
            "resolvers": { "ipv4": "192.0.2.53", "ipv6": "2001:db8::53" },
            "placement_group_limits": {
                "maximum_pgs_per_customer": 5, "maximum_linodes_per_pg": 5,
            },
        })
    };
    let open = REGIONS.iter().map(|id| (*id, "ok"));
    open.chain([("ap-south", "outage")]).map(shown).collect()
}

/// All sizes.
pub fn types() -> Vec<Value> {
    let price = json!({ "hourly": 0.0075, "monthly": 5.0 });
    let shown = |id: &&str| {
        json!({
            "id": id, "label": id, "class": "nanode", "vcpus": 1, "memory": 1024, "disk": 25600,
            "gpus": 0, "transfer": 1000, "network_out": 1000, "successor": null, "price": price,
            "region_prices": [], "addons": { "backups": { "price": price, "region_prices": [] } },
        })
    };
    SIZES.iter().map(shown).collect()
}

/// An instance; its addresses in the order of numbers, so that none is known by its place.
pub fn instance(instance: &Aged<Instance>, held: &[Ipv4Addr], now: Timestamp) -> Value {
    let it = &instance.item;
    let status = match (instance.is_going(), instance.is_ready(now)) {
        (true, _) => "deleting",
        (_, true) => "running",
        _ => "provisioning",
    };
    let mut ipv4: Vec<_> = held.iter().copied().chain([it.public]).chain(it.private).collect();
    ipv4.sort_by_key(|a| std::cmp::Reverse(*a));
    let at = without_offset(instance.made_at);
    json!({
        "id": it.id, "label": it.label, "group": "", "status": status, "created": at,
        "updated": at, "type": it.size, "ipv4": ipv4, "ipv6": "2001:db8::f03c:1/128",
        "image": "linode/debian12", "region": it.region, "tags": it.tags,
        "specs": { "disk": 25600, "memory": 1024, "vcpus": 1, "gpus": 0, "transfer": 1000 },
        "alerts": {
            "cpu": 90, "network_in": 10, "network_out": 10, "transfer_quota": 80, "io": 10000,
        },
        "backups": {
            "enabled": false, "available": false, "last_successful": null,
            "schedule": { "day": null, "window": null },
        },
        "hypervisor": "kvm", "watchdog_enabled": true, "host_uuid": "1a2b3c", "capabilities": [],
        "has_user_data": true, "placement_group": null, "lke_cluster_id": null,
    })
}

pub fn reserved(reserved: &Reserved) -> Value {
    let entity = reserved.linode_id.map(|id| {
        json!({
            "id": id, "type": "linode", "label": format!("linode{id}"),
            "url": format!("/v4/linode/instances/{id}"),
        })
    });
    json!({
        "address": reserved.address, "gateway": "203.0.0.1", "subnet_mask": "255.255.255.0",
        "prefix": 24, "type": "ipv4", "public": true, "rdns": null,
        "linode_id": reserved.linode_id, "interface_id": null, "region": reserved.region,
        "vpc_nat_1_1": null, "reserved": true, "assigned_entity": entity, "tags": reserved.tags,
    })
}

pub fn balancer(id: &str, now: Timestamp) -> Value {
    let at = without_offset(now);
    json!({
        "id": id.parse::<u64>().unwrap_or_default(), "label": "front", "region": "eu-central",
        "hostname": "nb.example.net", "ipv4": "192.0.2.1", "ipv6": null,
        "client_conn_throttle": 0, "created": at, "updated": at, "tags": [],
        "transfer": { "in": 0.0, "out": 0.0, "total": 0.0 },
    })
}

pub fn config(id: u64, port: u16, balancer: &str) -> Value {
    json!({
        "id": id, "port": port, "protocol": "tcp", "algorithm": "roundrobin",
        "stickiness": "none", "check": "connection", "check_interval": 5, "check_timeout": 3,
        "check_attempts": 2, "check_path": "", "check_body": "", "check_passive": true,
        "proxy_protocol": "none", "cipher_suite": "recommended",
        "nodebalancer_id": balancer.parse::<u64>().unwrap_or_default(),
        "nodes_status": { "up": 0, "down": 0 }, "ssl_commonname": "", "ssl_fingerprint": "",
        "ssl_cert": null, "ssl_key": null,
    })
}

pub fn node(node: &Node, balancer: &str) -> Value {
    json!({
        "id": node.id, "label": node.label, "address": node.address, "mode": node.mode,
        "weight": 50, "status": "unknown", "config_id": node.config,
        "nodebalancer_id": balancer.parse::<u64>().unwrap_or_default(),
    })
}
