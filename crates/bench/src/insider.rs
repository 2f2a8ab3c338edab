//! Insiders who tell a censor of each door, one at a time, until each is alone.

use std::collections::{BTreeMap, BTreeSet};

use anyhow::{Context, Result};
use damm_assign::{
    AssignKey, Bucket, Candidate, Census, Deal, Evidence, Learned, MAX_DEPTH, Path, Paths,
    Splitting, Table as Hand, Watched,
};
use damm_fleet::{Asn, FrontdoorId, PopulationName, ProviderName, Seed, Span, Timestamp};
use ipnet::{IpNet, Ipv4Net};

use crate::measure::Cost;
use crate::table::{Row, Table};

/// Clients of the population, in 64 buckets over 120 doors.
const CLIENTS: u32 = 10_000;
const BUCKETS: u32 = 64;
const DOORS: usize = 120;
const COUNT: usize = 3;
/// Keys, and so worlds.
const SEEDS: std::ops::RangeInclusive<u8> = 1..=10;
/// Rounds until one is given up.
const ROUNDS: usize = 400;
/// A round: a verdict, its ten minutes, a new catalog.
const ROUND: Span = Span::from_hours(7);
/// Blocks beyond the logarithm: each half is believed only after it told more than once.
const BEYOND: f64 = 8.0;

/// Measures how many blocks it takes until the one insider of a population is alone.
pub fn run(table: &mut Table) -> Result<()> {
    let mut blocks = Vec::new();
    for seed in SEEDS {
        blocks.push(World::new(seed)?.play().context("an insider was never alone")?);
    }
    blocks.sort_unstable();
    let (median, most) = (blocks[blocks.len() / 2], blocks[blocks.len() - 1]);
    let halvings = (f64::from(CLIENTS) / f64::from(BUCKETS)).log2();
    let bound = halvings.ceil() + BEYOND;
    table.add(Row {
        name: "blocks until an insider is alone".to_owned(),
        size: format!(
            "{CLIENTS} clients in {BUCKETS} buckets: median {median}, most {most} of {} worlds; \
             log2 of a bucket is {halvings:.1}",
            blocks.len()
        ),
        cost: Cost::default(),
        peak: None,
        line: Some((format!("at most log2 and {BEYOND}"), most as f64 <= bound)),
    });
    Ok(())
}

struct World {
    key: AssignKey,
    population: PopulationName,
    insider: Path,
    census: Census,
    doors: Vec<Watched>,
    learned: Learned,
    splitting: Splitting,
    known: BTreeSet<FrontdoorId>,
    told: BTreeMap<Bucket, Vec<FrontdoorId>>,
    now: Timestamp,
    seed: Seed,
}

impl World {
    fn new(seed: u8) -> Result<Self> {
        let (key, population) = (AssignKey::new([seed; 32]), PopulationName::new("ir")?);
        let paths = Paths::new(&key, &population, BUCKETS);
        let mut world = Self {
            insider: paths.of(1),
            census: Census::new((0..CLIENTS).map(|client| paths.of(client))),
            key,
            population,
            doors: Vec::new(),
            learned: Learned::default(),
            splitting: Splitting::default(),
            known: BTreeSet::new(),
            told: BTreeMap::new(),
            now: Timestamp::from_millis(1_700_000_000_000),
            seed: Seed::from_number(u64::from(seed)),
        };
        (0..DOORS).try_for_each(|_| world.make())?;
        world.publish();
        Ok(world)
    }

    /// How many doors were blocked until the insider was alone.
    fn play(mut self) -> Option<usize> {
        for blocks in 1..=ROUNDS {
            self.block()?;
            self.now = self.now + ROUND;
            self.splitting.judge(Evidence {
                watched: &self.doors,
                learned: &self.learned,
                census: &self.census,
                halted: false,
                now: self.now,
            });
            let leaf = self.splitting.splits.leaf_of(self.insider);
            if leaf.depth() == MAX_DEPTH || self.census.clients_in(leaf) == 1 {
                return Some(blocks);
            }
            self.make().ok()?;
            self.publish();
        }
        None
    }

    /// The insider tells of the door that it learned last, and the censor blocks it.
    fn block(&mut self) -> Option<()> {
        let leaf = self.splitting.splits.leaf_of(self.insider);
        let open =
            |d: &&FrontdoorId| self.doors.iter().any(|w| w.door == **d && w.blocked.is_none());
        let told = self.told.get(&leaf)?;
        let new = told.iter().filter(open).find(|door| !self.known.contains(door));
        let door = *new.or_else(|| told.iter().find(open))?;
        self.known.extend(told);
        let blocked = self.doors.iter_mut().find(|w| w.door == door)?;
        blocked.blocked = Some(self.now);
        Some(())
    }

    /// A new door: three providers, each with a network of its own.
    fn make(&mut self) -> Result<()> {
        let (made, provider) = (self.doors.len(), self.doors.len() % 3);
        let address = [10, provider as u8, (made / 12 % 250) as u8, 0];
        self.doors.push(Watched {
            door: self.seed.frontdoor(),
            provider: ProviderName::new(&format!("p{provider}"))?,
            asn: Asn(64_500 + provider as u32),
            prefix: IpNet::V4(Ipv4Net::new(address.into(), 24)?),
            transport: "shadowsocks".to_owned(),
            made: self.now,
            blocked: None,
        });
        Ok(())
    }

    fn publish(&mut self) {
        let open = self.doors.iter().filter(|d| d.blocked.is_none());
        let candidate = |d: &Watched| Candidate {
            id: d.door,
            provider: d.provider.clone(),
            asn: d.asn,
            prefix: d.prefix,
            weight: 1,
        };
        let candidates: Vec<Candidate> = open.map(candidate).collect();
        let hand = Hand {
            key: &self.key,
            population: &self.population,
            count: COUNT,
            splitting: &self.splitting,
            learned: &self.learned,
        };
        let deal = Deal::new(hand, &candidates);
        let leaves = self.splitting.splits.leaves(BUCKETS);
        self.told = leaves.map(|leaf| (leaf, deal.doors_of(&self.key, leaf))).collect();
        for (leaf, doors) in &self.told {
            for door in doors {
                self.learned.tell(*leaf, *door);
            }
        }
    }
}
