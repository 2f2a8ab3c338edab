//! The key that the controller shows to its nodes.

use std::fmt;

use damm_protocol::Pin;
use ed25519_dalek::SigningKey;
use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// Keeps this key apart from all else that follows from `join.secret`.
const PURPOSE: &[u8] = b"damm controller tls v1";

/// An Ed25519 private key in PKCS #8, up to its 32 bytes (RFC 8410, section 7).
const PKCS8: [u8; 16] = [
    0x30, 0x2e, 0x02, 0x01, 0x00, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x04, 0x22, 0x04, 0x20,
];

/// An Ed25519 public key as a SubjectPublicKeyInfo, up to its 32 bytes (RFC 8410, section 4).
const SPKI: [u8; 12] = [0x30, 0x2a, 0x30, 0x05, 0x06, 0x03, 0x2b, 0x65, 0x70, 0x03, 0x21, 0x00];

/// The key of the controller's TLS certificate: Ed25519 (RFC 8032). It follows from the secret that
/// join tokens follow from, so nodes' pins hold for as long as `keys/join.secret` does.
pub struct ControllerKey(SigningKey);

impl ControllerKey {
    /// The key that belongs to a join secret: HKDF-SHA-256 (RFC 5869) without salt, since the
    /// secret is uniform already.
    pub(crate) fn of(join: &[u8; 32]) -> Self {
        let mut seed = Zeroizing::new([0; 32]);
        let expanded = Hkdf::<Sha256>::new(None, join).expand(PURPOSE, &mut *seed);
        // HKDF-SHA-256 gives up to 8,160 bytes.
        debug_assert!(expanded.is_ok());
        Self(SigningKey::from_bytes(&seed))
    }

    /// The private key in PKCS #8, as TLS servers take it.
    pub fn pkcs8(&self) -> Zeroizing<Vec<u8>> {
        Zeroizing::new([&PKCS8[..], self.0.as_bytes()].concat())
    }

    /// What nodes know it by.
    pub fn pin(&self) -> Pin {
        Pin::of(&[&SPKI[..], self.0.verifying_key().as_bytes()].concat())
    }
}

impl fmt::Debug for ControllerKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "ControllerKey({})", self.pin())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_pin_of_a_secret_never_changes() {
        // Servers that stand were stamped with it. Checked against Python's cryptography: HKDF,
        // Ed25519PrivateKey, public_bytes(DER, SubjectPublicKeyInfo), SHA-256, urlsafe_b64encode.
        let pin = ControllerKey::of(&[7; 32]).pin();
        assert_eq!(pin.to_string(), "t920bV3Zulzs1nQaxiAt_z9HuvmKfRhj02dgh0BHN64");
    }

    #[test]
    fn the_same_secret_gives_the_same_key_and_another_gives_another() {
        let pin = |n| ControllerKey::of(&[n; 32]).pin();
        assert_eq!(pin(1), pin(1));
        assert_ne!(pin(1), pin(2));
    }

    #[test]
    fn a_key_does_not_show_itself() {
        let key = ControllerKey::of(&[7; 32]);
        let shown = format!("{key:?}");
        assert_eq!(shown, format!("ControllerKey({})", key.pin()));
    }
}
