//! Moments and lengths of time, as arguments: nothing in this crate reads a clock.

use std::fmt;
use std::ops::{Add, Sub};
use std::str::FromStr;

use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

/// A moment: milliseconds since 1970-01-01T00:00:00Z.
///
/// Written as RFC 3339 in UTC, with milliseconds only when there are any.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Timestamp(i64);

impl Timestamp {
    /// The start of 1970.
    pub const EPOCH: Self = Self(0);

    /// The moment this many milliseconds after the epoch.
    pub const fn from_millis(ms: i64) -> Self {
        Self(ms)
    }

    /// Milliseconds since the epoch.
    pub const fn as_millis(self) -> i64 {
        self.0
    }

    /// The time from `earlier` to this moment; zero when `earlier` is later.
    pub const fn since(self, earlier: Self) -> Span {
        let ms = self.0.saturating_sub(earlier.0);
        Span(if ms < 0 { 0 } else { ms as u64 })
    }
}

impl Add<Span> for Timestamp {
    type Output = Self;

    fn add(self, span: Span) -> Self {
        Self(self.0.saturating_add_unsigned(span.0))
    }
}

impl Sub<Span> for Timestamp {
    type Output = Self;

    fn sub(self, span: Span) -> Self {
        Self(self.0.saturating_sub_unsigned(span.0))
    }
}

impl fmt::Display for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match jiff::Timestamp::from_millisecond(self.0) {
            Ok(t) => f.pad(&t.to_string()),
            // Beyond the calendar's years; the number still tells.
            Err(_) => write!(f, "{} ms", self.0),
        }
    }
}

impl fmt::Debug for Timestamp {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Timestamp {
    type Err = InvalidTime;

    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let parsed = text.parse::<jiff::Timestamp>();
        let moment = parsed.map_err(|_| InvalidTime::Moment(text.to_owned()))?;
        Ok(Self(moment.as_millisecond()))
    }
}

/// A length of time in milliseconds. Written as the topology writes it: `90s`, `15m`, `24h`, `7d`.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Default)]
pub struct Span(u64);

impl Span {
    /// No time.
    pub const ZERO: Self = Self(0);

    /// This many milliseconds.
    pub const fn from_millis(ms: u64) -> Self {
        Self(ms)
    }

    /// This many seconds.
    pub const fn from_secs(s: u64) -> Self {
        Self(s.saturating_mul(1_000))
    }

    /// This many minutes.
    pub const fn from_mins(m: u64) -> Self {
        Self::from_secs(m.saturating_mul(60))
    }

    /// This many hours.
    pub const fn from_hours(h: u64) -> Self {
        Self::from_mins(h.saturating_mul(60))
    }

    /// This many days of 24 hours.
    pub const fn from_days(d: u64) -> Self {
        Self::from_hours(d.saturating_mul(24))
    }

    /// Milliseconds.
    pub const fn as_millis(self) -> u64 {
        self.0
    }

    /// Seconds, with a fraction.
    pub fn as_secs_f64(self) -> f64 {
        self.0 as f64 / 1_000.0
    }

    /// This length times `factor`, which is taken as 0 when negative.
    pub fn scale(self, factor: f64) -> Self {
        Self((self.0 as f64 * factor.max(0.0)) as u64)
    }

    /// The standard library's duration of the same length.
    pub const fn to_std(self) -> std::time::Duration {
        std::time::Duration::from_millis(self.0)
    }
}

/// The units that a span is written in, largest first, in milliseconds.
const UNITS: [(&str, u64); 5] =
    [("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1_000), ("ms", 1)];

/// Why a text is not a time.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum InvalidTime {
    /// Not a length of time.
    #[error(
        "`{0}` is not a duration: write a whole number and a unit, as in `90s`, `15m`, `24h`, `7d`"
    )]
    Span(String),
    /// Not a moment.
    #[error("`{0}` is not a time: write it as in `2026-01-31T12:00:00Z`")]
    Moment(String),
}

impl fmt::Display for Span {
    /// The two largest units that are not zero: `7d`, `1d12h`, `90s` is `1m30s`.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut rest = self.0;
        let mut text = String::new();
        let mut parts = 0;
        for (unit, ms) in UNITS {
            if rest >= ms && parts < 2 {
                text.push_str(&format!("{}{unit}", rest / ms));
                rest %= ms;
                parts += 1;
            }
        }
        f.pad(if text.is_empty() { "0s" } else { &text })
    }
}

impl fmt::Debug for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl FromStr for Span {
    type Err = InvalidTime;

    /// Reads one or more `number unit` pairs: `7d`, `1d12h`, `250ms`.
    fn from_str(text: &str) -> Result<Self, InvalidTime> {
        let invalid = || InvalidTime::Span(text.to_owned());
        let mut rest = text;
        let mut total = 0u64;
        while !rest.is_empty() {
            let digits = rest.bytes().take_while(u8::is_ascii_digit).count();
            let letters = rest[digits..].bytes().take_while(u8::is_ascii_alphabetic).count();
            let number: u64 = rest[..digits].parse().map_err(|_| invalid())?;
            let unit = &rest[digits..digits + letters];
            let ms = UNITS.iter().find(|(u, _)| *u == unit).ok_or_else(invalid)?.1;
            let part = number.checked_mul(ms).ok_or_else(invalid)?;
            total = total.checked_add(part).ok_or_else(invalid)?;
            rest = &rest[digits + letters..];
        }
        match text.is_empty() {
            true => Err(invalid()),
            false => Ok(Self(total)),
        }
    }
}

macro_rules! as_text {
    ($name:ident) => {
        impl Serialize for $name {
            fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
                s.serialize_str(&self.exact())
            }
        }

        impl<'de> Deserialize<'de> for $name {
            fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
                crate::text::from_text(d)
            }
        }
    };
}

as_text!(Timestamp);
as_text!(Span);

impl Timestamp {
    fn exact(self) -> String {
        self.to_string()
    }
}

impl Span {
    /// The largest single unit that loses nothing, so that what is stored reads back the same.
    fn exact(self) -> String {
        let fits = UNITS.iter().find(|(_, ms)| self.0 != 0 && self.0.is_multiple_of(*ms));
        fits.map_or_else(|| "0s".to_owned(), |(unit, ms)| format!("{}{unit}", self.0 / ms))
    }
}

impl JsonSchema for Span {
    fn schema_name() -> std::borrow::Cow<'static, str> {
        "Duration".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "description": "A duration: a whole number and a unit, as in 90s, 15m, 24h, 7d.",
            // As many digits and parts as can't be more than a `Span` holds.
            "pattern": "^([0-9]{1,9}(ms|s|m|h|d)){1,5}$",
            "patternErrorMessage": "not a duration: write a whole number and a unit, as in `90s`, \
                                    `15m`, `24h`, `7d`",
            "examples": ["24h"]
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_span_reads_back_as_it_was_written() {
        for ms in [0, 1, 999, 1_000, 90_000, 86_400_000, 129_600_000, 86_400_001] {
            let span = Span::from_millis(ms);
            let json = serde_json::to_string(&span).unwrap();
            assert_eq!(serde_json::from_str::<Span>(&json).unwrap(), span);
        }
    }

    #[test]
    fn a_span_without_a_unit_is_refused() {
        for bad in ["", "7", "d", "7w", "-1h", "1.5h", "99999999999999d", "7d 3h"] {
            assert!(bad.parse::<Span>().is_err(), "{bad:?} was taken");
        }
        assert_eq!("1d12h".parse::<Span>(), Ok(Span::from_hours(36)));
    }

    #[test]
    fn a_moment_reads_back_as_it_was_written() {
        let t = Timestamp::from_millis(1_795_000_000_123);
        assert_eq!(t.to_string().parse(), Ok(t));
    }
}
