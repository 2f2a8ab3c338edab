//! The catalogs that stand, and which of their doors may still be told.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use damm_assign::path_of;
use damm_catalog::{Catalog, Envelope};
use damm_fleet::{FrontdoorId, PopulationName, RegionName, Span, Timestamp};
use damm_store::BucketKey;
use tokio::sync::Mutex;

use super::ClientsEndpoint;
use super::routes::Denied;

/// What may be told is looked up this often at most.
const FRESH: Span = Span::from_secs(2);

type Doors = BTreeMap<PopulationName, BTreeSet<FrontdoorId>>;

/// The doors that each population may be told of, as they were at a moment.
#[derive(Default)]
pub(super) struct Told(Mutex<Option<(Timestamp, Arc<Doors>)>>);

/// A catalog as it stands.
pub(super) struct Standing {
    pub(super) signed: Vec<u8>,
    pub(super) catalog: Catalog,
}

impl ClientsEndpoint {
    /// A client's catalog of a region, or of its first region that has one.
    pub(super) async fn standing(
        &self,
        number: u32,
        population: &PopulationName,
        region: Option<&RegionName>,
    ) -> Result<Standing, Denied> {
        let topology = &self.parts.topology;
        let regions = topology.populations.get(population).into_iter().flat_map(|p| &p.regions);
        let regions = regions.filter(|r| region.is_none_or(|wanted| wanted == *r));
        let buckets = topology.catalog.buckets;
        let path = path_of(&self.parts.keys.secret().assign_key(), population, buckets, number);
        for region in regions {
            for bucket in path {
                if let Some(standing) = self.catalog(region, population, bucket).await? {
                    return Ok(standing);
                }
            }
        }
        Err(Denied::Nothing)
    }

    async fn catalog(
        &self,
        region: &RegionName,
        population: &PopulationName,
        bucket: u32,
    ) -> Result<Option<Standing>, Denied> {
        // Whatever lies in channels was written down in the state before, so a fleet that only
        // has channels far away is served the same.
        let (region, population) = (region.clone(), population.clone());
        let key = BucketKey { region, population, bucket };
        let edition = self.parts.store.edition(&key).await?;
        Ok(edition.and_then(|(_, signed)| read(signed.into_bytes())))
    }

    /// The doors of a catalog that may still be told: one that began to drain after the catalog was
    /// made is none of them.
    pub(super) async fn told(
        &self,
        catalog: &Catalog,
        population: &PopulationName,
    ) -> Result<Catalog, Denied> {
        let told = self.doors().await?;
        let may = told.get(population);
        let mut catalog = catalog.clone();
        catalog.fronts.retain(|front| may.is_some_and(|doors| doors.contains(&front.id)));
        Ok(catalog)
    }

    async fn doors(&self) -> Result<Arc<Doors>, Denied> {
        let now = self.parts.clock.now();
        let mut kept = self.doors.0.lock().await;
        if let Some((at, doors)) = &*kept
            && now.since(*at) < FRESH
        {
            return Ok(doors.clone());
        }
        let target = self.parts.store.target().await?;
        let topology = &self.parts.topology;
        let of = |population: &PopulationName| {
            let told = target.told(topology, population).map(|(_, door)| door.id);
            (population.clone(), told.collect())
        };
        let doors: Arc<Doors> = Arc::new(topology.populations.keys().map(of).collect());
        *kept = Some((now, doors.clone()));
        Ok(doors)
    }
}

/// A catalog that we signed ourselves; one that can't be read is as good as none.
fn read(signed: Vec<u8>) -> Option<Standing> {
    let envelope = Envelope::from_bytes(&signed).ok()?;
    envelope.holds(Catalog::PAYLOAD_TYPE).ok()?;
    let catalog = Catalog::from_bytes(&envelope.payload).ok()?;
    Some(Standing { signed, catalog })
}
