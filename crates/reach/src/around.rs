//! One door in one country: what its networks say of each other, and what follows for a cell.

use damm_fleet::State;

use crate::cell::Cell;
use crate::door::DOWN;
use crate::pool::Pool;
use crate::room::reporters;
use crate::settings::Tuned;
use crate::shared::{Common, alike};

/// With less than this weight of reports in the last hour or so nothing is known of a cell.
pub(crate) const KNOWN: f64 = 3.0;
/// A cell speaks for its country's share from this weight on.
pub(crate) const SPEAKS: f64 = 1.0;
/// Where the country's score is high, or two more of its networks are blocked, odds of 55 to 1 of
/// a cell's own suffice: the others' odds multiply with them.
const TOGETHER: f64 = 4.0;
/// Where both hold, and where a country's block is over, 10 to 1,
const SIBLING: f64 = 2.303;
/// but no less than about one failure,
const SINGLE: f64 = 1.0;
/// and more where there is more than this weight of reports in the last hour or so,
const BUSY: f64 = 10.0;
/// by this power of it: a busy cell is soon sure by itself, and one that takes its country's word
/// is called blocked minutes before the block comes to it.
const PATIENCE: f64 = 3.0;
/// This share of a country's cells has to be blocked before those that say nothing count as
/// blocked.
const INHERIT: f64 = 0.6;

/// What a cell's neighbours show.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Around {
    pub(crate) pool: Pool,
    /// The door answers somebody elsewhere.
    pub(crate) up: bool,
    /// The middle of the scores of all doors in the country, in nats.
    pub(crate) middle: f64,
    /// Cells of the country of which something is known.
    speaking: usize,
    /// Those that are blocked,
    blocked: usize,
    /// The scores of all of them together, in nats, and the highest;
    scores: f64,
    highest: f64,
    /// and the highest of those that are not blocked.
    suspicion: f64,
}

impl Around {
    /// What these cells of a country show.
    pub(crate) fn of<'a>(pool: Pool, cells: impl Iterator<Item = &'a Cell>, now: u32) -> Self {
        let (speaking, blocked, up, middle) = (0, 0, false, 0.0);
        let (scores, highest, suspicion) = (0.0, 0.0, 0.0);
        let around = Self { pool, up, middle, speaking, blocked, scores, highest, suspicion };
        cells.fold(around, |mut around, cell| {
            let score = cell.hard.get();
            around.speaking += usize::from(cell.recent_at(now) >= SPEAKS);
            around.blocked += usize::from(cell.is_blocked());
            around.scores += score;
            around.highest = around.highest.max(score);
            if !cell.is_blocked() {
                around.suspicion = around.suspicion.max(score);
            }
            around
        })
    }

    /// Whether something here looks like a block that is none yet.
    pub(crate) fn accused(&self, s: &Tuned) -> bool {
        let pool = !self.pool.blocked && f64::from(self.pool.hard) >= DOWN;
        pool || self.suspicion >= s.suspect
    }

    /// Whether the whole country is blocked.
    fn everywhere(&self, s: &Tuned) -> bool {
        let most = self.blocked as f64 >= INHERIT * self.speaking as f64;
        let shown = self.pool.blocked || f64::from(self.pool.hard) >= s.h && self.up;
        self.blocked >= 2 && most && shown
    }

    /// Judges one of them anew. `common` is what its network's doors have in common, and `b` how
    /// often attempts fail in it when all is well.
    pub(crate) fn judge(&self, cell: &mut Cell, common: &Common, b: f64, now: u32, s: &Tuned) {
        let state = match cell.state {
            State::Blocked if cell.cured.get() < self.cure(cell, s) => return,
            State::Blocked => State::Reachable,
            _ if self.up && self.is_blocked(cell, common, b, now, s) => State::Blocked,
            was => self.open(cell, was, now, s),
        };
        if state != cell.state {
            cell.become_state(state, now);
        }
    }

    /// The evidence that ends a block. Where the country's block is over already, a cell with few
    /// reports needs little of its own.
    fn cure(&self, cell: &Cell, s: &Tuned) -> f64 {
        match !self.pool.blocked && self.pool.since > cell.since {
            true => SIBLING,
            false => s.recovery,
        }
    }

    fn is_blocked(&self, cell: &Cell, common: &Common, b: f64, now: u32, s: &Tuned) -> bool {
        let many = reporters(&cell.seen) >= s.k;
        if many && cell.silent.get() >= s.h {
            return true;
        }
        let probed = cell.probed.get() >= s.suspect;
        let enough = many || probed || self.speaks_for(cell, s);
        let shown = enough && cell.hard.get() >= self.need(cell, probed, now, s);
        // Where the doors of its network fail alike, only a vantage point can tell it is no ISP's.
        shown && (probed || !common.explains(cell, b, now))
    }

    /// The score that a cell is called blocked at.
    fn need(&self, cell: &Cell, probed: bool, now: u32, s: &Tuned) -> f64 {
        match (self.speaks_for(cell, s), self.blocked >= 2) {
            (true, true) => {
                let open = self.speaking.saturating_sub(self.blocked);
                let odds = (self.blocked as f64 + 0.5) / (open as f64 + 0.5);
                let busy = (cell.recent_at(now) / BUSY).max(1.0);
                (SIBLING - odds.ln() + PATIENCE * busy.ln()).clamp(SINGLE, TOGETHER)
            }
            (false, false) => s.h - if probed { s.suspect } else { 0.0 },
            _ => TOGETHER,
        }
    }

    /// Whether the country's score is high, and speaks for this cell too: what one network shows is
    /// no country's, and what a cell shows itself is no other's word. The rest has to show
    /// something.
    fn speaks_for(&self, cell: &Cell, s: &Tuned) -> bool {
        let (own, rest) = (cell.hard.get(), self.scores - self.highest);
        let pool = f64::from(self.pool.hard);
        let high = pool >= s.h && !alike(pool, self.middle);
        high && (own >= self.highest || rest - own >= TOGETHER)
    }

    /// The state of a cell that is not blocked. Throttling of a few attempts shows in a country's
    /// score long before it does in a cell's, so there less of the cell's own is asked for.
    fn open(&self, cell: &Cell, was: State, now: u32, s: &Tuned) -> State {
        let soft = cell.soft.get();
        let need = if f64::from(self.pool.soft) >= s.h { SIBLING } else { s.h };
        let recent = cell.recent_at(now);
        match was {
            _ if soft >= need => State::Degraded,
            State::Degraded if soft >= need / 2.0 => State::Degraded,
            State::Reachable | State::Degraded if recent >= KNOWN / 2.0 => State::Reachable,
            _ if recent >= KNOWN => State::Reachable,
            _ => State::Unknown,
        }
    }
}

impl Pool {
    /// Judges the whole country anew.
    pub(crate) fn judge(&mut self, around: &Around, now: u32, s: &Tuned) {
        let is_blocked = around.everywhere(s);
        if is_blocked != self.blocked {
            (self.blocked, self.since) = (is_blocked, now);
            self.hard = if is_blocked { self.hard } else { 0.0 };
        }
    }
}
