//! A small internet: a router, a server, an ingress with a client behind it, and egresses.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use anyhow::Result;
use damm_fleet::{EgressIpId, NodeId};
use damm_protocol::{
    AddressConfig, EgressConfig, EgressPeer, IngressConfig, IngressPeer, NodeConfig, OverlayConfig,
    Receiving, RoleConfig,
};

use crate::bed::{Bed, Namespace};
use crate::machine::Machine;
use crate::traffic::Job;

/// The server's address.
pub const SERVER: &str = "203.0.113.10";
/// The same in IPv6.
pub const SERVER6: &str = "2001:db8:2::10";
/// Addresses of clients inside their tunnels, all but the last number.
pub const CLIENTS: &str = "100.64.16.";
/// The same in IPv6.
pub const CLIENTS6: &str = "fd5d:616d:6c00::16:";
/// The ingress' key; egress `n` has this plus one plus `n`.
const KEY: u8 = 10;
const PORT: u16 = 51_820;

/// A small internet with one ingress.
#[derive(Debug)]
pub struct World {
    /// The clients' device, on the other end of the ingress' `wg-c`.
    pub client: Namespace,
    /// The router between all servers.
    pub wan: Namespace,
    /// A server of the internet.
    pub server: Namespace,
    /// The ingress.
    pub ingress: Machine,
    /// What it is told.
    pub ingress_config: NodeConfig,
    /// The egresses, and what they are told.
    pub egresses: Vec<(Machine, NodeConfig)>,
    /// The server's program.
    pub serving: Option<Job>,
    /// Last, so that it is dropped when all processes have ended.
    pub bed: Bed,
}

impl World {
    /// A world with so many egresses of so many addresses of each family; nothing is applied yet.
    ///
    /// # Errors
    /// When it can't be made.
    pub fn new(mut bed: Bed, egresses: u8, addresses: u8) -> Result<Self> {
        let wan = router(&mut bed)?;
        let server = bed.namespace("srv")?;
        plug(&wan, &server, "srv", "203.0.113.10/24", "2001:db8:2::10/64")?;
        let place = bed.namespace("in")?;
        plug(&wan, &place, "in", "198.51.100.10/24", "2001:db8:1::10/64")?;
        let client = bed.namespace("cl")?;
        tunnel(&client, &place)?;
        let ingress = Machine::new(&bed, &place, KEY)?;
        let mut all = Vec::new();
        for n in 0..egresses {
            let place = bed.namespace(&format!("e{n}"))?;
            let (v4, v6) = (format!("203.0.{n}.10/24"), format!("2001:db8:e{n:x}::10/64"));
            let name = format!("e{n}");
            plug(&wan, &place, &name, &v4, &v6)?;
            all.push((Machine::new(&bed, &place, KEY + 1 + n)?, egress_config(n, addresses)));
        }
        let ingress_config = ingress_config(egresses);
        let serving = Some(server.job(&["serve"])?);
        Ok(Self { client, wan, server, ingress, ingress_config, egresses: all, serving, bed })
    }

    /// Applies everything.
    ///
    /// # Errors
    /// When that fails.
    pub fn apply(&mut self) -> Result<()> {
        for (machine, config) in &mut self.egresses {
            machine.apply(config)?;
        }
        self.ingress.apply(&self.ingress_config)?;
        Ok(())
    }

    /// What the ingress is told.
    pub fn ingress_role(&mut self) -> &mut IngressConfig {
        match &mut self.ingress_config.role {
            RoleConfig::Ingress(ingress) => ingress,
            RoleConfig::Egress(_) => unreachable!("the ingress is one"),
        }
    }

    /// What an egress is told.
    pub fn egress_role(&mut self, n: usize) -> &mut EgressConfig {
        match &mut self.egresses[n].1.role {
            RoleConfig::Egress(egress) => egress,
            RoleConfig::Ingress(_) => unreachable!("an egress is one"),
        }
    }

    /// The id of an egress.
    pub fn egress_id(n: u8) -> NodeId {
        NodeId::from_raw(100 + u64::from(n))
    }

    /// The id of an address of an egress: 0 to 127 of IPv4, the same from 500 on of IPv6.
    pub fn address_id(n: u8, address: u64) -> EgressIpId {
        EgressIpId::from_raw(u64::from(n) * 1_000 + address)
    }

    /// So many clients' addresses.
    pub fn clients(count: u8) -> Vec<String> {
        (1..=count).map(|n| format!("{CLIENTS}{n}")).collect()
    }

    /// The same in IPv6.
    pub fn clients6(count: u8) -> Vec<String> {
        (1..=count).map(|n| format!("{CLIENTS6}{n:x}")).collect()
    }

    /// Runs a part of the traffic script on the client's side.
    ///
    /// # Errors
    /// When it can't be run.
    pub fn job(&self, what: &str, host: &str, count: u32, from: &[String]) -> Result<Job> {
        let count = count.to_string();
        let mut args = vec![what, host, &count];
        args.extend(from.iter().map(String::as_str));
        self.client.job(&args)
    }
}

/// All servers' networks meet in one bridge, which routes between them.
fn router(bed: &mut Bed) -> Result<Namespace> {
    let wan = bed.namespace("wan")?;
    wan.ip("link add br0 type bridge
        link set br0 up
        address add 203.0.113.254/24 dev br0
        address add 198.51.100.254/24 dev br0
        -6 address add 2001:db8:1::fe/64 dev br0 nodad
        -6 address add 2001:db8:2::fe/64 dev br0 nodad")?;
    for n in 0..4 {
        wan.ip(&format!(
            "address add 203.0.{n}.254/24 dev br0
            -6 address add 2001:db8:e{n:x}::fe/64 dev br0 nodad"
        ))?;
    }
    let set = "net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1 \
        net.ipv4.conf.all.send_redirects=0 net.ipv4.conf.br0.send_redirects=0";
    wan.run(&["sh", "-c", &format!("sysctl -q -w {set}")], "")?;
    Ok(wan)
}

/// Connects a namespace by its `w0` to the router.
fn plug(wan: &Namespace, to: &Namespace, name: &str, v4: &str, v6: &str) -> Result<()> {
    let gate4 = v4.replace(".10/24", ".254");
    let gate6 = v6.replace("::10/64", "::fe");
    wan.ip(&format!(
        "link add {name} type veth peer name w0 netns {}
        link set {name} master br0 up",
        to.0
    ))?;
    to.ip(&format!(
        "link set w0 up
        address add {v4} dev w0
        route add default via {gate4}
        -6 address add {v6} dev w0 nodad
        -6 route add default via {gate6}"
    ))
}

/// What a client's WireGuard would be: a link without neighbours, whose far end has many clients.
fn tunnel(client: &Namespace, ingress: &Namespace) -> Result<()> {
    client.ip(&format!(
        "link add t0 address 02:00:00:00:00:01 type veth peer name wg-c \
            address 02:00:00:00:00:01 netns {}
        link set t0 arp off mtu 1360 up
        address add 100.64.16.1/32 dev t0
        route add local 100.64.16.0/24 dev lo
        route add default dev t0 src 100.64.16.1
        -6 address add fd5d:616d:6c00::16:1/128 dev t0 nodad
        -6 route add local fd5d:616d:6c00::16:0/112 dev lo
        -6 route add default dev t0 src fd5d:616d:6c00::16:1",
        ingress.0
    ))?;
    ingress.ip("link set wg-c arp off mtu 1360 up
        address add 100.64.0.1/10 dev wg-c
        -6 address add fd5d:616d:6c00::1/64 dev wg-c nodad")
}

fn key(n: u8) -> damm_protocol::WireguardKey {
    damm_protocol::Secret32::new([n; 32]).wireguard_public()
}

fn overlay(last: u16) -> OverlayConfig {
    let address = Ipv6Addr::new(0xfd00, 0xda, 0, 0, 0, 0, 1, last);
    OverlayConfig { port: PORT, mtu: 1_420, address }
}

fn ingress_config(egresses: u8) -> NodeConfig {
    let peer = |n: u8| EgressPeer {
        key: key(KEY + 1 + n),
        endpoint: SocketAddr::new(Ipv4Addr::new(203, 0, n, 10).into(), PORT),
        address: overlay(u16::from(n) + 1).address,
        weight: 100,
        v4: true,
        v6: true,
        receiving: Receiving::Active,
    };
    let role = RoleConfig::Ingress(IngressConfig {
        sessions4: ipnet::Ipv4Net::new_assert(Ipv4Addr::new(10, 64, 4, 0), 22),
        sessions6: ipnet::Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xda, 0, 1, 0, 0, 0, 0), 64),
        frontdoors: BTreeMap::new(),
        egresses: (0..egresses).map(|n| (World::egress_id(n), peer(n))).collect(),
        transports: BTreeMap::new(),
        credentials: Vec::new(),
        witness: None,
    });
    let node = NodeId::from_raw(1);
    NodeConfig { generation: 1, orders: 1, node, overlay: overlay(0xffff), role }
}

fn egress_config(n: u8, addresses: u8) -> NodeConfig {
    let ingress = IngressPeer {
        key: key(KEY),
        sessions4: ipnet::Ipv4Net::new_assert(Ipv4Addr::new(10, 64, 4, 0), 22),
        sessions6: ipnet::Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xda, 0, 1, 0, 0, 0, 0), 64),
    };
    let address = |address: IpAddr| AddressConfig {
        address,
        public: None,
        weight: 100,
        receiving: Receiving::Active,
    };
    let v4 = |i: u8| address(Ipv4Addr::new(203, 0, n, 100 + i).into());
    let v6 = |i: u8| {
        let net = 0xe0 + u16::from(n);
        address(Ipv6Addr::new(0x2001, 0xdb8, net, 0, 0, 0, 1, u16::from(i)).into())
    };
    let v4 = (0..addresses).map(|i| (World::address_id(n, u64::from(i)), v4(i)));
    let v6 = (0..addresses).map(|i| (World::address_id(n, 500 + u64::from(i)), v6(i)));
    let role = RoleConfig::Egress(EgressConfig {
        ingresses: BTreeMap::from([(NodeId::from_raw(1), ingress)]),
        addresses: v4.chain(v6).collect(),
    });
    let node = World::egress_id(n);
    NodeConfig { generation: 1, orders: 1, node, overlay: overlay(u16::from(n) + 1), role }
}
