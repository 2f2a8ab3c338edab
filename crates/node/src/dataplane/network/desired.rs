//! What there should be on a server. Pure.

use std::collections::{BTreeMap, BTreeSet};
use std::net::{IpAddr, SocketAddr};

use damm_fleet::NodeId;
use damm_protocol::{EgressConfig, IngressConfig, OverlayConfig, TunnelAddresses, WireguardKey};
use ipnet::IpNet;

use crate::dataplane::marks::Marks;
use crate::dataplane::network::{CHOOSE, FLAT, GROUP_BITS, GROUPS, REFUSE, STAGE, TABLES};
use crate::dataplane::{CLIENT_TUNNEL, EGRESS_OVERLAY};

/// All that is ours in a server's network.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Desired {
    /// WireGuard interfaces by name.
    pub links: BTreeMap<String, Link>,
    /// Addresses by interface.
    pub addresses: BTreeSet<(String, IpNet)>,
    /// Addresses that the uplink should have, by whoever's hand.
    pub uplink: BTreeSet<IpAddr>,
    /// Routes.
    pub routes: BTreeSet<Route>,
    /// Rules.
    pub rules: BTreeSet<Rule>,
}

/// A WireGuard interface.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Link {
    /// Largest packet in it, in bytes.
    pub mtu: u16,
    /// Where it listens, when others have to know.
    pub port: Option<u16>,
    /// Who it speaks to.
    pub peers: BTreeMap<WireguardKey, Peer>,
}

/// Who a WireGuard interface speaks to.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Peer {
    /// Where it listens; without it, it comes to us.
    pub endpoint: Option<SocketAddr>,
    /// Its addresses.
    pub allowed: BTreeSet<IpNet>,
}

/// What a route does.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub enum RouteKind {
    /// Sends packets by an interface.
    By(String),
    /// Takes packets in, though no interface has the address.
    Local,
    /// Refuses packets that no other route takes.
    Unreachable,
}

/// A route.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Route {
    /// The table, by number or by a name that `ip` knows.
    pub table: String,
    /// Where packets go to.
    pub to: IpNet,
    /// What is done with them.
    pub kind: RouteKind,
}

/// A rule of routing, for both families unless said.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Rule {
    /// Its place among all rules.
    pub priority: u32,
    /// Whether it is of IPv4.
    pub v4: bool,
    /// Which packets, as `ip rule` takes it.
    pub select: String,
    /// What is done with them, as `ip rule` takes it.
    pub action: String,
}

/// An ingress node's network.
pub fn ingress(overlay: &OverlayConfig, config: &IngressConfig, marks: &Marks<NodeId>) -> Desired {
    let mut desired = Desired {
        uplink: config.frontdoors.values().map(|door| door.address).collect(),
        ..Desired::default()
    };
    // The server's end of clients' tunnels is here for what comes through proxies as well, which
    // need no tunnel's interface.
    let TunnelAddresses { v4, v6 } = TunnelAddresses::SERVER;
    let own: [IpAddr; 4] = [config.own4().into(), config.own6().into(), v4.into(), v6.into()];
    desired.addresses.extend(own.map(|own| ("lo".to_owned(), own.into())));
    for sessions in [IpNet::V4(config.sessions4), IpNet::V6(config.sessions6)] {
        let to = sessions.trunc();
        desired.routes.insert(Route { table: "local".to_owned(), to, kind: RouteKind::Local });
    }
    for (id, mark) in marks.held() {
        if let Some(peer) = config.egresses.get(&id) {
            towards(&mut desired, overlay, peer, mark);
        }
    }
    choose(&mut desired, marks);
    stage(&mut desired, config, marks);
    desired
}

/// The interface and the table of one egress node.
fn towards(
    desired: &mut Desired,
    overlay: &OverlayConfig,
    peer: &damm_protocol::EgressPeer,
    mark: u16,
) {
    let name = interface(mark);
    let allowed = [any(true), any(false)].into();
    let other = Peer { endpoint: Some(peer.endpoint), allowed };
    let peers = BTreeMap::from([(peer.key, other)]);
    desired.links.insert(name.clone(), Link { mtu: overlay.mtu, port: None, peers });
    let table = (TABLES + u32::from(mark)).to_string();
    for (v4, has) in [(true, peer.v4), (false, peer.v6)] {
        let (table, to) = (table.clone(), any(v4));
        let refuse = Route { table: table.clone(), to, kind: RouteKind::Unreachable };
        desired.routes.insert(refuse);
        if has {
            desired.routes.insert(Route { table, to, kind: RouteKind::By(name.clone()) });
        }
    }
    // For probes: it answers there, whatever it has towards the internet.
    let to = IpAddr::from(peer.address).into();
    let kind = RouteKind::By(name);
    desired.routes.insert(Route { table: "main".to_owned(), to, kind });
}

/// From a packet's mark to its egress' table; a mark without one is refused, and so is what comes
/// from clients without a mark.
fn choose(desired: &mut Desired, marks: &Marks<NodeId>) {
    let flat = marks.held().count() <= FLAT;
    for (_, mark) in marks.held() {
        let group = u32::from(mark) >> GROUP_BITS;
        let at = GROUPS + group;
        if !flat {
            let (bits, mask) = (group << GROUP_BITS, 0xffff << GROUP_BITS & 0xffff);
            both(desired, CHOOSE, &format!("fwmark {bits:#x}/{mask:#x}"), &format!("goto {at}"));
        }
        let priority = if flat { CHOOSE } else { at };
        let table = TABLES + u32::from(mark);
        both(desired, priority, &format!("fwmark {mark:#x}/0xffff"), &format!("lookup {table}"));
    }
    both(desired, REFUSE, "not fwmark 0/0xffff", "unreachable");
    both(desired, REFUSE + 1, &format!("iif {CLIENT_TUNNEL}"), "unreachable");
}

/// A proxy's socket is routed once before its egress is chosen: where the server itself has no way
/// to the internet, in IPv6 say, this lets it come so far. Any overlay interface will do.
fn stage(desired: &mut Desired, config: &IngressConfig, marks: &Marks<NodeId>) {
    for (v4, from) in [(true, IpNet::V4(config.sessions4)), (false, IpNet::V6(config.sessions6))] {
        let has =
            |id| config.egresses.get(&id).is_some_and(|peer| if v4 { peer.v4 } else { peer.v6 });
        let Some((_, mark)) = marks.held().find(|(id, _)| has(*id)) else { continue };
        let table = (TABLES + u32::from(mark)).to_string();
        let (select, action) = (format!("from {}", from.trunc()), format!("lookup {table}"));
        desired.rules.insert(Rule { priority: STAGE, v4, select, action });
    }
}

/// An egress node's network.
pub fn egress(overlay: &OverlayConfig, config: &EgressConfig) -> Desired {
    let mut desired = Desired {
        uplink: config.addresses.values().map(|address| address.address).collect(),
        ..Desired::default()
    };
    let name = EGRESS_OVERLAY.to_owned();
    let TunnelAddresses { v4, v6 } = TunnelAddresses::RESOLVER;
    for own in [IpAddr::from(v4), v6.into(), overlay.address.into()] {
        desired.addresses.insert((name.clone(), own.into()));
    }
    let mut peers = BTreeMap::new();
    for peer in config.ingresses.values() {
        let allowed: BTreeSet<_> =
            [IpNet::V4(peer.sessions4), IpNet::V6(peer.sessions6)].map(|net| net.trunc()).into();
        for to in &allowed {
            let kind = RouteKind::By(name.clone());
            desired.routes.insert(Route { table: "main".to_owned(), to: *to, kind });
        }
        peers.insert(peer.key, Peer { endpoint: None, allowed });
    }
    let link = Link { mtu: overlay.mtu, port: Some(overlay.port), peers };
    desired.links.insert(name, link);
    desired
}

fn both(desired: &mut Desired, priority: u32, select: &str, action: &str) {
    for v4 in [true, false] {
        let (select, action) = (select.to_owned(), action.to_owned());
        desired.rules.insert(Rule { priority, v4, select, action });
    }
}

/// All addresses of a family.
fn any(v4: bool) -> IpNet {
    if v4 { IpNet::V4(ipnet::Ipv4Net::default()) } else { IpNet::V6(ipnet::Ipv6Net::default()) }
}

/// The overlay's interface towards the egress with a mark.
pub fn interface(mark: u16) -> String {
    format!("wg-e{mark}")
}
