//! A fleet whose clients report, and the server that hears them.

use std::collections::BTreeMap;
use std::fs::File;
use std::io::{BufWriter, Write as _};
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::sync::Arc;

use anyhow::{Context as _, Result, ensure};
use damm_assign::Paths;
use damm_clouds::{Clock as _, ManualClock};
use damm_engine::Keys;
use damm_fleet::{
    Blueprint, FrontdoorId, Inventory, Network, NodeId, PopulationName, Span, Timestamp, Topology,
};
use damm_hearing::{Heard, Sender};
use damm_protocol::CredentialId;
use damm_protocol::evidence::{
    Attempt, Ending, Entry, Epoch, Phase, Report, ReporterKey, VERSION, WitnessKey,
};
use damm_server::{ClientParts, ClientsEndpoint, Served, Watch, WatchParts};
use damm_store::{Access, Store};
use serde_json::json;
use tempfile::TempDir;
use tokio::runtime::{Builder, Runtime};

use crate::fleet;
use crate::measure::rss_bytes;
use crate::state::plan_from;

/// The beginning of a half hour, long after the clients were let in.
const START: Timestamp = Timestamp::from_millis(1_800_000_000_000);
/// Ingress nodes, with two doors each.
const NODES: usize = 500;
const BUCKETS: u32 = 256;
/// One report in so many tells that its first door fails.
const FAILS: u32 = 10;

/// All of it.
pub struct Stage {
    clock: ManualClock,
    keys: Arc<Keys>,
    watch: Arc<Watch>,
    served: Served,
    blueprint: Blueprint,
    doors: Vec<(FrontdoorId, NodeId)>,
    people: People,
    entries: usize,
    /// Bytes for a client, as the system counts them.
    memory: f64,
    runtime: Runtime,
    _dir: TempDir,
}

/// Who the clients are.
struct People {
    /// One whose moment is in the first minute, and who is not among those who report.
    first: u32,
    population: PopulationName,
    home: Network,
    paths: Paths,
    count: u32,
}

impl Stage {
    /// A fleet that has this many clients, each of which was told of so many doors.
    pub fn new(clients: u32, entries: usize) -> Result<Self> {
        let runtime = Builder::new_multi_thread().enable_all().build()?;
        let (dir, clock) = (tempfile::tempdir()?, ManualClock::at(START));
        let topology = topology()?;
        let mut byte = 0;
        let draw = |bytes: &mut [u8; 32]| {
            byte += 1;
            bytes.fill(byte);
        };
        let keys = Arc::new(Keys::generate(&topology.fleet, START, draw)?.keys);
        let people = People::of(&topology, &keys, clients)?;
        let store = runtime.block_on(Store::open(&dir.path().join("damm.db"), Access::Write))?;
        // Nothing has to stand for its doors to be reported on.
        let plan = runtime.block_on(plan_from(&store, &topology, |_, _| Ok(())))?;
        let blueprint = plan.blueprint;
        let serving = serve(store, &topology, &clock, &keys, dir.path());
        let (watch, served) = runtime.block_on(serving)?;
        let nodes = blueprint.nodes.values();
        let doors = nodes.flat_map(|n| n.frontdoors.keys().map(|door| (*door, n.id))).collect();
        let (memory, _dir) = (0.0, dir);
        let mut stage = Self {
            clock,
            keys,
            watch,
            served,
            blueprint,
            doors,
            people,
            entries,
            memory,
            runtime,
            _dir,
        };
        stage.meet()?;
        Ok(stage)
    }

    /// Everybody is let in, and told of their bucket's doors.
    fn meet(&mut self) -> Result<()> {
        let before = rss_bytes()?;
        let long_ago = START - Span::from_days(60);
        for client in 1..=self.people.count {
            self.watch.let_in(number(client)?, &self.people.population, long_ago);
        }
        self.memory = (rss_bytes()? - before) / f64::from(self.people.count);
        self.look()?;
        let population = &self.people.population;
        let of =
            |bucket| self.told(bucket).map(move |(door, _)| (*door, population.clone(), bucket));
        let told: Vec<_> = (0..BUCKETS).flat_map(of).collect();
        self.watch.told(&told);
        Ok(())
    }

    fn look(&self) -> Result<()> {
        let (inventory, words) = (Inventory::default(), BTreeMap::new());
        let looking = self.watch.look(&self.blueprint, &inventory, &words);
        self.runtime.block_on(looking)?;
        Ok(())
    }

    /// The doors that a bucket is told of.
    fn told(&self, bucket: u32) -> impl Iterator<Item = &(FrontdoorId, NodeId)> {
        let first = bucket as usize * self.entries;
        (first..first + self.entries).map(|at| &self.doors[at % self.doors.len()])
    }

    /// Where it listens.
    pub const fn address(&self) -> SocketAddr {
        self.served.address()
    }

    /// What the system took for a client that is let in, in bytes.
    pub const fn memory(&self) -> f64 {
        self.memory
    }

    /// Begins the minute of this number, with a look.
    pub fn minute(&self, minute: u32) -> Result<()> {
        let at = START + Span::from_mins(u64::from(minute) + 1);
        self.clock.advance(at.since(self.clock.now()));
        self.look()
    }

    /// Writes the requests of so many minutes down as the sender takes them; how many each has.
    pub fn write_down(&self, minutes: u32, file: &Path) -> Result<Vec<usize>> {
        let mut sizes = vec![0; minutes as usize];
        let mut batches = vec![Vec::new(); minutes as usize];
        for client in (1..=self.people.count).filter(|client| *client != self.people.first) {
            let due = due(&self.keys, client).as_millis() / 60_000;
            if let Some(batch) = batches.get_mut(due as usize) {
                let request = request(&self.report(client)?);
                batch.extend((request.len() as u32).to_le_bytes());
                batch.extend(request);
                sizes[due as usize] += 1;
            }
        }
        let mut to = BufWriter::new(File::create(file)?);
        batches.iter().try_for_each(|batch| to.write_all(batch))?;
        to.flush()?;
        Ok(sizes)
    }

    fn report(&self, client: u32) -> Result<Report> {
        let (key, epoch) = (key(&self.keys, client), Epoch::at(START));
        let bucket = self.people.paths.of(client).buckets()[0].number();
        let fails = client.is_multiple_of(FAILS);
        let entries = self.told(bucket).zip(0..).map(|((door, node), place)| {
            let network = self.people.home;
            let tok = key.token(&Attempt { door: *door, epoch, network });
            let witness = WitnessKey::new(self.keys.secret().witness(*node));
            let rcpt = (!fails || place > 0).then(|| witness.receipt(*door, epoch, &tok));
            entry(*door, epoch, tok, rcpt)
        });
        let entries = entries.collect();
        Ok(Report { v: VERSION, by: number(client)?, net: self.people.home, entries })
    }

    /// That what is sent counts, every entry of it, and only once.
    pub fn is_heard(&self) -> Result<()> {
        let report = self.report(self.people.first)?;
        let heard = self.watch.hear(&report, Sender::Unseen);
        let again = self.watch.hear(&report, Sender::Unseen);
        let all = self.entries as u32;
        ensure!(
            heard == Heard { counted: all, ..Heard::default() },
            "only this counted: {heard:?}"
        );
        ensure!(
            again == Heard { refused: all, ..Heard::default() },
            "this counts twice: {again:?}"
        );
        Ok(())
    }

    /// That all tokens that were sent are spent, and one client's more.
    pub fn has_spent(&self, tokens: usize) -> Result<()> {
        let spent = self.watch.spent();
        let all = tokens + self.entries;
        ensure!(spent == all, "of {all} tokens only {spent} counted");
        Ok(())
    }
}

impl People {
    fn of(topology: &Topology, keys: &Keys, count: u32) -> Result<Self> {
        let (name, population) = topology.populations.first_key_value().context("there is one")?;
        let asn = *population.asns.first().context("it has a network")?;
        let home = Network::new(&population.country, asn).context("its country is one")?;
        let paths = Paths::new(&keys.secret().assign_key(), name, BUCKETS);
        let due = |client: &u32| due(keys, *client) < Span::from_mins(1);
        let first = (1..=count).find(due).context("there are too few clients to be measured")?;
        Ok(Self { first, population: name.clone(), home, paths, count })
    }
}

fn key(keys: &Keys, client: u32) -> ReporterKey {
    ReporterKey::new(keys.secret().reporter(client))
}

/// So long after the beginning it is a client's moment.
fn due(keys: &Keys, client: u32) -> Span {
    key(keys, client).due(Epoch::at(START)).since(START)
}

fn number(client: u32) -> Result<CredentialId> {
    CredentialId::new(client).context("a client's number is 1 or more")
}

fn topology() -> Result<Topology> {
    let account = json!({ "kind": "sim", "asns": [64_500], "locations": { "north": "n1" } });
    let mut topology = fleet::single(NODES, 2, &account)?;
    topology.catalog.buckets = BUCKETS;
    Ok(topology)
}

async fn serve(
    store: Store,
    topology: &Topology,
    clock: &ManualClock,
    keys: &Arc<Keys>,
    dir: &Path,
) -> Result<(Arc<Watch>, Served)> {
    let clock = Arc::new(clock.clone());
    let watch = Watch::open(WatchParts {
        store: store.clone(),
        topology: topology.clone(),
        keys: keys.clone(),
        clock: clock.clone(),
        file: dir.join("damm.db.reach"),
        origins: None,
        key: [9; 32],
    });
    let endpoint = ClientsEndpoint::new(ClientParts {
        store,
        topology: topology.clone(),
        base: dir.to_owned(),
        keys: keys.clone(),
        clock,
        agents: None,
        watch: watch.clone(),
        direct: false,
        settings: Default::default(),
    });
    let served = endpoint.serve(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)), None).await?;
    Ok((watch, served))
}

fn entry(
    ep: FrontdoorId,
    epoch: Epoch,
    tok: damm_protocol::evidence::Token,
    rcpt: Option<damm_protocol::evidence::Receipt>,
) -> Entry {
    let (phase, ending) = match rcpt {
        Some(_) => (Phase::Application, Ending::Ok),
        None => (Phase::Connection, Ending::TimedOut),
    };
    let (elapsed_time, rx, ctl) = (Some(500), None, None);
    Entry { ep, epoch, tok, rcpt, age: 0, phase, ending, elapsed_time, rx, ctl }
}

fn request(report: &Report) -> Vec<u8> {
    let body = report.to_cbor();
    let head = format!(
        "POST {} HTTP/1.1\r\nhost: bench\r\ncontent-type: application/cbor\r\n\
         content-length: {}\r\n\r\n",
        Report::PATH,
        body.len()
    );
    [head.as_bytes(), &body].concat()
}
