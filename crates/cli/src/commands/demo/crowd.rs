//! The clients: they hold their catalogs, try their doors at moments of their own, and report.
//!
//! Reports, tokens, receipts and the detector are the real ones. What is not there is the network
//! in between, and enrolling: the clients are known from the start.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use damm_assign::Paths;
use damm_engine::Keys;
use damm_fleet::{FrontdoorId, Network, NodeId, PopulationName, Span, State, Timestamp};
use damm_protocol::CredentialId;
use damm_protocol::evidence::{
    Attempt, Ending, Entry, Epoch, Phase, Report, ReporterKey, VERSION, WitnessKey,
};
use damm_server::{Named, Sender, Watch};

use super::theatre::Theatre;
use crate::clients;
use crate::exit::{Failure, Result};
use crate::workbench::Workbench;

/// The clients in each network.
const EACH: u32 = 150;
/// They enrolled so long before the play.
const KNOWN: Span = Span::from_days(30);
/// Of ten clients so many lie, once one has told them to, in each bucket alike.
const LIARS: u32 = 3;
/// Of so many attempts one fails for no reason.
const UNLUCKY: u8 = 32;

/// Where a door is held to be blocked.
pub type Blocks = BTreeSet<(FrontdoorId, Network)>;

/// All clients, and what is done to them.
pub struct Crowd {
    watch: Arc<Watch>,
    keys: Arc<Keys>,
    people: Vec<Person>,
    named: Named,
    /// Doors that a country's censor drops packets to.
    censored: BTreeSet<(FrontdoorId, [u8; 2])>,
    /// What liars say fails.
    slandered: Option<FrontdoorId>,
    /// Where doors are held to be blocked, as the last judgement has it.
    blocks: Blocks,
    dead: BTreeSet<NodeId>,
    last: Timestamp,
}

struct Person {
    number: CredentialId,
    population: PopulationName,
    home: Network,
    key: ReporterKey,
    /// From the base bucket down.
    buckets: Vec<u32>,
    lies: bool,
}

impl Crowd {
    /// Lets the clients of all populations come.
    pub async fn come(bench: &Workbench) -> Result<Self> {
        let (topology, now) = (bench.engine.topology(), bench.engine.now());
        let (watch, secret) = (clients::watch(bench).await?, bench.keys.secret());
        let mut people = Vec::new();
        for (name, population) in &topology.populations {
            let paths = Paths::new(&secret.assign_key(), name, topology.catalog.buckets);
            let mut met = BTreeMap::new();
            let homes = population.asns.iter();
            let homes = homes.filter_map(|asn| Network::new(&population.country, *asn));
            for home in homes.flat_map(|home| std::iter::repeat_n(home, EACH as usize)) {
                let raw = people.len() as u32;
                let Some(number) = CredentialId::new(raw) else { break };
                watch.let_in(number, name, now - KNOWN);
                let buckets = paths.of(raw).buckets().map(|b| b.number()).to_vec();
                let lies = lies(met.entry(buckets[0]).or_default());
                let population = name.clone();
                let key = ReporterKey::new(secret.reporter(raw));
                people.push(Person { number, population, home, key, buckets, lies });
            }
        }
        Ok(Self {
            watch,
            keys: bench.keys.clone(),
            people,
            named: Named::default(),
            censored: BTreeSet::new(),
            slandered: None,
            blocks: Blocks::new(),
            dead: BTreeSet::new(),
            last: now,
        })
    }

    /// How many there are.
    pub const fn len(&self) -> usize {
        self.people.len()
    }

    /// How many of them lie when they are told to.
    pub fn liars(&self) -> usize {
        self.people.iter().filter(|p| p.lies).count()
    }

    /// Lets a censor drop all packets from a country to a door.
    pub fn censor(&mut self, door: FrontdoorId, country: [u8; 2]) {
        self.censored.insert((door, country));
    }

    /// Lets liars say from now on that a door fails; or lets them be.
    pub const fn slander(&mut self, door: Option<FrontdoorId>) {
        self.slandered = door;
    }

    /// A node has died, and what runs on it.
    pub fn lose(&mut self, node: NodeId) {
        self.dead.insert(node);
    }

    /// The door in service that most catalogs of a population name.
    pub fn best_known(&self, population: &str, bench: &Workbench) -> Result<FrontdoorId> {
        let target = bench.engine.blueprint();
        let mut named: BTreeMap<FrontdoorId, usize> = BTreeMap::new();
        let mine = self.named.catalogs().filter(|(key, _)| key.population.as_str() == population);
        for door in mine.flat_map(|(_, doors)| doors) {
            *named.entry(*door).or_default() += 1;
        }
        let serves =
            |door| target.nodes.values().flat_map(|n| n.served_doors()).any(|d| d.id == door);
        let best = named.iter().filter(|(door, _)| serves(**door)).max_by_key(|(_, n)| **n);
        let best = best.map(|(door, _)| *door);
        best.ok_or_else(|| Failure::error("the play got stuck: no front door is known"))
    }

    fn read_blocks(&self) -> Blocks {
        let verdicts = self.watch.verdicts();
        let doors = verdicts.0.keys().copied();
        let all = doors.flat_map(|door| verdicts.of(door).map(move |(n, v)| (door, *n, v.state)));
        let blocked = all.filter(|(_, _, state)| *state == State::Blocked);
        blocked.map(|(door, network, _)| (door, network)).collect()
    }

    /// Whether a door is held to be blocked in a network.
    pub fn is_blocked(&self, door: FrontdoorId) -> bool {
        self.blocks.iter().any(|(blocked, _)| *blocked == door)
    }

    /// What a door's verdict rests on.
    pub fn evidence(&self, door: FrontdoorId) -> String {
        let verdicts = self.watch.verdicts();
        let blocked = verdicts.of(door).find(|(_, v)| v.state == State::Blocked);
        blocked.map(|(_, v)| v.evidence.clone()).unwrap_or_default()
    }

    /// Everybody whose moment has come since tries the doors and reports, and it is judged. The
    /// answer is where doors are newly held to be blocked.
    pub async fn live(&mut self, theatre: &Theatre<'_>) -> Result<Blocks> {
        let (bench, now) = (theatre.bench, theatre.now());
        self.named.read(bench.store(), bench.engine.topology().regions.keys()).await?;
        let target = bench.engine.blueprint();
        let nodes: BTreeMap<FrontdoorId, NodeId> = target
            .nodes
            .values()
            .flat_map(|node| node.frontdoors.keys().map(|door| (*door, node.id)))
            .collect();
        let since = std::mem::replace(&mut self.last, now).max(now - Epoch::GRACE);
        for person in &self.people {
            if let Some(epoch) = person.is_due(since, now) {
                self.watch.hear(&self.report(person, epoch, &nodes), Sender::Unseen);
            }
        }
        let inventory = bench.engine.inventory().await?;
        let words = bench.providers.agents.reports().await.unwrap_or_default();
        self.watch.look(&target, &inventory, &words).await?;
        let blocks = self.read_blocks();
        let before = std::mem::replace(&mut self.blocks, blocks);
        Ok(self.blocks.difference(&before).copied().collect())
    }

    /// The doors that a client is told of, by the catalogs of the deepest bucket that it is in.
    fn doors(&self, person: &Person) -> impl Iterator<Item = FrontdoorId> {
        let mine = self.named.catalogs().filter(|(key, _)| key.population == person.population);
        let mine: Vec<_> = mine.collect();
        let newest = person.buckets.iter().rev().find_map(|bucket| {
            let at = mine.iter().filter(|(key, _)| key.bucket == *bucket);
            let doors: Vec<FrontdoorId> = at.flat_map(|(_, doors)| doors.iter()).copied().collect();
            (!doors.is_empty()).then_some(doors)
        });
        newest.into_iter().flatten()
    }

    fn report(
        &self,
        person: &Person,
        epoch: Epoch,
        nodes: &BTreeMap<FrontdoorId, NodeId>,
    ) -> Report {
        let entry = |door: FrontdoorId| {
            let tok = person.key.token(&Attempt { door, epoch, network: person.home });
            let stopped = self.censored.contains(&(door, person.home.country))
                || person.lies && self.slandered == Some(door)
                || tok.as_bytes()[0] < u8::MAX / UNLUCKY;
            let node = nodes.get(&door).filter(|node| !stopped && !self.dead.contains(node));
            let witness = |node: &NodeId| WitnessKey::new(self.keys.secret().witness(*node));
            let rcpt = node.map(|node| witness(node).receipt(door, epoch, &tok));
            let (phase, ending) = match rcpt {
                Some(_) => (Phase::Application, Ending::Ok),
                None => (Phase::Connection, Ending::TimedOut),
            };
            let (elapsed_time, rx, ctl) = (None, None, None);
            Entry { ep: door, epoch, tok, rcpt, age: 0, phase, ending, elapsed_time, rx, ctl }
        };
        let entries = self.doors(person).map(entry).collect();
        Report { v: VERSION, by: person.number, net: person.home, entries }
    }

    /// Keeps what was learned.
    pub async fn leave(self) {
        self.watch.close().await;
    }
}

/// Whether the next client of a bucket lies, of which so many were met before.
const fn lies(met: &mut u32) -> bool {
    let before = *met;
    *met += 1;
    *met * LIARS / 10 > before * LIARS / 10
}

impl Person {
    /// The half hour whose moment to report lies after one time, and not after another.
    fn is_due(&self, since: Timestamp, now: Timestamp) -> Option<Epoch> {
        let epochs = [Epoch::at(since), Epoch::at(now)];
        let due = |epoch: &Epoch| (since < self.key.due(*epoch)) && self.key.due(*epoch) <= now;
        epochs.into_iter().find(due)
    }
}
