//! The way to one account: so many calls at once, so many an hour, and none while it wants to be
//! left alone.

use damm_clouds::clock::Clock;
use damm_fleet::topology::Limits;
use damm_fleet::{Span, Timestamp};
use tokio::sync::{Mutex, Semaphore, SemaphorePermit};

use crate::patience::backoff;

/// The share of the vendor's rate that is used. The rest is for what its clock counts otherwise
/// than ours, and for an operator who looks at the account meanwhile: being throttled costs more.
const SHARE: f64 = 0.95;

/// Calls that may follow each other at once after a pause, as a span of the rate. Vendors count in
/// windows of a second or more; a longer burst would only move the wait behind it.
const BURST: Span = Span::from_secs(1);

/// A token bucket over moments that the caller gives.
#[derive(Debug, Clone, PartialEq)]
pub struct TokenBucket {
    per_second: f64,
    tokens: f64,
    at: Timestamp,
}

impl TokenBucket {
    /// A full bucket for a vendor's rate.
    pub fn new(requests_per_hour: u32, now: Timestamp) -> Self {
        let per_second = f64::from(requests_per_hour.max(1)) / 3_600.0 * SHARE;
        let mut bucket = Self { per_second, tokens: 0.0, at: now };
        bucket.tokens = bucket.size();
        bucket
    }

    fn size(&self) -> f64 {
        (self.per_second * BURST.as_secs_f64()).max(1.0)
    }

    /// Takes a token, or tells how long to wait before one is there.
    ///
    /// # Errors
    ///
    /// The time to wait.
    pub fn take(&mut self, now: Timestamp) -> Result<(), Span> {
        let gained = now.since(self.at).as_secs_f64() * self.per_second;
        self.tokens = (self.tokens + gained).min(self.size());
        self.at = self.at.max(now);
        // Gains are sums of fractions; a token that is there but for rounding is there.
        if self.tokens + 1e-9 >= 1.0 {
            self.tokens -= 1.0;
            return Ok(());
        }
        let missing = (1.0 - self.tokens) / self.per_second;
        Err(Span::from_millis((missing * 1_000.0).ceil().max(1.0) as u64))
    }
}

/// What is counted of an account.
#[derive(Debug)]
struct Turnstile {
    bucket: TokenBucket,
    paused_until: Timestamp,
    /// Throttled answers in a row.
    throttled: u32,
}

/// The way to one account.
#[derive(Debug)]
pub struct Gate {
    at_once: Semaphore,
    turnstile: Mutex<Turnstile>,
}

impl Gate {
    /// A gate for an account's limits.
    pub fn new(limits: &Limits, now: Timestamp) -> Self {
        Self {
            at_once: Semaphore::new(limits.parallel.max(1) as usize),
            turnstile: Mutex::new(Turnstile {
                bucket: TokenBucket::new(limits.requests_per_hour, now),
                paused_until: now,
                throttled: 0,
            }),
        }
    }

    /// Waits for a place and a token. The place is free again when the permit is dropped.
    pub async fn enter(&self, clock: &dyn Clock) -> Option<SemaphorePermit<'_>> {
        // The semaphore is never closed.
        let permit = self.at_once.acquire().await.ok()?;
        // Whoever waits for a token holds the turnstile, so calls go out in the order they came.
        let mut turnstile = self.turnstile.lock().await;
        loop {
            let now = clock.now();
            let wait = match turnstile.paused_until > now {
                true => turnstile.paused_until.since(now),
                false => match turnstile.bucket.take(now) {
                    Ok(()) => return Some(permit),
                    Err(wait) => wait,
                },
            };
            clock.sleep(wait).await;
        }
    }

    /// The account said that calls come too fast.
    pub async fn throttled(&self, retry_after: Option<Span>, now: Timestamp) {
        let mut turnstile = self.turnstile.lock().await;
        turnstile.throttled += 1;
        let class = damm_fleet::FailureClass::Throttled;
        let wait = retry_after.unwrap_or_else(|| backoff(class, turnstile.throttled));
        turnstile.paused_until = turnstile.paused_until.max(now + wait);
    }

    /// The account answered.
    pub async fn answered(&self) {
        self.turnstile.lock().await.throttled = 0;
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn calls_go_out_at_the_vendors_pace_less_a_little() {
        let mut bucket = TokenBucket::new(36_000, Timestamp::EPOCH);
        let (mut now, mut calls) = (Timestamp::EPOCH, 0);
        while now.as_millis() < 100_000 {
            match bucket.take(now) {
                Ok(()) => calls += 1,
                Err(wait) => now = now + wait,
            }
        }
        // 10 a second for 100 seconds are 1,000; and never more than that.
        assert!((940..=1_000).contains(&calls), "{calls} calls");
    }

    #[test]
    fn a_slow_account_still_gets_its_first_call_at_once() {
        let mut bucket = TokenBucket::new(1, Timestamp::EPOCH);
        assert_eq!(bucket.take(Timestamp::EPOCH), Ok(()));
        let wait = bucket.take(Timestamp::EPOCH).unwrap_err();
        assert_eq!(wait.as_secs_f64().round() as u64, 3_789);
    }
}
