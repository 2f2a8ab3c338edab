//! The client's catalog for another app.

use std::collections::BTreeMap;

use damm_fleet::{RegionName, Timestamp};
use damm_formats::{Document, Door, Identity, Settings, Subscription, Wanted, doors};

use crate::error::Error;
use crate::held::Held;
use crate::profile::Profile;

/// The newest catalog of a region, or of the first that has one, as an app reads it.
///
/// # Errors
///
/// [`Error::NotEnrolled`], [`Error::NoCatalog`], [`Error::Format`].
pub fn export(
    profile: &Profile,
    region: Option<&RegionName>,
    wanted: Wanted,
    settings: &Settings,
    now: Timestamp,
) -> Result<Document, Error> {
    let identity = profile.identity()?;
    let regions = profile.assignment()?.regions.iter();
    let mut regions = regions.filter(|r| region.is_none_or(|wanted| wanted == *r));
    let held: &Held = regions
        .find_map(|region| profile.catalogs().get(region))
        .ok_or_else(|| Error::NoCatalog(vec!["nothing was fetched yet".to_owned()]))?;
    let changed = || Error::NoCatalog(vec!["what was fetched was changed since".to_owned()]);
    let catalog = held.catalog().ok_or_else(changed)?;
    let subscription =
        Subscription { catalog: &catalog, signed: held.signed(), identity: &identity, settings };
    Ok(subscription.render(wanted, now)?)
}

impl Profile {
    fn identity(&self) -> Result<Identity, Error> {
        Ok(Identity::of_client(&self.secret(), self.assignment()?.number))
    }

    /// All doors of the newest catalogs, each once, with what it takes to go through them: those to
    /// choose from.
    ///
    /// # Errors
    ///
    /// [`Error::NotEnrolled`].
    pub fn ways(&self, now: Timestamp) -> Result<Vec<Door>, Error> {
        self.ways_of(self.held.values(), now)
    }

    /// The same, and doors that have left the catalogs since, as long as those held: those to
    /// report on.
    ///
    /// # Errors
    ///
    /// [`Error::NotEnrolled`].
    pub fn all_ways(&self, now: Timestamp) -> Result<Vec<Door>, Error> {
        self.ways_of(self.held.values().chain(&self.former), now)
    }

    fn ways_of<'a>(
        &self,
        catalogs: impl Iterator<Item = &'a Held>,
        now: Timestamp,
    ) -> Result<Vec<Door>, Error> {
        let identity = self.identity()?;
        let mut all = BTreeMap::new();
        for catalog in catalogs.filter_map(Held::catalog).filter(|c| c.expires > now) {
            for door in doors(&catalog, &identity) {
                all.entry(door.id).or_insert(door);
            }
        }
        Ok(all.into_values().collect())
    }
}
