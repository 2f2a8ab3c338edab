//! Packets through the egress' ruleset, and through the overlay, with and without damm.

use std::collections::BTreeMap;
use std::net::Ipv4Addr;
use std::process::{Child, Stdio};

use anyhow::{Context as _, Result};
use damm_fleet::{EgressIpId, NodeId};
use damm_node::dataplane::marks::Marks;
use damm_node::dataplane::ruleset::{EgressFacts, Receivers, egress};
use damm_node::dataplane::slots::Slots;
use damm_protocol::{AddressConfig, EgressConfig, IngressPeer, Receiving, WireguardKey};
use damm_testbed::{Bed, Namespace, SERVER, World};
use ipnet::{Ipv4Net, Ipv6Net};

use crate::dataplane::figure;
use crate::dataplane::turns::{Ratios, Run, cpu};
use crate::table::Table;

/// Pairs of runs with damm and without.
const PAIRS: usize = 12;
const LINE: &str = "at least 0.9";
const NONE: &str = "add table inet damm\ndelete table inet damm\n";

/// What the kernel needs for NAT alone.
const LEAST: &str = "table inet damm {
    chain post {
        type nat hook postrouting priority srcnat
        oifname \"w0\" snat ip to 198.51.100.7
    }
}
";

/// The same stream and the same datagrams through an egress' ruleset with 256 addresses, and
/// without any ruleset.
pub fn forwarding(mut bed: Bed, table: &mut Table) -> Result<()> {
    let [from, by, to] = [bed.namespace("from")?, bed.namespace("by")?, bed.namespace("to")?];
    wire(&from, &by, "wg-in", ["10.64.4.2/22", "10.64.4.1/22"])?;
    wire(&to, &by, "w0", ["203.0.113.10/24", "203.0.113.1/24"])?;
    from.ip("route add default via 10.64.4.1")?;
    to.ip("route add default via 203.0.113.1")?;
    by.run(&["sysctl", "-qw", "net.ipv4.ip_forward=1"], "")?;
    by.ip("route add local 198.51.100.0/24 dev lo")?;
    let (rules, least) = (ruleset()?, format!("{NONE}{LEAST}"));
    let _server = Server::new(&to)?;
    let between = [&from, &by, &to];
    for (kind, rules, what) in [
        (&STREAM, &rules, "a TCP stream through egress NAT"),
        (&STREAM, &least, "the same stream through a single rule of NAT"),
        (&DATAGRAMS, &rules, "200,000 datagrams of 1,200 bytes through egress NAT"),
        (&DATAGRAMS, &least, "the same datagrams through a single rule of NAT"),
    ] {
        let ratios = Ratios::of(PAIRS, |with| {
            by.run(&["nft", "-f", "-"], if with { rules } else { NONE })?;
            iperf(&from, kind, &between)
        })?;
        let of_ours = !std::ptr::eq(rules, &least);
        let line = if of_ours { LINE } else { "none (for comparison)" };
        let name = format!("{what} / plain forwarding");
        figure(table, &name, ratios.to_string(), line, !of_ours || ratios.rate() >= 0.9);
    }
    Ok(())
}

/// The rules of an egress with 256 addresses.
fn ruleset() -> Result<String> {
    let address = |n: u8| AddressConfig {
        address: Ipv4Addr::new(198, 51, 100, n).into(),
        public: None,
        weight: 1,
        receiving: Receiving::Active,
    };
    let ingress = IngressPeer {
        key: WireguardKey::new([1; 32]),
        sessions4: Ipv4Net::new_assert(Ipv4Addr::new(10, 64, 4, 0), 22),
        sessions6: "fd00:da:0:1::/64".parse::<Ipv6Net>()?,
    };
    let config = EgressConfig {
        ingresses: BTreeMap::from([(NodeId::from_raw(1), ingress)]),
        addresses: (0..=255).map(|n| (EgressIpId::from_raw(n.into()), address(n))).collect(),
    };
    let mut marks = Marks::default();
    marks.hold(config.addresses.keys().copied(), 0)?;
    let weights = marks.held().map(|(_, mark)| (mark, 1)).collect();
    let receivers = Receivers { v4: Slots::default().deal(&weights), v6: Slots::default() };
    let facts = EgressFacts {
        config: &config,
        addresses: &marks,
        receivers: &receivers,
        uplink: "w0",
        resolver_uid: 60_711,
        seed: 1,
    };
    Ok(egress(&facts).anew())
}

/// A client's way by the overlay to the internet against the same tunnels with plain routing.
pub fn overlay(bed: Bed, table: &mut Table) -> Result<()> {
    let mut world = World::new(bed, 1, 16)?;
    world.apply()?;
    let _server = Server::new(&world.server)?;
    let mut dressed = true;
    let ratios = Ratios::of(PAIRS, |with| {
        if with != dressed {
            if with {
                dress(&mut world)?
            } else {
                bare(&world)?
            }
            dressed = with;
        }
        let egress = &world.egresses[0].0.namespace;
        let all = [&world.client, &world.ingress.namespace, &world.wan, egress, &world.server];
        iperf(&world.client, &STREAM, &all)
    })?;
    let name = "a TCP stream by the overlay / by the same overlay without damm";
    figure(table, name, ratios.to_string(), LINE, ratios.rate() >= 0.9);
    Ok(())
}

/// Takes damm away from the path: no ruleset, and clients' own addresses all the way.
fn bare(world: &World) -> Result<()> {
    let egress = &world.egresses[0].0;
    let key = &world.ingress.key.wireguard_public().to_string();
    world.ingress.namespace.run(&["nft", "-f", "-"], NONE)?;
    world.ingress.namespace.ip("rule add iif wg-c lookup 218000001 priority 10")?;
    egress.namespace.run(&["nft", "-f", "-"], NONE)?;
    let allowed = "10.64.4.0/22,fd00:da:0:1::/64,100.64.0.0/10";
    let mut set = egress.command("wg");
    set.args(["set", "wg-in", "peer", key, "allowed-ips", allowed]);
    anyhow::ensure!(set.status()?.success(), "`wg set` failed");
    egress.namespace.ip("route replace 100.64.0.0/10 dev wg-in")?;
    world.wan.ip("route replace 100.64.0.0/10 via 203.0.0.10")
}

/// Puts it back.
fn dress(world: &mut World) -> Result<()> {
    world.ingress.namespace.ip("rule del iif wg-c lookup 218000001 priority 10")?;
    world.egresses[0].0.namespace.ip("route del 100.64.0.0/10 dev wg-in")?;
    world.apply()
}

/// Connects a namespace by its `u0` to another's interface of that name.
fn wire(one: &Namespace, other: &Namespace, name: &str, nets: [&str; 2]) -> Result<()> {
    let [net, gate] = nets;
    one.ip(&format!(
        "link add u0 type veth peer name {name} netns {}
        link set u0 up
        address add {net} dev u0",
        other.0
    ))?;
    other.ip(&format!("link set {name} up\naddress add {gate} dev {name}"))
}

/// `iperf3`, waiting for clients.
struct Server(Child);

impl Server {
    fn new(place: &Namespace) -> Result<Self> {
        let mut command = place.command("iperf3");
        command.args(["-s"]).stdout(Stdio::null()).stderr(Stdio::null());
        let child = command.spawn().context("iperf3 is missing")?;
        std::thread::sleep(std::time::Duration::from_millis(500));
        Ok(Self(child))
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

/// What `iperf3` is told, and where its answer has how much was sent and received.
struct Kind {
    args: &'static [&'static str],
    much: [&'static str; 2],
}

/// One TCP connection for so many seconds, by what arrived.
const STREAM: Kind = Kind { args: &["-t", "2", "-C", "cubic"], much: ["sum_received", "bytes"] };
/// Datagrams as fast as they go: all of them are forwarded, and few need to be read.
const DATAGRAMS: Kind =
    Kind { args: &["-u", "-b", "0", "-l", "1200", "-k", "200000"], much: ["sum_sent", "packets"] };

/// Sends to the server, and sees what the processes of all namespaces used for it.
fn iperf(from: &Namespace, kind: &Kind, all: &[&Namespace]) -> Result<Run> {
    let args: Vec<_> = ["iperf3", "-c", SERVER, "-J"].iter().chain(kind.args).copied().collect();
    let before = cpu(all)?;
    let report: serde_json::Value = serde_json::from_str(&from.run(&args, "")?)?;
    let others = cpu(all)? - before;
    let end = &report["end"];
    let figure = |value: &serde_json::Value| value.as_f64().context("iperf3 said no figure");
    let [sum, unit] = kind.much;
    let (much, seconds) = (figure(&end[sum][unit])?, figure(&end[sum]["seconds"])?);
    // The client's own, which has ended meanwhile.
    let own = figure(&end["cpu_utilization_percent"]["host_total"])? / 100.0 * seconds;
    Ok(Run { rate: much / seconds, cpu: (others + own) / much })
}
