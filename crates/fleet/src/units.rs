//! Money and shares.

use std::fmt;
use std::iter::Sum;
use std::ops::{Add, AddAssign, Sub};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// US dollars in thousandths, so that sums of prices are exact.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Usd(i64);

impl Usd {
    /// Nothing.
    pub const ZERO: Self = Self(0);

    /// This many thousandths of a dollar.
    pub const fn from_mills(mills: i64) -> Self {
        Self(mills)
    }

    /// Thousandths of a dollar.
    pub const fn mills(self) -> i64 {
        self.0
    }

    /// This amount `n` times.
    pub const fn times(self, n: i64) -> Self {
        Self(self.0.saturating_mul(n))
    }
}

impl Add for Usd {
    type Output = Self;

    fn add(self, other: Self) -> Self {
        Self(self.0.saturating_add(other.0))
    }
}

impl AddAssign for Usd {
    fn add_assign(&mut self, other: Self) {
        *self = *self + other;
    }
}

impl Sub for Usd {
    type Output = Self;

    fn sub(self, other: Self) -> Self {
        Self(self.0.saturating_sub(other.0))
    }
}

impl Sum for Usd {
    fn sum<I: Iterator<Item = Self>>(amounts: I) -> Self {
        amounts.fold(Self::ZERO, Self::add)
    }
}

impl fmt::Display for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (sign, mills) = (if self.0 < 0 { "-" } else { "" }, self.0.unsigned_abs());
        let cents = (mills + 5) / 10;
        f.pad(&format!("{sign}${}.{:02}", cents / 100, cents % 100))
    }
}

impl fmt::Debug for Usd {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl Serialize for Usd {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_f64(self.0 as f64 / 1_000.0)
    }
}

impl<'de> Deserialize<'de> for Usd {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let dollars = f64::deserialize(d)?;
        match (0.0..=1e12).contains(&dollars.abs()) {
            true => Ok(Self((dollars * 1_000.0).round() as i64)),
            false => Err(serde::de::Error::custom("an amount of dollars between 0 and 1e12")),
        }
    }
}

impl JsonSchema for Usd {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Usd".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "number", "minimum": 0, "maximum": 1e12, "description": "US dollars."
        })
    }
}

/// A part of a whole: `20%`, or a whole number of things.
#[derive(Debug, Clone, Copy, PartialEq, PartialOrd)]
pub enum Share {
    /// Hundredths of the whole, 0 to 100.
    Percent(f64),
    /// A number of things, whatever the whole.
    Count(u32),
}

impl Share {
    /// How many of `whole` this is, rounded down.
    pub fn floor_of(self, whole: usize) -> usize {
        match self {
            // The epsilon keeps 20 % of 5 at 1, whatever the binary fraction says.
            Self::Percent(p) => (whole as f64 * p / 100.0 + 1e-9).floor() as usize,
            Self::Count(n) => n as usize,
        }
    }

    /// How many of `whole` this is, rounded up.
    pub fn ceil_of(self, whole: usize) -> usize {
        match self {
            Self::Percent(p) => (whole as f64 * p / 100.0 - 1e-9).ceil().max(0.0) as usize,
            Self::Count(n) => n as usize,
        }
    }
}

/// Why a text is not a share.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` is not a share: write `20%` (0% to 100%) or a whole number")]
pub struct InvalidShare(pub String);

impl FromStr for Share {
    type Err = InvalidShare;

    fn from_str(text: &str) -> Result<Self, InvalidShare> {
        let invalid = || InvalidShare(text.to_owned());
        let percent = text.strip_suffix('%').ok_or_else(invalid)?;
        let plain = percent.bytes().all(|b| b.is_ascii_digit() || b == b'.');
        let p: f64 = percent.parse().map_err(|_| invalid())?;
        match plain && (0.0..=100.0).contains(&p) {
            true => Ok(Self::Percent(p)),
            false => Err(invalid()),
        }
    }
}

impl fmt::Display for Share {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Self::Percent(p) => f.pad(&format!("{p}%")),
            Self::Count(n) => f.pad(&n.to_string()),
        }
    }
}

impl Serialize for Share {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Percent(_) => s.collect_str(self),
            Self::Count(n) => s.serialize_u32(*n),
        }
    }
}

impl<'de> Deserialize<'de> for Share {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(Deserialize)]
        #[serde(untagged)]
        enum Written {
            Number(u32),
            Text(String),
        }
        match Written::deserialize(d)? {
            Written::Number(n) => Ok(Self::Count(n)),
            Written::Text(text) => text.parse().map_err(serde::de::Error::custom),
        }
    }
}

impl JsonSchema for Share {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Share".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "description": "A share, as in 20%, or a whole number.",
            "anyOf": [
                { "type": "string", "pattern": "^(100(\\.0+)?|[0-9]{1,2}(\\.[0-9]+)?)%$",
                  "patternErrorMessage": "not a share: write `20%` (0% to 100%) or a whole number",
                  "examples": ["20%"] },
                { "type": "integer", "minimum": 0, "maximum": 4294967295u32 }
            ]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_share_of_a_pool_rounds_the_way_it_is_asked() {
        let fifth: Share = "20%".parse().unwrap();
        assert_eq!((fifth.floor_of(5), fifth.ceil_of(5)), (1, 1));
        assert_eq!((fifth.floor_of(6), fifth.ceil_of(6)), (1, 2));
        assert_eq!(Share::Count(3).floor_of(100), 3);
    }

    #[test]
    fn a_share_beyond_the_whole_is_refused() {
        for bad in ["101%", "-1%", "20", "%", "1e1%", ""] {
            assert!(bad.parse::<Share>().is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn dollars_round_to_the_cent_when_shown() {
        assert_eq!(Usd::from_mills(4_495).to_string(), "$4.50");
        assert_eq!(Usd::from_mills(-1_000).to_string(), "-$1.00");
    }
}
