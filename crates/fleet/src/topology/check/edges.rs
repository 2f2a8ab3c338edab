//! DNS names and load balancers.

use std::collections::BTreeMap;

use super::Finding;
use crate::id::NodeId;
use crate::topology::path::Path;
use crate::topology::{DnsEntry, DnsNames, Topology};

/// The longest name that DNS can hold (RFC 1035, section 2.3.4), as it is written with dots.
const LONGEST_NAME: usize = 253;

/// Names that are given twice or can't be made, and balancers that lead to a closed port.
pub fn check(topology: &Topology) -> Vec<Finding> {
    let names = topology.dns.iter().map(dns_name).collect::<Vec<_>>();
    let balancers = topology.balancers.iter().map(|b| format!("the balancer `{}`", b.name));
    let mut findings = twice("dns", &names);
    findings.extend(twice("balancers", &balancers.collect::<Vec<_>>()));
    findings.extend(too_long(topology));
    findings.extend(closed_ports(topology));
    findings
}

fn twice(list: &str, names: &[String]) -> Vec<Finding> {
    let mut first = BTreeMap::new();
    let mut findings = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let earlier = *first.entry(name).or_insert(at);
        if earlier != at {
            let path = |at| Path::keys([list]).index(at);
            findings.push(
                Finding::error(path(at), format!("{name} is described twice"))
                    .related(path(earlier), "first described here")
                    .help("keep one of them, or rename one"),
            );
        }
    }
    findings
}

fn dns_name(entry: &DnsEntry) -> String {
    match entry.names {
        DnsNames::Region => format!("the name `{}.{}`", entry.label, entry.zone),
        // Node ids are never the same, so two regions may stand under one label.
        DnsNames::Node => {
            format!("`<node>.{}.{}` for the nodes of `{}`", entry.label, entry.zone, entry.region)
        }
    }
}

fn too_long(topology: &Topology) -> Vec<Finding> {
    let node = NodeId::from_raw(0).to_string().len() + ".".len();
    let length = |d: &DnsEntry| {
        let own = d.label.len() + 1 + d.zone.len();
        match d.names {
            DnsNames::Region => own,
            DnsNames::Node => own + node,
        }
    };
    let entries = topology.dns.iter().enumerate();
    entries
        .filter(|(_, d)| length(d) > LONGEST_NAME)
        .map(|(at, d)| {
            let message = format!("names under `{}` have {} symbols", d.label, length(d));
            Finding::error(Path::keys(["dns"]).index(at).key("zone"), message)
                .help(format!("DNS holds names of up to {LONGEST_NAME} symbols"))
        })
        .collect()
}

fn closed_ports(topology: &Topology) -> Vec<Finding> {
    let mut findings = Vec::new();
    for (at, balancer) in topology.balancers.iter().enumerate() {
        let profile = topology.regions.get(&balancer.region).map(|r| &r.ingress.profile);
        let Some((name, profile)) = profile.and_then(|p| topology.profiles.get_key_value(p)) else {
            continue;
        };
        if profile.transports.iter().all(|t| t.port != balancer.port) {
            let ports: Vec<_> = profile.transports.iter().map(|t| t.port.to_string()).collect();
            let message = format!("no front door of `{}` listens on this port", balancer.region);
            let path = Path::keys(["balancers"]).index(at).key("port");
            findings.push(
                Finding::warning(path, message)
                    .related(Path::keys(["profiles", name.as_str(), "transports"]), "these do")
                    .help(format!("ports of `{name}`: {}", ports.join(", "))),
            );
        }
    }
    findings
}
