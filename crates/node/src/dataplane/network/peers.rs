//! WireGuard interfaces as `wg` shows and takes them.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::net::SocketAddr;

use damm_protocol::{Secret32, WireguardKey};
use ipnet::IpNet;

use crate::dataplane::network::Link;

/// A WireGuard interface that is there. Its private key is not kept.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Tunnel {
    /// Its public key, once it has one.
    pub key: Option<WireguardKey>,
    /// Where it listens.
    pub port: u16,
    /// Who it speaks to.
    pub peers: BTreeMap<WireguardKey, TunnelPeer>,
}

/// A peer of an interface that is there.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct TunnelPeer {
    /// Where it was last seen, or should be.
    pub endpoint: Option<SocketAddr>,
    /// Its addresses.
    pub allowed: BTreeSet<IpNet>,
    /// When it last proved itself, in seconds since 1970; 0: never.
    pub handshake: u64,
    /// Bytes from it.
    pub received: u64,
    /// Bytes to it.
    pub sent: u64,
}

/// Reads what `wg show all dump` prints; lines that make no sense are left out, so that one broken
/// interface of somebody else stops nothing.
pub fn tunnels(dump: &str) -> BTreeMap<String, Tunnel> {
    let mut tunnels: BTreeMap<String, Tunnel> = BTreeMap::new();
    for line in dump.lines() {
        let fields: Vec<_> = line.split('\t').collect();
        match *fields.as_slice() {
            [name, _private, public, port, _mark] => {
                let tunnel = tunnels.entry(name.to_owned()).or_default();
                tunnel.key = public.parse().ok();
                tunnel.port = port.parse().unwrap_or(0);
            }
            [name, key, _shared, endpoint, allowed, handshake, received, sent, _keepalive] => {
                let Ok(key) = key.parse() else { continue };
                let number = |text: &str| text.parse().unwrap_or(0);
                let peer = TunnelPeer {
                    endpoint: endpoint.parse().ok(),
                    allowed: allowed.split(',').filter_map(|net| net.parse().ok()).collect(),
                    handshake: number(handshake),
                    received: number(received),
                    sent: number(sent),
                };
                tunnels.entry(name.to_owned()).or_default().peers.insert(key, peer);
            }
            _ => {}
        }
    }
    tunnels
}

impl Link {
    /// Whether the interface is as it should be.
    pub fn is(&self, tunnel: &Tunnel, key: WireguardKey) -> bool {
        let same = |(wanted_key, wanted): (&WireguardKey, &super::Peer)| {
            tunnel.peers.get(wanted_key).is_some_and(|peer| {
                peer.allowed == wanted.allowed
                    && (wanted.endpoint.is_none() || peer.endpoint == wanted.endpoint)
            })
        };
        tunnel.key == Some(key)
            && self.port.is_none_or(|port| port == tunnel.port)
            && self.peers.len() == tunnel.peers.len()
            && self.peers.iter().all(same)
    }

    /// What `wg syncconf` takes, private key and all.
    pub fn settings(&self, key: &Secret32, port: u16) -> zeroize::Zeroizing<String> {
        let mut text = zeroize::Zeroizing::new(String::with_capacity(4096));
        let port = self.port.unwrap_or(port);
        let private = zeroize::Zeroizing::new(key.expose());
        // Writing to a string can't fail.
        let _ = writeln!(text, "[Interface]\nPrivateKey = {}\nListenPort = {port}", *private);
        for (key, peer) in &self.peers {
            let _ = writeln!(text, "[Peer]\nPublicKey = {key}");
            let allowed: Vec<_> = peer.allowed.iter().map(IpNet::to_string).collect();
            let _ = writeln!(text, "AllowedIPs = {}", allowed.join(", "));
            if let Some(endpoint) = peer.endpoint {
                let _ = writeln!(text, "Endpoint = {endpoint}");
            }
        }
        text
    }
}
