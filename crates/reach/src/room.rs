//! The room: where reports come in.

use std::collections::BTreeMap;

use damm_fleet::{FrontdoorId, Network, Span, Timestamp};

use crate::cell::{Cell, HEADROOM};
use crate::cell::{bit_of, climb, hard_pair, soft_pair};
use crate::door::Door;
use crate::ground::Ground;
use crate::report::{Bearing, Ignored, Probe, Report, Standing, Taken};
use crate::score::weathered;
use crate::settings::{Settings, Tuned};
use crate::voice::Voices;
use crate::weather::Isp;

/// Attempts of longer ago say nothing of now: after a shutdown clients bring what piled up.
const STALE: Span = Span::from_hours(2);

/// All that is known of who reaches what.
///
/// Reports only move scores, each in constant time; [`Reach::tick`] judges. The same calls in the
/// same order leave the same room, to the byte.
#[derive(Debug, Clone)]
pub struct Reach {
    pub(crate) tuned: Tuned,
    /// Providers and transports, by their places.
    pub(crate) names: Vec<String>,
    pub(crate) networks: Vec<Isp>,
    pub(crate) network_places: BTreeMap<Network, u32>,
    pub(crate) doors: Vec<Door>,
    pub(crate) door_places: BTreeMap<FrontdoorId, u32>,
    pub(crate) voices: Voices,
    pub(crate) ground: Ground,
    /// When the credentials' cadence was last learned, in seconds.
    pub(crate) swept: u32,
}

impl Reach {
    /// A room that knows of nothing.
    pub fn new(settings: Settings) -> Self {
        Self {
            tuned: Tuned::of(settings),
            names: Vec::new(),
            networks: Vec::new(),
            network_places: BTreeMap::new(),
            doors: Vec::new(),
            door_places: BTreeMap::new(),
            voices: Voices::default(),
            ground: Ground::default(),
            swept: 0,
        }
    }

    /// Tells of a door. Reports on doors that it was not told of are ignored.
    pub fn stand(&mut self, id: FrontdoorId, standing: &Standing) {
        let provider = self.name(standing.provider.as_str());
        let transport = self.name(&standing.transport);
        match self.door_places.get(&id) {
            Some(at) => {
                let door = &mut self.doors[*at as usize];
                (door.provider, door.transport) = (provider, transport);
            }
            None => {
                self.door_places.insert(id, self.doors.len() as u32);
                self.doors.push(Door::new(id, provider, transport));
            }
        }
    }

    /// Forgets a door that was retired, with all that is known of it.
    pub fn forget(&mut self, id: FrontdoorId) {
        let Some(at) = self.door_places.remove(&id) else { return };
        for network in self.doors.swap_remove(at as usize).networks {
            let isp = &mut self.networks[network as usize];
            isp.doors = isp.doors.saturating_sub(1);
        }
        if let Some(moved) = self.doors.get(at as usize) {
            self.door_places.insert(moved.id, at);
        }
    }

    /// Tells that a door's clients were told of other doors, or others of it: for two memories'
    /// lengths nobody's silence is held against it. In the first, while catalogs of before expire,
    /// it is forgotten how many reports used to come, and in the second it is learned how many do.
    pub fn reassigned(&mut self, id: FrontdoorId, now: Timestamp) {
        let until = seconds(now + self.tuned.memory + self.tuned.memory);
        if let Some(at) = self.door_places.get(&id) {
            let door = &mut self.doors[*at as usize];
            door.quiet_until = until;
            door.cells.iter_mut().for_each(|c| c.silent = Default::default());
        }
    }

    /// Takes a client's report in. The caller has checked its token, and that the token is spent.
    pub fn report(&mut self, now: Timestamp, report: &Report) -> Taken {
        if report.ago > STALE {
            return Taken::Ignored(Ignored::Stale);
        }
        let bearing = report.outcome.bearing();
        if bearing == Bearing::None {
            return Taken::Ignored(Ignored::Unverified);
        }
        let Some(door) = self.door_places.get(&report.door).copied() else {
            return Taken::Ignored(Ignored::UnknownDoor);
        };
        let tried = seconds(now - report.ago);
        let now = seconds(now);
        let weight = report.age.weight() * self.voices.speak(report.reporter.0, now);
        let network = self.network(report.network);
        let isp = &mut self.networks[network as usize];
        let period = self.tuned.period_of(now);
        hear(&mut isp.seen, &mut isp.period, bit_of(report.reporter.0, 0), period);
        let door = &mut self.doors[door as usize];
        if bearing == Bearing::Network {
            isp.add(door.transport, true, weight, now, &self.tuned);
            return Taken::ForTheNetwork;
        }
        let told = Told { bearing, tried, now, weight, reporter: report.reporter.0 };
        told.to(door, network, isp, &self.tuned)
    }

    /// Takes a vantage point's finding in.
    pub fn probe(&mut self, now: Timestamp, probe: &Probe) -> Taken {
        let Some(door) = self.door_places.get(&probe.door).copied() else {
            return Taken::Ignored(Ignored::UnknownDoor);
        };
        let network = self.network(probe.network);
        let (usual, weather) = {
            let isp = &self.networks[network as usize];
            isp.outlook(self.doors[door as usize].transport)
        };
        let door = &mut self.doors[door as usize];
        let known = door.cells.len();
        let at = door.cell(network, seconds(now));
        self.networks[network as usize].doors += (door.cells.len() - known) as u32;
        let cell = &mut door.cells[at];
        let b = weathered(cell.baseline(usual, &self.tuned), usual, weather);
        cell.probe(probe.through, b, &self.tuned);
        Taken::Counted
    }

    /// Tells whether a door answered a trusted heartbeat from outside the censored networks. Due
    /// every minute; without any the door's own clients elsewhere have to show that it is up.
    pub fn heartbeat(&mut self, now: Timestamp, id: FrontdoorId, answered: bool) {
        let Some(at) = self.door_places.get(&id) else { return };
        self.doors[*at as usize].beat(seconds(now), answered);
    }

    /// The threshold of a block, in nats.
    pub fn threshold(&self) -> f64 {
        self.tuned.h
    }

    /// How many cells are known, and how many bytes everything takes.
    pub fn size(&self) -> (usize, usize) {
        let cells = self.doors.iter().map(|d| d.cells.len()).sum();
        let doors: usize = self.doors.iter().map(Door::bytes).sum();
        let networks = self.networks.len() * (size_of::<Isp>() + 64);
        (cells, doors + networks + self.voices.bytes())
    }

    fn network(&mut self, network: Network) -> u32 {
        if let Some(at) = self.network_places.get(&network) {
            return *at;
        }
        let at = self.networks.len() as u32;
        self.networks.push(Isp::new(network));
        self.network_places.insert(network, at);
        at
    }

    fn name(&mut self, name: &str) -> u16 {
        let at = self.names.iter().position(|n| n == name);
        at.unwrap_or_else(|| {
            self.names.push(name.to_owned());
            self.names.len() - 1
        }) as u16
    }
}

/// One report, as the scores see it.
struct Told {
    bearing: Bearing,
    tried: u32,
    now: u32,
    weight: f64,
    reporter: u64,
}

impl Told {
    fn to(&self, door: &mut Door, network: u32, isp: &mut Isp, s: &Tuned) -> Taken {
        let (now, w) = (self.now, self.weight);
        let known = door.cells.len();
        let (at, pool) = (door.cell(network, now), door.pool(isp.network.country, now));
        isp.doors += (door.cells.len() - known) as u32;
        let failed = self.bearing != Bearing::Ok;
        if failed && self.is_overtaken(door, &door.cells[at]) {
            return Taken::Ignored(Ignored::Overtaken);
        }
        let (usual, weather) = isp.outlook(door.transport);
        let (cell, bit) = (&mut door.cells[at], bit_of(self.reporter, door.id.raw()));
        let pool = &mut door.pools[pool];
        let period = s.period_of(now);
        hear(&mut cell.seen, &mut cell.period, bit, period);
        hear(&mut pool.seen, &mut pool.period, bit, period);
        let here = weathered(cell.baseline(usual, s), usual, weather);
        let b = weathered(here, 0.0, f64::from(pool.ambient));
        let soft = soft_pair(b, s);
        if self.bearing == Bearing::Soft {
            cell.score_soft(true, w, b, s);
            cell.touch(w, now);
            pool.soft = climb(pool.soft, w * soft.fail, s.h + HEADROOM);
            return Taken::Counted;
        }
        if !cell.is_suspect(s) && door.down_since == 0 {
            cell.learn(failed, w, now, s);
            isp.add(door.transport, failed, w, now, s);
        }
        let novel = cell.score(failed, w, bit, b, s);
        cell.count(failed, w, now);
        pool.count(failed, w, here, now);
        pool.hard = climb(pool.hard, novel * hard_pair(b, s).said(failed), s.h + HEADROOM);
        pool.soft = climb(pool.soft, w * soft.said(failed), s.h + HEADROOM);
        Taken::Counted
    }

    /// Whether the attempt says nothing of now: the door was down, or a block stood that is over.
    fn is_overtaken(&self, door: &Door, cell: &Cell) -> bool {
        self.tried < door.up_since || cell.was_blocked() && self.tried < cell.since
    }
}

/// Notes who spoke in this period.
pub(crate) fn hear(seen: &mut [u64; 2], of: &mut u16, bit: u64, period: u16) {
    if *of != period {
        let follows = of.wrapping_add(1) == period;
        *seen = [0, if follows { seen[0] } else { 0 }];
        *of = period;
    }
    seen[0] |= bit;
}

/// At least so many reporters spoke in this period or in the one before: never more than did, as
/// two of them may share a bit, and the same one has another number in another period.
pub(crate) fn reporters(seen: &[u64; 2]) -> u32 {
    seen[0].count_ones().max(seen[1].count_ones())
}

/// Seconds since 1970; what lies before is zero, what lies after 2106 the last moment there is.
pub(crate) fn seconds(t: Timestamp) -> u32 {
    (t.as_millis().max(0) / 1_000).min(i64::from(u32::MAX)) as u32
}

/// The moment of so many seconds.
pub(crate) fn moment(seconds: u32) -> Timestamp {
    Timestamp::from_millis(i64::from(seconds) * 1_000)
}

impl Tuned {
    /// The number of a moment's period, with its upper bits cut off.
    pub(crate) fn period_of(&self, now: u32) -> u16 {
        let length = (self.period.as_millis() / 1_000).max(1);
        (u64::from(now) / length) as u16
    }
}
