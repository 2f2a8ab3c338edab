//! What works where: how each provider and each transport fares in each client network.

use std::collections::BTreeMap;

use damm_fleet::{Network, State};

use crate::bytes::{Reader, Writer};
use crate::score::left;
use crate::voice::mix;

/// Half of what is known is forgotten after a day, in seconds.
const HALF_LIFE: f64 = 86_400.0;
/// In one choice of so many anything may come out, so that nothing is given up for ever.
const EXPLORED: u64 = 20;

/// What is judged: a provider's account, or a kind of transport.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Aspect {
    /// Where the door stands.
    Provider,
    /// What it speaks.
    Transport,
}

/// Hours of doors in which they worked, and in which they did not.
#[derive(Debug, Clone, Copy, PartialEq, Default)]
pub struct Hours {
    /// Reachable.
    pub works: f64,
    /// Blocked.
    pub blocked: f64,
}

impl Hours {
    /// The share of hours in which it works, drawn towards one half.
    pub fn share(&self) -> f64 {
        (self.works + 1.0) / (self.works + self.blocked + 2.0)
    }
}

type Key = (Aspect, u16, Network);

/// All of it. It is fed with verdicts alone, so a flood of reports moves nothing here.
#[derive(Debug, Clone, Default, PartialEq)]
pub(crate) struct Ground(BTreeMap<Key, (Hours, u32)>);

impl Ground {
    /// Counts an hour of one door in one network.
    pub(crate) fn count(&mut self, key: Key, state: State, now: u32) {
        let more = match state {
            State::Reachable => Hours { works: 1.0, blocked: 0.0 },
            State::Blocked => Hours { works: 0.0, blocked: 1.0 },
            State::Unknown | State::Degraded | State::Down => return,
        };
        let hours = self.at(key, now);
        let sum = Hours { works: hours.works + more.works, blocked: hours.blocked + more.blocked };
        self.0.insert(key, (sum, now));
    }

    /// What is left of it by now.
    pub(crate) fn at(&self, key: Key, now: u32) -> Hours {
        let (hours, at) = self.0.get(&key).copied().unwrap_or_default();
        let kept = left(now.saturating_sub(at), HALF_LIFE);
        Hours { works: hours.works * kept, blocked: hours.blocked * kept }
    }

    pub(crate) fn keys(&self) -> impl Iterator<Item = &Key> {
        self.0.keys()
    }

    /// Leaves out networks.
    pub(crate) fn keep(&mut self, keep: impl Fn(Network) -> bool) {
        self.0.retain(|(_, _, network), _| keep(*network));
    }

    pub(crate) fn write(&self, to: &mut Writer) {
        to.count(self.0.len());
        for ((aspect, name, network), (hours, at)) in &self.0 {
            to.u8(u8::from(*aspect == Aspect::Transport));
            to.u16(*name);
            network.country.iter().for_each(|b| to.u8(*b));
            to.u32(network.asn.0);
            to.f64(hours.works);
            to.f64(hours.blocked);
            to.u32(*at);
        }
    }

    pub(crate) fn read(from: &mut Reader<'_>) -> Option<Self> {
        let mut ground = Self::default();
        for _ in 0..from.count(29)? {
            let aspect = if from.u8()? == 1 { Aspect::Transport } else { Aspect::Provider };
            let name = from.u16()?;
            let country = [from.u8()?, from.u8()?];
            let country = std::str::from_utf8(&country).ok()?;
            let network = Network::new(country, damm_fleet::Asn(from.u32()?))?;
            let hours = Hours { works: from.f64()?, blocked: from.f64()? };
            ground.0.insert((aspect, name, network), (hours, from.u32()?));
        }
        Some(ground)
    }
}

/// Chooses among several by Thompson sampling (Biometrika 25, 1933): draws each one's share of good
/// hours from what is known of it, `Beta(works + 1, blocked + 1)`, and takes the largest. One
/// choice in twenty falls on any. `None` when there is nothing to choose from.
pub fn choose(hours: &[Hours], seed: u64) -> Option<usize> {
    let mut chance = Chance(seed);
    let n = hours.len() as u64;
    if n == 0 {
        return None;
    }
    if chance.next().is_multiple_of(EXPLORED) {
        return Some((chance.next() % n) as usize);
    }
    let drawn = hours.iter().map(|h| chance.beta(h.works + 1.0, h.blocked + 1.0));
    let best = drawn.enumerate().max_by(|a, b| a.1.total_cmp(&b.1));
    best.map(|(at, _)| at)
}

/// Numbers that follow from a seed.
struct Chance(u64);

impl Chance {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    /// Between 0 and 1, and neither.
    fn unit(&mut self) -> f64 {
        ((self.next() >> 12) as f64 + 0.5) / (1u64 << 52) as f64
    }

    fn normal(&mut self) -> f64 {
        let (u, v) = (self.unit(), self.unit());
        (-2.0 * u.ln()).sqrt() * (std::f64::consts::TAU * v).cos()
    }

    fn beta(&mut self, a: f64, b: f64) -> f64 {
        let (x, y) = (self.gamma(a), self.gamma(b));
        x / (x + y)
    }

    /// Marsaglia and Tsang, ACM Trans. Math. Softw. 26(3), 2000, for shapes of 1 and more.
    fn gamma(&mut self, shape: f64) -> f64 {
        let d = shape - 1.0 / 3.0;
        let c = 1.0 / (9.0 * d).sqrt();
        loop {
            let x = self.normal();
            let v = (1.0 + c * x).powi(3);
            if v > 0.0 && self.unit().ln() < 0.5 * x * x + d - d * v + d * v.ln() {
                return d * v;
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_works_is_chosen_and_what_does_not_is_still_tried() {
        let hours = [Hours { works: 2.0, blocked: 40.0 }, Hours { works: 40.0, blocked: 2.0 }];
        let picks: Vec<usize> = (0..2_000).filter_map(|seed| choose(&hours, seed)).collect();
        let good = picks.iter().filter(|p| **p == 1).count();
        assert!((1_850..1_990).contains(&good), "{good} of 2000");
        assert_eq!(choose(&[], 1), None);
    }

    #[test]
    fn half_is_forgotten_after_a_day() {
        let network = Network::new("IR", damm_fleet::Asn(1)).unwrap();
        let key = (Aspect::Transport, 0, network);
        let mut ground = Ground::default();
        for hour in 0..4 {
            ground.count(key, State::Blocked, hour);
        }
        ground.count(key, State::Degraded, 4);
        let hours = ground.at(key, 3 + 86_400);
        assert!((hours.blocked - 2.0).abs() < 1e-3, "{hours:?}");
    }
}
