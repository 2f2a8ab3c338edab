//! Names that operators give: lower-case words that are safe in tags, host names and file names.

use std::fmt;
use std::str::FromStr;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::{Deserialize, Deserializer, Serialize};

/// What a name looks like; it stands in the JSON Schema too.
///
/// 40 symbols at most, so that `damm-<fleet>-<name>` stays under the 63 that labels and DNS allow.
pub const PATTERN: &str = "^[a-z][a-z0-9-]{0,38}[a-z0-9]$|^[a-z]$";

/// Why a text is not a name.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error(
    "`{0}` is not a name: use 1 to 40 of a-z, 0-9 and `-`, \
     starting with a letter and not ending with `-`"
)]
pub struct InvalidName(pub String);

/// Tells whether a text may serve as a name.
pub fn is_name(text: &str) -> bool {
    let inner = text.bytes().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-');
    let first = text.bytes().next().is_some_and(|b| b.is_ascii_lowercase());
    inner && first && text.len() <= 40 && !text.ends_with('-')
}

macro_rules! name {
    ($(#[$doc:meta])* $name:ident) => {
        $(#[$doc])*
        #[derive(Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, JsonSchema)]
        #[serde(transparent)]
        pub struct $name(#[schemars(regex(pattern = PATTERN))] Arc<str>);

        impl $name {
            /// A name from a text.
            ///
            /// # Errors
            ///
            /// [`InvalidName`] when the text has other symbols or the wrong length.
            pub fn new(text: &str) -> Result<Self, InvalidName> {
                text.parse()
            }

            /// The name as text.
            pub fn as_str(&self) -> &str {
                &self.0
            }
        }

        impl FromStr for $name {
            type Err = InvalidName;

            fn from_str(text: &str) -> Result<Self, InvalidName> {
                match is_name(text) {
                    true => Ok(Self(text.into())),
                    false => Err(InvalidName(text.to_owned())),
                }
            }
        }

        impl fmt::Display for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.pad(&self.0)
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                fmt::Debug::fmt(&*self.0, f)
            }
        }

        impl std::borrow::Borrow<str> for $name {
            fn borrow(&self) -> &str {
                &self.0
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                crate::text::from_text(d)
            }
        }
    };
}

name!(
    /// One account at one vendor.
    ProviderName
);
name!(
    /// What a node runs and how big it is.
    ProfileName
);
name!(
    /// Where nodes stand.
    RegionName
);
name!(
    /// The clients of one affected network group.
    PopulationName
);
name!(
    /// One load balancer of the topology.
    BalancerName
);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_lower_case_words() {
        assert!(RegionName::new("eu-north").is_ok());
        for bad in ["", "-a", "a-", "Eu", "a_b", "1a", &"a".repeat(41)] {
            assert!(RegionName::new(bad).is_err(), "{bad:?} was taken");
        }
    }
}
