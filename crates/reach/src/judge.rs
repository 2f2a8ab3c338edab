//! From scores to states, once a minute or so.

use damm_fleet::{FrontdoorId, Network, State, Timestamp};

use crate::cell::Cell;
use crate::door::{BEATS, DOWN, Door};
use crate::ground::Aspect;
use crate::pool::Pool;
use crate::room::{Reach, reporters, seconds};
use crate::score::left;
use crate::settings::Tuned;
use crate::weather::Isp;

/// With less than this weight of reports in the last hour or so nothing is known of a cell.
const KNOWN: f64 = 3.0;
/// A cell speaks for its country's share from this weight on.
const SPEAKS: f64 = 1.0;
/// Where the country's score is high, or two more of its networks are blocked, odds of 55 to 1 of
/// a cell's own suffice: the others' odds multiply with them.
const TOGETHER: f64 = 4.0;
/// Where both hold, and where a country's block is over, 10 to 1,
const SIBLING: f64 = 2.303;
/// but no less than about one failure,
const SINGLE: f64 = 1.0;
/// and more where there is more than this weight of reports in the last hour or so.
const BUSY: f64 = 10.0;
/// So many countries have to show that a door is down, and this share of those that show anything.
const DOWN_COUNTRIES: (usize, f64) = (3, 0.6);
/// This share of a country's cells has to be blocked before those that say nothing count as
/// blocked.
const INHERIT: f64 = 0.6;
/// For so many seconds after a block few successes say nothing.
const MOVED: u32 = 86_400;
/// Seconds between two looks at cadences, and at what works where.
const SWEEP: u32 = 3_600;

/// A cell's state that changed, as it may be told.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Change {
    /// The door.
    pub door: FrontdoorId,
    /// The clients' network.
    pub network: Network,
    /// What it is now.
    pub state: State,
}

impl Reach {
    /// Judges everything anew. What changed is returned, in order of doors and networks; cells with
    /// too few reporters are told as their country is.
    pub fn tick(&mut self, now: Timestamp) -> Vec<Change> {
        let now = seconds(now);
        let mut changes = Vec::new();
        for door in &mut self.doors {
            door.judge_down(now, &self.tuned);
            if !door.is_down() {
                door.look_around(now);
                door.miss(&self.networks, now, &self.tuned);
                door.judge(&self.networks, now, &self.tuned);
            }
            door.tell(&self.networks, now, &self.tuned, &mut changes);
        }
        self.networks.iter_mut().for_each(|isp| isp.fresh = 0.0);
        if now.saturating_sub(self.swept) >= SWEEP {
            self.swept = now;
            self.voices.sweep(now);
            self.count_hours(now);
        }
        changes
    }

    /// Counts the hour for what works where.
    fn count_hours(&mut self, now: u32) {
        for door in &self.doors {
            for (network, cell) in door.networks.iter().zip(&door.cells) {
                let network = self.networks[*network as usize].network;
                let told = cell.told();
                self.ground.count((Aspect::Provider, door.provider, network), told, now);
                self.ground.count((Aspect::Transport, door.transport, network), told, now);
            }
        }
    }
}

impl Door {
    /// Whether it answers nobody: two heartbeats are missed, or several countries fail at once.
    fn judge_down(&mut self, now: u32, s: &Tuned) {
        let shown = self.pools.iter().filter(|p| {
            let (oks, fails) = p.recent(now);
            oks + fails >= SPEAKS
        });
        let fails = |p: &&Pool| {
            let (oks, fails) = p.recent(now);
            f64::from(p.hard) >= DOWN && fails > 3.0 * oks
        };
        let (all, failing) = (shown.clone().count(), shown.filter(fails).count());
        let (least, share) = DOWN_COUNTRIES;
        let by_reports = failing >= least && failing as f64 >= share * all as f64;
        // Heartbeats know better where there are any: clients of many countries can lie together.
        let down = match self.beat {
            0 => by_reports,
            _ => self.misses >= BEATS,
        };
        match (down, self.is_down()) {
            (true, false) => self.down_since = now.max(1),
            (false, true) => self.come_up(now, s),
            _ => {}
        }
    }

    /// What was held against it while it was down says nothing of any censor.
    fn come_up(&mut self, now: u32, s: &Tuned) {
        (self.down_since, self.up_since) = (0, now);
        for cell in &mut self.cells {
            if cell.state != State::Blocked {
                cell.acquit();
            }
        }
        for pool in &mut self.pools {
            if !pool.blocked {
                (pool.hard, pool.soft) = (0.0, 0.0);
                pool.start_over();
            }
        }
        self.quiet_until = self.quiet_until.max(now.saturating_add(s.glimpse_seconds()));
    }

    /// Counts the successes that should have come since the last tick.
    fn miss(&mut self, networks: &[Isp], now: u32, s: &Tuned) {
        let quiet = now < self.quiet_until;
        let memory = s.memory.as_secs_f64();
        for (network, cell) in self.networks.iter().zip(&mut self.cells) {
            let isp = &networks[*network as usize];
            let usual = f64::from(cell.tries);
            // The clients of a door that was blocked were told of others.
            let moved = cell.was_blocked() && now.saturating_sub(cell.since) < MOVED;
            if quiet || usual < KNOWN || cell.state == State::Blocked || moved {
                cell.miss(0.0);
                continue;
            }
            // What is learned stands still while the cell is suspect, and fades while it is silent.
            let share = usual * left(now.saturating_sub(cell.at), memory) / isp.tries().max(usual);
            cell.miss(share * f64::from(isp.fresh));
        }
    }

    fn judge(&mut self, networks: &[Isp], now: u32, s: &Tuned) {
        for at in 0..self.pools.len() {
            let pool = self.pools[at];
            let mut accused = !pool.blocked && f64::from(pool.hard) >= DOWN;
            let (mut speaking, mut blocked) = (0usize, 0usize);
            for cell in cells_of(&self.networks, &self.cells, networks, pool.country) {
                let cell = &self.cells[cell];
                speaking += usize::from(cell.recent_at(now) >= SPEAKS);
                blocked += usize::from(cell.state == State::Blocked);
                accused |= cell.state != State::Blocked && f64::from(cell.hard) >= s.suspect;
            }
            self.pools[at].accuse(accused, now);
            let pool = self.pools[at];
            let up = self.is_up_beyond(&pool, now);
            let open = speaking.saturating_sub(blocked);
            let around = Around { pool, up, blocked, open };
            for cell in cells_of(&self.networks, &self.cells, networks, pool.country) {
                around.judge(&mut self.cells[cell], now, s);
            }
            let everywhere = blocked >= 2 && blocked as f64 >= INHERIT * speaking as f64;
            let pool = &mut self.pools[at];
            let is_blocked = everywhere && (pool.blocked || f64::from(pool.hard) >= s.h && up);
            if is_blocked != pool.blocked {
                (pool.blocked, pool.since) = (is_blocked, now);
                pool.hard = if is_blocked { pool.hard } else { 0.0 };
            }
        }
    }

    /// What may be told of each cell; what changed is added.
    fn tell(&mut self, networks: &[Isp], now: u32, s: &Tuned, changes: &mut Vec<Change>) {
        for at in 0..self.cells.len() {
            let network = networks[self.networks[at] as usize].network;
            let state = self.outward(at, network.country, now, s);
            if self.cells[at].told() != state {
                self.cells[at].tell(state);
                changes.push(Change { door: self.id, network, state });
            }
        }
    }

    /// A cell's state as it may leave the room: what is known of fewer than `k` reporters is their
    /// country's state, and with fewer than `k` in the country nothing.
    fn outward(&self, at: usize, country: [u8; 2], now: u32, s: &Tuned) -> State {
        let cell = &self.cells[at];
        if self.is_down() {
            return State::Down;
        }
        if reporters(&cell.seen) >= s.k {
            return cell.state;
        }
        let pool = self.pools.iter().find(|p| p.country == country);
        match pool {
            Some(p) if p.blocked && p.lasts(now) && reporters(&p.seen) >= s.k => State::Blocked,
            _ => State::Unknown,
        }
    }
}

/// The places of a country's cells.
fn cells_of<'a>(
    of: &'a [u32],
    cells: &'a [Cell],
    networks: &'a [Isp],
    country: [u8; 2],
) -> impl Iterator<Item = usize> + use<> {
    debug_assert_eq!(of.len(), cells.len());
    let mine = |at: &usize| networks[of[*at] as usize].network.country == country;
    (0..of.len()).filter(mine).collect::<Vec<_>>().into_iter()
}

/// What a cell's neighbours show.
struct Around {
    pool: Pool,
    /// The door answers somebody elsewhere.
    up: bool,
    /// Cells of the country that are blocked.
    blocked: usize,
    /// Cells that are not, and of which something is known.
    open: usize,
}

impl Around {
    fn judge(&self, cell: &mut Cell, now: u32, s: &Tuned) {
        let state = match cell.state {
            State::Blocked if cell.cured.get() < self.cure(cell, s) => return,
            State::Blocked => State::Reachable,
            _ if self.up && self.is_blocked(cell, now, s) => State::Blocked,
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

    fn is_blocked(&self, cell: &Cell, now: u32, s: &Tuned) -> bool {
        let (hard, pool) = (f64::from(cell.hard), f64::from(self.pool.hard) >= s.h);
        let probed = cell.probed.get() >= s.suspect;
        let mut need = s.h;
        if probed {
            need -= s.suspect;
        }
        if pool || self.blocked >= 2 {
            need = TOGETHER;
        }
        if pool && self.blocked >= 2 {
            let odds = (self.blocked as f64 + 0.5) / (self.open as f64 + 0.5);
            // So many false calls an hour, not for so many reports: a busy cell soon shows more.
            let busy = (cell.recent_at(now) / BUSY).max(1.0);
            need = (SIBLING - odds.ln() + busy.ln()).clamp(SINGLE, TOGETHER);
        }
        let enough = pool || probed || reporters(&cell.seen) >= s.k;
        let silent = cell.silent.get() >= s.h && reporters(&cell.seen) >= s.k;
        enough && hard >= need || silent
    }

    /// The state of a cell that is not blocked. Throttling of a few attempts shows in a country's
    /// score long before it does in a cell's, so there less of the cell's own is asked for.
    fn open(&self, cell: &Cell, was: State, now: u32, s: &Tuned) -> State {
        let soft = f64::from(cell.soft);
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

impl Tuned {
    fn glimpse_seconds(&self) -> u32 {
        (self.glimpse.as_millis() / 1_000) as u32
    }
}
