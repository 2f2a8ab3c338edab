//! One front door: its cells, its countries, and whether it answers anybody.

use damm_fleet::FrontdoorId;

use crate::bytes::{Reader, Writer};
use crate::cell::{CELL_BYTES, Cell};
use crate::score::left;

/// Half of what a country showed is forgotten after this time, in seconds.
const RECENT: f64 = 600.0;
/// A heartbeat proves for so many seconds that the door is up.
const FRESH: u32 = 180;
/// A country shows that the door is up only below this score,
const WELL: f64 = 2.0;
/// and that it is down from this one on, with three failures for each success.
pub(crate) const DOWN: f64 = 4.0;
/// So many heartbeats in a row have to be missed before the door counts as down, and answered
/// before it counts as up: of one that is down a few get through.
pub(crate) const BEATS: u8 = 2;

/// One door in one country: the same scores over all of its networks together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pool {
    pub(crate) country: [u8; 2],
    pub(crate) hard: f32,
    pub(crate) soft: f32,
    pub(crate) oks: f32,
    pub(crate) fails: f32,
    pub(crate) at: u32,
    pub(crate) since: u32,
    pub(crate) seen: [u64; 2],
    pub(crate) period: u16,
    pub(crate) blocked: bool,
}

impl Pool {
    const fn new(country: [u8; 2], now: u32) -> Self {
        Self {
            country,
            hard: 0.0,
            soft: 0.0,
            oks: 0.0,
            fails: 0.0,
            at: now,
            since: now,
            seen: [0; 2],
            period: 0,
            blocked: false,
        }
    }

    pub(crate) fn count(&mut self, failed: bool, w: f64, now: u32) {
        let (oks, fails) = self.recent(now);
        let (more_oks, more_fails) = if failed { (0.0, w) } else { (w, 0.0) };
        (self.oks, self.fails) = ((oks + more_oks) as f32, (fails + more_fails) as f32);
        self.at = self.at.max(now);
    }

    /// The weights of its successes and failures of late.
    pub(crate) fn recent(&self, now: u32) -> (f64, f64) {
        let kept = left(now.saturating_sub(self.at), RECENT);
        (f64::from(self.oks) * kept, f64::from(self.fails) * kept)
    }

    fn write(&self, to: &mut Writer) {
        self.country.iter().for_each(|b| to.u8(*b));
        [self.hard, self.soft, self.oks, self.fails].iter().for_each(|n| to.f32(*n));
        to.u32(self.at);
        to.u32(self.since);
        self.seen.iter().for_each(|n| to.u64(*n));
        to.u16(self.period);
        to.u8(u8::from(self.blocked));
    }

    fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut pool = Self::new([from.u8()?, from.u8()?], 0);
        for n in [&mut pool.hard, &mut pool.soft, &mut pool.oks, &mut pool.fails] {
            *n = from.f32()?;
        }
        pool.at = from.u32()?;
        pool.since = from.u32()?;
        pool.seen = [from.u64()?, from.u64()?];
        pool.period = from.u16()?;
        pool.blocked = from.u8()? == 1;
        Some(pool)
    }
}

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

    pub(crate) const fn is_down(&self) -> bool {
        self.down_since != 0
    }

    /// Whether it is known to answer somebody outside this country.
    pub(crate) fn is_up_beyond(&self, country: [u8; 2], now: u32) -> bool {
        match self.beat {
            0 => {
                let others = self.pools.iter().filter(|p| p.country != country);
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
            beat => self.answers == BEATS && now.saturating_sub(beat) <= FRESH,
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
        [self.beat, self.down_since, self.up_since, self.quiet_until]
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
        door.quiet_until = from.u32()?;
        for _ in 0..from.count(45)? {
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
