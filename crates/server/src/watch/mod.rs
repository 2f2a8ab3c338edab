//! What clients say of front doors, and what the fleet is told of it.
//!
//! # Guarantees
//!
//! - A report is judged in memory: nothing of it is written but the detector's scores, which name
//!   no client and no address.
//! - Verdicts are written when one changes, whatever else the state holds of other networks.
//! - After a restart judging goes on from the last minute that was kept.
//! - A report is answered the same whatever counted of it.
//!
//! # Assumptions
//!
//! One process writes to a state at a time, and the watch lives in that process.

mod book;
mod keep;
mod verdicts;

use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use damm_clouds::Clock;
use damm_engine::Keys;
use damm_fleet::inventory::Health;
use damm_fleet::{
    Blueprint, FrontdoorId, Inventory, NodeId, PopulationName, Role, Span, Timestamp, Topology,
    Verdicts,
};
use damm_hearing::{Heard, Hearing, Sender};
use damm_protocol::CredentialId;
use damm_protocol::evidence::Report;
use damm_reach::{Reach, Standing};
use damm_store::Store;

use crate::error::ServerError;
use book::Book;

/// How often everything is judged, and kept.
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
    /// 32 random bytes that clients' numbers are hidden behind; drawn at start, kept nowhere.
    pub key: [u8; 32],
}

/// Hears reports, and keeps the state's verdicts.
pub struct Watch {
    store: Store,
    clock: Arc<dyn Clock>,
    file: PathBuf,
    inner: Mutex<Inner>,
    /// One judgement at a time.
    turn: tokio::sync::Mutex<()>,
}

struct Inner {
    hearing: Hearing,
    reach: Reach,
    book: Book,
    /// The verdicts of ours that stand in the state.
    ours: Verdicts,
    judged: Option<Timestamp>,
    /// A verdict changed that may not be written yet.
    unwritten: bool,
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
        let inner = Inner {
            hearing: Hearing::new(parts.key),
            ours: reach.verdicts(),
            reach,
            book: Book::new(&parts.topology, parts.keys),
            judged: None,
            unwritten: true,
        };
        Arc::new(Self {
            store: parts.store,
            clock: parts.clock,
            file: parts.file,
            inner: Mutex::new(inner),
            turn: tokio::sync::Mutex::new(()),
        })
    }

    /// Hears a report. What is answered must not depend on what counted.
    pub fn hear(&self, report: &Report, sender: Sender) -> Heard {
        let now = self.clock.now();
        let Inner { hearing, reach, book, .. } = &mut *self.inner();
        hearing.hear(now, report, sender, book, reach)
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

    /// Looks at the fleet, and once a [`BEAT`] judges; answers whether a verdict changed.
    ///
    /// # Errors
    ///
    /// Failures of the store. Scores that can't be kept are no error: they are told in the log.
    pub async fn look(
        &self,
        blueprint: &Blueprint,
        inventory: &Inventory,
    ) -> Result<bool, ServerError> {
        let _turn = self.turn.lock().await;
        let now = self.clock.now();
        let Some((verdicts, snapshot)) = self.inner().judge(now, blueprint, inventory) else {
            return Ok(false);
        };
        let changed = match verdicts {
            Some(verdicts) => self.put(verdicts).await?,
            None => false,
        };
        keep::keep(&self.file, now, snapshot).await;
        Ok(changed)
    }

    async fn put(&self, verdicts: Verdicts) -> Result<bool, ServerError> {
        let before = self.store.verdicts().await?;
        let after = verdicts::merged(before.clone(), &self.inner().ours, &verdicts);
        let changed = verdicts::differ(&before, &after);
        if changed {
            self.store.put_verdicts(&after).await?;
        }
        let mut inner = self.inner();
        (inner.ours, inner.unwritten) = (verdicts, false);
        Ok(changed)
    }

    fn inner(&self) -> MutexGuard<'_, Inner> {
        // Scores are changed one by one; a panic between two leaves both as they may be.
        self.inner.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl Inner {
    /// Judges when it is time: all verdicts when one changed, and what is to be kept.
    fn judge(
        &mut self,
        now: Timestamp,
        blueprint: &Blueprint,
        inventory: &Inventory,
    ) -> Option<(Option<Verdicts>, Vec<u8>)> {
        if self.judged.is_some_and(|at| now.since(at) < BEAT) {
            return None;
        }
        self.judged = Some(now);
        self.stand(blueprint);
        self.beat(now, blueprint, inventory);
        self.hearing.sweep(now);
        self.unwritten |= !self.reach.tick(now).is_empty();
        let verdicts = self.unwritten.then(|| self.reach.verdicts());
        Some((verdicts, self.reach.snapshot()))
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

    /// A node whose agent is heard of is up, and so are its doors; silence is a missed beat.
    fn beat(&mut self, now: Timestamp, blueprint: &Blueprint, inventory: &Inventory) {
        for node in blueprint.nodes.values().filter(|n| n.serves()) {
            let health = inventory.machines.get(&node.id).map(|m| m.health);
            let answered = match health {
                Some(Health::Healthy) => true,
                Some(Health::Unhealthy { .. }) => false,
                Some(Health::Unseen) | None => continue,
            };
            let doors = node.served_doors();
            doors.for_each(|door| self.reach.heartbeat(now, door.id, answered));
        }
    }
}
