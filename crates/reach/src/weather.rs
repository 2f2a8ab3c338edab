//! How a client network is doing as a whole, so that a bad day of an ISP is not called a block.

use damm_fleet::Network;

use crate::bytes::{Reader, Writer};
use crate::score::left;
use crate::settings::Tuned;

/// Before anything is known, one attempt in ten fails, as if so many reports said so.
const PRIOR: (f64, f64) = (0.1, 60.0);
/// What a network shows now is drawn towards what is usual, as if so many reports said so.
const STEADY: f64 = 8.0;
/// What a network shows now counts only from so many reports on.
const TELLING: f64 = 4.0;
/// And of so many reports: where many come, bad weather shows at once.
const GLIMPSED: f64 = 192.0;
/// A usual failure rate lies between these.
const USUAL: (f64, f64) = (0.01, 0.6);
/// A network is dark when less than this share of its usual successes comes.
const DARK: f64 = 0.1;

/// One transport within one network.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub(crate) struct Weather {
    tries: f32,
    fails: f32,
    fast_tries: f32,
    fast_fails: f32,
    at: u32,
}

impl Weather {
    fn add(&mut self, failed: bool, w: f64, now: u32, s: &Tuned) {
        let passed = now.saturating_sub(self.at);
        let slow = left(passed, s.memory.as_secs_f64());
        let fast = left(passed, s.glimpse.as_secs_f64()) * (1.0 - w / GLIMPSED);
        let fail = if failed { w } else { 0.0 };
        self.tries = (f64::from(self.tries) * slow + w) as f32;
        self.fails = (f64::from(self.fails) * slow + fail) as f32;
        self.fast_tries = (f64::from(self.fast_tries) * fast + w) as f32;
        self.fast_fails = (f64::from(self.fast_fails) * fast + fail) as f32;
        self.at = self.at.max(now);
    }

    fn usual(&self) -> f64 {
        let (rate, weight) = PRIOR;
        let usual = (f64::from(self.fails) + rate * weight) / (f64::from(self.tries) + weight);
        usual.clamp(USUAL.0, USUAL.1)
    }

    /// The rate now, drawn towards the usual one; nothing when too little came of late.
    fn now(&self) -> Option<f64> {
        let (tries, fails) = (f64::from(self.fast_tries), f64::from(self.fast_fails));
        (tries >= TELLING).then(|| (fails + STEADY * self.usual()) / (tries + STEADY))
    }

    fn oks(&self) -> f64 {
        f64::from(self.tries - self.fails)
    }
}

/// One client network.
#[derive(Debug, Clone, PartialEq)]
pub(crate) struct Isp {
    pub(crate) network: Network,
    /// By transport, in order.
    by_transport: Vec<(u16, Weather)>,
    /// Doors that were reported on from here.
    pub(crate) doors: u32,
    /// The weight of what was learned since the last tick.
    pub(crate) fresh: f32,
    /// Who reported, as in a cell.
    pub(crate) seen: [u64; 2],
    pub(crate) period: u16,
}

impl Isp {
    pub(crate) const fn new(network: Network) -> Self {
        let by_transport = Vec::new();
        Self { network, by_transport, doors: 0, fresh: 0.0, seen: [0; 2], period: 0 }
    }

    pub(crate) fn add(&mut self, transport: u16, failed: bool, w: f64, now: u32, s: &Tuned) {
        let at = match self.by_transport.binary_search_by_key(&transport, |(t, _)| *t) {
            Ok(at) => at,
            Err(at) => {
                let fresh = Weather { at: now, ..Weather::default() };
                self.by_transport.insert(at, (transport, fresh));
                at
            }
        };
        self.by_transport[at].1.add(failed, w, now, s);
        self.fresh += w as f32;
    }

    /// The transport's usual failure rate, and what all transports show now above theirs.
    ///
    /// The least of them counts: where one transport is well, what ails the others is no weather,
    /// and a block of a whole transport is scored before the baseline takes it for usual.
    pub(crate) fn outlook(&self, transport: u16) -> (f64, f64) {
        let of = self.by_transport.iter().find(|(t, _)| *t == transport);
        let usual = of.map_or(PRIOR.0, |(_, w)| w.usual());
        let worse = self.by_transport.iter().filter_map(|(_, w)| {
            let usual = w.usual();
            Some(((w.now()? - usual) / (1.0 - usual)).max(0.0))
        });
        // A single door is no weather: what ails it is what is to be judged.
        let others = 1.0 - f64::from(self.doors.max(1)).powi(-2);
        let more = others * worse.reduce(f64::min).unwrap_or(0.0);
        (usual, usual + more * (1.0 - usual))
    }

    /// The weight of its reports within the memory.
    pub(crate) fn tries(&self) -> f64 {
        self.by_transport.iter().map(|(_, w)| f64::from(w.tries)).sum()
    }

    /// Whether hardly a success comes any more, of many that used to.
    pub(crate) fn is_dark(&self, now: u32, s: &Tuned) -> bool {
        let (memory, glimpse) = (s.memory.as_secs_f64(), s.glimpse.as_secs_f64());
        let (mut came, mut due) = (0.0, 0.0);
        for (_, w) in &self.by_transport {
            let passed = now.saturating_sub(w.at);
            came += f64::from(w.fast_tries - w.fast_fails) * left(passed, glimpse);
            due += w.oks() * glimpse / memory;
        }
        due >= 2.0 * TELLING && came < DARK * due
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        self.network.country.iter().for_each(|b| to.u8(*b));
        to.u32(self.network.asn.0);
        to.u32(self.doors);
        to.f32(self.fresh);
        self.seen.iter().for_each(|n| to.u64(*n));
        to.u16(self.period);
        to.count(self.by_transport.len());
        for (transport, w) in &self.by_transport {
            to.u16(*transport);
            [w.tries, w.fails, w.fast_tries, w.fast_fails].iter().for_each(|n| to.f32(*n));
            to.u32(w.at);
        }
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let country = [from.u8()?, from.u8()?];
        let country = std::str::from_utf8(&country).ok()?;
        let mut isp = Self::new(Network::new(country, damm_fleet::Asn(from.u32()?))?);
        isp.doors = from.u32()?;
        isp.fresh = from.f32()?;
        isp.seen = [from.u64()?, from.u64()?];
        isp.period = from.u16()?;
        for _ in 0..from.count(22)? {
            let transport = from.u16()?;
            let (tries, fails) = (from.f32()?, from.f32()?);
            let (fast_tries, fast_fails) = (from.f32()?, from.f32()?);
            let weather = Weather { tries, fails, fast_tries, fast_fails, at: from.u32()? };
            isp.by_transport.push((transport, weather));
        }
        Some(isp)
    }
}
