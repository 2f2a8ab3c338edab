//! When things were first seen, for vendors that don't tell when they made them.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::{Mutex, PoisonError};

use damm_fleet::{Span, Timestamp};

/// What is not listed is remembered for this long: listings may lag.
const KEPT: Span = Span::from_hours(1);

/// The moments at which things were first seen. A thing never looks older than it is.
#[derive(Debug, Default)]
pub struct FirstSeen {
    moments: Mutex<BTreeMap<String, Timestamp>>,
}

impl FirstSeen {
    /// When this was first seen: now, if it never was.
    pub fn of(&self, name: &str, now: Timestamp) -> Timestamp {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        *moments.entry(name.to_owned()).or_insert(now)
    }

    /// Forgets what a whole listing no longer shows.
    pub fn keep(&self, listed: &BTreeSet<String>, now: Timestamp) {
        let mut moments = self.moments.lock().unwrap_or_else(PoisonError::into_inner);
        moments.retain(|name, seen| listed.contains(name) || now.since(*seen) < KEPT);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_thing_keeps_the_moment_at_which_it_was_first_seen_while_it_is_listed() {
        let at = |hours| Timestamp::EPOCH + Span::from_hours(hours);
        let seen = FirstSeen::default();
        assert_eq!((seen.of("a", at(1)), seen.of("b", at(1))), (at(1), at(1)));
        seen.keep(&["a".to_owned()].into(), at(3));
        assert_eq!((seen.of("a", at(3)), seen.of("b", at(3))), (at(1), at(3)));
        seen.keep(&BTreeSet::new(), at(3));
        assert_eq!(seen.of("b", at(4)), at(3), "it may be listed late");
    }
}
