//! The fault dial: what happens to a request, on its way and at its end.

use damm_conformance::{Aim, Trouble};
use damm_fleet::topology::Dial;

use crate::asked::Luck;
use crate::dice::Dice;
use crate::front::Concern;

/// The odds of each fault for a request, all at once.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Odds {
    /// The seed and the faults that the embedded cloud has too.
    pub dial: Dial,
    /// An answer that breaks off in the middle, although the thing was done.
    pub truncated: f64,
    /// A success that holds something else, although the thing was done.
    pub garbled: f64,
}

/// What the front does to a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Fault {
    /// 5xx, nothing done.
    FailsBefore,
    /// 5xx, done.
    FailsAfter,
    /// 429; whether it says when to come back.
    Throttled(bool),
    /// 401.
    Unauthorized,
    /// Locked, as the vendor says it.
    Busy,
    /// Done, no answer.
    Lost,
    /// Done, half an answer.
    Truncated,
    /// Done, another answer.
    Garbled,
    /// A refusal that quotes the request.
    Echoes,
}

/// How the dial stands.
#[derive(Debug)]
pub(crate) enum Setting {
    /// One trouble for all that it aims at; with the reads since it was set.
    One(Trouble, Aim, u64),
    /// Odds.
    Odds(Odds),
}

impl Default for Setting {
    fn default() -> Self {
        Self::One(Trouble::None, Aim::All, 0)
    }
}

impl Setting {
    /// What happens to the request of this number.
    pub(crate) fn draw(&mut self, concern: Concern, number: u64) -> (Option<Fault>, Luck) {
        match self {
            Self::One(trouble, aim, reads) => {
                *reads += u64::from(concern == Concern::Read);
                (fault(*trouble, *aim, *reads, concern), luck(*trouble))
            }
            Self::Odds(odds) => odds.draw(concern, number),
        }
    }
}

/// What a trouble does to a request, by where it comes among the reads.
fn fault(trouble: Trouble, aim: Aim, reads: u64, concern: Concern) -> Option<Fault> {
    let writes = concern == Concern::Write;
    let aimed = writes || (aim == Aim::All && concern == Concern::Read);
    let fault = match trouble {
        Trouble::LostAnswers => Fault::Lost,
        Trouble::FailedRequests => Fault::FailsBefore,
        Trouble::FailedAnswers => Fault::FailsAfter,
        Trouble::FailedPages => return (!writes && reads > 1).then_some(Fault::FailsBefore),
        Trouble::Throttling => Fault::Throttled(true),
        Trouble::SilentThrottling => Fault::Throttled(false),
        Trouble::TruncatedAnswers => Fault::Truncated,
        Trouble::GarbledAnswers => Fault::Garbled,
        Trouble::ExpiredCredential => Fault::Unauthorized,
        Trouble::Busy => return writes.then_some(Fault::Busy),
        Trouble::Echoes => Fault::Echoes,
        Trouble::None
        | Trouble::LateListings
        | Trouble::OutOfStock
        | Trouble::StuckCreates
        | Trouble::SlowDeletes => return None,
    };
    aimed.then_some(fault)
}

fn luck(trouble: Trouble) -> Luck {
    Luck {
        late_listing: trouble == Trouble::LateListings,
        stuck_create: trouble == Trouble::StuckCreates,
        out_of_stock: trouble == Trouble::OutOfStock,
        attached_elsewhere: false,
        slow_delete: trouble == Trouble::SlowDeletes,
    }
}

impl Odds {
    fn draw(&self, concern: Concern, number: u64) -> (Option<Fault>, Luck) {
        let (dial, mut dice) = (&self.dial, Dice::new(self.dial.seed, number));
        let luck = Luck {
            late_listing: dice.hit(dial.late_listing),
            stuck_create: dice.hit(dial.stuck_create),
            out_of_stock: dice.hit(dial.out_of_stock),
            attached_elsewhere: dice.hit(dial.attached_elsewhere),
            slow_delete: dice.hit(dial.slow_delete),
        };
        let faults = [
            (Fault::Throttled(true), dial.throttled),
            (Fault::Throttled(false), dial.throttled_silent),
            (Fault::FailsBefore, dial.error_before),
            (Fault::Busy, if concern == Concern::Write { dial.busy } else { 0.0 }),
            (Fault::Lost, dial.lost_response),
            (Fault::FailsAfter, dial.error_after),
            (Fault::Truncated, self.truncated),
            (Fault::Garbled, self.garbled),
        ];
        let fault = faults.into_iter().find(|(_, odds)| dice.hit(*odds)).map(|(f, _)| f);
        (fault.filter(|_| concern != Concern::Aside), luck)
    }
}
