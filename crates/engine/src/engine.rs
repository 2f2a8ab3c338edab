//! The engine itself: what it is made of, and its parts' common ground.

use std::collections::BTreeMap;
use std::fmt;
use std::path::PathBuf;
use std::sync::{Arc, Mutex as StdMutex, MutexGuard, PoisonError};

use damm_clouds::{Clock, Providers};
use damm_fleet::{
    BalancerName, Blueprint, Inventory, Offers, ProfileName, ProviderName, Resource, Seed,
    Timestamp, Topology,
};
use damm_store::Store;
use tokio::sync::Mutex;

use crate::due::{Due, View, due_steps};
use crate::error::Error;
use crate::event::{Event, Listener};
use crate::gate::Gate;
use crate::inventory::assemble;
use crate::keys::Keys;
use crate::stop::Stop;
use crate::world::World;

/// What an engine is made of.
pub struct Parts {
    /// The state. This process holds it for writing.
    pub store: Store,
    /// What the operator wants.
    pub topology: Topology,
    /// The directory that the topology's own paths are relative to.
    pub base: PathBuf,
    /// The accounts, and the agents on the nodes.
    pub providers: Providers,
    /// The only clock.
    pub clock: Arc<dyn Clock>,
    /// What signs and names catalogs, and what nodes join with.
    pub keys: Arc<Keys>,
    /// The operator's own bootstrap templates, as (path, text), by profile.
    pub templates: BTreeMap<ProfileName, (String, String)>,
    /// A fresh seed for each plan: 32 bytes of the operating system's randomness in production.
    pub seeds: Box<dyn FnMut() -> Seed + Send>,
    /// Whoever is told of what happens.
    pub listener: Listener,
    /// Raised to stop cleanly.
    pub stop: Stop,
}

/// Carries a blueprint out.
///
/// # Guarantees
///
/// - Every call that changes the world is in the ledger, durable, before it is made, and its result
///   after. After an unknown outcome nothing is made again before it was looked up.
/// - Nothing here retries within a call: a pass is one attempt at all that is due, and the loop in
///   [`settle`](Self::settle) makes passes.
/// - A pass stops when the target is no longer the one that it began with.
///
/// # Assumptions
///
/// - One process writes to a state at a time; the store sees to that.
/// - The runtime has a timer: calls are given up after
///   [`CALL_TIMEOUT`](crate::patience::CALL_TIMEOUT).
///
/// # Caveats
///
/// A method that returned an [`Error`] may have left calls under way that were not recorded, as a
/// crash would. [`recover`](Self::recover) takes them up.
pub struct Engine {
    pub(crate) store: Store,
    pub(crate) topology: Topology,
    pub(crate) offers: Offers,
    pub(crate) providers: Providers,
    pub(crate) clock: Arc<dyn Clock>,
    pub(crate) keys: Arc<Keys>,
    pub(crate) templates: BTreeMap<ProfileName, (String, String)>,
    pub(crate) listener: Listener,
    pub(crate) stop: Stop,
    pub(crate) gates: BTreeMap<ProviderName, Gate>,
    pub(crate) balancers: BTreeMap<BalancerName, Mutex<()>>,
    seeds: StdMutex<Box<dyn FnMut() -> Seed + Send>>,
    world: StdMutex<World>,
    /// One look or pass at a time.
    pub(crate) turn: Mutex<()>,
}

impl fmt::Debug for Engine {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let mut shown = f.debug_struct("Engine");
        shown.field("store", &self.store).finish_non_exhaustive()
    }
}

impl Engine {
    /// An engine. Nothing is read or called yet; [`recover`](Self::recover) comes first.
    pub fn new(parts: Parts) -> Self {
        let now = parts.clock.now();
        let topology = parts.topology;
        let gate = |p: &damm_fleet::topology::Provider| Gate::new(&p.limits, now);
        let mut providers = parts.providers;
        damm_channels::local(&mut providers, &topology, &parts.base);
        let accounts = topology.providers.iter();
        let balancers = topology.balancers.iter();
        Self {
            offers: Offers::of(&topology),
            gates: accounts.map(|(n, p)| (n.clone(), gate(p))).collect(),
            balancers: balancers.map(|b| (b.name.clone(), Mutex::new(()))).collect(),
            store: parts.store,
            topology,
            providers,
            clock: parts.clock,
            keys: parts.keys,
            templates: parts.templates,
            listener: parts.listener,
            stop: parts.stop,
            seeds: StdMutex::new(parts.seeds),
            world: StdMutex::new(World::empty()),
            turn: Mutex::new(()),
        }
    }

    /// The state that the engine works on.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// What the operator wants.
    pub const fn topology(&self) -> &Topology {
        &self.topology
    }

    /// What providers can do and charge.
    pub const fn offers(&self) -> &Offers {
        &self.offers
    }

    /// The moment.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// The way to stop it.
    pub fn stopper(&self) -> Stop {
        self.stop.clone()
    }

    /// The target, as the engine last read it.
    pub fn blueprint(&self) -> Blueprint {
        self.world().blueprint.clone()
    }

    /// What was last observed.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub async fn inventory(&self) -> Result<Inventory, Error> {
        self.reload().await?;
        let dead_after = self.topology.rotation.dead_after;
        Ok(assemble(&self.world(), dead_after, self.now()))
    }

    /// What is due now, and what waits, without doing any of it.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub async fn due(&self) -> Result<Due, Error> {
        self.reload().await?;
        Ok(self.compile())
    }

    pub(crate) fn seed(&self) -> Seed {
        // A panic of the caller's closure leaves it callable, or panics again.
        let mut seeds = self.seeds.lock().unwrap_or_else(PoisonError::into_inner);
        seeds()
    }

    pub(crate) fn world(&self) -> MutexGuard<'_, World> {
        // Every change of the world is one statement; a panic elsewhere can't tear it.
        self.world.lock().unwrap_or_else(PoisonError::into_inner)
    }

    pub(crate) fn look<T>(&self, at: impl FnOnce(&View<'_>) -> T) -> T {
        let world = self.world();
        at(&world.view(&self.topology, &self.offers, self.now()))
    }

    pub(crate) fn compile(&self) -> Due {
        self.world().reindex();
        let mut due = self.look(due_steps);
        self.rest(&mut due);
        due
    }

    pub(crate) fn row(&self, subject: damm_fleet::Subject) -> Option<Resource> {
        self.world().rows.get(&subject).cloned()
    }

    pub(crate) async fn reload(&self) -> Result<(), Error> {
        let before = self.world().lasting();
        let world = World::load(before, &self.store, &self.topology).await?;
        *self.world() = world;
        Ok(())
    }

    pub(crate) fn tell(&self, event: &Event) {
        self.listener.tell(event);
    }
}
