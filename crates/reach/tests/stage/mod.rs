//! A few doors and networks, in which a test says what fails.

#![allow(dead_code, reason = "no test uses all of it")]

use damm_fleet::{Asn, FrontdoorId, Network, Seed, Span, Timestamp};
use damm_reach::{Age, Outcome, Reach, Report, Reporter, Settings, Standing};

pub const REPORTERS: u64 = 48;

pub struct Stage {
    pub room: Reach,
    pub doors: Vec<FrontdoorId>,
    pub networks: Vec<Network>,
    pub now: Timestamp,
    pub beats: bool,
    /// Reports of one cell in a minute.
    pub pace: u64,
    chance: u64,
}

/// Who tries, and how it would end if all told the truth.
pub struct Try {
    pub door: usize,
    pub network: usize,
    pub who: u64,
}

pub fn settings() -> Settings {
    Settings::default()
}

impl Stage {
    /// Three countries with three networks each, and six doors of two transports.
    pub fn new(seed: u64) -> Self {
        Self::with(seed, 6, 9, false)
    }

    /// So many doors and networks, the latter in three countries; `alike` gives all doors the same
    /// transport.
    pub fn with(seed: u64, doors: usize, networks: usize, alike: bool) -> Self {
        let mut ids = Seed::from_number(seed);
        let count = networks;
        let doors: Vec<FrontdoorId> = (0..doors).map(|_| ids.frontdoor()).collect();
        let networks = ["IR", "RU", "TM"]
            .iter()
            .flat_map(|country| (1..4).map(move |asn| Network::new(country, Asn(asn)).unwrap()));
        let mut room = Reach::new(settings());
        for (at, door) in doors.iter().enumerate() {
            let transport = if alike || at % 2 == 0 { "shadowsocks" } else { "trojan" };
            let provider = if at < 3 { "helsinki" } else { "paris" };
            let provider = provider.parse().unwrap();
            room.stand(*door, &Standing { provider, transport: transport.to_owned() });
        }
        Self {
            room,
            doors,
            networks: networks.take(count).collect(),
            now: Timestamp::from_millis(1_700_000_000_000),
            beats: true,
            pace: 2,
            chance: seed,
        }
    }

    pub fn chance(&mut self) -> f64 {
        self.chance = self.chance.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let n = (self.chance ^ (self.chance >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let n = (n ^ (n >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((n ^ (n >> 31)) >> 11) as f64 / (1u64 << 53) as f64
    }

    /// One minute: heartbeats, reports, judgement. `how` tells the chance of a failure, or nothing
    /// where nobody reports; `up` whether a door answers its heartbeat.
    pub fn minute(&mut self, how: &dyn Fn(&Try) -> Option<f64>, up: &dyn Fn(usize) -> bool) {
        self.now = self.now + Span::from_mins(1);
        for door in 0..self.doors.len() {
            if self.beats {
                self.room.heartbeat(self.now, self.doors[door], up(door));
            }
            for network in 0..self.networks.len() {
                for _ in 0..self.pace {
                    let who = (self.chance() * REPORTERS as f64) as u64;
                    let chance = self.chance();
                    let Some(p) = how(&Try { door, network, who }) else { continue };
                    let outcome = if chance < p { Outcome::Failed } else { Outcome::Verified };
                    self.tell(door, network, who, outcome);
                }
            }
        }
        self.room.tick(self.now);
    }

    pub fn tell(&mut self, door: usize, network: usize, who: u64, outcome: Outcome) {
        let report = Report {
            door: self.doors[door],
            network: self.networks[network],
            reporter: Reporter(network as u64 * 1_000 + who),
            age: Age::Settled,
            outcome,
            ago: Span::ZERO,
        };
        self.room.report(self.now, &report);
    }

    pub fn run(&mut self, minutes: u32, how: &dyn Fn(&Try) -> Option<f64>) {
        for _ in 0..minutes {
            self.minute(how, &|_| true);
        }
    }

    /// Three hours in which one attempt in ten fails.
    pub fn warm(&mut self) {
        self.run(180, &well);
    }

    pub fn states(&self, door: usize) -> Vec<damm_fleet::State> {
        self.networks.iter().map(|n| self.room.state(self.doors[door], *n)).collect()
    }
}

pub fn well(_: &Try) -> Option<f64> {
    Some(0.1)
}
