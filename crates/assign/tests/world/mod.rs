//! A small world: clients, doors, insiders, a censor and a planner that replaces what is blocked.

#![allow(dead_code, clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use damm_assign::{
    AssignKey, Bucket, Candidate, Census, Deal, Evidence, Learned, MAX_DEPTH, Path, Paths,
    Splitting, Standing, Table, Turn, Watched,
};
use damm_fleet::{Asn, FrontdoorId, PopulationName, ProviderName, Seed, Span, Timestamp};
use ipnet::{IpNet, Ipv4Net};

/// How much insiders give away in one round.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Habit {
    /// All that they know.
    All,
    /// One door, the one that they learned last.
    One,
    /// Nothing.
    None,
}

const COUNT: usize = 3;
/// A round: a verdict, its ten minutes, a new catalog.
const ROUND: Span = Span::from_hours(7);

pub struct World {
    pub key: AssignKey,
    pub population: PopulationName,
    pub buckets: u32,
    pub paths: Vec<Path>,
    pub census: Census,
    pub doors: Vec<Watched>,
    pub learned: Learned,
    pub splitting: Splitting,
    pub halted: bool,
    pub burnt: usize,
    insiders: Vec<u32>,
    habit: Habit,
    known: Vec<BTreeSet<FrontdoorId>>,
    told: BTreeMap<Bucket, Vec<FrontdoorId>>,
    cut: BTreeSet<u32>,
    blocks: Vec<usize>,
    rounds: Vec<usize>,
    alone: Vec<bool>,
    round: usize,
    now: Timestamp,
    seed: Seed,
    made: usize,
}

/// How it went.
pub struct Story {
    /// Rounds with a block of each insider's until it was alone; `None` when it never was.
    rounds: Vec<Option<usize>>,
    /// Doors blocked of each.
    blocks: Vec<Option<usize>>,
    /// The share of innocents that ever had no door left between two catalogs.
    pub cut_off: f64,
    pub largest_bucket: usize,
}

impl Story {
    pub fn rounds_until_alone(&self) -> Option<usize> {
        self.rounds.iter().copied().max().unwrap()
    }

    pub fn blocks_until_all_alone(&self) -> Option<usize> {
        self.blocks.iter().copied().sum()
    }

    pub fn blocks_of_each(&self) -> impl Iterator<Item = usize> {
        self.rounds.iter().flatten().copied()
    }

    pub fn never_alone(&self) -> usize {
        self.rounds.iter().filter(|r| r.is_none()).count()
    }
}

impl World {
    pub fn new(seed: u8, clients: u32, buckets: u32, doors: usize) -> Self {
        let key = AssignKey::new([seed; 32]);
        let population = PopulationName::new("ir").unwrap();
        let paths = Paths::new(&key, &population, buckets);
        let paths: Vec<Path> = (0..clients).map(|c| paths.of(c)).collect();
        let mut world = Self {
            census: Census::new(paths.iter().copied()),
            key,
            population,
            buckets,
            paths,
            doors: Vec::new(),
            learned: Learned::default(),
            splitting: Splitting::default(),
            halted: false,
            burnt: 0,
            insiders: Vec::new(),
            habit: Habit::None,
            known: Vec::new(),
            told: BTreeMap::new(),
            cut: BTreeSet::new(),
            blocks: Vec::new(),
            rounds: Vec::new(),
            alone: Vec::new(),
            round: 0,
            now: Timestamp::from_millis(1_700_000_000_000),
            seed: Seed::from_number(u64::from(seed)),
            made: 0,
        };
        (0..doors).for_each(|_| world.make());
        world.publish();
        world
    }

    pub fn with(mut self, insiders: usize, habit: Habit) -> Self {
        let step = self.paths.len() / insiders.max(1);
        self.insiders = (0..insiders).map(|i| (i * step + 1) as u32).collect();
        self.habit = habit;
        self.known = vec![BTreeSet::new(); insiders];
        self.blocks = vec![0; insiders];
        self.rounds = vec![0; insiders];
        self.alone = vec![false; insiders];
        self
    }

    pub fn silence(&mut self) {
        self.habit = Habit::None;
    }

    /// Plays until all insiders are alone, or so many rounds; then ten rounds more.
    pub fn play(mut self, rounds: usize) -> Story {
        let mut left = rounds;
        while left > 0 && !self.alone.iter().all(|a| *a) {
            self.turn();
            left -= 1;
        }
        (0..10).for_each(|_| self.turn());
        self.story()
    }

    pub fn play_on(&mut self, rounds: usize) {
        (0..rounds).for_each(|_| self.turn());
    }

    pub fn wait_days(&mut self, days: u64) {
        for _ in 0..days {
            self.now = self.now + Span::from_days(1);
            self.judge();
        }
        self.publish();
    }

    fn story(self) -> Story {
        let once = |n: &usize, alone: &bool| alone.then_some(*n);
        let of = |all: &[usize]| all.iter().zip(&self.alone).map(|(n, a)| once(n, a)).collect();
        let bases = (0..self.buckets).map(|b| self.census.clients_in(Bucket::base(b as u16)));
        Story {
            rounds: of(&self.rounds),
            blocks: of(&self.blocks),
            cut_off: self.cut.len() as f64 / self.paths.len() as f64,
            largest_bucket: bases.max().unwrap(),
        }
    }

    /// Innocent clients that are suspected.
    pub fn suspected(&self) -> usize {
        let suspected = |c: &u32| {
            let standing = self.splitting.standing(self.leaf(*c));
            standing == Standing::Suspect && !self.insiders.contains(c)
        };
        (0..self.paths.len() as u32).filter(suspected).count()
    }

    pub fn leaf_of_insider(&self, i: usize) -> Bucket {
        self.leaf(self.insiders[i])
    }

    fn leaf(&self, client: u32) -> Bucket {
        self.splitting.splits.leaf_of(self.paths[client as usize])
    }

    /// A new door: three providers, each with a network of its own, and a prefix for each fourth.
    fn make(&mut self) {
        let (provider, prefix) = (self.made % 3, self.made / 12);
        let address = [10, provider as u8, (prefix % 250) as u8, 0];
        self.doors.push(Watched {
            door: self.seed.frontdoor(),
            provider: ProviderName::new(&format!("p{provider}")).unwrap(),
            asn: Asn(64_500 + provider as u32),
            prefix: IpNet::V4(Ipv4Net::new_assert(address.into(), 24)),
            transport: "shadowsocks".to_owned(),
            made: self.now,
            blocked: None,
        });
        self.made += 1;
    }

    fn candidates(&self) -> Vec<Candidate> {
        let open = self.doors.iter().filter(|d| d.blocked.is_none());
        let candidate = |d: &Watched| Candidate {
            id: d.door,
            provider: d.provider.clone(),
            asn: d.asn,
            prefix: d.prefix,
            weight: 1,
        };
        open.map(candidate).collect()
    }

    pub fn deal(&self) -> Deal {
        let table = Table {
            key: &self.key,
            population: &self.population,
            count: COUNT,
            splitting: &self.splitting,
            learned: &self.learned,
        };
        Deal::new(table, &self.candidates())
    }

    fn publish(&mut self) {
        let deal = self.deal();
        self.told.clear();
        for leaf in self.splitting.splits.leaves(self.buckets) {
            let doors = deal.doors_of(&self.key, leaf);
            for door in &doors {
                self.learned.tell(leaf, *door);
            }
            self.told.insert(leaf, doors);
        }
    }

    /// One round: insiders tell, the censor blocks, the fleet judges, replaces and publishes.
    pub fn turn(&mut self) {
        self.round += 1;
        self.tell();
        self.count_cut_off();
        self.now = self.now + ROUND;
        self.judge();
        // What is blocked is replaced, door by door.
        let blocked = self.doors.iter().filter(|d| d.blocked.is_some()).count();
        let open = self.doors.len() - blocked;
        let wanted = self.doors.len() - self.burnt;
        (open..wanted).for_each(|_| self.make());
        self.burnt = blocked;
        self.publish();
    }

    fn tell(&mut self) {
        for i in 0..self.insiders.len() {
            let told = self.told[&self.leaf_of_insider(i)].clone();
            let open =
                |d: &FrontdoorId| self.doors.iter().any(|w| w.door == *d && w.blocked.is_none());
            let first = match self.habit {
                Habit::All => usize::MAX,
                Habit::One => 1,
                Habit::None => 0,
            };
            let new = |d: &&FrontdoorId| !self.known[i].contains(d);
            let (fresh, old): (Vec<FrontdoorId>, Vec<FrontdoorId>) =
                told.iter().filter(|d| open(d)).partition(|d| new(d));
            self.known[i].extend(&told);
            let given: Vec<FrontdoorId> = fresh.into_iter().chain(old).take(first).collect();
            for door in &given {
                let now = self.now;
                self.doors
                    .iter_mut()
                    .filter(|w| w.door == *door)
                    .for_each(|w| w.blocked = Some(now));
            }
            if !self.alone[i] && !given.is_empty() {
                self.blocks[i] += given.len();
                self.rounds[i] += 1;
            }
        }
    }

    fn count_cut_off(&mut self) {
        let open: BTreeSet<FrontdoorId> =
            self.doors.iter().filter(|w| w.blocked.is_none()).map(|w| w.door).collect();
        let cut: BTreeSet<Bucket> = self
            .told
            .iter()
            .filter(|(_, doors)| !doors.is_empty() && doors.iter().all(|d| !open.contains(d)))
            .map(|(leaf, _)| *leaf)
            .collect();
        for client in 0..self.paths.len() as u32 {
            if cut.contains(&self.leaf(client)) && !self.insiders.contains(&client) {
                self.cut.insert(client);
            }
        }
    }

    pub fn judge(&mut self) -> Vec<Turn> {
        let turns = self.splitting.judge(Evidence {
            watched: &self.doors,
            learned: &self.learned,
            census: &self.census,
            halted: self.halted,
            now: self.now,
        });
        for i in 0..self.insiders.len() {
            let leaf = self.leaf_of_insider(i);
            let whole = leaf.depth() == MAX_DEPTH || self.census.clients_in(leaf) == 1;
            self.alone[i] |= leaf.depth() > 0 && whole;
        }
        turns
    }

    pub fn block_where(&mut self, which: impl Fn(&Watched) -> bool) {
        let now = self.now;
        self.doors.iter_mut().filter(|w| which(w)).for_each(|w| w.blocked = Some(now));
    }

    pub fn block_one(&mut self) {
        let door = self.told[&Bucket::base(0)][0];
        self.block_where(|w| w.door == door);
    }

    pub fn block_nth(&mut self, nth: proptest::sample::Index) {
        let open: Vec<FrontdoorId> =
            self.doors.iter().filter(|w| w.blocked.is_none()).map(|w| w.door).collect();
        if !open.is_empty() {
            let door = open[nth.index(open.len())];
            self.block_where(|w| w.door == door);
        }
    }

    /// Suspected halves of one bucket are told of no door in common.
    pub fn check_halves(&self) {
        for split in self.splitting.splits.split_buckets() {
            let suspect = |b: &Bucket| self.splitting.standing(*b) == Standing::Suspect;
            let [left, right] = split.halves().unwrap();
            let of = |half| -> BTreeSet<FrontdoorId> {
                let leaves = self.splitting.splits.leaves_under(half);
                let leaves = leaves.iter().filter(|l| suspect(l));
                leaves.flat_map(|l| self.told[l].clone()).collect()
            };
            assert!(of(left).is_disjoint(&of(right)), "{split} with {:?}", self.key);
        }
    }

    pub fn check(&self) {
        let splits = &self.splitting.splits;
        for split in splits.split_buckets() {
            assert!(split.parent().is_none_or(|p| !splits.is_leaf(p)), "{split} hangs in the air");
        }
        let leaves: Vec<Bucket> = splits.leaves(self.buckets).collect();
        let counted: usize = leaves.iter().map(|l| self.census.clients_in(*l)).sum();
        assert_eq!(counted, self.paths.len());
        for path in &self.paths {
            assert!(leaves.contains(&splits.leaf_of(*path)));
        }
        for (_, suspicion) in self.splitting.suspicions() {
            assert!(suspicion.ppm < 1_000_000);
        }
        let doors = self.candidates();
        for (leaf, told) in &self.told {
            assert!(told.len() <= COUNT && told.iter().all(|d| doors.iter().any(|c| c.id == *d)));
            if self.splitting.standing(*leaf) != Standing::Alone {
                assert_eq!(told.len(), COUNT.min(doors.len()), "{leaf}");
                let of: Vec<&Candidate> = doors.iter().filter(|c| told.contains(&c.id)).collect();
                let places = |of: &[&Candidate]| {
                    of.iter().map(|c| c.provider.clone()).collect::<BTreeSet<_>>().len().min(2)
                };
                assert_eq!(places(&of), places(&doors.iter().collect::<Vec<_>>()), "{leaf}");
            }
        }
    }
}
