//! How the services write what they have.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_fleet::Timestamp;
use serde_json::{Value, json};

use super::PROJECT;
use super::state::{Flavor, Floating, Member, NETWORKS, Network, Port, Server};
use crate::moments::rfc3339;
use crate::shelf::Aged;

pub fn flavor(it: &Flavor) -> Value {
    json!({
        "id": it.id, "name": it.name, "vcpus": 2, "ram": 7000, "disk": it.disk, "swap": "",
        "OS-FLV-EXT-DATA:ephemeral": 0, "OS-FLV-DISABLED:disabled": false, "rxtx_factor": 1.0,
        "os-flavor-access:is_public": true, "links": [],
    })
}

pub fn image(id: &str, created_at: &str) -> Value {
    json!({
        "id": id, "name": "Debian 12", "status": "active", "visibility": "public",
        "created_at": created_at, "updated_at": created_at, "size": 1, "min_disk": 0,
        "min_ram": 0, "protected": false, "tags": [], "container_format": "bare",
        "disk_format": "raw", "schema": "/v2/schemas/image",
    })
}

/// A machine, with what leads to its addresses.
pub fn server(server: &Aged<Server>, floating: &BTreeMap<IpAddr, IpAddr>, now: Timestamp) -> Value {
    let it = &server.item;
    let booting = server.made_at + super::compute::PORT > now;
    let (status, task) = match (it.is_deleted, server.is_going(), server.is_ready(now)) {
        (true, ..) => ("DELETED", Value::Null),
        (_, true, _) => ("ACTIVE", Value::from("deleting")),
        (_, _, true) => ("ACTIVE", Value::Null),
        _ if server.ready_at.is_none() && !booting => ("ERROR", Value::Null),
        _ => ("BUILD", Value::from("spawning")),
    };
    let volumes: Vec<_> = it.volume.iter().map(|id| json!({ "id": id })).collect();
    let mut shown = json!({
        "id": it.id, "name": it.name, "status": status, "tenant_id": PROJECT, "user_id": "1",
        "metadata": it.metadata, "tags": it.tags, "created": rfc3339(server.made_at),
        "updated": rfc3339(server.made_at), "hostId": "", "links": [], "progress": 0,
        "image": "", "accessIPv4": "", "accessIPv6": "", "key_name": null, "config_drive": "",
        "locked": false, "description": null, "host_status": "UP",
        "flavor": {
            "vcpus": 2, "ram": 7000, "disk": it.flavor.disk, "ephemeral": 0, "swap": 0,
            "original_name": it.flavor.name, "extra_specs": {},
        },
        "OS-DCF:diskConfig": "MANUAL", "OS-EXT-AZ:availability_zone": it.zone,
        "OS-EXT-STS:task_state": task, "OS-EXT-STS:vm_state": status.to_lowercase(),
        "OS-EXT-STS:power_state": 1, "OS-SRV-USG:launched_at": null,
        "OS-SRV-USG:terminated_at": null, "os-extended-volumes:volumes_attached": volumes,
        "security_groups": it.groups.iter().map(|g| json!({ "name": g })).collect::<Vec<_>>(),
        "addresses": if booting { json!({}) } else { addresses(it, floating) },
    });
    if status == "ERROR" {
        let why = if it.no_host { "No valid host was found. " } else { "Build aborted." };
        shown["fault"] = json!({ "code": 500, "created": rfc3339(now), "message": why });
    }
    shown
}

fn addresses(server: &Server, floating: &BTreeMap<IpAddr, IpAddr>) -> Value {
    let one = |addr: &IpAddr, kind: &str| {
        json!({
            "addr": addr, "version": if addr.is_ipv6() { 6 } else { 4 },
            "OS-EXT-IPS:type": kind, "OS-EXT-IPS-MAC:mac_addr": "fa:16:3e:00:00:01",
        })
    };
    let mut all = json!({});
    for port in &server.ports {
        let fixed = port.fixed.iter().map(|a| one(a, "fixed"));
        let leading = port.fixed.iter().filter_map(|a| floating.get(a));
        all[port.network.name] = fixed.chain(leading.map(|a| one(a, "floating"))).collect();
    }
    all
}

pub fn network(it: &Network) -> Value {
    json!({
        "id": it.id, "name": it.name, "status": "ACTIVE", "admin_state_up": true,
        "shared": it.external, "router:external": it.external, "subnets": [it.subnet],
        "project_id": PROJECT, "tenant_id": PROJECT, "mtu": 1450, "tags": [], "description": "",
        "availability_zones": [], "availability_zone_hints": [], "port_security_enabled": true,
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "revision_number": 1,
    })
}

pub fn port(port: &Port, device: &str, zone: &str) -> Value {
    let fixed: Vec<_> = port
        .fixed
        .iter()
        .map(|a| json!({ "subnet_id": port.network.subnet, "ip_address": a }))
        .collect();
    json!({
        "id": port.id, "name": "", "status": "ACTIVE", "admin_state_up": true,
        "device_id": device, "device_owner": format!("compute:{zone}"),
        "network_id": port.network.id, "mac_address": "fa:16:3e:00:00:01", "fixed_ips": fixed,
        "project_id": PROJECT, "tenant_id": PROJECT, "security_groups": [], "tags": [],
        "allowed_address_pairs": [], "port_security_enabled": true, "description": "",
        "created_at": "2026-01-01T00:00:00Z", "updated_at": "2026-01-01T00:00:00Z",
        "revision_number": port.revision,
    })
}

/// Without an agent for it the status stays `DOWN`, whatever it leads to.
pub fn floating(ip: &Aged<Floating>) -> Value {
    let it = &ip.item;
    let (port, inner) = it.leads.as_ref().map(|(p, a)| (p, a)).unzip();
    json!({
        "id": it.id, "floating_ip_address": it.address, "floating_network_id": NETWORKS[1].id,
        "description": it.description, "port_id": port, "fixed_ip_address": inner,
        "router_id": null, "status": "DOWN", "project_id": PROJECT, "tenant_id": PROJECT,
        "tags": [], "port_forwardings": [], "revision_number": it.revision,
        "created_at": rfc3339(ip.made_at), "updated_at": rfc3339(ip.made_at),
    })
}

pub fn member(it: &Member) -> Value {
    json!({
        "id": it.id, "name": it.name, "address": it.address, "protocol_port": it.port,
        "weight": it.weight, "subnet_id": it.subnet, "backup": false, "admin_state_up": true,
        "operating_status": "NO_MONITOR", "provisioning_status": "ACTIVE",
        "project_id": PROJECT, "tenant_id": PROJECT, "monitor_address": null,
        "monitor_port": null, "tags": [], "created_at": "2026-01-01T00:00:00",
        "updated_at": null,
    })
}
