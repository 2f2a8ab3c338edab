//! Ed25519 keys (RFC 8032) and their texts (RFC 8410). No randomness: the caller draws the bytes.

use std::fmt;
use std::str::FromStr;

use ed25519_dalek::pkcs8::spki::der::pem::LineEnding;
use ed25519_dalek::pkcs8::{
    DecodePrivateKey, DecodePublicKey, EncodePrivateKey, EncodePublicKey, KeypairBytes,
};
use ed25519_dalek::{Signature, Signer, SigningKey, VerifyingKey};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};
use zeroize::Zeroizing;

use crate::canon::{hex, unhex};
use crate::error::Error;

/// A key's short name: the first 64 bits of the SHA-256 of its public half, as 16 hex digits.
///
/// It only finds the key; what is trusted is the key.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct KeyId([u8; 8]);

impl fmt::Display for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&hex(&self.0))
    }
}

impl fmt::Debug for KeyId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

/// Why a text is not a key's short name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a key id: it is 16 of the symbols 0-9 and a-f")]
pub struct InvalidKeyId(pub String);

impl FromStr for KeyId {
    type Err = InvalidKeyId;

    fn from_str(text: &str) -> Result<Self, InvalidKeyId> {
        unhex(text).map(Self).ok_or_else(|| InvalidKeyId(text.to_owned()))
    }
}

impl Serialize for KeyId {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for KeyId {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The public half of a key. Never one of the weak ones, under which anything verifies.
#[derive(Clone, Copy, PartialEq, Eq)]
pub struct PublicKey(VerifyingKey);

impl PublicKey {
    fn new(key: VerifyingKey) -> Result<Self, Error> {
        match key.is_weak() {
            true => Err(Error::Key),
            false => Ok(Self(key)),
        }
    }

    /// A public key from its 32 bytes.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] when they are no point of the curve, or a weak one.
    pub fn from_bytes(bytes: &[u8; 32]) -> Result<Self, Error> {
        Self::new(VerifyingKey::from_bytes(bytes).map_err(|_| Error::Key)?)
    }

    /// Its short name.
    pub fn id(&self) -> KeyId {
        let hash = Sha256::digest(self.0.as_bytes());
        KeyId(std::array::from_fn(|i| hash[i]))
    }

    /// Whether this key signed these bytes; strictly, as RFC 8032 and the curve's order demand, so
    /// that nobody can turn one valid signature into another.
    pub(crate) fn signed(&self, bytes: &[u8], signature: &[u8]) -> bool {
        Signature::from_slice(signature).is_ok_and(|s| self.0.verify_strict(bytes, &s).is_ok())
    }

    /// The key as a PEM block of SPKI (RFC 8410).
    pub fn to_pem(&self) -> String {
        // Encoding 32 bytes fails only when memory does.
        self.0.to_public_key_pem(LineEnding::LF).unwrap_or_default()
    }

    /// The key from its PEM block.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] when the text is not one.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        Self::new(VerifyingKey::from_public_key_pem(text).map_err(|_| Error::Key)?)
    }
}

impl fmt::Debug for PublicKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "PublicKey({})", self.id())
    }
}

impl Serialize for PublicKey {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&hex(self.0.as_bytes()))
    }
}

impl<'de> Deserialize<'de> for PublicKey {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        let bytes = unhex(&text).ok_or_else(|| serde::de::Error::custom(Error::Key))?;
        Self::from_bytes(&bytes).map_err(serde::de::Error::custom)
    }
}

/// The secret half of a key. It is wiped from memory when dropped, and never shows itself.
pub struct SecretKey(SigningKey);

impl SecretKey {
    /// A key from 32 random bytes, which the caller wipes.
    pub fn new(bytes: &[u8; 32]) -> Self {
        Self(SigningKey::from_bytes(bytes))
    }

    /// Its public half.
    pub fn public(&self) -> PublicKey {
        // The scalar of a secret key is never a multiple of the curve's order, so never weak.
        PublicKey(self.0.verifying_key())
    }

    pub(crate) fn sign(&self, bytes: &[u8]) -> [u8; 64] {
        self.0.sign(bytes).to_bytes()
    }

    /// The key as a PEM block of PKCS#8, without the public half, which older readers stumble on.
    /// It is to be kept in a file that only its owner can read.
    pub fn to_pem(&self) -> Zeroizing<String> {
        let pair = KeypairBytes { secret_key: self.0.to_bytes(), public_key: None };
        // Encoding 32 bytes fails only when memory does.
        pair.to_pkcs8_pem(LineEnding::LF).unwrap_or_default()
    }

    /// The key from its PEM block.
    ///
    /// # Errors
    ///
    /// [`Error::Key`] when the text is not one.
    pub fn from_pem(text: &str) -> Result<Self, Error> {
        let key = SigningKey::from_pkcs8_pem(text);
        key.map(Self).map_err(|_| Error::Key)
    }
}

impl fmt::Debug for SecretKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "SecretKey({})", self.public().id())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_key_reads_back_as_it_was_written() {
        let key = SecretKey::new(&[7; 32]);
        let again = SecretKey::from_pem(&key.to_pem()).unwrap();
        assert_eq!(again.0.to_bytes(), [7; 32]);
        let public = key.public();
        assert_eq!(PublicKey::from_pem(&public.to_pem()), Ok(public));
        assert_eq!(public.id().to_string().parse(), Ok(public.id()));
    }

    #[test]
    fn a_text_that_is_no_key_is_refused() {
        let (key, public) = (SecretKey::new(&[7; 32]), SecretKey::new(&[7; 32]).public());
        let cut = &key.to_pem()[..80];
        for bad in ["", "-----BEGIN PRIVATE KEY-----", cut, &public.to_pem()] {
            assert!(SecretKey::from_pem(bad).is_err(), "{bad:?} was taken");
        }
        assert!(PublicKey::from_pem(&key.to_pem()).is_err());
    }

    #[test]
    fn the_weak_keys_are_refused() {
        // The neutral element: its signatures verify for any message.
        let mut neutral = [0; 32];
        neutral[0] = 1;
        assert_eq!(PublicKey::from_bytes(&neutral), Err(Error::Key));
    }

    #[test]
    fn the_first_vector_of_rfc_8032_holds() {
        let hex = "9d61b19deffd5a60ba844af492ec2cc44449c5697b326919703bac031cae7f60";
        let key = SecretKey::new(&unhex(hex).unwrap());
        let signature = "e5564300c360ac729086e2cc806e828a84877f1eb8e5d974d873e06522490155\
                         5fb8821590a33bacc61e39701cf9b46bd25bf5f0595bbe24655141438e7a100b";
        assert_eq!(key.sign(b""), unhex(signature).unwrap());
        assert!(key.public().signed(b"", &unhex::<64>(signature).unwrap()));
    }

    #[test]
    fn a_secret_key_does_not_show_itself() {
        let key = SecretKey::new(&[0xab; 32]);
        assert_eq!(format!("{key:?}"), format!("SecretKey({})", key.public().id()));
    }
}
