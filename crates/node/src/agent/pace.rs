//! How often the agent does what.

use damm_fleet::{Span, Timestamp};

/// How often the agent does what. At rest this comes to one exchange of some 900 bytes a minute.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pace {
    /// How long the controller may hold an answer back when nothing goes on here. Under the minute
    /// and a half after which careless routers forget a quiet connection.
    pub quiet: Span,
    /// The same while there are sessions, whose counts are told at most as often.
    pub counts: Span,
    /// The same while something is being waited for that will be told.
    pub soon: Span,
    /// A request that is held open is given up for urgent news, at most this often: it costs a new
    /// connection.
    pub interrupt: Span,
    /// All is told again after this, in case the controller has lost it.
    pub refresh: Span,
    /// From one request to the next, at least.
    pub gap: Span,
    /// The first wait after a failure, and the longest. A try that fails late, after TLS, costs
    /// some 4 KB.
    pub retry: (Span, Span),
    /// The same while nobody is there: a refused connection costs 130 bytes, or 600 with two
    /// addresses and questions for them, so that even the longest wait stays under 100 B/s. A
    /// controller that was restarted has all its agents back within that time.
    pub knock: (Span, Span),
    /// The same after a refusal, which only the operator can mend.
    pub refused: (Span, Span),
    /// The first request after a start waits this long at most for what is held to be in force.
    pub start: Span,
    /// The server is looked at this often while it is used or drained, and when it is idle.
    pub look: (Span, Span),
    /// A config that was applied is applied again after this: whatever else changed on the server
    /// is put right.
    pub again: Span,
}

impl Default for Pace {
    fn default() -> Self {
        Self {
            quiet: Span::from_secs(60),
            counts: Span::from_secs(30),
            soon: Span::from_secs(2),
            interrupt: Span::from_secs(5),
            refresh: Span::from_mins(15),
            gap: Span::from_secs(1),
            retry: (Span::from_secs(1), Span::from_mins(1)),
            knock: (Span::from_secs(1), Span::from_secs(10)),
            refused: (Span::from_secs(10), Span::from_mins(10)),
            start: Span::from_secs(30),
            look: (Span::from_secs(5), Span::from_secs(15)),
            again: Span::from_mins(10),
        }
    }
}

/// Waits that grow, each a little different, so that a thousand servers that lost their controller
/// together don't come back together.
#[derive(Debug, Clone)]
pub(super) struct Backoff {
    failures: u32,
    state: u64,
}

impl Backoff {
    /// Waits that follow from a seed.
    pub(super) const fn new(seed: u64) -> Self {
        Self { failures: 0, state: seed }
    }

    /// Failures since the last success.
    pub(super) const fn failures(&self) -> u32 {
        self.failures
    }

    /// It worked.
    pub(super) const fn worked(&mut self) {
        self.failures = 0;
    }

    /// It failed: when to try again. Between a half and the whole of what doubles up to a limit.
    pub(super) fn failed(&mut self, now: Timestamp, (first, longest): (Span, Span)) -> Timestamp {
        let doubled = first.scale(f64::from(self.failures.min(30)).exp2());
        self.failures = self.failures.saturating_add(1);
        let share = 0.5 + 0.5 * (self.draw() >> 11) as f64 / (1_u64 << 53) as f64;
        now + doubled.min(longest).scale(share)
    }

    /// SplitMix64 (Steele, Lea and Flood 2014): enough to spread out; no secret follows from it.
    const fn draw(&mut self) -> u64 {
        self.state = self.state.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.state ^ (self.state >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_double_up_to_the_longest_and_begin_anew_after_a_success() {
        let mut backoff = Backoff::new(3);
        let limits = (Span::from_secs(1), Span::from_mins(1));
        let mut wait = || backoff.failed(Timestamp::EPOCH, limits).since(Timestamp::EPOCH);
        for n in 0..40_u32 {
            let full = Span::from_secs(1 << n.min(6)).min(Span::from_mins(1));
            let waited = wait();
            assert!(full.scale(0.5) <= waited && waited <= full, "{n}: {waited}");
        }
        backoff.worked();
        assert!(backoff.failed(Timestamp::EPOCH, limits) <= Timestamp::EPOCH + limits.0);
    }

    #[test]
    fn two_servers_wait_differently() {
        let limits = (Span::from_secs(60), Span::from_secs(60));
        let wait = |seed| Backoff::new(seed).failed(Timestamp::EPOCH, limits);
        assert_ne!(wait(1), wait(2));
    }
}
