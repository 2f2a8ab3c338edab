//! Typed identities: small, ordered, copyable, and given before any call to a provider.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sha2::{Digest, Sha256};

/// Crockford's alphabet: no `i`, `l`, `o`, `u`, so an id survives being read aloud.
const ALPHABET: &[u8; 32] = b"0123456789abcdefghjkmnpqrstvwxyz";
/// Each byte's place in the alphabet, or [`NONE`].
const VALUES: [u8; 256] = {
    let (mut values, mut i) = ([NONE; 256], 0);
    while i < ALPHABET.len() {
        values[ALPHABET[i] as usize] = i as u8;
        i += 1;
    }
    values
};
const NONE: u8 = u8::MAX;
/// 12 symbols of 5 bits: 60 bits, a collision among 100,000 ids has odds of 1 in 200 million.
const SYMBOLS: usize = 12;
const MASK: u64 = (1 << (SYMBOLS * 5)) - 1;

/// Why a text is not an id.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{text}` is not a {kind} id: it is `{kind}-` and 12 of the symbols 0-9 a-z without i, l, o, u"
)]
pub struct InvalidId {
    /// What was read.
    pub text: String,
    /// The prefix that was expected.
    pub kind: &'static str,
}

fn encode(raw: u64, f: &mut fmt::Formatter<'_>) -> fmt::Result {
    let mut text = [0u8; SYMBOLS];
    for (i, symbol) in text.iter_mut().enumerate() {
        *symbol = ALPHABET[(raw >> (5 * (SYMBOLS - 1 - i))) as usize & 31];
    }
    // The alphabet is ASCII, so this cannot fail.
    f.write_str(std::str::from_utf8(&text).unwrap_or_default())
}

fn decode(text: &str) -> Option<u64> {
    let symbol = |b: u8| match VALUES[usize::from(b)] {
        NONE => None,
        value => Some(u64::from(value)),
    };
    if text.len() != SYMBOLS {
        return None;
    }
    text.bytes().try_fold(0u64, |raw, b| Some(raw << 5 | symbol(b)?))
}

macro_rules! id {
    ($(#[$doc:meta])* $name:ident, $prefix:literal) => {
        $(#[$doc])*
        #[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
        pub struct $name(u64);

        impl $name {
            /// The prefix that every id of this kind is written with.
            pub const PREFIX: &'static str = $prefix;

            /// The id with these bits; all above the lowest 60 are dropped.
            pub const fn from_raw(raw: u64) -> Self {
                Self(raw & MASK)
            }

            /// The id's 60 bits.
            pub const fn raw(self) -> u64 {
                self.0
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!($prefix, "-"))?;
                encode(self.0, f)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Display::fmt(self, f)
            }
        }

        impl FromStr for $name {
            type Err = InvalidId;

            fn from_str(text: &str) -> Result<Self, InvalidId> {
                text.strip_prefix(concat!($prefix, "-"))
                    .and_then(decode)
                    .map(Self)
                    .ok_or_else(|| InvalidId { text: text.to_owned(), kind: $prefix })
            }
        }

        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.collect_str(self)
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                crate::text::from_text(d)
            }
        }
    };
}

id!(
    /// One server.
    NodeId, "node"
);
id!(
    /// One address:port:transport that clients may be told of.
    FrontdoorId, "door"
);
id!(
    /// One source address towards the internet; never told to any client.
    EgressIpId, "eip"
);
id!(
    /// One complete desired state.
    BlueprintId, "bp"
);

/// The only source of identities: the same seed gives the same ids in the same order.
///
/// The engine draws 32 bytes from the operating system once per plan; tests and simulations choose
/// them. Ids are the first 60 bits of `SHA-256(seed || kind || ordinal)`.
#[derive(Debug, Clone)]
pub struct Seed {
    key: [u8; 32],
    drawn: u64,
}

impl Seed {
    /// A seed from 32 bytes.
    pub const fn new(key: [u8; 32]) -> Self {
        Self { key, drawn: 0 }
    }

    /// A seed from a small number, for tests and simulations.
    pub fn from_number(n: u64) -> Self {
        Self::new(Sha256::digest(n.to_be_bytes()).into())
    }

    fn draw(&mut self, kind: &str) -> u64 {
        let ordinal = self.drawn;
        self.drawn += 1;
        let hash = Sha256::new()
            .chain_update(self.key)
            .chain_update(kind.as_bytes())
            .chain_update(ordinal.to_be_bytes())
            .finalize();
        hash[..8].iter().fold(0, |raw, b| raw << 8 | u64::from(*b))
    }

    /// The next server identity.
    pub fn node(&mut self) -> NodeId {
        NodeId::from_raw(self.draw(NodeId::PREFIX))
    }

    /// The next front door identity.
    pub fn frontdoor(&mut self) -> FrontdoorId {
        FrontdoorId::from_raw(self.draw(FrontdoorId::PREFIX))
    }

    /// The next egress address identity.
    pub fn egress_ip(&mut self) -> EgressIpId {
        EgressIpId::from_raw(self.draw(EgressIpId::PREFIX))
    }

    /// The next blueprint identity.
    pub fn blueprint(&mut self) -> BlueprintId {
        BlueprintId::from_raw(self.draw(BlueprintId::PREFIX))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_id_reads_back_as_it_was_written() {
        let mut seed = Seed::from_number(7);
        for _ in 0..100 {
            let id = seed.node();
            assert_eq!(id.to_string().parse(), Ok(id));
        }
    }

    #[test]
    fn an_id_of_another_kind_is_refused() {
        let door = Seed::from_number(7).frontdoor();
        assert!(door.to_string().parse::<NodeId>().is_err());
        assert!("node-0123456789ai".parse::<NodeId>().is_err());
        assert!("node-".parse::<NodeId>().is_err());
    }

    #[test]
    fn the_same_seed_gives_the_same_ids_in_the_same_order() {
        let draw = || {
            let mut s = Seed::from_number(3);
            (s.node(), s.frontdoor(), s.egress_ip(), s.blueprint())
        };
        assert_eq!(draw(), draw());
        assert_ne!(draw().0.raw(), draw().1.raw());
    }
}
