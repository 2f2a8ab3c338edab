//! A fleet that is built on the embedded cloud, with a state file on disk.

use std::collections::BTreeMap;
use std::sync::Arc;

use anyhow::Result;
use damm_clouds::sim::{MemoryStorage, SimStorage, SimWorld};
use damm_clouds::{Clock, Providers, WallClock};
use damm_engine::{Engine, InState, Keys, Listener, Parts, Stop};
use damm_fleet::{Seed, Topology};
use damm_store::{Access, Store};
use tempfile::TempDir;

/// An engine over a fresh state file, with the world that it builds in.
pub struct Site {
    /// The engine.
    pub engine: Engine,
    /// The embedded cloud.
    pub world: Arc<SimWorld>,
    /// What holds the state file; it goes with the site.
    _dir: TempDir,
}

/// Where the embedded cloud keeps what it holds.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Keeps {
    /// In the state file, as `damm` does.
    InState,
    /// In memory, as if it were a vendor's.
    InMemory,
}

impl Site {
    /// An engine with nothing built yet.
    pub async fn new(topology: &Topology, keeps: Keeps) -> Result<Self> {
        let dir = tempfile::tempdir()?;
        let store = Store::open(&dir.path().join("damm.db"), Access::Write).await?;
        store.bind_fleet(&topology.fleet).await?;
        let clock: Arc<dyn Clock> = Arc::new(WallClock);
        let storage: Arc<dyn SimStorage> = match keeps {
            Keeps::InState => Arc::new(InState(store.clone())),
            Keeps::InMemory => Arc::new(MemoryStorage::default()),
        };
        let world = SimWorld::open(storage, clock.clone(), topology).await?;
        // What is random elsewhere is the same at each run here.
        let mut byte = 0;
        let draw = |bytes: &mut [u8; 32]| {
            byte += 1;
            bytes.fill(byte);
        };
        let keys = Keys::generate(&topology.fleet, clock.now(), draw)?;
        let mut drawn = 0;
        let seeds = Box::new(move || {
            drawn += 1;
            Seed::from_number(drawn)
        });
        let engine = Engine::new(Parts {
            store,
            topology: topology.clone(),
            base: dir.path().to_owned(),
            providers: Providers::over(topology, world.clone()),
            clock,
            keys: Arc::new(keys.keys),
            templates: BTreeMap::new(),
            seeds,
            listener: Listener::default(),
            stop: Stop::default(),
        });
        engine.recover().await?;
        Ok(Self { engine, world, _dir: dir })
    }

    /// Calls that the accounts were asked, and those that they turned away for coming too fast.
    pub fn calls(&self) -> (u64, u64) {
        let accounts = self.world.audit().into_values();
        accounts.fold((0, 0), |(calls, over), a| (calls + a.calls, over + a.over_limit))
    }
}
