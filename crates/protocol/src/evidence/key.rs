//! Tokens, receipts and the keys that make them.

use std::fmt;

use damm_assign::keyed_hash;
use damm_fleet::{FrontdoorId, Network, Span, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use subtle::ConstantTimeEq;

use super::epoch::Epoch;
use crate::secret::Secret32;

/// One client's attempts at one door in one epoch, from one network: what one token speaks of.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Attempt {
    /// The door.
    pub door: FrontdoorId,
    /// When.
    pub epoch: Epoch,
    /// Where the client stands.
    pub network: Network,
}

/// What a client makes its tokens with. It was given it at enrolment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct ReporterKey(Secret32);

/// What a node makes receipts with. It has it from its orders.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct WitnessKey(Secret32);

macro_rules! tag {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, Copy, Eq)]
        pub struct $name([u8; 16]);

        impl $name {
            fn of_hash(hash: [u8; 32]) -> Self {
                // The first 16 of 32 bytes, so this always fits.
                Self(std::array::from_fn(|i| hash[i]))
            }

            /// Its bytes.
            pub const fn as_bytes(&self) -> &[u8; 16] {
                &self.0
            }
        }

        impl PartialEq for $name {
            /// In constant time: how far a guess was right must not show.
            fn eq(&self, other: &Self) -> bool {
                self.0.ct_eq(&other.0).into()
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                self.0.iter().try_for_each(|b| write!(f, "{b:02x}"))
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(…)"))
            }
        }

        impl std::str::FromStr for $name {
            type Err = NotATag;

            fn from_str(text: &str) -> Result<Self, NotATag> {
                let digits = text.len() == 32 && text.bytes().all(|b| b.is_ascii_hexdigit());
                let bits = u128::from_str_radix(text, 16).ok().filter(|_| digits);
                bits.map(|bits| Self(bits.to_be_bytes())).ok_or(NotATag)
            }
        }

        /// Text where people read it, 16 bytes where they don't.
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                match s.is_human_readable() {
                    true => s.collect_str(self),
                    false => s.serialize_bytes(&self.0),
                }
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                match d.is_human_readable() {
                    true => String::deserialize(d)?.parse().map_err(serde::de::Error::custom),
                    false => d.deserialize_bytes(Sixteen).map(Self),
                }
            }
        }
    };
}

tag!(
    /// What a report's entry is believed for: it shows that the client was told of the door.
    Token
);
tag!(
    /// What a node says of a token that it was shown through one of its doors.
    Receipt
);

/// A text is no tag.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("a token or receipt is 32 hexadecimal digits")]
pub struct NotATag;

struct Sixteen;

impl serde::de::Visitor<'_> for Sixteen {
    type Value = [u8; 16];

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("16 bytes")
    }

    fn visit_bytes<E: serde::de::Error>(self, bytes: &[u8]) -> Result<[u8; 16], E> {
        bytes.try_into().map_err(|_| E::invalid_length(bytes.len(), &self))
    }
}

impl ReporterKey {
    /// A key of 32 bytes that follow from the fleet's secret and the credential's number.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Secret32::new(bytes))
    }

    /// When the client is to report in an epoch: a moment of its own, which nobody else can tell,
    /// spread evenly over all clients.
    ///
    /// So nobody can bring many reports about in the same minute, nor save them up: of those who
    /// lie together, only those are heard whose moment has come, among all the others'.
    pub fn due(&self, epoch: Epoch) -> Timestamp {
        let hash = keyed_hash(self.0.as_bytes(), "damm slot v1", &[&epoch.number().to_be_bytes()]);
        let drawn = u64::from_be_bytes(std::array::from_fn(|i| hash[i]));
        epoch.begins() + Span::from_millis(drawn % Epoch::LENGTH.as_millis())
    }

    /// The token for an attempt: the same every time, so that saying it again is nothing new.
    pub fn token(&self, attempt: &Attempt) -> Token {
        let Attempt { door, epoch, network } = attempt;
        let parts: [&[u8]; 4] = [
            &door.raw().to_be_bytes(),
            &epoch.number().to_be_bytes(),
            &network.country,
            &network.asn.0.to_be_bytes(),
        ];
        Token::of_hash(keyed_hash(self.0.as_bytes(), "damm report v1", &parts))
    }
}

impl WitnessKey {
    /// A key of 32 bytes that follow from the fleet's secret and the node.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(Secret32::new(bytes))
    }

    /// The receipt for a token that was shown through a door. It says nothing of the token's
    /// worth: the node can't tell, and needn't.
    pub fn receipt(&self, door: FrontdoorId, epoch: Epoch, token: &Token) -> Receipt {
        let (door, epoch) = (door.raw().to_be_bytes(), epoch.number().to_be_bytes());
        let parts: [&[u8]; 3] = [&door, &epoch, token.as_bytes()];
        Receipt::of_hash(keyed_hash(self.0.as_bytes(), "damm receipt v1", &parts))
    }
}
