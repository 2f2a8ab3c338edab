//! What follows from a verdict: small steps that can all be taken back.

use damm_fleet::{FrontdoorId, Network, Span, State, Timestamp};

use crate::voice::mix;

/// What to do with a door in one network. No step here retires a door: that is for the planner,
/// which counts the populations that it still serves.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Step {
    /// Go on as before.
    Serve,
    /// Tell no new clients there of it, and probe it once a minute, three times.
    Hold,
    /// Leave it out of the catalogs there, but for the canaries, and order another.
    Withdraw,
    /// It answers nobody: mend it.
    Mend,
}

impl Step {
    /// The step that follows from a state; `suspect` where its score is high already.
    pub const fn of(state: State, suspect: bool) -> Self {
        match state {
            State::Down => Self::Mend,
            State::Blocked => Self::Withdraw,
            State::Degraded => Self::Hold,
            State::Reachable | State::Unknown if suspect => Self::Hold,
            State::Reachable | State::Unknown => Self::Serve,
        }
    }
}

/// When a blocked door is looked at again: after what a residual block takes (180 s at the Great
/// Firewall), after an hour, and after the 12 and 24 hours that blocks of addresses are renewed at.
pub const RECHECKS: [Span; 4] =
    [Span::from_mins(3), Span::from_hours(1), Span::from_hours(12), Span::from_hours(24)];

/// The moments at which a door that is blocked since then is to be probed again.
pub fn rechecks(since: Timestamp) -> [Timestamp; 4] {
    RECHECKS.map(|after| since + after)
}

/// One in so many clients of a blocked door keeps it as a canary: 2 %.
pub const ONE_CANARY_IN: u64 = 50;

/// Whether a client, by any number of its own, keeps a blocked door: without some who still try,
/// nobody would ever see that a block is over. Another door, network or day picks others; `day` is
/// days since 1970.
pub fn is_canary(client: u64, door: FrontdoorId, network: Network, day: u64) -> bool {
    let [a, b] = network.country.map(u64::from);
    let place = u64::from(network.asn.0) << 16 | a << 8 | b;
    mix(client ^ mix(door.raw() ^ mix(place ^ mix(day)))).is_multiple_of(ONE_CANARY_IN)
}

#[cfg(test)]
mod tests {
    use damm_fleet::{Asn, Seed};

    use super::*;

    #[test]
    fn one_client_in_fifty_is_a_canary_and_not_the_same_everywhere() {
        let mut seed = Seed::from_number(3);
        let (a, b) = (seed.frontdoor(), seed.frontdoor());
        let network = Network::new("IR", Asn(58_224)).unwrap();
        let of = |door| (0..50_000).filter(|c| is_canary(*c, door, network, 9)).count();
        assert!((900..1_100).contains(&of(a)), "{}", of(a));
        let both = |c: &u64| is_canary(*c, a, network, 9) && is_canary(*c, b, network, 9);
        assert!((0..50_000).filter(both).count() < 60);
    }

    #[test]
    fn a_door_that_works_is_served_until_something_looks_wrong() {
        assert_eq!(Step::of(State::Reachable, false), Step::Serve);
        assert_eq!(Step::of(State::Reachable, true), Step::Hold);
        assert_eq!(Step::of(State::Blocked, true), Step::Withdraw);
        assert_eq!(Step::of(State::Down, true), Step::Mend);
    }
}
