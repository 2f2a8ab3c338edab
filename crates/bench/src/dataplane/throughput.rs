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

use crate::dataplane::{figure, median};
use crate::table::Table;

/// Rounds of each of two things in turn, and how long each lasts, in seconds.
const ROUNDS: usize = 5;
const LASTS: &str = "2";
const LINE: &str = "at least 0.9";

/// One packet's way through a ruleset with 256 addresses against the same without a ruleset.
pub fn forwarding(mut bed: Bed, table: &mut Table) -> Result<()> {
    let [from, by, to] = [bed.namespace("from")?, bed.namespace("by")?, bed.namespace("to")?];
    wire(&from, &by, "wg-in", ["10.64.4.2/22", "10.64.4.1/22"])?;
    wire(&to, &by, "w0", ["203.0.113.10/24", "203.0.113.1/24"])?;
    from.ip("route add default via 10.64.4.1")?;
    to.ip("route add default via 203.0.113.1")?;
    by.run(&["sysctl", "-qw", "net.ipv4.ip_forward=1"], "")?;
    by.ip("route add local 198.51.100.0/24 dev lo")?;
    let (rules, none) = (ruleset()?, "add table inet damm\ndelete table inet damm\n");
    let _server = Server::new(&to)?;
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        by.run(&["nft", "-f", "-"], none)?;
        let plain = bulk(&from, SERVER)?;
        by.run(&["nft", "-f", "-"], &rules)?;
        ratios.push(bulk(&from, SERVER)? / plain);
    }
    let ratio = median(ratios);
    let name = "forwarding through egress NAT / plain forwarding";
    figure(table, name, format!("{ratio:.2}"), LINE, ratio >= 0.9);
    Ok(())
}

/// The rules of an egress with 256 addresses.
fn ruleset() -> Result<String> {
    let address = |n: u8| AddressConfig {
        address: Ipv4Addr::new(198, 51, 100, n).into(),
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
    let key = world.ingress.key.wireguard_public().to_string();
    let _server = Server::new(&world.server)?;
    let mut ratios = Vec::new();
    for _ in 0..ROUNDS {
        world.apply()?;
        let with = bulk(&world.client, SERVER)?;
        bare(&world, &key)?;
        ratios.push(with / bulk(&world.client, SERVER)?);
        dress(&world)?;
    }
    let ratio = median(ratios);
    let name = "client to internet by the overlay / the same overlay without damm";
    figure(table, name, format!("{ratio:.2}"), LINE, ratio >= 0.9);
    Ok(())
}

/// Takes damm away from the path: no ruleset, and clients' own addresses all the way.
fn bare(world: &World, key: &str) -> Result<()> {
    let egress = &world.egresses[0].0;
    let none = "add table inet damm\ndelete table inet damm\n";
    world.ingress.namespace.run(&["nft", "-f", "-"], none)?;
    world.ingress.namespace.ip("rule add iif wg-c lookup 218000001 priority 10")?;
    egress.namespace.run(&["nft", "-f", "-"], none)?;
    let allowed = "10.64.4.0/22,fd00:da:0:1::/64,100.64.0.0/10";
    let mut set = egress.command("wg");
    set.args(["set", "wg-in", "peer", key, "allowed-ips", allowed]);
    anyhow::ensure!(set.status()?.success(), "`wg set` failed");
    egress.namespace.ip("route replace 100.64.0.0/10 dev wg-in")?;
    world.wan.ip("route replace 100.64.0.0/10 via 203.0.0.10")
}

fn dress(world: &World) -> Result<()> {
    world.ingress.namespace.ip("rule del iif wg-c lookup 218000001 priority 10")?;
    world.egresses[0].0.namespace.ip("route del 100.64.0.0/10 dev wg-in")
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

/// Bits a second of one TCP connection.
fn bulk(from: &Namespace, host: &str) -> Result<f64> {
    let args = ["iperf3", "-c", host, "-t", LASTS, "-C", "cubic", "-J"];
    let report: serde_json::Value = serde_json::from_str(&from.run(&args, "")?)?;
    report["end"]["sum_received"]["bits_per_second"].as_f64().context("iperf3 said no figure")
}
