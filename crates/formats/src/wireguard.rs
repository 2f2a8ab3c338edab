//! The config of one WireGuard tunnel (wg-quick(8), wg(8)). A tunnel has one far end: several doors
//! are several configs, each by its number.

use crate::door::{Door, Way, Wireguard};
use crate::shown::EVERYTHING;

/// What a door says when it speaks WireGuard.
pub(crate) fn can_go(door: &Door) -> Option<&Wireguard> {
    match &door.way {
        Way::Wireguard(way) => Some(way),
        _ => None,
    }
}

/// The config.
pub(crate) fn config(door: &Door, way: &Wireguard) -> String {
    let resolvers: Vec<String> = way.resolvers.iter().map(ToString::to_string).collect();
    let endpoint = std::net::SocketAddr::new(door.address, door.port);
    format!(
        "[Interface]\n\
         PrivateKey = {}\n\
         Address = {}\n\
         DNS = {}\n\
         MTU = {}\n\
         \n\
         [Peer]\n\
         PublicKey = {}\n\
         AllowedIPs = {}\n\
         Endpoint = {endpoint}\n\
         PersistentKeepalive = {}\n",
        way.private_key.expose(),
        way.prefixes().join(", "),
        resolvers.join(", "),
        way.mtu,
        way.public_key,
        EVERYTHING.join(", "),
        Wireguard::KEEPALIVE,
    )
}
