//! What will happen: drawn once, before the world begins.

use crate::dice::Dice;
use crate::plan::Plan;

/// What kind of block it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Kind {
    /// Nearly nothing gets through.
    Hard,
    /// A part gets through.
    Partial,
    /// About a quarter of the attempts is stopped.
    Soft,
}

/// One door that one network stops, for a while.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Block {
    /// The network's number.
    pub network: usize,
    /// The door's.
    pub door: usize,
    /// Of which kind.
    pub kind: Kind,
    /// The failure rate that it comes to.
    pub rate: f64,
    /// When it begins, in minutes.
    pub from: f64,
    /// How long it takes to come to its rate.
    pub ramp: f64,
    /// When it ends.
    pub until: f64,
}

impl Block {
    /// The share of attempts that it stops at a minute.
    pub fn at(&self, minute: f64) -> f64 {
        match minute {
            m if m < self.from || m >= self.until => 0.0,
            m if self.ramp == 0.0 || m >= self.from + self.ramp => self.rate,
            m => self.rate * (m - self.from) / self.ramp,
        }
    }

    /// The minute from which it stops half of what it will, at least: delays count from there.
    pub fn felt(&self) -> u32 {
        let share = if self.rate > 0.5 { 0.5 / self.rate } else { 0.5 };
        (self.from + share * self.ramp).ceil() as u32
    }
}

/// Something that stops a share of attempts for a while, at a door or in a network.
#[derive(Debug, Clone, Copy, PartialEq)]
pub struct Spell {
    /// The door's number, or the network's.
    pub place: usize,
    /// The share.
    pub rate: f64,
    /// From this minute on.
    pub from: u32,
    /// Until this one.
    pub until: u32,
}

impl Spell {
    /// Whether it lasts at a minute, or ended at most `grace` minutes ago.
    pub const fn covers(&self, minute: u32, grace: u32) -> bool {
        minute >= self.from && minute < self.until + grace
    }
}

/// Everything that will happen.
#[derive(Debug, Clone, Default)]
pub struct Script {
    /// By network: one entry for each cell.
    pub blocks: Vec<Block>,
    /// Of doors.
    pub outages: Vec<Spell>,
    /// Of doors.
    pub overloads: Vec<Spell>,
    /// Of networks.
    pub brownouts: Vec<Spell>,
    /// Of doors that are well, by liars of one country, whose number is the second.
    pub attacks: Vec<(Spell, usize)>,
}

impl Script {
    pub(crate) fn of(plan: &Plan, dice: &mut Dice) -> Self {
        let mut script = Self::default();
        let mut doors: Vec<usize> = (0..plan.doors).collect();
        dice.shuffle(&mut doors);
        let mut doors = doors.into_iter().cycle();
        let mut next = move || doors.next().unwrap_or_default();
        let [blocks, outages, overloads, brownouts] = plan.events;
        (0..blocks).for_each(|_| script.block(plan, next(), dice));
        for _ in 0..outages {
            let length = dice.between(10.0, 120.0);
            script.outages.push(spell(plan, next(), 0.97, length, dice));
        }
        for _ in 0..overloads {
            let (length, rate) = (dice.between(60.0, 240.0), dice.between(0.15, 0.30));
            script.overloads.push(spell(plan, next(), rate, length, dice));
        }
        for _ in 0..brownouts {
            let (length, rate) = (dice.between(15.0, 60.0), dice.between(0.3, 0.7));
            let network = dice.below(plan.countries * plan.networks);
            script.brownouts.push(spell(plan, network, rate, length, dice));
        }
        for _ in 0..plan.attacks {
            let attack = spell(plan, next(), 1.0, 240.0, dice);
            script.attacks.push((attack, dice.below(plan.countries)));
        }
        script
    }

    fn block(&mut self, plan: &Plan, door: usize, dice: &mut Dice) {
        let country = dice.below(plan.countries);
        let whole = dice.chance(0.7);
        let only = dice.below(plan.networks);
        let ramp = [0.0, 0.0, 10.0, 30.0, 60.0][dice.below(5)];
        let (kind, rate) = match dice.unit() {
            u if u < 0.55 => (Kind::Hard, 0.98),
            u if u < 0.8 => (Kind::Partial, dice.between(0.6, 0.8)),
            _ => (Kind::Soft, 0.263),
        };
        let length = dice.between(240.0, 600.0).min(0.6 * f64::from(plan.minutes - plan.warm));
        let latest = f64::from(plan.minutes) - length - 60.0;
        let from = dice.between(f64::from(plan.warm), latest.max(f64::from(plan.warm) + 1.0));
        let until = from + length;
        for network in (0..plan.networks).filter(|n| whole || *n == only) {
            let from = from + if whole { dice.between(0.0, 30.0) } else { 0.0 };
            let network = country * plan.networks + network;
            self.blocks.push(Block { network, door, kind, rate, from, ramp, until });
        }
    }
}

fn spell(plan: &Plan, place: usize, rate: f64, length: f64, dice: &mut Dice) -> Spell {
    let length = length as u32;
    let latest = plan.minutes.saturating_sub(length).max(plan.warm + 1);
    let from = dice.between(f64::from(plan.warm), f64::from(latest)) as u32;
    Spell { place, rate, from, until: from + length }
}
