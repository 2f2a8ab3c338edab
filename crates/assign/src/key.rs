//! The secret that decides which bucket is told of which doors.

use std::fmt;

use hmac::{Hmac, KeyInit, Mac};
use sha2::Sha256;
use zeroize::Zeroize;

/// The secret that decides which bucket is told of which doors; 32 random bytes of the operator's.
///
/// Whoever holds it can compute every bucket's doors. It never leaves the controller. A new key
/// moves every bucket at once, so it is changed only when it has leaked.
#[derive(Clone)]
pub struct AssignKey([u8; 32]);

impl AssignKey {
    /// A key from 32 random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// What [`keyed_hash`] makes of this key.
    pub fn derive(&self, purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
        keyed_hash(&self.0, purpose, parts)
    }
}

/// HMAC-SHA-256 (RFC 2104) over a purpose and its parts, each with its length before it, so that no
/// two lists of parts run together. Without the key, its results can't be told from random bytes.
pub fn keyed_hash(key: &[u8; 32], purpose: &str, parts: &[&[u8]]) -> [u8; 32] {
    // HMAC takes keys of any length, so this cannot fail.
    let mut mac = <Hmac<Sha256> as KeyInit>::new_from_slice(key).expect("any length fits");
    for part in std::iter::once(&purpose.as_bytes()).chain(parts) {
        mac.update(&(part.len() as u64).to_be_bytes());
        mac.update(part);
    }
    mac.finalize().into_bytes().into()
}

impl Drop for AssignKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for AssignKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("AssignKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parts_do_not_run_together() {
        let key = AssignKey::new([7; 32]);
        assert_ne!(key.derive("p", &[b"ab", b"c"]), key.derive("p", &[b"a", b"bc"]));
        assert_ne!(key.derive("pa", &[]), key.derive("p", &[b"a"]));
        assert_ne!(key.derive("p", &[b"a"]), key.derive("p", &[b"a", b""]));
    }

    #[test]
    fn a_key_does_not_show_itself() {
        let shown = format!("{:?}", AssignKey::new([0xab; 32]));
        assert!(!shown.contains("ab") && !shown.contains("171"), "{shown}");
    }

    #[test]
    fn the_derivation_never_changes() {
        // Computed with Python's hmac; a change here would move every bucket of every fleet.
        let hex: String = AssignKey::new([1; 32])
            .derive("bucket", &[b"ir", &7u32.to_be_bytes()])
            .iter()
            .map(|b| format!("{b:02x}"))
            .collect();
        assert_eq!(hex, "d29e2dbcfa3289a8a3a0e651c9b420523b34851dbfe29c09a38fd34a3c15ff1f");
    }
}
