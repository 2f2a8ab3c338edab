//! The agent, without hands on a stage whose time is an argument, and with hands.

mod alone;
mod hands;
mod kept;
mod killed;
mod rest;
mod stage;
mod telling;

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_fleet::{EgressIpId, FrontdoorId, NodeId, Role};
use damm_protocol::{
    AddressConfig, DoorConfig, EgressConfig, IngressConfig, NodeConfig, OverlayConfig, Receiving,
    RoleConfig, TransportConfig,
};

const NODE: NodeId = NodeId::from_raw(7);

fn config(generation: u64, role: RoleConfig) -> NodeConfig {
    let overlay = OverlayConfig { port: 51_820, mtu: 1420, address: "fd00::1".parse().unwrap() };
    NodeConfig { generation, orders: generation + 100, node: NODE, overlay, role }
}

/// An egress node with these addresses.
fn egress(generation: u64, addresses: &[(IpAddr, Receiving)]) -> NodeConfig {
    let numbered = addresses.iter().zip(1..);
    let of = |(&(address, receiving), n): (&(IpAddr, Receiving), u64)| {
        (EgressIpId::from_raw(n), AddressConfig { address, public: None, weight: 1, receiving })
    };
    let addresses = numbered.map(of).collect();
    config(generation, RoleConfig::Egress(EgressConfig { ingresses: BTreeMap::new(), addresses }))
}

/// An ingress node with one front door.
fn ingress(generation: u64, address: IpAddr) -> NodeConfig {
    let transport = "shadowsocks".to_owned();
    let receiving = Receiving::Active;
    let door =
        DoorConfig { address, public: None, port: 443, transport: transport.clone(), receiving };
    let role = IngressConfig {
        sessions4: "10.64.0.0/22".parse().unwrap(),
        sessions6: "fd00:0:0:1::/64".parse().unwrap(),
        frontdoors: BTreeMap::from([(FrontdoorId::from_raw(1), door)]),
        egresses: BTreeMap::new(),
        transports: BTreeMap::from([(transport, TransportConfig::default())]),
        credentials: Vec::new(),
        witness: None,
    };
    config(generation, RoleConfig::Ingress(role))
}

fn plain(generation: u64) -> NodeConfig {
    egress(generation, &[])
}

const EGRESS: (NodeId, Role) = (NODE, Role::Egress);
