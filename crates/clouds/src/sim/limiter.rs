//! The vendor's side of a request limit, so that a bad client is noticed.

use damm_fleet::{Span, Timestamp};
use serde::{Deserialize, Serialize};

/// A token bucket that holds a minute's worth of calls, and at least this many.
const LEAST_BURST: f64 = 10.0;

/// Calls that an account has left.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub(super) struct Bucket {
    tokens: f64,
    at: Timestamp,
}

impl Bucket {
    pub(super) fn full(requests_per_hour: u32, now: Timestamp) -> Self {
        Self { tokens: burst(requests_per_hour), at: now }
    }

    /// Takes one token, or tells how long until there is one.
    pub(super) fn take(&mut self, requests_per_hour: u32, now: Timestamp) -> Result<(), Span> {
        let per_second = f64::from(requests_per_hour.max(1)) / 3_600.0;
        let gained = now.since(self.at).as_secs_f64() * per_second;
        self.tokens = (self.tokens + gained).min(burst(requests_per_hour));
        self.at = self.at.max(now);
        if self.tokens >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let wait = (1.0 - self.tokens) / per_second;
        Err(Span::from_millis((wait * 1_000.0).ceil() as u64))
    }
}

fn burst(requests_per_hour: u32) -> f64 {
    (f64::from(requests_per_hour) / 60.0).max(LEAST_BURST)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn after_the_burst_calls_come_at_the_limits_pace() {
        let mut now = Timestamp::EPOCH;
        let mut bucket = Bucket::full(3_600, now);
        let burst = (0..100).filter(|_| bucket.take(3_600, now).is_ok()).count();
        assert_eq!(burst, 60);
        assert_eq!(bucket.take(3_600, now), Err(Span::from_secs(1)));
        now = now + Span::from_secs(10);
        let more = (0..100).filter(|_| bucket.take(3_600, now).is_ok()).count();
        assert_eq!(more, 10);
    }

    #[test]
    fn whoever_waits_as_long_as_told_is_served() {
        let mut now = Timestamp::EPOCH;
        let mut bucket = Bucket::full(100, now);
        for _ in 0..50 {
            if let Err(wait) = bucket.take(100, now) {
                now = now + wait;
                assert_eq!(bucket.take(100, now), Ok(()));
            }
        }
    }
}
