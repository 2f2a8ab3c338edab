//! What catalogs name now, as they were published last.

use std::collections::{BTreeMap, BTreeSet};

use damm_catalog::{Catalog, Envelope};
use damm_fleet::{FrontdoorId, RegionName};
use damm_store::{BucketKey, Store};

use crate::error::ServerError;

/// The front doors of every bucket's newest catalog, each with the catalog's version. Only those
/// that changed are read again.
#[derive(Debug, Default)]
pub struct Named(BTreeMap<BucketKey, (u64, Vec<FrontdoorId>)>);

impl Named {
    /// Reads the catalogs of some regions that are new; the doors that one names no longer.
    ///
    /// # Errors
    ///
    /// Failures of the store, and catalogs in it that can't be read.
    pub async fn read<'a>(
        &mut self,
        store: &Store,
        regions: impl Iterator<Item = &'a RegionName>,
    ) -> Result<BTreeSet<FrontdoorId>, ServerError> {
        let mut lost = BTreeSet::new();
        for region in regions {
            let standing = store.editions(region).await?;
            self.0.retain(|key, (_, doors)| {
                let stands = key.region != *region || standing.contains_key(key);
                lost.extend(doors.iter().filter(|_| !stands));
                stands
            });
            for (key, version) in standing {
                if self.0.get(&key).is_none_or(|(known, _)| *known != version) {
                    lost.extend(self.renew(store, key).await?);
                }
            }
        }
        Ok(lost)
    }

    /// Reads one bucket's; the doors that it names no longer.
    async fn renew(
        &mut self,
        store: &Store,
        key: BucketKey,
    ) -> Result<Vec<FrontdoorId>, ServerError> {
        let Some((version, signed)) = store.edition(&key).await? else { return Ok(Vec::new()) };
        let catalog = Envelope::from_bytes(signed.as_bytes());
        let catalog = catalog.and_then(|envelope| Catalog::from_bytes(&envelope.payload))?;
        let doors: Vec<FrontdoorId> = catalog.fronts.into_iter().map(|front| front.id).collect();
        let before = self.0.insert(key, (version, doors.clone()));
        let mut before = before.map(|(_, doors)| doors).unwrap_or_default();
        before.retain(|door| !doors.contains(door));
        Ok(before)
    }

    /// The doors of each bucket's catalog.
    pub fn catalogs(&self) -> impl Iterator<Item = (&BucketKey, &[FrontdoorId])> {
        self.0.iter().map(|(key, (_, doors))| (key, doors.as_slice()))
    }

    /// All doors that some catalog names.
    pub fn doors(&self) -> BTreeSet<FrontdoorId> {
        self.catalogs().flat_map(|(_, doors)| doors.iter().copied()).collect()
    }
}
