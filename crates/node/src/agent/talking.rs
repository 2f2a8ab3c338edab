//! When the controller is asked what.

use damm_fleet::{Span, Timestamp};
use damm_protocol::Refusal;

use super::pace::{Backoff, Pace};
use crate::link::LinkError;

/// When the controller is asked what.
#[derive(Debug)]
pub(super) struct Talking {
    joined: bool,
    /// The request that is under way.
    open: Option<Open>,
    /// The number of the last request; an answer to another comes too late.
    ask: u64,
    /// None is made before.
    due: Timestamp,
    /// When one was last given up.
    interrupted: Option<Timestamp>,
    backoff: Backoff,
    /// Whether the last answer was that a greater number is wanted.
    renumbered: bool,
    /// What is wrong, and since when.
    trouble: Option<(LinkError, Timestamp)>,
}

/// A request that is under way.
#[derive(Debug, Clone, Copy)]
struct Open {
    since: Timestamp,
    until: Timestamp,
}

/// What to ask.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Ask {
    /// To be let in.
    Join,
    /// For news.
    Sync,
}

impl Talking {
    /// Nothing was asked yet.
    pub(super) const fn new(joined: bool, seed: u64, now: Timestamp) -> Self {
        Self {
            joined,
            open: None,
            ask: 0,
            due: now,
            interrupted: None,
            backoff: Backoff::new(seed),
            renumbered: false,
            trouble: None,
        }
    }

    /// Whether the controller knows this server.
    pub(super) const fn is_joined(&self) -> bool {
        self.joined
    }

    /// What is wrong, and since when.
    pub(super) const fn trouble(&self) -> Option<&(LinkError, Timestamp)> {
        self.trouble.as_ref()
    }

    /// When to ask, unless a request is under way.
    pub(super) fn wake(&self) -> Option<Timestamp> {
        self.open.is_none().then_some(self.due)
    }

    /// What to ask now, with the request's number.
    pub(super) fn next(&mut self, wait: Span, pace: &Pace, now: Timestamp) -> Option<(Ask, u64)> {
        if self.open.is_some() || now < self.due {
            return None;
        }
        self.ask += 1;
        self.open = Some(Open { since: now, until: now + wait });
        self.due = now + pace.gap;
        Some((if self.joined { Ask::Sync } else { Ask::Join }, self.ask))
    }

    /// When a held-open request may be given up for urgent news; none when it is not worth it.
    pub(super) fn may_interrupt(&self, pace: &Pace) -> Option<Timestamp> {
        let open = self.open.filter(|_| self.joined)?;
        // A moment, so that what changes together is told together.
        let settled = open.since + pace.gap;
        let allowed = self.interrupted.map_or(settled, |at| settled.max(at + pace.interrupt));
        (allowed + pace.soon < open.until).then_some(allowed)
    }

    /// The request under way is given up.
    pub(super) const fn interrupt(&mut self, now: Timestamp) {
        self.open = None;
        self.interrupted = Some(now);
        self.due = now;
        self.ask += 1;
    }

    /// Whether an answer is the one that is waited for; it is then no longer.
    pub(super) fn is_awaited(&mut self, ask: u64) -> bool {
        let awaited = self.open.is_some() && ask == self.ask;
        self.open.take_if(|_| awaited).is_some()
    }

    /// The controller has let this server in.
    pub(super) fn joined(&mut self, now: Timestamp) {
        self.joined = true;
        self.due = now;
    }

    /// The controller answered as it should.
    pub(super) fn answered(&mut self) {
        self.backoff.worked();
        self.renumbered = false;
        self.trouble = None;
    }

    /// It did not.
    pub(super) fn failed(&mut self, error: LinkError, pace: &Pace, now: Timestamp) {
        let waits = match &error {
            LinkError::Refused(refusal) => {
                // A controller that was put back to an older state may let this server in again:
                // its token is good for the same key.
                self.joined &= !matches!(refusal, Refusal::Unknown | Refusal::Signature);
                pace.refused
            }
            LinkError::WrongKey | LinkError::Unreadable(_) | LinkError::Unfit(_) => pace.refused,
            LinkError::Absent(_) => pace.knock,
            _ => pace.retry,
        };
        self.due = self.backoff.failed(now, waits);
        self.renumbered = false;
        let since = self.trouble.take().map_or(now, |(_, since)| since);
        self.trouble = Some((error, since));
    }

    /// The controller wants a greater number: a trifle, unless it goes on. One that was restarted
    /// wants it of everybody, however long they have looked for it.
    pub(super) fn again(&mut self, pace: &Pace, now: Timestamp) {
        let goes_on = std::mem::replace(&mut self.renumbered, true);
        self.due = if goes_on { self.backoff.failed(now, pace.retry) } else { now };
    }
}
