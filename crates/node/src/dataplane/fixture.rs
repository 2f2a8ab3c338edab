//! Configs for tests.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use damm_fleet::{EgressIpId, FrontdoorId, NodeId};
use damm_protocol::{
    AddressConfig, DoorConfig, EgressConfig, EgressPeer, IngressConfig, IngressPeer, NodeConfig,
    OverlayConfig, Receiving, RoleConfig, WireguardKey,
};
use ipnet::{Ipv4Net, Ipv6Net};

const SESSIONS4: Ipv4Net = Ipv4Net::new_assert(Ipv4Addr::new(10, 64, 4, 0), 22);
const SESSIONS6: Ipv6Net = Ipv6Net::new_assert(Ipv6Addr::new(0xfd00, 0xda, 0, 1, 0, 0, 0, 0), 64);

pub fn overlay() -> OverlayConfig {
    let address = Ipv6Addr::new(0xfd00, 0xda, 0, 0, 0, 0, 1, 1);
    OverlayConfig { port: 51_820, mtu: 1_420, address }
}

/// An ingress with three front doors, the second draining, and so many egresses, the last without
/// IPv6.
pub fn ingress(egresses: u8) -> IngressConfig {
    let peer = |n: u8| EgressPeer {
        key: WireguardKey::new([n; 32]),
        endpoint: SocketAddr::new(Ipv4Addr::new(203, 0, 113, n).into(), 51_820),
        address: Ipv6Addr::new(0xfd00, 0xda, 0, 0, 0, 0, 2, n.into()),
        weight: 100,
        v4: true,
        v6: n != egresses,
        receiving: Receiving::Active,
    };
    let door = |address: &str, transport: &str, receiving| DoorConfig {
        address: address.parse::<IpAddr>().unwrap(),
        public: None,
        port: 443,
        transport: transport.to_owned(),
        receiving,
    };
    let doors = [
        door("198.51.100.71", "shadowsocks", Receiving::Active),
        door("198.51.100.71", "wireguard", Receiving::Draining),
        door("2001:db8:1::71", "shadowsocks", Receiving::Active),
    ];
    let doors = doors.into_iter().zip(1..).map(|(door, n)| (FrontdoorId::from_raw(n), door));
    IngressConfig {
        sessions4: SESSIONS4,
        sessions6: SESSIONS6,
        frontdoors: doors.collect(),
        egresses: (1..=egresses).map(|n| (NodeId::from_raw(n.into()), peer(n))).collect(),
        transports: BTreeMap::new(),
        credentials: Vec::new(),
        witness: None,
    }
}

/// An egress with one ingress and so many addresses, of IPv4 and IPv6 in turn; the last drains.
pub fn egress(addresses: u8) -> EgressConfig {
    let address = |n: u8| AddressConfig {
        address: match n % 2 {
            0 => Ipv6Addr::new(0x2001, 0xdb8, 2, 0, 0, 0, 0, n.into()).into(),
            _ => Ipv4Addr::new(203, 0, 113, n).into(),
        },
        public: None,
        weight: n.into(),
        receiving: if n == addresses { Receiving::Draining } else { Receiving::Active },
    };
    let key = WireguardKey::new([1; 32]);
    let peer = IngressPeer { key, sessions4: SESSIONS4, sessions6: SESSIONS6 };
    let of = |n: u8| (EgressIpId::from_raw(n.into()), address(n));
    EgressConfig {
        ingresses: BTreeMap::from([(NodeId::from_raw(9), peer)]),
        addresses: (1..=addresses).map(of).collect(),
    }
}

pub fn config(role: RoleConfig) -> NodeConfig {
    let node = NodeId::from_raw(0x5eed);
    NodeConfig { generation: 1, orders: 1, node, overlay: overlay(), role }
}
