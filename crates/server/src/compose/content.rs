//! What one node's agent is told.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use damm_clouds::AddressOrders;
use damm_fleet::{NodeId, Role};
use damm_protocol::{
    AddressConfig, DoorConfig, EgressConfig, EgressPeer, IngressConfig, IngressPeer, NodeConfig,
    OverlayConfig, Receiving, RoleConfig, TransportConfig,
};

use super::scene::{Member, Scene};

/// The largest packet in the overlay, in bytes: an underlay of 1500 less the 80 that WireGuard and
/// IPv6 add (40 of IPv6, 8 of UDP, 32 of WireGuard).
const MTU: u16 = 1_420;

impl Scene {
    /// A node's config without generation and credentials.
    pub(super) fn bare(&self, id: NodeId) -> Option<NodeConfig> {
        let member = self.members.get(&id)?;
        let address = self.overlay.place(member.place).address();
        let role = match member.node.role {
            Role::Ingress => RoleConfig::Ingress(self.ingress(id, member)),
            Role::Egress => RoleConfig::Egress(self.egress(id, member)),
        };
        Some(NodeConfig {
            generation: 0,
            orders: member.orders.generation,
            node: id,
            overlay: OverlayConfig { port: self.port, mtu: MTU, address },
            role,
        })
    }

    fn ingress(&self, id: NodeId, member: &Member) -> IngressConfig {
        let place = self.overlay.place(member.place);
        let doors = doors(member);
        let spoken = doors.values().map(|d| &d.transport).chain(&member.transports);
        let transports = spoken.map(|kind| (kind.clone(), TransportConfig::default()));
        IngressConfig {
            sessions4: place.sessions4,
            sessions6: place.sessions6,
            transports: transports.collect(),
            frontdoors: doors,
            egresses: self.peers_of(id, |m| self.egress_peer(m)),
            credentials: Vec::new(),
            witness: self.witnesses.get(&id).cloned(),
        }
    }

    fn egress(&self, id: NodeId, member: &Member) -> EgressConfig {
        EgressConfig {
            ingresses: self.peers_of(id, |m| Some(self.ingress_peer(m))),
            addresses: addresses(member),
        }
    }

    fn peers_of<T>(&self, id: NodeId, peer: impl Fn(&Member) -> Option<T>) -> BTreeMap<NodeId, T> {
        let peers = self.peers.get(&id).into_iter().flatten();
        peers.filter_map(|p| Some((*p, peer(self.members.get(p)?)?))).collect()
    }

    fn egress_peer(&self, egress: &Member) -> Option<EgressPeer> {
        let stage = &egress.node.stage;
        // An address that is draining carries established sessions still.
        let usable = addresses(egress).into_values().filter(|a| a.weight > 0);
        let usable: Vec<bool> = usable.map(|a| a.address.is_ipv4()).collect();
        Some(EgressPeer {
            key: egress.key,
            endpoint: SocketAddr::new(egress.machine?, self.port),
            address: self.overlay.place(egress.place).address(),
            // One that is not verified yet gets no sessions, but its tunnel can be tried.
            weight: u32::from(!stage.is_building()),
            v4: usable.contains(&true),
            v6: usable.contains(&false),
            receiving: receiving(stage.is_draining() || stage.is_leaving()),
        })
    }

    fn ingress_peer(&self, ingress: &Member) -> IngressPeer {
        let place = self.overlay.place(ingress.place);
        IngressPeer { key: ingress.key, sessions4: place.sessions4, sessions6: place.sessions6 }
    }
}

fn doors(member: &Member) -> BTreeMap<damm_fleet::FrontdoorId, DoorConfig> {
    let config = |id, orders: &AddressOrders| {
        let transport = &member.node.frontdoors.get(id)?.transport;
        let (address, public) = seen_from_within(orders);
        Some(DoorConfig {
            address,
            public,
            port: transport.port,
            transport: transport.kind.clone(),
            receiving: receiving(member.orders.draining || orders.draining),
        })
    };
    let all = member.orders.frontdoors.iter();
    all.filter_map(|(id, orders)| Some((*id, config(id, orders)?))).collect()
}

fn addresses(member: &Member) -> BTreeMap<damm_fleet::EgressIpId, AddressConfig> {
    let config = |id, orders: &AddressOrders| {
        let stage = &member.node.egress_ips.get(id)?.stage;
        let (address, public) = seen_from_within(orders);
        Some(AddressConfig {
            address,
            public,
            // It may not be attached yet: what would be sent from it would be lost.
            weight: u32::from(!stage.is_building()),
            receiving: receiving(member.orders.draining || orders.draining),
        })
    };
    let all = member.orders.egress_ips.iter();
    all.filter_map(|(id, orders)| Some((*id, config(id, orders)?))).collect()
}

/// An address as its node sees it, and as the internet does where that differs.
fn seen_from_within(orders: &AddressOrders) -> (IpAddr, Option<IpAddr>) {
    match orders.inner {
        Some(inner) => (inner, Some(orders.address)),
        None => (orders.address, None),
    }
}

const fn receiving(draining: bool) -> Receiving {
    match draining {
        true => Receiving::Draining,
        false => Receiving::Active,
    }
}
