//! How clients' traffic reaches an ingress: WireGuard, Shadowsocks 2022, and what files describe.

pub(crate) mod listening;
mod pump;
pub mod relay;
pub mod shadowsocks;
pub(crate) mod template;
pub(crate) mod tunnel;

use sha2::{Digest as _, Sha256};

pub use tunnel::INTERFACE;

/// The kind of transport that the client side of WireGuard is.
pub const WIREGUARD: &str = "wireguard";

/// The kind of transport that Shadowsocks 2022 is.
pub const SHADOWSOCKS: &str = "shadowsocks";

/// Transports have the ports from 20000 to 29999, and none that Linux gives to outgoing sockets
/// (from 32768), so no port is ever taken. 20002 to 20007 are for operators, for what answers a
/// proxy's visitors without a password: the packet filter lets proxies reach no other local ports.
const FIRST: u16 = 20_000;

/// How many kinds that files describe can have ports of their own.
const KINDS: u16 = 1249;

/// Ports for each of them: the first is the door's, the others are for the processes behind it.
pub(crate) const PORTS: u16 = 8;

/// The port that a transport listens on, TCP and UDP alike, on all addresses. The packet filter
/// sends to it what arrives at a front door's address and port, and lets nothing else reach it.
///
/// It follows from the kind's name alone, so packet filter and transport agree without a word. Two
/// kinds may fall on one port, one chance in 1249: [`Services`](crate::service::Services) refuses
/// to serve both.
pub fn internal_port(kind: &str) -> u16 {
    match kind {
        WIREGUARD => FIRST,
        SHADOWSOCKS => FIRST + 1,
        other => {
            let digest = Sha256::digest(other.as_bytes());
            FIRST + PORTS + u16::from_be_bytes([digest[0], digest[1]]) % KINDS * PORTS
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_transport_listens_where_outgoing_sockets_are_bound() {
        for kind in [WIREGUARD, SHADOWSOCKS, "trojan", "obfs4", "vless", ""] {
            assert!((FIRST..30_000 - PORTS).contains(&internal_port(kind)), "{kind}");
        }
        assert_ne!(internal_port("trojan"), internal_port("obfs4"));
    }

    #[test]
    fn a_port_is_the_same_in_all_versions() {
        assert_eq!(internal_port(WIREGUARD), 20_000);
        assert_eq!(internal_port("trojan"), 21_680);
    }
}
