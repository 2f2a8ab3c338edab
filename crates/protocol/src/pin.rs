//! The one key that an agent believes.

use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;

/// The SHA-256 of a certificate's SubjectPublicKeyInfo (RFC 7469, section 2.4), in base64url
/// without padding. A certificate may be renewed as often as one likes under the same pin.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Pin([u8; 32]);

/// A text is no pin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("a pin is 43 symbols of base64url: the SHA-256 of the controller's public key")]
pub struct NotAPin;

impl Pin {
    /// The pin of a DER-encoded SubjectPublicKeyInfo.
    pub fn of(spki: &[u8]) -> Self {
        Self(Sha256::digest(spki).into())
    }

    /// Whether this is the pin of that key.
    pub fn matches(&self, spki: &[u8]) -> bool {
        self.0.ct_eq(&Self::of(spki).0).into()
    }
}

impl fmt::Display for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&URL_SAFE_NO_PAD.encode(self.0))
    }
}

impl fmt::Debug for Pin {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Pin({self})")
    }
}

impl FromStr for Pin {
    type Err = NotAPin;

    fn from_str(text: &str) -> Result<Self, NotAPin> {
        let bytes = URL_SAFE_NO_PAD.decode(text).map_err(|_| NotAPin)?;
        bytes.try_into().map(Self).map_err(|_| NotAPin)
    }
}

impl Serialize for Pin {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Pin {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        String::deserialize(d)?.parse().map_err(serde::de::Error::custom)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_pin_reads_back_and_matches_its_key_only() {
        let pin = Pin::of(b"key");
        assert_eq!(pin.to_string().parse(), Ok(pin));
        assert!(pin.matches(b"key") && !pin.matches(b"kez"));
    }

    #[test]
    fn what_is_no_pin_is_refused() {
        for bad in ["", "AA", "ä", &format!("{}A", Pin::of(b"")), &format!("{}=", Pin::of(b""))] {
            assert_eq!(bad.parse::<Pin>(), Err(NotAPin), "{bad}");
        }
    }
}
