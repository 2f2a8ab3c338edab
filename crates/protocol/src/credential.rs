//! What a client proves itself with, at every front door alike.

use std::fmt;
use std::net::{Ipv4Addr, Ipv6Addr};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hkdf::Hkdf;
use serde::{Deserialize, Serialize};
use sha2::Sha256;
use zeroize::Zeroizing;

use crate::secret::{Secret32, WireguardKey};

/// A credential's number, from 0: it decides the addresses inside the client's tunnel.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct CredentialId(u32);

/// All that a client keeps: one secret, from which follows what each transport asks for. It
/// outlives every front door, and says nothing of who holds it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClientSecret(Secret32);

/// What an ingress knows of a client: enough to let it in.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Credential {
    /// Its number.
    pub id: CredentialId,
    /// WireGuard: the client's public key.
    pub wireguard: WireguardKey,
    /// Shadowsocks 2022: the user's pre-shared key (SIP023).
    pub shadowsocks: Secret32,
    /// For transports that ask for a password: 43 symbols of base64url.
    pub password: Password,
}

/// A password, never shown in debug output.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Password(Zeroizing<String>);

/// The addresses inside a client's tunnel: the same at every ingress, and seen by none but it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TunnelAddresses {
    /// IPv4, in shared address space (RFC 6598).
    pub v4: Ipv4Addr,
    /// IPv6, a unique local address (RFC 4193).
    pub v6: Ipv6Addr,
}

impl CredentialId {
    /// One more than the greatest number: 100.64.0.0/10 less what is set aside.
    pub const COUNT: u32 = (1 << 22) - TunnelAddresses::SET_ASIDE - 1;

    /// The credential of a number, when there is one.
    pub fn new(number: u32) -> Option<Self> {
        (number < Self::COUNT).then_some(Self(number))
    }

    /// The number.
    pub const fn number(self) -> u32 {
        self.0
    }

    /// The addresses inside the client's tunnel.
    pub fn addresses(self) -> TunnelAddresses {
        let host = self.0 + TunnelAddresses::SET_ASIDE;
        let v6 = TunnelAddresses::POOL6.addr();
        TunnelAddresses {
            v4: Ipv4Addr::from_bits(TunnelAddresses::POOL4.addr().to_bits() + host),
            v6: Ipv6Addr::from_bits(v6.to_bits() + u128::from(host)),
        }
    }
}

impl fmt::Display for CredentialId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "credential {}", self.0)
    }
}

impl TunnelAddresses {
    /// All IPv4 addresses of clients' tunnels.
    pub const POOL4: ipnet::Ipv4Net = ipnet::Ipv4Net::new_assert(Ipv4Addr::new(100, 64, 0, 0), 10);
    /// All IPv6 addresses of clients' tunnels.
    pub const POOL6: ipnet::Ipv6Net =
        ipnet::Ipv6Net::new_assert(Ipv6Addr::new(0xfd5d, 0x616d, 0x6c00, 0, 0, 0, 0, 0), 64);
    /// The first addresses of a pool are the server's end and what it serves there.
    const SET_ASIDE: u32 = 16;
    /// The server's end, the same at every ingress.
    pub const SERVER: Self = Self {
        v4: Ipv4Addr::new(100, 64, 0, 1),
        v6: Ipv6Addr::new(0xfd5d, 0x616d, 0x6c00, 0, 0, 0, 0, 1),
    };
    /// The resolver that clients are given; the egress that carries the session answers.
    pub const RESOLVER: Self = Self {
        v4: Ipv4Addr::new(100, 64, 0, 2),
        v6: Ipv6Addr::new(0xfd5d, 0x616d, 0x6c00, 0, 0, 0, 0, 2),
    };
}

impl ClientSecret {
    /// A client's secret, of bytes that the caller drew from the operating system.
    pub const fn new(secret: Secret32) -> Self {
        Self(secret)
    }

    /// The secret, for the client to keep.
    pub const fn expose(&self) -> &Secret32 {
        &self.0
    }

    /// The client's WireGuard private key.
    pub fn wireguard(&self) -> Secret32 {
        self.derive(b"wireguard")
    }

    /// The client's Shadowsocks 2022 user key, for ciphers with keys of 32 bytes.
    pub fn shadowsocks(&self) -> Secret32 {
        self.derive(b"shadowsocks")
    }

    /// The client's password.
    pub fn password(&self) -> Password {
        let bytes = self.derive(b"password");
        Password(Zeroizing::new(URL_SAFE_NO_PAD.encode(bytes.as_bytes())))
    }

    /// What an ingress is told.
    pub fn credential(&self, id: CredentialId) -> Credential {
        Credential {
            id,
            wireguard: self.wireguard().wireguard_public(),
            shadowsocks: self.shadowsocks(),
            password: self.password(),
        }
    }

    /// HKDF-SHA-256 (RFC 5869) without salt: the secret is uniform already.
    fn derive(&self, purpose: &[u8]) -> Secret32 {
        let mut out = Zeroizing::new([0; 32]);
        let info = [b"damm client v1 ", purpose].concat();
        let expanded = Hkdf::<Sha256>::new(None, self.0.as_bytes()).expand(&info, &mut *out);
        // HKDF-SHA-256 gives up to 8,160 bytes.
        debug_assert!(expanded.is_ok());
        Secret32::new(*out)
    }
}

impl Password {
    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(…)")
    }
}

impl fmt::Debug for Credential {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Credential").field("id", &self.id).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_first_and_the_last_credential_lie_within_the_pools() {
        for number in [0, CredentialId::COUNT - 1] {
            let addresses = CredentialId::new(number).unwrap().addresses();
            assert!(TunnelAddresses::POOL4.contains(&addresses.v4), "{addresses:?}");
            assert!(TunnelAddresses::POOL6.contains(&addresses.v6), "{addresses:?}");
            assert_ne!(addresses.v4, TunnelAddresses::POOL4.broadcast());
            assert!(addresses.v4 > TunnelAddresses::RESOLVER.v4);
        }
        assert_eq!(CredentialId::new(CredentialId::COUNT), None);
    }

    #[test]
    fn each_transport_gets_a_key_of_its_own_and_always_the_same() {
        let secret = ClientSecret::new(Secret32::new([5; 32]));
        assert_ne!(secret.wireguard(), secret.shadowsocks());
        assert_eq!(secret.wireguard(), secret.clone().wireguard());
        assert_eq!(secret.password().expose().len(), 43);
    }

    #[test]
    fn a_credential_does_not_show_itself() {
        let id = CredentialId::new(7).unwrap();
        let credential = ClientSecret::new(Secret32::new([5; 32])).credential(id);
        assert_eq!(format!("{credential:?}"), "Credential { id: CredentialId(7), .. }");
        assert_eq!(format!("{:?}", credential.password), "Password(…)");
    }
}
