//! How a room did, against what was true.

use damm_fleet::State;

use crate::plan::Plan;
use crate::script::{Block, Kind, Script};

/// A block that ended is forgiven for so many minutes, and so is any other trouble.
const GRACE: u32 = 20;

/// How a room did in one world. Times are minutes; what never came is infinite.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Figures {
    /// Reports that were taken in.
    pub reports: u64,
    /// Bytes of memory for each cell, all told.
    pub bytes_a_key: usize,
    /// From the minute a hard block stops half to the verdict: median, and nine in ten.
    pub hard: (f64, f64),
    /// The median of cells with few reports.
    pub slow: f64,
    /// The median of partial blocks.
    pub partial: f64,
    /// The share of hard blocks that is found within an hour.
    pub in_an_hour: f64,
    /// The share of censor-like throttlings that counts as degraded within two hours.
    pub throttled: f64,
    /// Calls of a block where there is none, a day: quiet, node outage, brownout, overload, lies.
    pub false_blocks: [f64; 5],
    /// The share of cells that are called blocked during an outage of their node.
    pub mislabelled: f64,
    /// The share of attacked cells that is ever called blocked.
    pub attacked: f64,
    /// The share of the minutes of blocks that are called so.
    pub recall: f64,
    /// That and the share of attacked minutes that are not, in the mean.
    pub balanced: f64,
    /// From a block's end to the verdict that it is over: median.
    pub unblocked: f64,
    /// The share of minutes in which a well cell counts as degraded.
    pub degraded: f64,
}

/// What is gathered meanwhile.
#[derive(Debug)]
pub(crate) struct Tally<'a> {
    plan: Plan,
    script: &'a Script,
    states: Vec<State>,
    false_blocks: [u32; 5],
    /// For each block: when it was called, and when it was no longer after its end.
    called: Vec<Option<u32>>,
    throttled: Vec<bool>,
    over: Vec<Option<u32>>,
    /// Minutes of blocks, and those that are called so.
    blocked: (u64, u64),
    /// The same of attacks.
    attacked: (u64, u64),
    /// For each attack and outage, by network: whether it was ever called a block.
    hit: Vec<Vec<bool>>,
    struck: Vec<Vec<bool>>,
    degraded: (u64, u64),
}

impl<'a> Tally<'a> {
    pub(crate) fn of(plan: &Plan, script: &'a Script) -> Self {
        let (blocks, networks) = (script.blocks.len(), plan.countries * plan.networks);
        Self {
            plan: plan.clone(),
            script,
            states: vec![State::Unknown; plan.cells()],
            false_blocks: [0; 5],
            called: vec![None; blocks],
            throttled: vec![false; blocks],
            over: vec![None; blocks],
            blocked: (0, 0),
            attacked: (0, 0),
            hit: vec![vec![false; plan.networks]; script.attacks.len()],
            struck: vec![vec![false; networks]; script.outages.len()],
            degraded: (0, 0),
        }
    }

    fn is(&self, door: usize, network: usize, state: State) -> bool {
        self.states[network * self.plan.doors + door] == state
    }

    /// Whether a block is or was just true.
    fn is_true(&self, minute: u32, door: usize, network: usize) -> bool {
        let here = |b: &&Block| b.door == door && b.network == network;
        let mut blocks = self.script.blocks.iter().filter(here);
        let m = f64::from(minute);
        blocks.any(|b| m >= b.from && m < b.until + f64::from(GRACE))
    }

    pub(crate) fn change(&mut self, minute: u32, door: usize, network: usize, state: State) {
        self.states[network * self.plan.doors + door] = state;
        if state != State::Blocked || minute < self.plan.warm || self.is_true(minute, door, network)
        {
            return;
        }
        let country = network / self.plan.networks;
        let of = |spells: &[crate::script::Spell], place| {
            spells.iter().any(|s| s.place == place && s.covers(minute, GRACE))
        };
        let lies = self.script.attacks.iter().any(|(a, of)| {
            *of == country && a.place == door && a.covers(minute, GRACE) && self.plan.liars.0 > 0.0
        });
        let why = match () {
            () if of(&self.script.outages, door) => 1,
            () if of(&self.script.brownouts, network) => 2,
            () if of(&self.script.overloads, door) => 3,
            () if lies => 4,
            () => 0,
        };
        self.false_blocks[why] += 1;
    }

    pub(crate) fn minute(&mut self, minute: u32) {
        if minute < self.plan.warm {
            return;
        }
        for at in 0..self.script.blocks.len() {
            self.block(minute, at);
        }
        for (at, (attack, country)) in self.script.attacks.iter().enumerate() {
            for n in 0..self.plan.networks {
                let network = country * self.plan.networks + n;
                if attack.covers(minute, 0) && !self.is_true(minute, attack.place, network) {
                    let blocked = self.is(attack.place, network, State::Blocked);
                    self.attacked.0 += 1;
                    self.attacked.1 += u64::from(blocked);
                    self.hit[at][n] |= blocked;
                }
            }
        }
        for (at, outage) in self.script.outages.iter().enumerate() {
            for network in 0..self.plan.countries * self.plan.networks {
                if outage.covers(minute, GRACE) && !self.is_true(minute, outage.place, network) {
                    self.struck[at][network] |= self.is(outage.place, network, State::Blocked);
                }
            }
        }
        if minute.is_multiple_of(30) {
            let degraded = self.states.iter().filter(|s| **s == State::Degraded).count();
            self.degraded.0 += self.states.len() as u64;
            self.degraded.1 += degraded as u64;
        }
    }

    fn block(&mut self, minute: u32, at: usize) {
        let block = self.script.blocks[at];
        let m = f64::from(minute);
        if m < block.from {
            return;
        }
        let called = self.is(block.door, block.network, State::Blocked);
        let degraded = called || self.is(block.door, block.network, State::Degraded);
        if m < block.until {
            if called && self.called[at].is_none() {
                self.called[at] = Some(minute);
            }
            self.throttled[at] |= degraded && m < block.from + 120.0;
            if block.kind != Kind::Soft && minute >= block.felt() {
                self.blocked.0 += 1;
                self.blocked.1 += u64::from(called);
            }
        } else if !called && self.over[at].is_none() {
            self.over[at] = Some(minute);
        }
    }

    /// `slow` tells whether a cell has few reports.
    pub(crate) fn done(self, slow: &dyn Fn(usize) -> bool) -> Figures {
        let delay = |(at, b): (usize, &Block)| match self.called[at] {
            Some(minute) => f64::from(minute.saturating_sub(b.felt())),
            None => f64::INFINITY,
        };
        let of =
            |kind: Kind| self.script.blocks.iter().enumerate().filter(move |(_, b)| b.kind == kind);
        let hard: Vec<f64> = of(Kind::Hard).map(delay).collect();
        let cell = |b: &Block| b.network * self.plan.doors + b.door;
        let slow: Vec<f64> = of(Kind::Hard).filter(|(_, b)| slow(cell(b))).map(delay).collect();
        let ends = of(Kind::Hard).chain(of(Kind::Partial));
        let ends = ends.filter(|(at, _)| self.called[*at].is_some());
        let unblocked = ends.filter_map(|(at, b)| Some(f64::from(self.over[at]?) - b.until));
        let soft: Vec<bool> = of(Kind::Soft).map(|(at, _)| self.throttled[at]).collect();
        let days = f64::from(self.plan.minutes - self.plan.warm) / 1_440.0;
        let recall = share(self.blocked);
        Figures {
            hard: (quantile(&hard, 0.5), quantile(&hard, 0.9)),
            slow: quantile(&slow, 0.5),
            partial: quantile(&of(Kind::Partial).map(delay).collect::<Vec<_>>(), 0.5),
            in_an_hour: mean(hard.iter().map(|d| *d <= 60.0)),
            throttled: mean(soft.into_iter()),
            false_blocks: self.false_blocks.map(|n| f64::from(n) / days),
            mislabelled: mean(self.struck.iter().flatten().copied()),
            attacked: mean(self.hit.iter().flatten().copied()),
            recall,
            balanced: (recall + 1.0 - share(self.attacked)) / 2.0,
            unblocked: quantile(&unblocked.collect::<Vec<_>>(), 0.5),
            degraded: share(self.degraded),
            ..Figures::default()
        }
    }
}

fn share((all, of): (u64, u64)) -> f64 {
    of as f64 / all.max(1) as f64
}

fn mean(of: impl Iterator<Item = bool>) -> f64 {
    let all: Vec<bool> = of.collect();
    all.iter().filter(|b| **b).count() as f64 / all.len().max(1) as f64
}

/// Infinite where there is nothing to take it of.
fn quantile(of: &[f64], q: f64) -> f64 {
    let mut sorted = of.to_vec();
    sorted.sort_by(f64::total_cmp);
    let at = (q * sorted.len() as f64) as usize;
    sorted.get(at.min(sorted.len().saturating_sub(1))).copied().unwrap_or(f64::INFINITY)
}
