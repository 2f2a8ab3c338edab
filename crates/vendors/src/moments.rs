//! Moments, as vendors write them.

use damm_fleet::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::{Deserialize, Deserializer, de};

/// Reads a moment (RFC 3339). Where a vendor leaves the offset out, it means UTC.
pub fn read(text: &str) -> Option<Timestamp> {
    let exact = text.parse::<jiff::Timestamp>().ok();
    let moment = exact.or_else(|| {
        let civil = text.parse::<DateTime>().ok()?;
        Some(civil.to_zoned(TimeZone::UTC).ok()?.timestamp())
    });
    moment.map(|m| Timestamp::from_millis(m.as_millisecond()))
}

/// [`read`] for a field of JSON.
///
/// # Errors
///
/// When the field is no moment.
pub fn moment<'de, D: Deserializer<'de>>(d: D) -> Result<Timestamp, D::Error> {
    let text = String::deserialize(d)?;
    read(&text).ok_or_else(|| de::Error::custom("a moment, as in 2025-01-31T12:00:00Z"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn moments_are_read_with_and_without_an_offset() {
        let at = Some(Timestamp::from_millis(1_454_194_500_000));
        for text in ["2016-01-30T22:55:00Z", "2016-01-30T23:55:00+01:00", "2016-01-30T22:55:00"] {
            assert_eq!(read(text), at, "{text}");
        }
        for text in ["", "yesterday", "2016-13-01T00:00:00Z"] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
