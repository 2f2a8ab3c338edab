//! From scores to states, once a minute or so.

use damm_fleet::{FrontdoorId, Network, State, Timestamp};

use crate::around::{Around, KNOWN, SPEAKS};
use crate::door::{BEATS, DOWN, Door};
use crate::ground::Aspect;
use crate::pool::Pool;
use crate::room::{Reach, reporters, seconds};
use crate::score::left;
use crate::settings::Tuned;
use crate::shared::Shared;
use crate::weather::Isp;

/// So many countries have to show that a door is down, and this share of those that show anything.
const DOWN_COUNTRIES: (usize, f64) = (3, 0.6);
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
        self.doors.iter_mut().for_each(|door| door.judge_down(now, &self.tuned));
        let shared = Shared::of(&self.doors, self.networks.len(), now);
        for door in &mut self.doors {
            if !door.is_down() {
                door.look_around(now);
                door.miss(&self.networks, now, &self.tuned);
                door.judge(&self.networks, &shared, now, &self.tuned);
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
        let reassigned = self.quiet_until > now.saturating_add(memory as u32);
        for (network, cell) in self.networks.iter().zip(&mut self.cells) {
            let isp = &networks[*network as usize];
            if reassigned {
                cell.unlearn();
            }
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

    fn judge(&mut self, networks: &[Isp], shared: &Shared, now: u32, s: &Tuned) {
        for at in 0..self.pools.len() {
            let pool = self.pools[at];
            let mine = cells_of(&self.networks, networks, pool.country);
            let mut around = Around::of(pool, mine.iter().map(|at| &self.cells[*at]), now);
            self.pools[at].accuse(around.accused(s), now);
            around.pool = self.pools[at];
            around.middle = shared.countries.get(&pool.country).copied().unwrap_or_default();
            around.up = self.is_up_beyond(&around.pool, now);
            for at in mine {
                let network = self.networks[at] as usize;
                let usual = networks[network].outlook(self.transport).0;
                let b = self.cells[at].baseline(usual, s);
                around.judge(&mut self.cells[at], &shared.networks[network], b, now, s);
            }
            self.pools[at].judge(&around, now, s);
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
        let is_news = cell.told() != State::Blocked;
        if reporters(&cell.seen) >= s.k {
            let (tries, fails) = cell.of_late(now);
            // It was kept back, and may be over: too few had reported until now.
            let is_late = is_news && cell.is_blocked() && cell.since < now;
            return if is_late && 2.0 * fails <= tries { State::Unknown } else { cell.state };
        }
        let pool = self.pools.iter().find(|p| p.country == country);
        match pool {
            Some(p) if p.blocked && p.lasts(now, is_news) && reporters(&p.seen) >= s.k => {
                State::Blocked
            }
            _ => State::Unknown,
        }
    }
}

/// The places of a country's cells.
fn cells_of(of: &[u32], networks: &[Isp], country: [u8; 2]) -> Vec<usize> {
    let mine = |at: &usize| networks[of[*at] as usize].network.country == country;
    (0..of.len()).filter(mine).collect()
}

impl Tuned {
    fn glimpse_seconds(&self) -> u32 {
        (self.glimpse.as_millis() / 1_000) as u32
    }
}
