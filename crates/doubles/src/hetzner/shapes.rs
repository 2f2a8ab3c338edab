//! How Hetzner writes what it has.

use damm_fleet::Timestamp;
use serde_json::{Value, json};

use super::state::{BOOT, Balancer, FloatingIp, Server};
use super::zones::RrSet;
use crate::moments::rfc3339;
use crate::shelf::Aged;

/// Places, with the zone of each.
pub const LOCATIONS: [(&str, &str); 3] =
    [("fsn1", "eu-central"), ("hel1", "eu-central"), ("ash", "us-east")];

/// Sizes, with the architecture of each.
pub const SIZES: [(&str, &str); 3] = [("cx22", "x86"), ("cx32", "x86"), ("cax11", "arm")];

fn location(name: &str) -> Value {
    let zone = LOCATIONS.iter().find(|(n, _)| *n == name).map_or("eu-central", |(_, zone)| zone);
    json!({
        "id": 1, "name": name, "description": format!("{name} park"), "country": "DE",
        "city": "Somewhere", "latitude": 50.5, "longitude": 12.4, "network_zone": zone,
    })
}

/// All places.
pub fn locations() -> Vec<Value> {
    LOCATIONS.iter().map(|(name, _)| location(name)).collect()
}

/// All sizes, with their prices.
pub fn sizes() -> Vec<Value> {
    let price = |net: &str| json!({ "net": net, "gross": net });
    let prices = json!([{
        "location": "fsn1", "price_hourly": price("0.0060000000"),
        "price_monthly": price("3.7900000000"), "included_traffic": 21990232555520u64,
        "price_per_tb_traffic": price("1.0000000000"),
    }]);
    let priced = |(name, _): &(&str, &str)| {
        let mut size = size(name);
        size["prices"] = prices.clone();
        size
    };
    SIZES.iter().map(priced).collect()
}

fn size(name: &str) -> Value {
    let architecture = SIZES.iter().find(|(n, _)| *n == name).map_or("x86", |(_, a)| a);
    json!({
        "id": 22, "name": name, "description": name.to_uppercase(), "cores": 2, "memory": 4.0,
        "disk": 40, "deprecated": false, "prices": [], "storage_type": "local",
        "cpu_type": "shared", "category": "Shared vCPU", "architecture": architecture,
        "deprecation": null, "locations": [],
    })
}

fn image(name: &str, server: &Server, made_at: Timestamp) -> Value {
    let architecture = SIZES.iter().find(|(n, _)| *n == server.size).map_or("x86", |(_, a)| a);
    json!({
        "id": 114690387, "type": "system", "status": "available", "name": name,
        "description": name, "image_size": null, "disk_size": 5, "created": rfc3339(made_at),
        "created_from": null, "bound_to": null, "os_flavor": "debian", "os_version": "12",
        "rapid_deploy": true, "protection": { "delete": false }, "deprecated": null,
        "deleted": null, "labels": {}, "architecture": architecture,
    })
}

/// The network of an address of IPv6.
fn network(address: std::net::IpAddr) -> String {
    let text = address.to_string();
    format!("{}/64", text.strip_suffix('1').unwrap_or(&text))
}

pub fn server(server: &Aged<Server>, floating_ips: &[u64], now: Timestamp) -> Value {
    let it = &server.item;
    let booted = server.made_at + BOOT.scale(0.5) <= now;
    let status = match (server.is_going(), server.is_ready(now), server.ready_at) {
        (true, _, _) => "deleting",
        (_, true, _) => "running",
        (_, _, Some(_)) if booted => "starting",
        _ => "initializing",
    };
    let ptr = format!("static.{}.example.net", it.ipv4.to_string().replace('.', "-"));
    let ipv4 = json!({ "id": it.id + 1, "ip": it.ipv4, "blocked": false, "dns_ptr": ptr });
    let ipv6 = json!({ "id": it.id + 2, "ip": network(it.ipv6), "blocked": false, "dns_ptr": [] });
    let net = json!({
        "ipv4": ipv4, "ipv6": ipv6, "floating_ips": floating_ips, "firewalls": [],
    });
    let data_center = json!({
        "id": 4, "name": format!("{}-dc14", it.location), "description": "dc",
        "location": location(&it.location),
        "server_types": { "supported": [], "available": [], "available_for_migration": [] },
    });
    json!({
        "id": it.id, "name": it.name, "status": status, "created": rfc3339(server.made_at),
        "public_net": net, "private_net": [], "server_type": size(&it.size),
        "datacenter": data_center, "location": location(&it.location),
        "image": image("debian-12", it, server.made_at), "iso": null, "rescue_enabled": false,
        "locked": server.is_going(), "backup_window": null, "outgoing_traffic": null,
        "ingoing_traffic": null, "included_traffic": 21990232555520u64,
        "protection": { "delete": false, "rebuild": false }, "labels": it.labels, "volumes": [],
        "load_balancers": [], "primary_disk_size": 40, "placement_group": null,
    })
}

pub fn floating_ip(ip: &Aged<FloatingIp>) -> Value {
    let it = &ip.item;
    let (kind, text) = match it.ip.is_ipv6() {
        true => ("ipv6", network(it.ip)),
        false => ("ipv4", it.ip.to_string()),
    };
    json!({
        "id": it.id, "name": it.name, "description": null, "ip": text, "type": kind,
        "server": it.server, "dns_ptr": [], "home_location": location(&it.location),
        "blocked": false, "protection": { "delete": false }, "labels": it.labels,
        "created": rfc3339(ip.made_at),
    })
}

pub fn balancer(balancer: &Balancer, now: Timestamp) -> Value {
    let service = |port: &u16| {
        json!({
            "protocol": "tcp", "listen_port": port, "destination_port": port,
            "proxyprotocol": false,
            "health_check": {
                "protocol": "tcp", "port": port, "interval": 15, "timeout": 10, "retries": 3,
            },
        })
    };
    let target = |id: &u64| {
        let health = json!([{ "listen_port": 443, "status": "healthy" }]);
        json!({
            "type": "server", "server": { "id": id }, "health_status": health,
            "use_private_ip": false,
        })
    };
    let services: Vec<_> = balancer.ports.iter().map(service).collect();
    let targets: Vec<_> = balancer.targets.iter().map(target).collect();
    let kind = json!({
        "id": 1, "name": "lb11", "description": "LB11", "max_connections": 10000,
        "max_services": 5, "max_targets": 25, "max_assigned_certificates": 10,
        "deprecated": null, "prices": [],
    });
    let net = json!({
        "enabled": true, "ipv4": { "ip": "192.0.2.1", "dns_ptr": null },
        "ipv6": { "ip": "2001:db8::1", "dns_ptr": null },
    });
    json!({
        "id": balancer.id, "name": balancer.name, "public_net": net, "private_net": [],
        "location": location("fsn1"), "load_balancer_type": kind,
        "protection": { "delete": false }, "labels": {}, "created": rfc3339(now),
        "services": services, "targets": targets, "algorithm": { "type": "round_robin" },
        "outgoing_traffic": null, "ingoing_traffic": null, "included_traffic": 0,
    })
}

pub fn record_set(set: &RrSet) -> Value {
    let records: Vec<_> = set.records.iter().map(|v| json!({ "value": v })).collect();
    json!({
        "id": format!("{}/{}", set.name, set.kind), "name": set.name, "type": set.kind,
        "ttl": set.ttl, "labels": set.labels, "protection": { "change": false },
        "records": records, "zone": 7,
    })
}

pub fn action(id: u64, command: &str, resources: &[(&str, u64)], now: Timestamp) -> Value {
    let resources: Vec<_> =
        resources.iter().map(|(kind, id)| json!({ "id": id, "type": kind })).collect();
    json!({
        "id": id, "command": command, "status": "running", "started": rfc3339(now),
        "finished": null, "progress": 0, "resources": resources, "error": null,
    })
}
