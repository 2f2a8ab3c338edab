//! The agent's own key, and requests signed with it.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::secret::Secret32;

/// Keeps these signatures apart from all others that are made with Ed25519 keys.
const DOMAIN: &str = "damm agent request v1";

/// What an agent proves itself with: an Ed25519 key (RFC 8032) that it made.
#[derive(Clone)]
pub struct AgentKey(SigningKey);

/// The public half.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct AgentPublicKey(VerifyingKey);

/// A request's body as it was sent, with its signature.
///
/// The signature is over domain, path and body, so a body that was meant for one path is refused
/// at another. Replays are the body's matter: a sync carries a sequence number that only rises, a
/// join a token that is bound to the first key that shows it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signed<'a> {
    /// The request's path.
    pub path: &'a str,
    /// The body's bytes.
    pub body: &'a [u8],
    /// The value of the header [`Signed::HEADER`]: base64url without padding.
    pub signature: &'a str,
}

/// A signature does not belong to what it came with.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("the request's signature is not the node's: the agent's key is not the one that joined")]
pub struct RefusedSignature;

impl AgentKey {
    /// A key from 32 bytes that the caller drew from the operating system.
    pub fn new(secret: &Secret32) -> Self {
        Self(SigningKey::from_bytes(secret.as_bytes()))
    }

    /// The public half.
    pub fn public(&self) -> AgentPublicKey {
        AgentPublicKey(self.0.verifying_key())
    }

    /// The header's value for a body that goes to a path.
    pub fn sign(&self, path: &str, body: &[u8]) -> String {
        URL_SAFE_NO_PAD.encode(self.0.sign(&message(path, body)).to_bytes())
    }
}

impl fmt::Debug for AgentKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AgentKey(…)")
    }
}

impl Signed<'_> {
    /// The header that carries the signature.
    pub const HEADER: &'static str = "damm-signature";

    /// Checks the signature.
    ///
    /// # Errors
    ///
    /// [`RefusedSignature`].
    pub fn verify(&self, key: &AgentPublicKey) -> Result<(), RefusedSignature> {
        let bytes = URL_SAFE_NO_PAD.decode(self.signature).map_err(|_| RefusedSignature)?;
        let signature = Signature::from_slice(&bytes).map_err(|_| RefusedSignature)?;
        // Strict: a key of small order would let one signature fit many messages.
        let verified = key.0.verify_strict(&message(self.path, self.body), &signature);
        verified.map_err(|_| RefusedSignature)
    }
}

fn message(path: &str, body: &[u8]) -> Vec<u8> {
    // A path holds no line break, so the three parts can't be cut in another place.
    [DOMAIN.as_bytes(), b"\n", path.as_bytes(), b"\n", body].concat()
}

impl fmt::Display for AgentPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&URL_SAFE_NO_PAD.encode(self.0.as_bytes()))
    }
}

impl fmt::Debug for AgentPublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "AgentPublicKey({self})")
    }
}

impl FromStr for AgentPublicKey {
    type Err = RefusedSignature;

    fn from_str(text: &str) -> Result<Self, RefusedSignature> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| RefusedSignature)?;
        let bytes: [u8; 32] = bytes.try_into().map_err(|_| RefusedSignature)?;
        VerifyingKey::from_bytes(&bytes).map(Self).map_err(|_| RefusedSignature)
    }
}

impl Serialize for AgentPublicKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for AgentPublicKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key(n: u8) -> AgentKey {
        AgentKey::new(&Secret32::new([n; 32]))
    }

    #[test]
    fn a_signature_fits_its_own_path_body_and_key_only() {
        let signature = key(1).sign("/a/v1/sync", b"{}");
        let signed = Signed { path: "/a/v1/sync", body: b"{}", signature: &signature };
        assert_eq!(signed.verify(&key(1).public()), Ok(()));
        assert_eq!(signed.verify(&key(2).public()), Err(RefusedSignature));
        let elsewhere = Signed { path: "/a/v1/join", ..signed.clone() };
        assert_eq!(elsewhere.verify(&key(1).public()), Err(RefusedSignature));
        let other = Signed { body: b"{ }", ..signed.clone() };
        assert_eq!(other.verify(&key(1).public()), Err(RefusedSignature));
        for bad in ["", "AA", "%", &format!("{signature}A")] {
            let cut = Signed { signature: bad, ..signed.clone() };
            assert_eq!(cut.verify(&key(1).public()), Err(RefusedSignature), "{bad}");
        }
    }

    #[test]
    fn a_public_key_reads_back_from_its_text() {
        let public = key(3).public();
        assert_eq!(public.to_string().parse(), Ok(public));
    }
}
