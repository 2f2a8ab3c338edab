//! Keys, and what makes each file another.

use std::fmt;
use std::str::FromStr;

use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::{ZeroizeOnDrop, Zeroizing};

use crate::bech32;
use crate::derive::derive;
use crate::error::NotAKey;

const PUBLIC: &str = "age";
const SECRET: &str = "age-secret-key-";

/// Who can open files: a secret key.
#[derive(Clone)]
pub struct Identity(StaticSecret);

/// Whom files are sealed for: a public key.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct Recipient([u8; 32]);

/// What makes each file another than all before it. It is used for one file and never again: two
/// that share it would show what their texts differ in.
#[derive(ZeroizeOnDrop)]
pub struct Entropy([u8; 32]);

impl Identity {
    /// The key of 32 bytes that the caller drew from the operating system, or derived.
    pub fn new(bytes: [u8; 32]) -> Self {
        Self(StaticSecret::from(bytes))
    }

    /// Whom to seal for, so that this key can open it.
    pub fn recipient(&self) -> Recipient {
        Recipient(PublicKey::from(&self.0).to_bytes())
    }

    /// The key as text, `AGE-SECRET-KEY-1…`, for its holder to keep.
    pub fn to_text(&self) -> Zeroizing<String> {
        Zeroizing::new(bech32::encode(SECRET, self.0.as_bytes()).to_ascii_uppercase())
    }

    /// What it shares with a public key; none where that is worth nothing (RFC 7748, section 6.1).
    pub(crate) fn shared(&self, with: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
        shared(&self.0, with)
    }
}

/// What a secret key shares with a public one.
pub(crate) fn shared(secret: &StaticSecret, with: &[u8; 32]) -> Option<Zeroizing<[u8; 32]>> {
    let shared = secret.diffie_hellman(&PublicKey::from(*with));
    shared.was_contributory().then(|| Zeroizing::new(shared.to_bytes()))
}

impl FromStr for Identity {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        // One case or the other, never both (BIP 173); age writes secrets in upper case.
        let lower = Zeroizing::new(text.to_ascii_lowercase());
        let one_case = text == lower.as_str() || text == lower.to_ascii_uppercase();
        let key = bech32::decode(SECRET, &lower).filter(|_| one_case).ok_or(NotAKey)?;
        Ok(Self::new(*key))
    }
}

impl fmt::Debug for Identity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Identity(…)")
    }
}

impl Recipient {
    /// The key of these bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The bytes.
    pub const fn as_bytes(&self) -> &[u8; 32] {
        &self.0
    }
}

impl fmt::Display for Recipient {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(&bech32::encode(PUBLIC, &self.0))
    }
}

impl FromStr for Recipient {
    type Err = NotAKey;

    fn from_str(text: &str) -> Result<Self, NotAKey> {
        bech32::decode(PUBLIC, text).map(|key| Self(*key)).ok_or(NotAKey)
    }
}

impl Entropy {
    /// Of 32 bytes that the caller drew from the operating system, for one file.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    pub(crate) fn file_key(&self) -> Zeroizing<[u8; 16]> {
        derive(&self.0, &[], b"damm age v1 file key")
    }

    pub(crate) fn nonce(&self) -> [u8; 16] {
        *derive(&self.0, &[], b"damm age v1 nonce")
    }

    /// A key of its own for each recipient.
    pub(crate) fn ephemeral(&self, number: u32) -> StaticSecret {
        let info = [b"damm age v1 ephemeral ".as_slice(), &number.to_be_bytes()].concat();
        StaticSecret::from(*derive::<32>(&self.0, &[], &info))
    }
}

impl fmt::Debug for Entropy {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Entropy(…)")
    }
}
