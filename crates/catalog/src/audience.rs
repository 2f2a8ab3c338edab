//! Opaque names: whom a catalog is for, and where it lies.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize};

/// RFC 4648's base 32 in lower case: safe in file names, host names and paths.
const ALPHABET: &[u8; 32] = b"abcdefghijklmnopqrstuvwxyz234567";
/// 160 bits of 5 bits each: beyond guessing.
const SYMBOLS: usize = 32;

/// The first 160 bits of a hash as 32 symbols.
fn encode(hash: &[u8; 32]) -> String {
    let symbols = hash[..20].chunks_exact(5).flat_map(|five| {
        let bits = five.iter().fold(0u64, |bits, b| bits << 8 | u64::from(*b));
        (0..8).map(move |i| ALPHABET[(bits >> (35 - 5 * i)) as usize & 31])
    });
    symbols.map(char::from).collect()
}

/// The 160 bits of an opaque name.
fn decode(text: &str) -> [u8; 20] {
    let mut out = [0; 20];
    for (five, symbols) in out.chunks_exact_mut(5).zip(text.as_bytes().chunks_exact(8)) {
        let place = |symbol: &u8| ALPHABET.iter().position(|a| a == symbol).unwrap_or(0) as u64;
        let bits = symbols.iter().fold(0u64, |bits, symbol| bits << 5 | place(symbol));
        five.copy_from_slice(&bits.to_be_bytes()[3..]);
    }
    out
}

fn is_opaque(text: &str) -> bool {
    text.len() == SYMBOLS && text.bytes().all(|b| ALPHABET.contains(&b))
}

/// Why a text is not an opaque name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not an opaque name: it is 32 of the symbols a-z and 2-7")]
pub struct InvalidOpaque(pub String);

macro_rules! opaque {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
        #[serde(transparent)]
        pub struct $name(String);

        impl $name {
            pub(crate) fn from_hash(hash: &[u8; 32]) -> Self {
                Self(encode(hash))
            }

            /// The name as text: 32 of the symbols a-z and 2-7.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl FromStr for $name {
            type Err = InvalidOpaque;

            fn from_str(text: &str) -> Result<Self, InvalidOpaque> {
                match is_opaque(text) {
                    true => Ok(Self(text.to_owned())),
                    false => Err(InvalidOpaque(text.to_owned())),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
                text.parse().map_err(serde::de::Error::custom)
            }
        }
    };
}

opaque!(
    /// Whom a catalog is for: fleet, region, population and bucket under a key, so that only who
    /// made it can tell. It stays the same over all versions, until the fleet's secret is changed:
    /// then clients enrol again, as all objects have new names too.
    Audience
);
opaque!(
    /// The name of a catalog's object in one channel. It stays the same over all versions, and
    /// nobody without the channel's secret can guess it.
    ObjectName
);
opaque!(
    /// Where one client's subscription lies at the controller. Whoever knows it is that client, so
    /// it is a secret; it says nothing of the client to anybody else.
    SubscriptionPath
);

impl SubscriptionPath {
    pub(crate) fn from_bytes(bytes: [u8; 20]) -> Self {
        let mut hash = [0; 32];
        hash[..20].copy_from_slice(&bytes);
        Self::from_hash(&hash)
    }

    pub(crate) fn to_bytes(&self) -> [u8; 20] {
        decode(&self.0)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vectors_of_rfc_4648_hold() {
        // "foobarfoobarfoobarfo" is 20 bytes; the text was computed with Python's base64.
        let mut hash = [0; 32];
        hash[..20].copy_from_slice(b"foobarfoobarfoobarfo");
        assert_eq!(encode(&hash), "mzxw6ytbojtg633cmfzgm33pmjqxeztp");
        assert_eq!(decode("mzxw6ytbojtg633cmfzgm33pmjqxeztp"), *b"foobarfoobarfoobarfo");
    }

    #[test]
    fn a_name_of_other_symbols_is_refused() {
        let good = "a".repeat(32);
        assert!(good.parse::<ObjectName>().is_ok());
        for bad in [&good[1..], &"A".repeat(32), &"1".repeat(32), &"../".repeat(11)[..32]] {
            assert!(bad.parse::<ObjectName>().is_err(), "{bad:?} was taken");
        }
    }
}
