//! One-time join tokens: how a new node's agent proves that it is the one we made.

use std::fmt;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use damm_fleet::NodeId;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use zeroize::ZeroizeOnDrop;

/// Keeps these tokens apart from whatever else may be derived from the same key one day.
const DOMAIN: &[u8] = b"damm join token v1";

/// The secret that all join tokens of a controller are made from.
#[derive(Clone, ZeroizeOnDrop)]
pub struct JoinKey([u8; 32]);

/// What a node's agent shows when it joins: good for one node, and for one attempt to make it.
#[derive(Clone, ZeroizeOnDrop)]
pub struct JoinToken(String);

/// All of a join token that may be stored: its SHA-256.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct TokenDigest([u8; 32]);

impl JoinKey {
    /// A key from 32 bytes that the caller drew from the operating system.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The token of one attempt to make a node: HMAC-SHA-256 (RFC 2104) over fleet, node and
    /// attempt, in base64url without padding (RFC 4648, section 5).
    ///
    /// The same arguments give the same token, so that a creation that is repeated after a crash
    /// sends the same bytes.
    pub fn token(&self, fleet: &str, node: NodeId, attempt: u32) -> JoinToken {
        let mac = self.mac(fleet, node, attempt).finalize().into_bytes();
        JoinToken(URL_SAFE_NO_PAD.encode(mac))
    }

    /// Whether a text is the token of this node and attempt. Takes the same time for all wrong
    /// texts of the right length.
    pub fn verify(&self, fleet: &str, node: NodeId, attempt: u32, text: &str) -> bool {
        URL_SAFE_NO_PAD
            .decode(text)
            .is_ok_and(|shown| self.mac(fleet, node, attempt).verify_slice(&shown).is_ok())
    }

    fn mac(&self, fleet: &str, node: NodeId, attempt: u32) -> Hmac<Sha256> {
        // HMAC fills a short key up to the hash's block with zeros; so does this.
        let mut block = [0; 64];
        block[..32].copy_from_slice(&self.0);
        // The one part of varying length comes last, so no two inputs give the same bytes.
        <Hmac<Sha256> as KeyInit>::new(&block.into())
            .chain_update(DOMAIN)
            .chain_update(node.raw().to_be_bytes())
            .chain_update(attempt.to_be_bytes())
            .chain_update(fleet.as_bytes())
    }
}

impl JoinToken {
    /// The token itself, to be written into user data and nowhere else.
    pub fn expose(&self) -> &str {
        &self.0
    }

    /// What may be stored of it.
    pub fn digest(&self) -> TokenDigest {
        TokenDigest::of(&self.0)
    }
}

impl TokenDigest {
    /// The digest of a token that an agent shows.
    pub fn of(token: &str) -> Self {
        Self(Sha256::digest(token.as_bytes()).into())
    }

    /// A digest that was stored.
    pub const fn from_bytes(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The digest, to be stored.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }

    /// Whether a shown token is the one with this digest, in the same time for all texts of one
    /// length.
    pub fn matches(&self, token: &str) -> bool {
        self.0.ct_eq(&Self::of(token).0).into()
    }
}

impl fmt::Debug for JoinKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinKey(…)")
    }
}

impl fmt::Debug for JoinToken {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("JoinToken(…)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn key() -> JoinKey {
        JoinKey::new([7; 32])
    }

    #[test]
    fn a_token_is_the_hmac_that_another_implementation_computes() {
        // Python: hmac.new(bytes([7]*32), b"damm join token v1" + pack(">QI", 42, 1) + b"example")
        let token = key().token("example", NodeId::from_raw(42), 1);
        assert_eq!(token.expose(), "ygtCVJxAOS8sPZtx60IFHmVK4iZundmLbSFel4poJeU");
    }

    #[test]
    fn a_token_joins_its_own_node_in_its_own_fleet_and_attempt_only() {
        let (mine, other) = (NodeId::from_raw(1), NodeId::from_raw(2));
        let token = key().token("example", mine, 1);
        let shown = token.expose();
        assert!(key().verify("example", mine, 1, shown));
        assert!(!key().verify("example", other, 1, shown));
        assert!(!key().verify("example", mine, 2, shown));
        assert!(!key().verify("elsewhere", mine, 1, shown));
        assert!(!JoinKey::new([8; 32]).verify("example", mine, 1, shown));
    }

    #[test]
    fn a_cut_padded_or_garbled_token_is_refused() {
        let node = NodeId::from_raw(1);
        let token = key().token("example", node, 1);
        let shown = token.expose();
        for bad in ["", &shown[1..], &format!("{shown}="), &format!("{shown}A"), "ä", "%%%%"] {
            assert!(!key().verify("example", node, 1, bad), "{bad:?} was taken");
        }
    }

    #[test]
    fn a_stored_digest_matches_its_token_only() {
        let token = key().token("example", NodeId::from_raw(1), 1);
        let stored = TokenDigest::from_bytes(*token.digest().as_bytes());
        assert!(stored.matches(token.expose()));
        assert!(!stored.matches(key().token("example", NodeId::from_raw(1), 2).expose()));
    }

    #[test]
    fn neither_key_nor_token_is_seen_in_debug_output() {
        let token = key().token("example", NodeId::from_raw(1), 1);
        assert_eq!(format!("{token:?} {:?}", key()), "JoinToken(…) JoinKey(…)");
    }
}
