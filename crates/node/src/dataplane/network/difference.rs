//! From what there is to what there should be, in as few commands as can be. Pure.

use std::collections::BTreeSet;
use std::net::IpAddr;

use damm_protocol::TunnelAddresses;
use ipnet::IpNet;

use crate::dataplane::network::{Actual, Desired, PROTOCOL, Route, RouteKind, Rule};

/// Lines for `ip -batch`: what is made first, and what is removed last.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Batches {
    /// Interfaces that are not there.
    pub missing: Vec<String>,
    /// Interfaces that should not be there.
    pub stale: Vec<String>,
    /// Lines that add, for `ip -4` and `ip -6`.
    pub add: [Vec<String>; 2],
    /// Lines that remove, for `ip -4` and `ip -6`.
    pub remove: [Vec<String>; 2],
    /// Addresses that are added to the uplink: to be remembered before.
    pub uplink_added: BTreeSet<IpAddr>,
}

/// What has to be done. `remembered` are the addresses that we added to the uplink.
pub fn difference(
    desired: &Desired,
    actual: &Actual,
    uplink: &str,
    remembered: &BTreeSet<IpAddr>,
) -> Batches {
    let mut batches = Batches::default();
    links(&mut batches, desired, actual);
    addresses(&mut batches, desired, actual);
    on_uplink(&mut batches, desired, actual, uplink, remembered);
    for route in desired.routes.difference(&actual.routes) {
        batches.add[of(route.to.addr())].push(format!("route replace {}", words(route)));
    }
    for route in actual.routes.difference(&desired.routes) {
        batches.remove[of(route.to.addr())].push(format!("route del {}", words(route)));
    }
    for rule in desired.rules.difference(&actual.rules) {
        batches.add[usize::from(!rule.v4)].push(format!("rule add {}", rule_words(rule)));
    }
    for rule in actual.rules.difference(&desired.rules) {
        batches.remove[usize::from(!rule.v4)].push(format!("rule del {}", rule_words(rule)));
    }
    batches
}

/// Interfaces are brought up here, when they have been configured. What hangs on one that was down
/// or missing is not there either, so it is added after it.
fn links(batches: &mut Batches, desired: &Desired, actual: &Actual) {
    for (name, link) in &desired.links {
        match actual.links.get(name) {
            Some((mtu, true)) if *mtu == u32::from(link.mtu) => {}
            there => {
                batches.add[0].push(format!("link set {name} mtu {} up", link.mtu));
                if there.is_none() {
                    batches.missing.push(name.clone());
                }
            }
        }
    }
    let ours = |name: &&String| {
        let marked = name.strip_prefix("wg-e").is_some_and(|m| m.parse::<u16>().is_ok());
        marked || *name == crate::dataplane::EGRESS_OVERLAY
    };
    let stale = actual.links.keys().filter(ours).filter(|name| !desired.links.contains_key(*name));
    batches.stale = stale.cloned().collect();
}

fn addresses(batches: &mut Batches, desired: &Desired, actual: &Actual) {
    for (link, net) in &desired.addresses {
        if !actual.addresses.contains(&(link.clone(), *net)) {
            batches.add[of(net.addr())].push(format!("address add {net} dev {link}{}", nodad(net)));
        }
    }
    // Of `lo` only what stands in our prefixes is ours; the overlay's interfaces are all ours.
    let ours = |link: &str, net: &IpNet| {
        desired.links.contains_key(link) && !is_link_local(net) || link == "lo" && is_session(net)
    };
    for (link, net) in actual.addresses.iter().filter(|(link, net)| ours(link, net)) {
        if !desired.addresses.contains(&(link.clone(), *net)) {
            batches.remove[of(net.addr())].push(format!("address del {net} dev {link}"));
        }
    }
}

/// Each address alone (`/32`, `/128`), so that none goes when another does, and never chosen by the
/// kernel for what the server itself sends.
fn on_uplink(
    batches: &mut Batches,
    desired: &Desired,
    actual: &Actual,
    uplink: &str,
    remembered: &BTreeSet<IpAddr>,
) {
    for address in desired.uplink.iter().filter(|address| !actual.has(**address)) {
        let net = IpNet::from(*address);
        let nodad = nodad(&net);
        batches.add[of(*address)]
            .push(format!("address add {net} dev {uplink} preferred_lft 0{nodad}"));
        batches.uplink_added.insert(*address);
    }
    let gone = remembered.difference(&desired.uplink).map(|address| IpNet::from(*address));
    for net in gone.filter(|net| actual.addresses.contains(&(uplink.to_owned(), *net))) {
        batches.remove[of(net.addr())].push(format!("address del {net} dev {uplink}"));
    }
}

/// IPv6 waits a second or two for others who claim an address, unless told: nobody else has ours.
fn nodad(net: &IpNet) -> &'static str {
    if net.addr().is_ipv6() { " nodad" } else { "" }
}

fn is_link_local(net: &IpNet) -> bool {
    matches!(net.addr(), IpAddr::V6(v6) if v6.is_unicast_link_local())
}

/// A single address of the overlay's prefixes: 10.64.0.0/10, and unique local ones; or the
/// server's end of clients' tunnels.
fn is_session(net: &IpNet) -> bool {
    match net {
        IpNet::V4(net) => {
            let octets = net.addr().octets();
            let overlay = octets[0] == 10 && octets[1] & 0xc0 == 64;
            net.prefix_len() == 32 && (overlay || net.addr() == TunnelAddresses::SERVER.v4)
        }
        IpNet::V6(net) => net.prefix_len() == 128 && net.addr().is_unique_local(),
    }
}

const fn of(address: IpAddr) -> usize {
    if address.is_ipv4() { 0 } else { 1 }
}

fn words(route: &Route) -> String {
    let Route { table, to, kind } = route;
    let proto = format!("table {table} protocol {PROTOCOL}");
    match kind {
        RouteKind::By(link) => format!("{to} dev {link} {proto} metric 1"),
        RouteKind::Local => format!("local {to} dev lo {proto}"),
        RouteKind::Unreachable => format!("unreachable {to} {proto} metric 4294967294"),
    }
}

fn rule_words(rule: &Rule) -> String {
    let Rule { priority, select, action, .. } = rule;
    format!("{select} {action} priority {priority} protocol {PROTOCOL}")
}

impl Batches {
    /// Whether there is nothing to do.
    pub fn is_empty(&self) -> bool {
        *self == Self::default()
    }
}
