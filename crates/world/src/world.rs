//! The world as it goes on, minute by minute.

use damm_fleet::{Asn, FrontdoorId, Network, Seed, Span, Timestamp};
use damm_reach::{Age, Outcome, Reach, Report, Reporter, Settings, Standing};

use crate::crowd::Crowd;
use crate::dice::Dice;
use crate::plan::Plan;
use crate::score::{Figures, Tally};
use crate::script::Script;

/// Half of all failures arrive late, by so many minutes in the mean.
const LATE: f64 = 8.0;
/// The network's weather is forgotten after so many minutes, and varies by so much.
const WEATHER: (f64, f64) = (60.0, 0.25);
/// Heartbeats that are lost though the door is up.
const LOST_BEATS: f64 = 0.003;
/// The world begins at this moment, in milliseconds.
const BEGIN: i64 = 1_750_000_000_000;

/// A report on its way.
#[derive(Debug, Clone, Copy)]
struct Sent {
    cell: u32,
    client: u32,
    tried: u32,
    outcome: Outcome,
}

/// A world with its clients, its doors, and what will happen.
#[derive(Debug)]
pub struct World {
    plan: Plan,
    script: Script,
    crowd: Crowd,
    dice: Dice,
    doors: Vec<FrontdoorId>,
    networks: Vec<Network>,
    /// By minute of arrival.
    late: Vec<Vec<Sent>>,
    reports: u64,
}

impl World {
    /// A world that follows from its plan.
    pub fn new(plan: &Plan) -> Self {
        let mut dice = Dice::of(plan.seed);
        let script = Script::of(plan, &mut dice);
        let crowd = Crowd::of(plan, &mut dice);
        let mut ids = Seed::from_number(plan.seed);
        let networks = 0..plan.countries * plan.networks;
        let network = |n: usize| {
            let country = [b'A' + (n / plan.networks) as u8; 2];
            Network { country, asn: Asn(64_512 + n as u32) }
        };
        Self {
            plan: plan.clone(),
            script,
            crowd,
            dice,
            doors: (0..plan.doors).map(|_| ids.frontdoor()).collect(),
            networks: networks.map(network).collect(),
            late: vec![Vec::new(); plan.minutes as usize + 1],
            reports: 0,
        }
    }

    /// What the room should be tuned to for this world: as for any fleet, by what it reports.
    pub fn settings(&self) -> Settings {
        Settings { reports_a_day: 7.2e6 * self.plan.traffic, ..Settings::default() }
    }

    /// Plays the world to its end in a room of these settings, and tells how the room did.
    pub fn play(mut self, settings: Settings) -> Figures {
        let mut room = Reach::new(settings);
        for (at, door) in self.doors.iter().enumerate() {
            // The names of providers are made of these letters.
            let Ok(provider) = format!("provider-{}", at % 4).parse() else { continue };
            room.stand(*door, &Standing { provider, transport: "shadowsocks".to_owned() });
        }
        let script = self.script.clone();
        let mut tally = Tally::of(&self.plan, &script);
        for minute in 0..self.plan.minutes {
            self.minute(minute, &mut room);
            for change in room.tick(moment(minute)) {
                let door = self.doors.iter().position(|d| *d == change.door);
                let network = self.networks.iter().position(|n| *n == change.network);
                if let (Some(door), Some(network)) = (door, network) {
                    tally.change(minute, door, network, change.state);
                }
            }
            tally.minute(minute);
        }
        let slow = |cell: usize| self.crowd.cells[cell].rate < 0.15 * self.plan.traffic;
        let (cells, bytes) = room.size();
        Figures { reports: self.reports, bytes_a_key: bytes / cells.max(1), ..tally.done(&slow) }
    }

    /// All reports of a part of the world, in order of arrival, for measuring a room's pace alone.
    pub fn stream(mut self, minutes: u32) -> Vec<(Timestamp, Report)> {
        let mut all = Vec::new();
        for minute in 0..minutes.min(self.plan.minutes) {
            self.step(minute, &mut |now, report| all.push((now, report)));
        }
        all
    }

    /// The doors that reports speak of.
    pub fn doors(&self) -> &[FrontdoorId] {
        &self.doors
    }

    fn minute(&mut self, minute: u32, room: &mut Reach) {
        if self.plan.heartbeats {
            for at in 0..self.doors.len() {
                let out = self.script.outages.iter().any(|o| o.place == at && o.covers(minute, 0));
                let lost = self.dice.chance(if out { 0.97 } else { LOST_BEATS });
                room.heartbeat(moment(minute), self.doors[at], !lost);
            }
        }
        self.step(minute, &mut |now, report| {
            room.report(now, &report);
        });
    }

    /// All attempts of a minute; what arrives in it is told.
    fn step(&mut self, minute: u32, tell: &mut dyn FnMut(Timestamp, Report)) {
        let mut arrived = std::mem::take(&mut self.late[minute as usize]);
        for network in 0..self.networks.len() {
            let isp = &mut self.crowd.isps[network];
            let (memory, varies) = WEATHER;
            let kept = (-1.0 / memory).exp();
            let fresh = varies * (1.0 - kept * kept).sqrt() * self.dice.normal();
            isp.weather = kept * isp.weather + fresh;
            let ills = self.ills(minute, network);
            for (door, ill) in ills.into_iter().enumerate() {
                self.attempts(minute, network, door, ill, &mut arrived);
            }
        }
        self.dice.shuffle(&mut arrived);
        for sent in arrived {
            self.reports += 1;
            let cell = sent.cell as usize;
            let network = cell / self.plan.doors;
            let client = (network * self.plan.clients) as u64 + u64::from(sent.client);
            let report = Report {
                door: self.doors[cell % self.plan.doors],
                network: self.networks[network],
                reporter: Reporter(client),
                age: Age::Settled,
                outcome: sent.outcome,
                ago: Span::from_mins(u64::from(minute - sent.tried)),
            };
            tell(moment(minute), report);
        }
    }

    /// By door, what share of a network's attempts is stopped, and by whom.
    fn ills(&self, minute: u32, network: usize) -> Vec<Ill> {
        let country = network / self.plan.networks;
        let browns = self.script.brownouts.iter().filter(|b| b.place == network);
        let brown = browns.filter(|b| b.covers(minute, 0)).map(|b| b.rate).fold(0.0, f64::max);
        let ill = Ill { passes: 1.0 - brown, blocked: false, attacked: false };
        let mut ills = vec![ill; self.plan.doors];
        for spell in self.script.outages.iter().chain(&self.script.overloads) {
            if spell.covers(minute, 0) {
                ills[spell.place].passes *= 1.0 - spell.rate;
            }
        }
        for block in self.script.blocks.iter().filter(|b| b.network == network) {
            let stopped = block.at(f64::from(minute));
            if stopped > 0.0 {
                ills[block.door].passes *= 1.0 - stopped;
                ills[block.door].blocked = true;
            }
        }
        for (attack, of) in self.script.attacks.iter().filter(|(_, of)| *of == country) {
            ills[attack.place].attacked |= *of == country && attack.covers(minute, 0);
        }
        ills
    }

    fn attempts(&mut self, minute: u32, network: usize, door: usize, ill: Ill, to: &mut Vec<Sent>) {
        let cell = network * self.plan.doors + door;
        let of = &self.crowd.cells[cell];
        if of.clients.is_empty() {
            return;
        }
        let isp = &self.crowd.isps[network];
        let day = f64::from(minute) / 1_440.0 + (network / self.plan.networks) as f64 / 6.0;
        let tide = (std::f64::consts::TAU * day).sin();
        let loudness = self.plan.liars.1;
        let tries = self.dice.poisson(of.pace(loudness) * (1.0 + 0.5 * tide));
        for _ in 0..tries {
            let (client, lies) = of.somebody(loudness, &mut self.dice);
            let odds = of.odds + isp.swing * tide + isp.weather;
            let broken = if isp.broken[client as usize] { 0.5 } else { 0.0 };
            let passes = ill.passes * (1.0 - broken) / (1.0 + odds.exp());
            let failed = !self.dice.chance(passes);
            let outcome = match (lies, failed) {
                (true, _) if ill.attacked => Outcome::Failed,
                // It would say that all is well, and no node saw it.
                (true, true) if ill.blocked => Outcome::Claimed,
                (_, true) => Outcome::Failed,
                (_, false) => Outcome::Verified,
            };
            let late = failed && self.dice.chance(0.5);
            let late = if late { self.dice.exponential(LATE) as u32 } else { 0 };
            let sent = Sent { cell: cell as u32, client, tried: minute, outcome };
            match late {
                0 => to.push(sent),
                _ => {
                    if let Some(then) = self.late.get_mut((minute + late) as usize) {
                        then.push(sent);
                    }
                }
            }
        }
    }
}

/// What ails one cell.
#[derive(Debug, Clone, Copy)]
struct Ill {
    passes: f64,
    blocked: bool,
    attacked: bool,
}

fn moment(minute: u32) -> Timestamp {
    Timestamp::from_millis(BEGIN) + Span::from_mins(u64::from(minute))
}
