//! The client side of WireGuard: one interface, whose peers are the clients.

use std::collections::BTreeMap;

use damm_protocol::{Credential, NodeConfig, Secret32, TunnelAddresses, WireguardKey};
use ipnet::{IpNet, Ipv4Net, Ipv6Net};

use super::{WIREGUARD, internal_port};
use crate::service::{ServiceError, command};
use crate::wireguard::{Peer, Starter, sync_peers};

/// The interface that clients' packets come out of.
pub const INTERFACE: &str = "wg-c";

/// A client's path may lose 80 bytes more than a server's to tunnels of its own provider; inside
/// the overlay there is room for all that fits here.
const MTU: u16 = 1340;

/// Serves clients, with new ones let in and old ones shut out, and the others' sessions untouched.
///
/// # Errors
///
/// When the interface can't be made or configured.
pub(crate) async fn apply(
    starter: &Starter,
    key: &Secret32,
    config: &NodeConfig,
    credentials: &[Credential],
) -> Result<(), ServiceError> {
    starter.ensure(INTERFACE).await?;
    set_up(key).await?;
    sync_peers(INTERFACE, &peers(credentials)).await?;
    addresses(mtu(config)).await
}

/// Ends all clients' sessions.
///
/// # Errors
///
/// When the interface can't be removed.
pub(crate) async fn remove(starter: &Starter) -> Result<(), ServiceError> {
    starter.remove(INTERFACE).await
}

/// What clients need to know.
pub(crate) fn public(key: &Secret32) -> BTreeMap<String, String> {
    let resolver = TunnelAddresses::RESOLVER;
    BTreeMap::from([
        ("public_key".into(), key.wireguard_public().to_string()),
        ("mtu".into(), MTU.to_string()),
        ("resolver".into(), format!("{},{}", resolver.v4, resolver.v6)),
    ])
}

fn mtu(config: &NodeConfig) -> u16 {
    config.overlay.mtu.min(MTU)
}

/// Key and port; neither is set again as it is, since a process would bind its sockets anew.
async fn set_up(key: &Secret32) -> Result<(), ServiceError> {
    let port = internal_port(WIREGUARD).to_string();
    let shown = async |what| command::run(&["wg", "show", INTERFACE, what], b"").await;
    let same_key = shown("public-key").await?.trim() == key.wireguard_public().to_string();
    if same_key && shown("listen-port").await?.trim() == port {
        return Ok(());
    }
    let words = ["wg", "set", INTERFACE, "listen-port", &port, "private-key", "/dev/stdin"];
    command::run(&words, key.expose().as_bytes()).await.map(drop)
}

async fn addresses(mtu: u16) -> Result<(), ServiceError> {
    let server = TunnelAddresses::SERVER;
    let (bits4, bits6) = (TunnelAddresses::POOL4.prefix_len(), TunnelAddresses::POOL6.prefix_len());
    let batch = format!(
        "address replace {}/{bits4} dev {INTERFACE}\n\
         address replace {}/{bits6} dev {INTERFACE} nodad\n\
         link set {INTERFACE} mtu {mtu} up\n",
        server.v4, server.v6
    );
    command::run(&["ip", "-batch", "-"], batch.as_bytes()).await.map(drop)
}

fn peers(credentials: &[Credential]) -> BTreeMap<WireguardKey, Peer> {
    let one = |c: &Credential| {
        let addresses = c.id.addresses();
        let prefixes: [IpNet; 2] =
            [Ipv4Net::from(addresses.v4).into(), Ipv6Net::from(addresses.v6).into()];
        (c.wireguard, Peer::from(prefixes))
    };
    credentials.iter().map(one).collect()
}

#[cfg(test)]
mod tests {
    use damm_protocol::{ClientSecret, CredentialId};

    use super::*;

    #[test]
    fn a_client_may_send_from_its_own_tunnel_addresses_alone() {
        let secret = ClientSecret::new(Secret32::new([5; 32]));
        let credential = secret.credential(CredentialId::new(0).unwrap());
        let peers = peers(&[credential]);
        let allowed = peers[&secret.wireguard().wireguard_public()].iter().map(ToString::to_string);
        let expected = ["100.64.0.16/32", "fd5d:616d:6c00::10/128"];
        assert_eq!(allowed.collect::<Vec<_>>(), expected);
    }
}
