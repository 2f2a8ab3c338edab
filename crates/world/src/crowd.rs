//! Who stands where: clients, what they are told of, how often they report, and how often they fail
//! when all is well.

use crate::dice::Dice;
use crate::plan::Plan;

/// One door from one network.
#[derive(Debug, Clone)]
pub(crate) struct Cell {
    /// Liars first.
    pub(crate) clients: Vec<u32>,
    pub(crate) liars: usize,
    /// Reports in a minute of all of its clients, were they all honest.
    pub(crate) rate: f64,
    /// The logarithm of the odds of a failure.
    pub(crate) odds: f64,
}

impl Cell {
    /// Reports in a minute with liars that speak so many times as often.
    pub(crate) fn pace(&self, loudness: f64) -> f64 {
        let all = self.clients.len().max(1) as f64;
        self.rate * self.voices(loudness) / all
    }

    fn voices(&self, loudness: f64) -> f64 {
        (self.clients.len() - self.liars) as f64 + loudness * self.liars as f64
    }

    /// Somebody who reports, and whether it is a liar.
    pub(crate) fn somebody(&self, loudness: f64, dice: &mut Dice) -> (u32, bool) {
        let drawn = dice.unit() * self.voices(loudness);
        let loud = loudness * self.liars as f64;
        let at = match drawn < loud {
            true => (drawn / loudness) as usize,
            false => self.liars + (drawn - loud) as usize,
        };
        (self.clients[at.min(self.clients.len() - 1)], at < self.liars)
    }
}

/// One client network.
#[derive(Debug, Clone)]
pub(crate) struct Isp {
    /// How far its odds of a failure go up and down in a day.
    pub(crate) swing: f64,
    /// What is on top of them now.
    pub(crate) weather: f64,
    /// Of each client, whether half of its attempts fail whatever happens.
    pub(crate) broken: Vec<bool>,
}

/// All of them.
#[derive(Debug, Clone)]
pub(crate) struct Crowd {
    pub(crate) isps: Vec<Isp>,
    /// By network, then by door.
    pub(crate) cells: Vec<Cell>,
}

/// The logarithm of a failure's odds.
fn odds(p: f64) -> f64 {
    (p / (1.0 - p)).ln()
}

impl Crowd {
    pub(crate) fn of(plan: &Plan, dice: &mut Dice) -> Self {
        let doors: Vec<f64> = (0..plan.doors).map(|_| 0.2 * dice.normal()).collect();
        let (mut isps, mut cells) = (Vec::new(), Vec::new());
        for _ in 0..plan.countries * plan.networks {
            let base = odds(dice.between(0.02, 0.20));
            let told = told(plan, dice);
            for (door, clients) in told.into_iter().enumerate() {
                let liars = clients.iter().filter(|c| **c < liars_of(plan)).count();
                // Median 0.31 and mean 0.52 a minute.
                let rate = 0.31 * (1.017 * dice.normal()).exp() * plan.traffic;
                let odds = base + doors[door] + 0.2 * dice.normal();
                cells.push(Cell { clients, liars, rate, odds });
            }
            let broken = (0..plan.clients).map(|_| dice.chance(0.03)).collect();
            isps.push(Isp { swing: dice.between(0.0, 0.5), weather: 0.0, broken });
        }
        Self { isps, cells }
    }
}

/// The first clients of each network are its liars.
fn liars_of(plan: &Plan) -> u32 {
    (plan.liars.0 * plan.clients as f64).round() as u32
}

/// By door, which clients are told of it, in order.
fn told(plan: &Plan, dice: &mut Dice) -> Vec<Vec<u32>> {
    let mut told = vec![Vec::new(); plan.doors];
    let mut doors: Vec<usize> = (0..plan.doors).collect();
    for client in 0..plan.clients as u32 {
        dice.shuffle(&mut doors);
        doors.iter().take(plan.told).for_each(|door| told[*door].push(client));
    }
    told
}
