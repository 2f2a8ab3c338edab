//! A fleet at work: its state held for writing, its accounts connected, its engine ready.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use damm_clouds::{Clock, Providers, WallClock};
use damm_engine::{Engine, InState, Keys, KeysError, Listener, Parts, Stop};
use damm_fleet::{ProfileName, Seed, Topology};
use damm_planner::Situation;
use damm_server::AgentsEndpoint;
use damm_store::{Access, Store};

use crate::agents;
use crate::commands::{lab, providers};
use crate::exit::{Failure, Result};
use crate::failures::chain;
use crate::topology_file::TopologyFile;

/// What a workbench is made of.
pub struct Setup {
    /// The topology.
    pub file: TopologyFile,
    /// The state file.
    pub state: PathBuf,
    /// The directory that holds the keys and that the topology's own paths are relative to.
    pub base: PathBuf,
    /// The only clock.
    pub clock: Arc<dyn Clock>,
    /// A fresh seed for each plan.
    pub seeds: Box<dyn FnMut() -> Seed + Send>,
    /// Whoever is told of what happens.
    pub listener: Listener,
}

/// A fleet at work.
pub struct Workbench {
    /// The topology.
    pub file: TopologyFile,
    /// What carries blueprints out.
    pub engine: Engine,
    /// The accounts; the embedded cloud's world for the demo.
    pub providers: Providers,
    /// Where nodes' agents come to, where they have any. Nobody is answered there before
    /// [`agents::serve`].
    pub agents: Option<Arc<AgentsEndpoint>>,
    /// Raised to stop cleanly.
    pub stop: Stop,
    /// The state file.
    pub state: PathBuf,
    /// The directory that the topology's own paths are relative to.
    pub base: PathBuf,
    /// The fleet's keys.
    pub keys: Arc<Keys>,
    /// The only clock.
    pub clock: Arc<dyn Clock>,
    store: Store,
}

impl Setup {
    /// A command's: the machine's clock, and seeds from the operating system.
    ///
    /// # Errors
    ///
    /// When the operating system has no random bytes to give.
    pub fn real(file: TopologyFile, state: PathBuf, listener: Listener) -> Result<Self> {
        let mut root = crate::clock::seed()?;
        let seeds = move || crate::clock::seed().unwrap_or_else(|_| next(&mut root));
        Ok(Self {
            base: base(&file.name),
            file,
            state,
            clock: Arc::new(WallClock),
            seeds: Box::new(seeds),
            listener,
        })
    }
}

/// A seed that follows from one that was drawn: still unique, should the system have none later.
fn next(root: &mut Seed) -> Seed {
    let words = [root.blueprint().raw(), root.blueprint().raw(), root.blueprint().raw()];
    let mut key = [0; 32];
    for (part, word) in key.chunks_mut(8).zip(words) {
        part.copy_from_slice(&word.to_be_bytes()[..part.len()]);
    }
    Seed::new(key)
}

/// The directory of a topology file.
pub fn base(name: &str) -> PathBuf {
    match Path::new(name).parent() {
        Some(dir) if dir != Path::new("") => dir.to_owned(),
        _ => PathBuf::from("."),
    }
}

impl Workbench {
    /// Takes the state for writing, reads the keys, connects the accounts, and takes up what a
    /// process left behind that died.
    ///
    /// # Errors
    ///
    /// When any of that fails; the message says what to do.
    pub async fn open(setup: Setup) -> Result<Self> {
        let keys = Arc::new(load_keys(&setup.base.join("keys"), &setup.file.name)?);
        let templates = templates(&setup.file.topology, &setup.base)?;
        let store = Store::open(&setup.state, Access::Write).await?;
        match Self::over(store.clone(), setup, keys, templates).await {
            Ok(bench) => Ok(bench),
            Err(failure) => {
                // The first error is the one to tell.
                drop(store.close().await);
                Err(failure)
            }
        }
    }

    async fn over(
        store: Store,
        setup: Setup,
        keys: Arc<Keys>,
        templates: BTreeMap<ProfileName, (String, String)>,
    ) -> Result<Self> {
        store.bind_fleet(&setup.file.topology.fleet).await?;
        let storage = Arc::new(InState(store.clone()));
        let topology = setup.file.topology.clone();
        let providers = Providers::connect(&topology, storage, setup.clock.clone()).await;
        let mut providers = providers.map_err(|e| Failure::error(chain(&e)))?;
        lab::connect(&mut providers, &topology, &setup.file.name, &setup.clock)?;
        let around = providers::around(&topology, &setup.base, setup.clock.clone())?;
        damm_vendors::connect(&mut providers, &topology, &around)?;
        damm_channels::connect(&mut providers, &topology, &around)?;
        let agents = agents::open(&topology, &store, &keys, &setup.clock, &mut providers).await?;
        let stop = Stop::default();
        let (base, clock) = (setup.base.clone(), setup.clock.clone());
        let engine = Engine::new(Parts {
            store: store.clone(),
            topology,
            base: setup.base,
            providers: providers.clone(),
            clock: setup.clock,
            keys: keys.clone(),
            templates,
            seeds: setup.seeds,
            listener: setup.listener,
            stop: stop.clone(),
        });
        engine.recover().await?;
        let (file, state) = (setup.file, setup.state);
        Ok(Self { file, engine, providers, agents, stop, state, base, keys, clock, store })
    }

    /// The state.
    pub const fn store(&self) -> &Store {
        &self.store
    }

    /// Hands over all that a plan is made from.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub async fn situation<T>(&self, see: impl FnOnce(&Situation<'_>) -> T) -> Result<T> {
        let inventory = self.engine.inventory().await?;
        let verdicts = self.store.verdicts().await?;
        let parent = self.engine.blueprint();
        Ok(see(&Situation {
            topology: self.engine.topology(),
            parent: &parent,
            inventory: &inventory,
            offers: self.engine.offers(),
            verdicts: &verdicts,
            now: self.engine.now(),
            destroys_used: 0,
        }))
    }

    /// Remembers the topology, for commands that name none.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub async fn remember_topology(&self) -> Result<()> {
        let full = std::path::absolute(&self.file.name);
        let full = full.map_or_else(|_| self.file.name.clone(), |p| p.display().to_string());
        Ok(self.store.put_topology(&full, &self.file.text).await?)
    }

    /// Lets the state go.
    ///
    /// # Errors
    ///
    /// Failures of the store.
    pub async fn close(self) -> Result<()> {
        Ok(self.store.close().await?)
    }
}

/// The fleet's keys.
///
/// # Errors
///
/// When one is missing or can't be read; the message says what to do.
pub fn load_keys(dir: &Path, topology: &str) -> Result<Keys> {
    Keys::load(dir).map_err(|error| match error {
        KeysError::Missing { path } => Failure::error(format!(
            "the fleet's key {} is missing",
            path.display()
        ))
        .help(format!(
            "put its backup back; for a fleet that never had keys: damm init --keys-for {topology}"
        )),
        other => Failure::error(chain(&other)),
    })
}

/// The operator's own bootstrap templates.
fn templates(topology: &Topology, base: &Path) -> Result<BTreeMap<ProfileName, (String, String)>> {
    let mut templates = BTreeMap::new();
    for (name, profile) in &topology.profiles {
        if let Some(template) = &profile.bootstrap {
            let path = base.join(template);
            let text =
                std::fs::read_to_string(&path).map_err(|e| Failure::io("read", &path, &e))?;
            templates.insert(name.clone(), (path.display().to_string(), text));
        }
    }
    Ok(templates)
}
