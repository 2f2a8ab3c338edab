//! 32 secret bytes, and WireGuard's keys.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::ZeroizeOnDrop;

/// 32 secret bytes: a private key or a pre-shared one. Written in base64 with padding, as
/// WireGuard and Shadowsocks write theirs; never shown in debug output.
#[derive(Clone, ZeroizeOnDrop)]
pub struct Secret32([u8; 32]);

/// A text is no base64 of 32 bytes.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a key is 44 symbols of base64, as `wg genkey` prints them")]
pub struct NotASecret;

impl Secret32 {
    /// A secret of bytes that the caller drew from the operating system.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> String {
        STANDARD.encode(self.0)
    }

    /// The public key that belongs to it as an X25519 private key (RFC 7748, section 6.1).
    pub fn wireguard_public(&self) -> WireguardKey {
        WireguardKey(PublicKey::from(&StaticSecret::from(self.0)).to_bytes())
    }
}

impl PartialEq for Secret32 {
    fn eq(&self, other: &Self) -> bool {
        self.0.ct_eq(&other.0).into()
    }
}

impl Eq for Secret32 {}

impl fmt::Debug for Secret32 {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Secret32(…)")
    }
}

impl FromStr for Secret32 {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Self, NotASecret> {
        decode(text).map(Self)
    }
}

impl Serialize for Secret32 {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.expose())
    }
}

impl<'de> Deserialize<'de> for Secret32 {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

/// A WireGuard public key, in base64.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct WireguardKey([u8; 32]);

impl WireguardKey {
    /// The key of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for WireguardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&STANDARD.encode(self.0))
    }
}

impl fmt::Debug for WireguardKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "WireguardKey({self})")
    }
}

impl FromStr for WireguardKey {
    type Err = NotASecret;

    fn from_str(text: &str) -> Result<Self, NotASecret> {
        decode(text).map(Self)
    }
}

impl Serialize for WireguardKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for WireguardKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

fn decode(text: &str) -> Result<[u8; 32], NotASecret> {
    let bytes = STANDARD.decode(text).map_err(|_| NotASecret)?;
    bytes.try_into().map_err(|_| NotASecret)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_public_key_is_the_one_that_the_rfc_gives() {
        // RFC 7748, section 6.1: Alice's keys.
        let private = "dwdtCnMYpX08FsFyUbJmRd9ML4frwJkqsXf7pR25LCo=".parse::<Secret32>().unwrap();
        let public = "hSDwCYkwp1R0i33ctD73Wg2/Og0mOBr066SpjqqbTmo=";
        assert_eq!(private.wireguard_public().to_string(), public);
    }

    #[test]
    fn a_secret_reads_back_and_does_not_show_itself() {
        let secret = Secret32::new([7; 32]);
        assert_eq!(secret.expose().parse(), Ok(secret.clone()));
        assert_eq!(format!("{secret:?}"), "Secret32(…)");
        assert_eq!("AAAA".parse::<Secret32>(), Err(NotASecret));
    }
}
