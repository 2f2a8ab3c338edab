//! What clients say of front doors, and what the fleet is told of it.
//!
//! # Guarantees
//!
//! - A report is judged in memory: nothing of it is written but the detector's scores, which name
//!   no client and no address.
//! - Of a network that the topology does not name nothing is written while fewer than `k` clients
//!   have reported from it.
//! - Verdicts are written when one changes, whatever else the state holds of other networks.
//! - After a restart judging goes on from the last minute that was kept, or from the last verdict
//!   that changed. Without the file all is learned anew, and verdicts of before are taken back.
//! - A report is answered the same whatever counted of it.
//!
//! # Assumptions
//!
//! One process writes to a state at a time, and the watch lives in that process.

mod book;
mod keep;
mod named;
mod verdicts;

use std::collections::{BTreeMap, BTreeSet};
use std::net::IpAddr;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use damm_clouds::{Clock, NodeReport};
use damm_engine::Keys;
use damm_fleet::{
    Blueprint, FrontdoorId, Inventory, Network, NodeId, PopulationName, RegionName, Role, Span,
    Timestamp, Topology, Verdicts,
};
use damm_hearing::{Heard, Hearing, Sender};
use damm_origins::Origins;
use damm_protocol::CredentialId;
use damm_protocol::evidence::Report;
use damm_reach::{Reach, Standing};
use damm_store::Store;

use crate::clients::Client;
use crate::error::ServerError;
use book::Book;

pub use named::Named;

/// How often everything is judged while reports come.
pub const LOOK: Span = Span::from_secs(5);

/// How often everything is judged in any case, silent nodes are counted, and scores are kept.
pub const BEAT: Span = Span::from_mins(1);

/// What a watch is made of.
pub struct WatchParts {
    /// The state, held by this process for writing.
    pub store: Store,
    /// What the operator wants.
    pub topology: Topology,
    /// What tokens and receipts are checked with.
    pub keys: Arc<Keys>,
    /// The only clock.
    pub clock: Arc<dyn Clock>,
    /// Where the scores are kept over a restart.
    pub file: PathBuf,
    /// Which network announces an address, where the operator gave a table.
    pub origins: Option<Arc<Origins>>,
    /// 32 random bytes that clients' numbers are hidden behind; drawn at start, kept nowhere.
    pub key: [u8; 32],
}

/// Hears reports, and keeps the state's verdicts.
pub struct Watch {
    store: Store,
    clock: Arc<dyn Clock>,
    file: PathBuf,
    origins: Option<Arc<Origins>>,
    inner: Mutex<Inner>,
    /// What catalogs name. Whoever holds it judges: one judgement at a time.
    named: tokio::sync::Mutex<Named>,
    regions: Vec<RegionName>,
}

struct Inner {
    hearing: Hearing,
    reach: Reach,
    book: Book,
    judged: Option<Timestamp>,
    beaten: Option<Timestamp>,
    /// When each agent was last heard of.
    lately: BTreeMap<NodeId, Timestamp>,
    /// A report came since.
    heard: bool,
    /// A verdict changed that may not be written yet.
    unwritten: bool,
}

/// What agents said last.
type Words = BTreeMap<NodeId, NodeReport>;

/// A controller that heard of no agent for so long has not listened.
const DEAF: Span = Span::from_secs(150);

/// An agent that was not heard of for so long, while others were, is silent: each says something
/// once a minute at least.
const SILENT: Span = Span::from_secs(90);

/// What came of judging.
struct Judged {
    verdicts: Option<Verdicts>,
    snapshot: Option<Vec<u8>>,
}

fn is_due(last: Option<Timestamp>, every: Span, now: Timestamp) -> bool {
    last.is_none_or(|at| now.since(at) >= every)
}

impl std::fmt::Debug for Watch {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Watch").field("file", &self.file).finish_non_exhaustive()
    }
}

impl Watch {
    /// A watch that goes on from where the last one in this state was. Scores that can't be read,
    /// or are over a day old, are left behind: everything is learned anew within hours.
    pub fn open(parts: WatchParts) -> Arc<Self> {
        let reach = keep::restore(&parts.file, parts.clock.now());
        let regions = parts.topology.regions.keys().cloned().collect();
        let inner = Inner {
            hearing: Hearing::new(parts.key),
            reach,
            book: Book::new(&parts.topology, parts.keys),
            judged: None,
            beaten: None,
            lately: BTreeMap::new(),
            heard: false,
            unwritten: true,
        };
        Arc::new(Self {
            store: parts.store,
            clock: parts.clock,
            file: parts.file,
            origins: parts.origins,
            inner: Mutex::new(inner),
            named: tokio::sync::Mutex::default(),
            regions,
        })
    }

    /// Hears a report. What is answered must not depend on what counted.
    pub fn hear(&self, report: &Report, sender: Sender) -> Heard {
        let now = self.clock.now();
        let Inner { hearing, reach, book, heard, .. } = &mut *self.inner();
        *heard = true;
        hearing.hear(now, report, sender, book, reach)
    }

    /// How many tokens are spent in the half hours of now.
    pub fn spent(&self) -> usize {
        self.inner().hearing.remembered()
    }

    /// Where a report came from that reached us from an address. The address is forgotten here.
    ///
    /// What comes from an address of the fleet's own came through a front door, and says nothing
    /// of where its sender stands.
    pub fn sender(&self, from: IpAddr) -> Sender {
        let from = from.to_canonical();
        let origin = self.origins.as_ref().and_then(|table| table.of(from));
        let network = origin.and_then(|o| Some(Network { country: o.country?.code(), asn: o.asn }));
        match network.filter(|_| !self.inner().book.is_ours(from)) {
            Some(network) => Sender::Seen(network),
            None => Sender::Unseen,
        }
    }

    /// Notes all clients that are let in.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub async fn meet(&self) -> Result<(), ServerError> {
        for (number, client) in self.store.clients::<Client>().await? {
            self.let_in(number, &client.population, client.day());
        }
        Ok(())
    }

    /// Notes a client that was let in, and the day of it.
    pub fn let_in(&self, client: CredentialId, population: &PopulationName, day: Timestamp) {
        self.inner().book.let_in(client, population, day);
    }

    /// Notes that a bucket of a population was told of doors.
    pub fn told(&self, told: &[(FrontdoorId, PopulationName, u32)]) {
        let now = self.clock.now();
        let Inner { book, reach, .. } = &mut *self.inner();
        for door in book.told(told) {
            reach.reassigned(door, now);
        }
    }

    /// Of doors that catalogs name no longer fewer reports come, and of those that none names none:
    /// that is no silence of theirs.
    fn expect_less(&self, mut fewer: BTreeSet<FrontdoorId>, named: &BTreeSet<FrontdoorId>) {
        let now = self.clock.now();
        let Inner { book, reach, .. } = &mut *self.inner();
        fewer.extend(book.doors().filter(|door| !named.contains(door)));
        fewer.into_iter().for_each(|door| reach.reassigned(door, now));
    }

    /// Whether it is time to [`look`](Self::look): earlier, nothing comes of it.
    pub fn is_due(&self) -> bool {
        self.inner().is_due(self.clock.now())
    }

    /// Looks at the fleet, and when it is time judges; answers whether a verdict changed.
    ///
    /// # Errors
    ///
    /// Failures of the store. Scores that can't be kept are no error: they are told in the log.
    pub async fn look(
        &self,
        blueprint: &Blueprint,
        inventory: &Inventory,
        words: &BTreeMap<NodeId, NodeReport>,
    ) -> Result<bool, ServerError> {
        let mut named = self.named.lock().await;
        if !self.is_due() {
            return Ok(false);
        }
        self.told(&self.store.learned().await?);
        if self.inner().beats(self.clock.now()) {
            let lost = named.read(&self.store, self.regions.iter()).await?;
            self.expect_less(lost, &named.doors());
        }
        let now = self.clock.now();
        let judged = {
            let mut inner = self.inner();
            inner.book.own(inventory);
            inner.judge(now, blueprint, words)
        };
        // Scores first: whoever starts again after a crash in between knows of what was judged.
        if let Some(snapshot) = judged.snapshot {
            keep::keep(&self.file, now, snapshot).await;
        }
        match judged.verdicts {
            Some(verdicts) => self.put(verdicts).await,
            None => Ok(false),
        }
    }

    /// What is known of every door, as the last judgement has it.
    pub fn verdicts(&self) -> Verdicts {
        self.inner().open().verdicts()
    }

    /// Keeps the scores as they are, for the next start.
    pub async fn close(&self) {
        let _judging = self.named.lock().await;
        let snapshot = self.inner().open().snapshot();
        keep::keep(&self.file, self.clock.now(), snapshot).await;
    }

    async fn put(&self, ours: Verdicts) -> Result<bool, ServerError> {
        let before = self.store.verdicts().await?;
        let after = verdicts::merged(before.clone(), ours);
        let changed = verdicts::differ(&before, &after);
        if changed {
            self.store.put_verdicts(&after).await?;
        }
        self.inner().unwritten = false;
        Ok(changed)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Scores are changed one by one; a panic between two leaves both as they may be.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    fn is_due(&self, now: Timestamp) -> bool {
        let every = if self.heard || self.unwritten { LOOK } else { BEAT };
        is_due(self.judged, every, now)
    }

    fn beats(&self, now: Timestamp) -> bool {
        is_due(self.beaten, BEAT, now)
    }

    /// What may be written down: the topology names its networks, and of others it has to be many
    /// who reported.
    fn open(&self) -> Reach {
        self.reach.without_few(|network| self.book.names(network))
    }

    /// Judges: all verdicts when one changed, and what is to be kept.
    fn judge(&mut self, now: Timestamp, blueprint: &Blueprint, words: &Words) -> Judged {
        (self.judged, self.heard) = (Some(now), false);
        self.stand(blueprint);
        let beats = self.beats(now);
        self.beat(now, blueprint, words, beats);
        if beats {
            self.beaten = Some(now);
            self.hearing.sweep(now);
        }
        self.unwritten |= !self.reach.tick(now).is_empty();
        if !beats && !self.unwritten {
            return Judged { verdicts: None, snapshot: None };
        }
        let open = self.open();
        let verdicts = self.unwritten.then(|| open.verdicts());
        Judged { verdicts, snapshot: Some(open.snapshot()) }
    }

    /// Tells the detector of doors that came, and of those that went.
    fn stand(&mut self, blueprint: &Blueprint) {
        let nodes = blueprint.nodes.values().filter(|n| n.role == Role::Ingress);
        let doors: Vec<(FrontdoorId, NodeId, Standing)> = nodes
            .flat_map(|node| {
                node.frontdoors.values().map(|door| {
                    let provider = node.provider.clone();
                    let standing = Standing { provider, transport: door.transport.kind.clone() };
                    (door.id, node.id, standing)
                })
            })
            .collect();
        doors.iter().for_each(|(door, _, standing)| self.reach.stand(*door, standing));
        let gone = self.book.stand(doors.iter().map(|(door, node, _)| (*door, *node)));
        gone.into_iter().for_each(|door| self.reach.forget(door));
    }

    /// A node whose agent was heard of lately, and is well, is up, and so are its doors. Where the
    /// controller itself has heard nothing lately, nobody is to blame.
    fn beat(&mut self, now: Timestamp, blueprint: &Blueprint, words: &Words, counts: bool) {
        let newest = words.values().map(|word| word.heard_at).max();
        let Some(newest) = newest.filter(|at| now.since(*at) <= DEAF) else { return };
        for node in blueprint.nodes.values().filter(|n| n.serves()) {
            let Some(word) = words.get(&node.id) else { continue };
            let silent = newest.since(word.heard_at) >= SILENT;
            let before = self.lately.insert(node.id, word.heard_at);
            let answered = match word.healthy && !silent {
                true if before < Some(word.heard_at) => true,
                // What was heard before says nothing new.
                true => continue,
                false if counts => false,
                false => continue,
            };
            let at = if answered { word.heard_at } else { now };
            let doors = node.served_doors();
            doors.for_each(|door| self.reach.heartbeat(at, door.id, answered));
        }
        self.lately.retain(|node, _| blueprint.nodes.contains_key(node));
    }
}
