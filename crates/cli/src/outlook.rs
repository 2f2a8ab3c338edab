//! What the planner would do now, from what is stored: it asks nobody and changes nothing.

use std::collections::BTreeMap;
use std::path::Path;

use damm_fleet::history::Yield;
use damm_fleet::{Offers, PopulationName, ProviderName, Seed, Timestamp};
use damm_planner::{Plan, Situation, Survival, plan, survival};
use damm_store::Store;

use crate::exit::{Failure, Result};
use crate::output::Output;
use crate::picture::Picture;
use crate::topology_file::TopologyFile;

/// A fleet as it is stored, and what would follow from it.
#[derive(Debug)]
pub struct Outlook {
    /// The topology that was applied last.
    pub file: TopologyFile,
    /// All that the state tells.
    pub picture: Picture,
    /// What would be done now.
    pub plan: Plan,
    /// What each population has now, before that.
    pub survival: BTreeMap<PopulationName, Survival>,
    /// What each provider's addresses were good for.
    pub yields: BTreeMap<ProviderName, Yield>,
}

impl Outlook {
    /// Reads a state and plans from it.
    ///
    /// # Errors
    ///
    /// When the state can't be read, or nothing was ever applied to it.
    pub async fn of(store: &Store, now: Timestamp, output: &Output) -> Result<Self> {
        let (path, text) = store.topology().await?.ok_or_else(|| {
            Failure::error("nothing was applied to this state yet").help("damm apply TOPOLOGY")
        })?;
        let file = TopologyFile::of(&path, text, output)?;
        let picture = Picture::read(store, now).await?;
        let dead_after = file.topology.rotation.dead_after;
        let inventory = damm_engine::inventory::stored(store, dead_after, now).await?;
        let situation = Situation {
            topology: &file.topology,
            parent: &picture.target,
            inventory: &inventory,
            offers: &Offers::of(&file.topology),
            verdicts: &picture.verdicts,
            now,
            destroys_used: 0,
        };
        // It is looked at and thrown away, so its ids need not be fresh.
        let plan = plan(&situation, Seed::from_number(0));
        let survival = survival(&situation);
        let yields = store.history().await?.yields();
        Ok(Self { file, picture, plan, survival, yields })
    }

    /// The topology's file name, short enough for a line.
    pub fn topology_name(&self) -> String {
        let path = Path::new(&self.file.name);
        let name = path.file_name().map(|n| n.to_string_lossy().into_owned());
        name.unwrap_or_else(|| self.file.name.clone())
    }
}
