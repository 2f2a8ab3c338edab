//! One front door: its cells, its countries, and whether it answers anybody.

use damm_fleet::FrontdoorId;

use crate::bytes::{Reader, Writer};
use crate::cell::{CELL_BYTES, Cell};
use crate::pool::{POOL_BYTES, Pool};

/// A heartbeat proves for so many seconds that the door is up.
const FRESH: u32 = 180;
/// A country shows that the door is up only below this score,
const WELL: f64 = 2.0;
/// and that it is down from this one on, with three failures for each success.
pub(crate) const DOWN: f64 = 4.0;
/// A door that fails in most countries at once has so many seconds to miss its heartbeats.
const DOUBT: u32 = 300;
/// So many heartbeats in a row have to be missed before the door counts as down, and answered
/// before it counts as up: of one that is down a few get through.
pub(crate) const BEATS: u8 = 2;

/// One door.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Door {
    pub(crate) id: FrontdoorId,
    pub(crate) provider: u16,
    pub(crate) transport: u16,
    /// When it last answered a heartbeat; zero when none was ever tried.
    pub(crate) beat: u32,
    /// Heartbeats missed since it last answered so many in a row.
    pub(crate) misses: u8,
    /// Heartbeats answered in a row, of which no more are counted than that.
    pub(crate) answers: u8,
    /// Since when it answers nobody; zero while it does.
    pub(crate) down_since: u32,
    /// When it last came up again: what is told of attempts before says nothing of a censor.
    pub(crate) up_since: u32,
    /// Since when it fails in most countries at once; zero while it does not.
    pub(crate) ill_since: u32,
    /// Until when few successes say nothing, as its clients were told of other doors.
    pub(crate) quiet_until: u32,
    /// Places of networks, in order; beside each its cell.
    pub(crate) networks: Vec<u32>,
    pub(crate) cells: Vec<Cell>,
    /// In order of country.
    pub(crate) pools: Vec<Pool>,
}

impl Door {
    pub(crate) const fn new(id: FrontdoorId, provider: u16, transport: u16) -> Self {
        Self {
            id,
            provider,
            transport,
            beat: 0,
            misses: 0,
            answers: 0,
            down_since: 0,
            up_since: 0,
            ill_since: 0,
            quiet_until: 0,
            networks: Vec::new(),
            cells: Vec::new(),
            pools: Vec::new(),
        }
    }

    /// Where the cell of a network stands; it is made when it is new.
    pub(crate) fn cell(&mut self, network: u32, now: u32) -> usize {
        match self.networks.binary_search(&network) {
            Ok(at) => at,
            Err(at) => {
                self.networks.insert(at, network);
                self.cells.insert(at, Cell::new(now));
                at
            }
        }
    }

    pub(crate) fn pool(&mut self, country: [u8; 2], now: u32) -> usize {
        match self.pools.binary_search_by_key(&country, |p| p.country) {
            Ok(at) => at,
            Err(at) => {
                self.pools.insert(at, Pool::new(country, now));
                at
            }
        }
    }

    pub(crate) fn beat(&mut self, now: u32, answered: bool) {
        match answered {
            true => {
                self.answers = (self.answers + 1).min(BEATS);
                self.beat = now.max(1);
            }
            false => {
                self.answers = 0;
                self.misses = self.misses.saturating_add(1);
                // Even one that never answered was tried.
                self.beat = self.beat.max(1);
            }
        }
        if self.answers == BEATS {
            self.misses = 0;
        }
    }

    /// Notes what each country shows of the door itself: what it stops in half of the others too
    /// is the door's own trouble, and no censor's.
    pub(crate) fn look_around(&mut self, now: u32) {
        let shown: Vec<Option<f64>> =
            self.pools.iter().map(|p| if p.blocked { None } else { p.excess(now) }).collect();
        for (at, pool) in self.pools.iter_mut().enumerate() {
            let others = shown.iter().enumerate().filter(|(n, _)| *n != at);
            let mut others: Vec<f64> = others.filter_map(|(_, e)| *e).collect();
            others.sort_unstable_by(f64::total_cmp);
            pool.ambient = match others.len() {
                0 | 1 => 0.0,
                n => others[(n - 1) / 2] as f32,
            };
        }
        let (mut ill, mut all) = (0, 0);
        for pool in self.pools.iter().filter(|p| !p.blocked) {
            let (oks, fails) = pool.recent(now);
            all += usize::from(oks + fails >= 1.0);
            ill += usize::from(f64::from(pool.hard) >= DOWN);
        }
        let is_ill = ill >= 3 && 2 * ill >= all;
        match (is_ill, self.ill_since) {
            (true, 0) => self.ill_since = now,
            (false, _) => self.ill_since = 0,
            _ => {}
        }
    }

    pub(crate) const fn is_down(&self) -> bool {
        self.down_since != 0
    }

    /// Whether it is known to answer somebody outside a country. A heartbeat says so only when it
    /// was answered after all that looks like a block there began: a node that dies looks the same
    /// until it is asked.
    pub(crate) fn is_up_beyond(&self, pool: &Pool, now: u32) -> bool {
        match self.beat {
            0 => {
                let others = self.pools.iter().filter(|p| p.country != pool.country);
                let (mut well, mut ill) = (0, 0);
                for pool in others {
                    let (oks, fails) = pool.recent(now);
                    // An outage makes all scores rise at once, long before successes are forgotten.
                    let hard = f64::from(pool.hard);
                    well += usize::from(hard < WELL && oks >= 1.0 && oks > fails);
                    ill += usize::from(hard >= DOWN);
                }
                well > ill
            }
            beat => {
                let sure = self.ill_since == 0 || now.saturating_sub(self.ill_since) >= DOUBT;
                let asked = beat > pool.accused;
                sure && asked && self.answers == BEATS && now.saturating_sub(beat) <= FRESH
            }
        }
    }

    /// Bytes that it takes.
    pub(crate) fn bytes(&self) -> usize {
        size_of::<Self>()
            + self.networks.capacity() * size_of::<u32>()
            + self.cells.capacity() * size_of::<Cell>()
            + self.pools.capacity() * size_of::<Pool>()
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        to.u64(self.id.raw());
        to.u16(self.provider);
        to.u16(self.transport);
        to.u8(self.misses);
        to.u8(self.answers);
        [self.beat, self.down_since, self.up_since, self.ill_since, self.quiet_until]
            .iter()
            .for_each(|n| to.u32(*n));
        to.count(self.pools.len());
        self.pools.iter().for_each(|pool| pool.write(to));
        to.count(self.cells.len());
        for (network, cell) in self.networks.iter().zip(&self.cells) {
            to.u32(*network);
            cell.write(to);
        }
    }

    /// `networks` is how many there are.
    pub(crate) fn read(from: &mut Reader<'_>, networks: usize) -> Option<Self> {
        let id = FrontdoorId::from_raw(from.u64()?);
        let mut door = Self::new(id, from.u16()?, from.u16()?);
        door.misses = from.u8()?;
        door.answers = from.u8()?.min(BEATS);
        door.beat = from.u32()?;
        door.down_since = from.u32()?;
        door.up_since = from.u32()?;
        door.ill_since = from.u32()?;
        door.quiet_until = from.u32()?;
        for _ in 0..from.count(POOL_BYTES)? {
            door.pools.push(Pool::read(from)?);
        }
        for _ in 0..from.count(CELL_BYTES + 4)? {
            let network = from.u32()?;
            if network as usize >= networks || door.networks.last().is_some_and(|n| *n >= network) {
                return None;
            }
            door.networks.push(network);
            door.cells.push(Cell::read(from)?);
        }
        Some(door)
    }
}
