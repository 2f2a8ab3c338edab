//! What the engine holds in memory of the state: a copy that every write goes through.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hash, Hasher};
use std::sync::Arc;

use damm_fleet::history::History;
use damm_fleet::inventory::{ObservedProvider, TransportParams};
use damm_fleet::{
    Blueprint, BlueprintId, FrontdoorId, NodeId, Offers, ProviderName, Resource, Subject,
    Timestamp, Topology,
};
use damm_store::{Exposure, Lag, Store, StoredReport};

use crate::counting::Counted;
use crate::due::{Index, Lags, Rows, Told, View};
use crate::sight::Seen;

/// A copy of the state, with what lives in memory only.
#[derive(Debug, Clone)]
pub(crate) struct World {
    pub(crate) blueprint: Blueprint,
    pub(crate) rows: Rows,
    pub(crate) told: Told,
    pub(crate) exposures: BTreeMap<FrontdoorId, Exposure>,
    pub(crate) reports: BTreeMap<NodeId, StoredReport>,
    pub(crate) providers: BTreeMap<ProviderName, ObservedProvider>,
    /// What clients need to know of nodes' transports.
    pub(crate) transports: BTreeMap<NodeId, TransportParams>,
    /// What became of front doors' addresses, once it was read: nobody else writes it.
    pub(crate) history: Option<Arc<History>>,
    /// When it was counted how many clients can have learned each door; none where it has to be
    /// counted anew.
    pub(crate) counted: Option<Counted>,
    pub(crate) index: Index,
    /// What the last listings showed beside the rows.
    pub(crate) seen: Seen,
    /// Creations whose outcome is not known: their places in the ledger.
    pub(crate) open: BTreeMap<Subject, Vec<u64>>,
    /// Channels that lag behind, each with a region.
    pub(crate) lags: Lags,
    /// Steps without a row that failed lately: how often in a row, and until when they rest.
    pub(crate) resting: BTreeMap<String, Rest>,
}

/// A step without a row that failed lately.
#[derive(Debug, Clone)]
pub(crate) struct Rest {
    pub(crate) count: u32,
    pub(crate) until: Timestamp,
    pub(crate) message: String,
    pub(crate) rejected: bool,
}

impl World {
    pub(crate) fn empty() -> Self {
        Self {
            // No target has this generation but the one that every state starts with, whose
            // entries are the same; the first look at the state replaces it.
            blueprint: Blueprint::genesis(BlueprintId::from_raw(0), Timestamp::EPOCH),
            rows: Rows::new(),
            told: Told::default(),
            exposures: BTreeMap::new(),
            reports: BTreeMap::new(),
            providers: BTreeMap::new(),
            transports: BTreeMap::new(),
            history: None,
            counted: None,
            index: Index::default(),
            seen: Seen::default(),
            open: BTreeMap::new(),
            lags: Lags::new(),
            resting: BTreeMap::new(),
        }
    }

    /// The state as it is now; what lives in memory only is taken over from before.
    pub(crate) async fn load(
        before: Self,
        store: &Store,
        topology: &Topology,
    ) -> damm_store::Result<Self> {
        let target = store.target_id().await?;
        let mut world = Self::observed(before, store).await?;
        if world.blueprint.id != target {
            world.blueprint = store.target().await?;
        }
        world.told.targets = store.applied_targets().await?;
        world.told.orders = store.applied_orders().await?;
        world.note_new(store, topology).await?;
        world.reindex();
        Ok(world)
    }

    /// Channels in which nothing of a region stands, and something is to, lag behind.
    async fn note_new(&mut self, store: &Store, topology: &Topology) -> damm_store::Result<()> {
        let held = store.held().await?;
        for region in store.issued().await? {
            let published = self.told.catalogs.get(&region).map(|c| c.published_at);
            for channel in &topology.catalog.channels {
                let key = (channel.state(), region.clone());
                let Some(since) = published.filter(|_| !held.contains_key(&key)) else {
                    continue;
                };
                let why = "nothing was written there yet".to_owned();
                self.lags.entry(key).or_insert(Lag { since, tries: 0, why });
            }
        }
        Ok(())
    }

    /// What was last observed; the target is not read, which is as large as all the rest.
    pub(crate) async fn observed(before: Self, store: &Store) -> damm_store::Result<Self> {
        let rows = store.resources().await?;
        Ok(Self {
            rows: rows.into_iter().map(|r| (r.subject, r)).collect(),
            told: Told {
                records: store.applied_records().await?,
                catalogs: store.catalogs().await?,
                ..before.told
            },
            exposures: store.exposures().await?,
            reports: store.reports().await?,
            providers: store.providers().await?,
            transports: transports(store).await?,
            lags: store.lags().await?,
            ..before
        })
    }

    /// What lives in memory only, and the target, which the next look may find to be the same.
    pub(crate) fn lasting(&self) -> Self {
        Self {
            blueprint: self.blueprint.clone(),
            history: self.history.clone(),
            counted: self.counted,
            seen: self.seen.clone(),
            open: self.open.clone(),
            resting: self.resting.clone(),
            ..Self::empty()
        }
    }

    pub(crate) fn reindex(&mut self) {
        self.index = Index::of(&self.blueprint, &self.rows, &self.told);
    }

    /// A number that differs, but for a chance of 1 in 2^64, when the target, a row's phase or what
    /// was told outside does.
    pub(crate) fn fingerprint(&self) -> u64 {
        let mut hash = DefaultHasher::new();
        self.blueprint.id.hash(&mut hash);
        for row in self.rows.values() {
            let held = (row.attached, row.inner, &row.provider_ref, row.missing_since.is_some());
            (row.subject, row.phase, held).hash(&mut hash);
        }
        for (key, (set, _)) in &self.told.records {
            (key, &set.addresses).hash(&mut hash);
        }
        for (key, target) in &self.told.targets {
            (key, target.address, target.draining).hash(&mut hash);
        }
        for (region, catalog) in &self.told.catalogs {
            (region, catalog.serial).hash(&mut hash);
        }
        for key in self.lags.keys() {
            key.hash(&mut hash);
        }
        self.told.orders.hash(&mut hash);
        hash.finish()
    }

    pub(crate) fn put(&mut self, row: Resource) {
        self.rows.insert(row.subject, row);
    }

    pub(crate) fn view<'a>(
        &'a self,
        topology: &'a Topology,
        offers: &'a Offers,
        now: Timestamp,
    ) -> View<'a> {
        View {
            topology,
            blueprint: &self.blueprint,
            offers,
            rows: &self.rows,
            told: &self.told,
            exposures: &self.exposures,
            reports: &self.reports,
            providers: &self.providers,
            lags: &self.lags,
            seen: &self.seen,
            index: &self.index,
            now,
        }
    }
}

/// What clients need to know of nodes' transports, as their agents said.
pub(crate) async fn transports(
    store: &Store,
) -> damm_store::Result<BTreeMap<NodeId, TransportParams>> {
    let agents = store.agents().await?;
    Ok(agents.into_iter().map(|(node, agent)| (node, agent.transports)).collect())
}
