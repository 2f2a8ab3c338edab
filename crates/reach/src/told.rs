//! What leaves the room. Nothing does of which fewer than `k` reporters are known to have spoken.

use std::collections::BTreeMap;
use std::fmt;

use damm_fleet::{FrontdoorId, Network, Source, State, Timestamp, Verdict, Verdicts};

use crate::cell::Cell;
use crate::door::Door;
use crate::ground::{Aspect, Hours};
use crate::ladder::Step;
use crate::pool::Pool;
use crate::room::{Reach, moment, reporters, seconds};
use crate::settings::Tuned;
use crate::weather::Isp;

/// A number of reporters that is at least `k`. Only this room makes one, and every finding holds
/// one, so no finding can be of fewer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub struct AtLeast(u32);

impl AtLeast {
    pub(crate) fn of(seen: &[u64; 2], s: &Tuned) -> Option<Self> {
        let n = reporters(seen);
        (n >= s.k.max(1)).then_some(Self(n))
    }

    /// How many there are at least.
    pub const fn get(self) -> u32 {
        self.0
    }
}

/// What a finding is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Place {
    /// One network of a country.
    Network(Network),
    /// A whole country, by its two letters.
    Country([u8; 2]),
}

/// What a state rests on.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Evidence {
    /// For a block, in nats.
    pub score: f64,
    /// The score at which a cell counts as blocked.
    pub threshold: f64,
    /// For throttling, in nats.
    pub soft: f64,
    /// Successes that should have come and did not, in nats.
    pub silence: f64,
    /// Of vantage points, in nats.
    pub probes: f64,
    /// How often attempts fail when all is well; nothing for a country.
    pub baseline: Option<f64>,
    /// At most so many false alarms a day over all cells together, by the score alone.
    pub false_alarms: f64,
    /// Who reported.
    pub reporters: AtLeast,
    /// Some fail again and again while others never do: it may be lies, and asks for probes.
    pub contested: bool,
}

impl fmt::Display for Evidence {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "score {:.1} of {:.1}", self.score, self.threshold)?;
        write!(f, ", {} or more reporters", self.reporters.0)?;
        if let Some(b) = self.baseline {
            write!(f, ", usually {:.0} % fail", 100.0 * b)?;
        }
        let more = [(self.soft, "throttling"), (self.silence, "silence"), (self.probes, "probes")];
        for (score, what) in more.iter().filter(|(score, _)| *score >= 1.0) {
            write!(f, ", {what} {score:.1}")?;
        }
        if self.contested {
            write!(f, ", contested")?;
        }
        write!(f, ", at most {} false alarms a day over all", self.false_alarms)
    }
}

/// What is known of a door in one place.
#[derive(Debug, Clone, PartialEq)]
pub struct Finding {
    /// The door.
    pub door: FrontdoorId,
    /// Where its clients stand.
    pub place: Place,
    /// How reachable it is.
    pub state: State,
    /// Since when.
    pub since: Timestamp,
    /// What follows.
    pub step: Step,
    /// What it rests on.
    pub evidence: Evidence,
}

impl Reach {
    /// A door's state in a network, as the last tick told it.
    pub fn state(&self, door: FrontdoorId, network: Network) -> State {
        let find = || {
            let door = &self.doors[*self.door_places.get(&door)? as usize];
            let at = door.networks.binary_search(self.network_places.get(&network)?).ok()?;
            Some(door.cells[at].told())
        };
        find().unwrap_or_default()
    }

    /// All that may be told, by door: of each network, and of each country.
    pub fn findings(&self) -> BTreeMap<FrontdoorId, Vec<Finding>> {
        let s = &self.tuned;
        let of = |door: &Door| {
            let cells = door.networks.iter().zip(&door.cells);
            let cells = cells.filter_map(|(network, cell)| {
                of_cell(door, cell, &self.networks[*network as usize], s)
            });
            let mut all: Vec<Finding> = cells.collect();
            all.extend(door.pools.iter().filter_map(|pool| of_pool(door, pool, s)));
            all.sort_by_key(|f| f.place);
            all
        };
        self.doors.iter().map(|door| (door.id, of(door))).collect()
    }

    /// The verdicts as the planner takes them, of everything that anything is known of.
    pub fn verdicts(&self) -> Verdicts {
        let mut verdicts = Verdicts::default();
        for door in &self.doors {
            for (network, cell) in door.networks.iter().zip(&door.cells) {
                let isp = &self.networks[*network as usize];
                if let Some(verdict) = verdict(door, cell, isp, &self.tuned) {
                    verdicts.0.entry(door.id).or_default().insert(isp.network, verdict);
                }
            }
        }
        verdicts
    }

    /// Client networks from which hardly anything gets through any more, by any door: an outage or
    /// a shutdown. No door is to blame, and none is called blocked for it.
    pub fn dark(&self, now: Timestamp) -> Vec<Network> {
        let now = seconds(now);
        let dark = self.networks.iter().filter(|isp| {
            AtLeast::of(&isp.seen, &self.tuned).is_some() && isp.is_dark(now, &self.tuned)
        });
        let mut dark: Vec<Network> = dark.map(|isp| isp.network).collect();
        dark.sort_unstable();
        dark
    }

    /// What works where: the hours in which doors of each provider and of each transport worked
    /// and did not, by client network. It rests on verdicts alone, so nothing in it is of few.
    pub fn ground(&self, now: Timestamp) -> BTreeMap<(Aspect, &str, Network), Hours> {
        let now = seconds(now);
        let keys = self.ground.keys();
        keys.map(|key| {
            let (aspect, name, network) = *key;
            let name = self.names.get(usize::from(name)).map_or("", String::as_str);
            ((aspect, name, network), self.ground.at(*key, now))
        })
        .collect()
    }
}

fn verdict(door: &Door, cell: &Cell, isp: &Isp, s: &Tuned) -> Option<Verdict> {
    let told = cell.told();
    let (since, evidence) = match told {
        State::Unknown => return None,
        State::Down => {
            let missed = match door.beat {
                0 => "it fails in several countries at once".to_owned(),
                _ => format!("{} heartbeats missed", door.misses),
            };
            (door.down_since, missed)
        }
        _ => match of_cell(door, cell, isp, s) {
            Some(finding) => (cell.since, finding.evidence.to_string()),
            // Too few reporters for a finding of its own: its country's.
            None => {
                let pool = door.pools.iter().find(|p| p.country == isp.network.country)?;
                (pool.since, of_pool(door, pool, s)?.evidence.to_string())
            }
        },
    };
    Some(Verdict { state: told, since: moment(since), evidence, source: Source::Clients })
}

fn of_cell(door: &Door, cell: &Cell, isp: &Isp, s: &Tuned) -> Option<Finding> {
    let (hard, soft) = (cell.hard.get(), cell.soft.get());
    let evidence = Evidence {
        score: hard,
        threshold: s.h,
        soft,
        silence: cell.silent.get().max(0.0),
        probes: cell.probed.get(),
        baseline: Some(cell.baseline(isp.outlook(door.transport).0, s)),
        false_alarms: s.false_alarms,
        reporters: AtLeast::of(&cell.seen, s)?,
        contested: soft >= s.h && hard < s.suspect && cell.state != State::Blocked,
    };
    let state = if door.is_down() { State::Down } else { cell.state };
    Some(Finding {
        door: door.id,
        place: Place::Network(isp.network),
        state,
        since: moment(if door.is_down() { door.down_since } else { cell.since }),
        step: Step::of(state, hard >= s.suspect || cell.silent.get() >= s.suspect),
        evidence,
    })
}

fn of_pool(door: &Door, pool: &Pool, s: &Tuned) -> Option<Finding> {
    let (hard, soft) = (f64::from(pool.hard), f64::from(pool.soft));
    let evidence = Evidence {
        score: hard,
        threshold: s.h,
        soft,
        silence: 0.0,
        probes: 0.0,
        baseline: None,
        false_alarms: s.false_alarms,
        reporters: AtLeast::of(&pool.seen, s)?,
        contested: soft >= s.h && hard < s.suspect && !pool.blocked,
    };
    let state = match (door.is_down(), pool.blocked) {
        (true, _) => State::Down,
        (_, true) => State::Blocked,
        _ if soft >= s.h => State::Degraded,
        _ => State::Reachable,
    };
    Some(Finding {
        door: door.id,
        place: Place::Country(pool.country),
        state,
        since: moment(if door.is_down() { door.down_since } else { pool.since }),
        step: Step::of(state, hard >= s.suspect),
        evidence,
    })
}
