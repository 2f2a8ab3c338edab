//! Whether an egress answers: seen from what goes to and fro, and asked only in doubt. Pure.

use std::time::Duration;

use damm_protocol::PeerHealth;

/// How long packets may go unanswered before the peer is asked. WireGuard itself answers a stream
/// that goes one way within ten seconds; asking costs a few packets.
pub const SILENCE: Duration = Duration::from_secs(3);
/// How often a peer that is down is asked.
pub const PROBES: Duration = Duration::from_secs(15);
/// How often a new peer is asked in vain before it is down: it may hear of us a little later than
/// we of it.
const FIRST: u32 = 5;

/// What is known of one peer. Times are since any fixed moment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Watch {
    health: PeerHealth,
    sent: u64,
    received: u64,
    /// Since when nothing came back for what was sent.
    unanswered: Option<Duration>,
    asked: Option<Duration>,
    /// Questions in vain since it was first known.
    vain: u32,
}

impl Default for Watch {
    fn default() -> Self {
        Self {
            health: PeerHealth::Idle,
            sent: 0,
            received: 0,
            unanswered: None,
            asked: None,
            vain: 0,
        }
    }
}

impl Watch {
    /// How the peer is.
    pub const fn health(&self) -> PeerHealth {
        self.health
    }

    /// Sees how many bytes have gone to the peer and come from it; says whether it should be asked.
    /// A new one is: no client is to wait for the first handshake.
    pub fn see(&mut self, now: Duration, sent: u64, received: u64) -> bool {
        if received > self.received {
            self.health = PeerHealth::Up;
            self.unanswered = None;
        } else if sent > self.sent && self.unanswered.is_none() {
            self.unanswered = Some(now);
        }
        // Counters begin anew with an interface.
        (self.sent, self.received) = (sent, received);
        let longer = |since, limit| now.saturating_sub(since) >= limit;
        match self.health {
            PeerHealth::Down => self.asked.is_none_or(|at| longer(at, PROBES)),
            PeerHealth::Idle => self.asked.is_none_or(|at| longer(at, SILENCE)),
            PeerHealth::Up => self.unanswered.is_some_and(|since| longer(since, SILENCE)),
        }
    }

    /// The peer was asked, and answered or not.
    pub fn asked(&mut self, now: Duration, answered: bool) {
        self.asked = Some(now);
        self.unanswered = None;
        self.vain = if answered { 0 } else { self.vain + 1 };
        self.health = match (answered, self.health) {
            (true, _) => PeerHealth::Up,
            (false, PeerHealth::Idle) if self.vain < FIRST => PeerHealth::Idle,
            (false, _) => PeerHealth::Down,
        };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const fn s(seconds: u64) -> Duration {
        Duration::from_secs(seconds)
    }

    #[test]
    fn who_answers_is_up_and_never_asked() {
        let mut watch = Watch::default();
        for second in 1..100 {
            assert!(!watch.see(s(second), second * 10, second * 5));
        }
        assert_eq!(watch.health(), PeerHealth::Up);
    }

    #[test]
    fn a_new_peer_is_asked_until_it_answers_and_then_left_alone_while_nothing_is_sent() {
        let mut watch = Watch::default();
        assert!(watch.see(s(1), 0, 0));
        watch.asked(s(2), false);
        assert_eq!(watch.health(), PeerHealth::Idle);
        assert!(!watch.see(s(4), 148, 0));
        assert!(watch.see(s(5), 148, 0));
        watch.asked(s(5), true);
        assert!((6..1_000).all(|second| !watch.see(s(second), 148, 0)));
        assert_eq!(watch.health(), PeerHealth::Up);
    }

    #[test]
    fn a_new_peer_that_never_answers_is_down() {
        let mut watch = Watch::default();
        for try_ in 1..=FIRST.into() {
            assert_eq!(watch.health(), PeerHealth::Idle);
            assert!(watch.see(s(try_ * 3), 0, 0));
            watch.asked(s(try_ * 3), false);
        }
        assert_eq!(watch.health(), PeerHealth::Down);
    }

    #[test]
    fn silence_is_doubt_and_only_a_lost_question_is_down() {
        let mut watch = Watch::default();
        assert!(!watch.see(s(10), 100, 100));
        assert!(!watch.see(s(11), 200, 100));
        assert!(!watch.see(s(13), 300, 100));
        assert!(watch.see(s(14), 400, 100));
        watch.asked(s(14), true);
        assert_eq!(watch.health(), PeerHealth::Up);
        assert!(!watch.see(s(15), 500, 100));
        assert!(watch.see(s(18), 500, 100));
        watch.asked(s(18), false);
        assert_eq!(watch.health(), PeerHealth::Down);
    }

    #[test]
    fn who_is_down_is_asked_rarely_and_is_up_when_anything_comes() {
        let mut watch = Watch::default();
        assert!(!watch.see(s(90), 0, 1));
        watch.asked(s(100), false);
        assert!(!watch.see(s(114), 1, 1));
        assert!(watch.see(s(115), 1, 1));
        watch.asked(s(115), false);
        assert!(!watch.see(s(116), 1, 1));
        assert!(!watch.see(s(117), 1, 9));
        assert_eq!(watch.health(), PeerHealth::Up);
    }

    #[test]
    fn counters_that_begin_anew_are_no_silence() {
        let mut watch = Watch::default();
        assert!(!watch.see(s(1), 500, 500));
        assert!(!watch.see(s(2), 0, 0));
        assert!(!watch.see(s(9), 0, 0));
        assert!(!watch.see(s(10), 10, 10));
        assert_eq!(watch.health(), PeerHealth::Up);
    }
}
