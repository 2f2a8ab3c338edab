//! Failures that new credentials tell of in a hurry.
//!
//! The detector bounds what a share of liars can do as long as each speaks at the pace of all. It
//! is defenceless against a crowd that is silent first and then fails one door in the same minute:
//! the crowd is nearly all that was heard. Enrolling one takes invitations, but only once.
//!
//! So failures by credentials under a week old are let through at a pace, for each door and
//! country: [`AT_ONCE`] of them, then one for each failure that an older credential told of there,
//! and four a minute in any case, which together weigh one vote. A fleet whose clients are all new
//! still notices a block, later.

use std::collections::BTreeMap;

use damm_fleet::{FrontdoorId, Span, Timestamp};

/// Failures of newcomers that count at once, and the most that can be saved up.
pub const AT_ONCE: f64 = 20.0;

/// One more counts after so long in any case: at a quarter of a vote each, one vote a minute.
pub const EACH: Span = Span::from_secs(15);

/// What may still be counted, by door and country. A door that was not heard of for a while is
/// where it began, so it need not be remembered.
#[derive(Default)]
pub(crate) struct Rush(BTreeMap<(FrontdoorId, [u8; 2]), Bucket>);

/// A token bucket.
#[derive(Clone, Copy)]
struct Bucket {
    left: f64,
    at: Timestamp,
}

impl Rush {
    /// A failure was told of that needs no pacing: a newcomer's may follow.
    pub(crate) fn heard(&mut self, door: FrontdoorId, country: [u8; 2], now: Timestamp) {
        let bucket = self.bucket(door, country, now);
        bucket.left = (bucket.left + 1.0).min(AT_ONCE);
    }

    /// Whether a newcomer's failure counts.
    pub(crate) fn admits(&mut self, door: FrontdoorId, country: [u8; 2], now: Timestamp) -> bool {
        let bucket = self.bucket(door, country, now);
        let admitted = bucket.left >= 1.0;
        bucket.left -= f64::from(u8::from(admitted));
        admitted
    }

    /// Forgets what is full again.
    pub(crate) fn sweep(&mut self, now: Timestamp) {
        self.0.retain(|_, bucket| bucket.refilled(now) < AT_ONCE);
    }

    fn bucket(&mut self, door: FrontdoorId, country: [u8; 2], now: Timestamp) -> &mut Bucket {
        let full = Bucket { left: AT_ONCE, at: now };
        let bucket = self.0.entry((door, country)).or_insert(full);
        (bucket.left, bucket.at) = (bucket.refilled(now), now.max(bucket.at));
        bucket
    }
}

impl Bucket {
    fn refilled(&self, now: Timestamp) -> f64 {
        let rested = now.since(self.at).as_millis() as f64;
        (self.left + rested / EACH.as_millis() as f64).min(AT_ONCE)
    }
}
