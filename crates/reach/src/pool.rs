//! What is known of one door in a whole country.

use crate::bytes::{Reader, Writer};
use crate::score::left;

/// Half of what a country showed is forgotten after this time, in seconds.
const RECENT: f64 = 600.0;
/// With less than this weight of reports of late nothing is said of a country.
const TELLING: f64 = 4.0;
/// A block takes so many seconds to come to all networks of a country; before that nothing is taken
/// to be blocked of which nothing is known.
const SPREADS: u32 = 1_200;
/// The bytes of a pool in a snapshot.
pub(crate) const POOL_BYTES: usize = 57;

/// One door in one country: the same scores over all of its networks together.
#[derive(Debug, Clone, Copy, PartialEq)]
pub(crate) struct Pool {
    pub(crate) country: [u8; 2],
    pub(crate) hard: f32,
    pub(crate) soft: f32,
    pub(crate) oks: f32,
    pub(crate) fails: f32,
    /// How many should have failed, going by what is usual.
    pub(crate) due: f32,
    /// The share of attempts that the door stops elsewhere, more than usual.
    pub(crate) ambient: f32,
    pub(crate) at: u32,
    pub(crate) since: u32,
    /// Since when something here looks like a block that is none yet; zero when nothing does.
    pub(crate) accused: u32,
    pub(crate) seen: [u64; 2],
    pub(crate) period: u16,
    pub(crate) blocked: bool,
}

impl Pool {
    pub(crate) const fn new(country: [u8; 2], now: u32) -> Self {
        Self {
            country,
            hard: 0.0,
            soft: 0.0,
            oks: 0.0,
            fails: 0.0,
            due: 0.0,
            ambient: 0.0,
            at: now,
            since: now,
            accused: 0,
            seen: [0; 2],
            period: 0,
            blocked: false,
        }
    }

    /// Counts a report where `b` is how often attempts fail if the door is well.
    pub(crate) fn count(&mut self, failed: bool, w: f64, b: f64, now: u32) {
        let (oks, fails) = self.recent(now);
        let kept = left(now.saturating_sub(self.at), RECENT);
        self.due = (f64::from(self.due) * kept + w * b) as f32;
        let (more_oks, more_fails) = if failed { (0.0, w) } else { (w, 0.0) };
        (self.oks, self.fails) = ((oks + more_oks) as f32, (fails + more_fails) as f32);
        self.at = self.at.max(now);
    }

    /// The weights of its successes and failures of late.
    pub(crate) fn recent(&self, now: u32) -> (f64, f64) {
        let kept = left(now.saturating_sub(self.at), RECENT);
        (f64::from(self.oks) * kept, f64::from(self.fails) * kept)
    }

    /// The share of attempts that fail of late and used not to; nothing of few.
    pub(crate) fn excess(&self, now: u32) -> Option<f64> {
        let (oks, fails) = self.recent(now);
        let due = f64::from(self.due) * left(now.saturating_sub(self.at), RECENT);
        let tries = oks + fails;
        (tries >= TELLING).then(|| ((fails - due) / (tries - due + TELLING)).clamp(0.0, 1.0))
    }

    /// Whether its block is old enough to hold where nothing is known, and still going on.
    pub(crate) fn lasts(&self, now: u32, is_news: bool) -> bool {
        let (oks, fails) = self.recent(now);
        let least = if is_news { 2.0 * oks } else { oks };
        fails > least && now.saturating_sub(self.since) >= SPREADS
    }

    /// Notes whether something here looks like a block that is none yet.
    pub(crate) fn accuse(&mut self, accused: bool, now: u32) {
        match (accused, self.accused) {
            (true, 0) => self.accused = now.max(1),
            (false, _) => self.accused = 0,
            _ => {}
        }
    }

    /// Forgets what it showed of late.
    pub(crate) fn start_over(&mut self) {
        (self.oks, self.fails, self.due, self.ambient) = (0.0, 0.0, 0.0, 0.0);
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        self.country.iter().for_each(|b| to.u8(*b));
        [self.hard, self.soft, self.oks, self.fails, self.due, self.ambient]
            .iter()
            .for_each(|n| to.f32(*n));
        to.u32(self.at);
        to.u32(self.since);
        to.u32(self.accused);
        self.seen.iter().for_each(|n| to.u64(*n));
        to.u16(self.period);
        to.u8(u8::from(self.blocked));
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut pool = Self::new([from.u8()?, from.u8()?], 0);
        for n in [&mut pool.hard, &mut pool.soft, &mut pool.oks, &mut pool.fails] {
            *n = from.f32()?;
        }
        (pool.due, pool.ambient) = (from.f32()?, from.f32()?);
        pool.at = from.u32()?;
        pool.since = from.u32()?;
        pool.accused = from.u32()?;
        pool.seen = [from.u64()?, from.u64()?];
        pool.period = from.u16()?;
        pool.blocked = from.u8()? == 1;
        Some(pool)
    }
}
