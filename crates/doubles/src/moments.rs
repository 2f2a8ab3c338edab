//! Moments, as vendors write them.

use damm_fleet::Timestamp;

/// A moment in UTC (RFC 3339), to the second.
pub fn rfc3339(at: Timestamp) -> String {
    format!("{}Z", without_offset(at))
}

/// The same without the offset, as Linode writes it.
pub fn without_offset(at: Timestamp) -> String {
    let moment = jiff::Timestamp::from_second(at.as_millis().div_euclid(1_000));
    // Years beyond 9999 come from no clock of a test.
    moment.map(|m| m.strftime("%Y-%m-%dT%H:%M:%S").to_string()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_moment_is_written_to_the_second() {
        let at = Timestamp::from_millis(1_454_194_500_999);
        assert_eq!(rfc3339(at), "2016-01-30T22:55:00Z");
    }
}
