//! Publishing: what a region's clients are told, in every channel.
//!
//! # Guarantees
//!
//! - Before a catalog can be read, the state says until when the doors that it names are named.
//!   What a channel that lags behind still serves names nothing for longer.
//! - A reader sees the old catalog or the new one, never a part of one.
//! - A bucket whose contents have not changed is left alone while more than half of its life is
//!   left, so that what never changes is never written, and nothing tells a watcher when it was.
//! - No version is used twice for different bytes: its bytes are written down before any channel is
//!   given them, and whoever lags behind is given the same.
//! - What has expired is taken away, even where nothing takes its place.
//! - A channel that is down delays no other, and is tried again alone.

use std::collections::{BTreeMap, BTreeSet};

use damm_assign::{Bucket, Learned, Splitting};
use damm_catalog::{Catalog, Edition as Issued, Told};
use damm_fleet::inventory::ObservedCatalog;
use damm_fleet::{FrontdoorId, PopulationName, RegionName, Timestamp};
use damm_store::{BucketKey, Edition, Exposure, PublishedBucket};

use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::inventory::assemble;

/// Why a region could not be published. What was published before stands.
#[derive(Debug, thiserror::Error)]
#[non_exhaustive]
pub enum PublishError {
    /// A catalog could not be made.
    #[error(transparent)]
    Catalog(#[from] damm_catalog::Error),
    /// No channel could be written.
    #[error(transparent)]
    Channel(#[from] damm_clouds::Error),
}

/// What a region's buckets should be.
#[derive(Default)]
struct Batch {
    issues: Vec<Edition>,
    /// Buckets that are still told of something, changed or not.
    living: BTreeSet<BucketKey>,
    unchanged: usize,
    named: BTreeSet<FrontdoorId>,
    /// What buckets are told of that they were not told of before.
    news: Vec<damm_store::Told>,
}

/// What is split, and who was told of what.
struct Halves {
    splittings: BTreeMap<PopulationName, Splitting>,
    learned: BTreeMap<PopulationName, Learned>,
}

/// What was published for a region before.
struct Standing<'a> {
    region: &'a RegionName,
    known: &'a BTreeMap<BucketKey, PublishedBucket>,
    /// Versions whose bytes are kept, so that channels can be given them again.
    kept: BTreeMap<BucketKey, u64>,
}

impl Standing<'_> {
    fn key(&self, population: &PopulationName, leaf: Bucket) -> BucketKey {
        let (region, population) = (self.region.clone(), population.clone());
        BucketKey { region, population, bucket: leaf.number() }
    }

    /// Whether a bucket was told of something that still holds.
    fn holds(&self, key: &BucketKey, now: Timestamp) -> bool {
        self.known.get(key).is_some_and(|b| b.digest != WITHDRAWN && b.expires_at > now)
    }
}

impl Batch {
    /// Notes what a bucket is told of that it was not told of before.
    fn learn(&mut self, key: &BucketKey, learned: &mut Learned, catalog: &Catalog) {
        let Some(bucket) = Bucket::new(key.bucket) else {
            return;
        };
        for front in &catalog.fronts {
            if learned.tell(bucket, front.id) {
                self.news.push((front.id, key.population.clone(), key.bucket));
            }
        }
    }
}

/// A bucket whose catalog was taken away keeps its version, so that none is used twice should it
/// come back; its digest fits no contents.
pub(crate) const WITHDRAWN: &str = "";

impl Engine {
    /// Publishes a region up to a blueprint's serial.
    pub(crate) async fn publish(
        &self,
        region: &RegionName,
        serial: u64,
    ) -> Result<Result<(), PublishError>, Error> {
        let now = self.now();
        let known = self.store.buckets(region).await?;
        let halves =
            Halves { splittings: self.store.splittings().await?, learned: self.learned().await? };
        let kept = self.store.editions(region).await?;
        let standing = Standing { region, known: &known, kept };
        let batch = match self.batch(&standing, halves, now) {
            Ok(batch) => batch,
            Err(e) => return Ok(Err(e.into())),
        };
        let expires = now + self.topology.catalog.ttl;
        self.name_doors(&batch.named, expires).await?;
        if !batch.news.is_empty() {
            self.store.learn(&batch.news).await?;
            self.world().counted = None;
        }
        self.put_editions(&batch, &known).await?;
        if let Err(e) = self.spread(region).await? {
            return Ok(Err(e.into()));
        }
        let observed = ObservedCatalog {
            serial,
            published_at: now,
            expires_at: first_expiry(&batch, &known).unwrap_or(expires),
        };
        self.store.put_catalog(region, &observed).await?;
        self.world().told.catalogs.insert(region.clone(), observed);
        self.tell(&Event::Published {
            region: region.clone(),
            written: batch.issues.len(),
            unchanged: batch.unchanged,
        });
        Ok(Ok(()))
    }

    /// Removes the catalogs of a region that is no more.
    pub(crate) async fn withdraw(
        &self,
        region: &RegionName,
    ) -> Result<Result<(), PublishError>, Error> {
        let known = self.store.buckets(region).await?;
        self.put_editions(&Batch::default(), &known).await?;
        if let Err(e) = self.spread(region).await? {
            return Ok(Err(e.into()));
        }
        self.store.forget_catalog(region).await?;
        self.world().told.catalogs.remove(region);
        Ok(Ok(()))
    }

    fn batch(
        &self,
        standing: &Standing<'_>,
        mut halves: Halves,
        now: Timestamp,
    ) -> Result<Batch, damm_catalog::Error> {
        let (region, world) = (standing.region, self.world());
        let inventory = assemble(&world, self.topology.rotation.dead_after, now);
        let mut batch = Batch::default();
        for (population, _) in self.topology.served_by(region) {
            let told = Told::new(&world.blueprint, &self.topology, &inventory, region, population);
            match told {
                Ok(told) => {
                    let splitting = halves.splittings.remove(population).unwrap_or_default();
                    let mut learned = halves.learned.remove(population).unwrap_or_default();
                    let key = self.keys.secret().assign_key();
                    let told = told.split(&key, &splitting, &learned);
                    let leaves = splitting.splits.leaves(self.topology.catalog.buckets);
                    for leaf in leaves {
                        let key = standing.key(population, leaf);
                        self.issue(key, &told, &mut learned, standing, now, &mut batch)?;
                    }
                }
                // What was published before stands until it expires: an empty catalog would cut
                // off whoever still gets through by it.
                Err(damm_catalog::Error::NoFronts { .. }) => {
                    let theirs = standing.known.keys().filter(|k| k.population == *population);
                    batch.living.extend(theirs.filter(|k| standing.holds(k, now)).cloned());
                }
                Err(e) => return Err(e),
            }
        }
        Ok(batch)
    }

    fn issue(
        &self,
        key: BucketKey,
        told: &Told,
        learned: &mut Learned,
        standing: &Standing<'_>,
        now: Timestamp,
        batch: &mut Batch,
    ) -> Result<(), damm_catalog::Error> {
        let ttl = self.topology.catalog.ttl;
        let before = standing.known.get(&key);
        let version = before.map_or(0, |b| b.version) + 1;
        let edition = Issued { version, not_before: now, expires: now + ttl };
        let catalog = told.catalog(&self.keys.secret().assign_key(), key.bucket, edition)?;
        // A client that is told of nothing new keeps what it has until that expires.
        if catalog.fronts.is_empty() {
            batch.living.extend(standing.holds(&key, now).then_some(key));
            return Ok(());
        }
        batch.living.insert(key.clone());
        batch.learn(&key, learned, &catalog);
        let digest = catalog.contents_digest();
        let fresh = |b: &PublishedBucket| {
            let kept = standing.kept.get(&key) == Some(&b.version);
            kept && b.digest == digest && b.expires_at > now + ttl.scale(0.5)
        };
        if before.is_some_and(fresh) {
            batch.unchanged += 1;
            return Ok(());
        }
        batch.named.extend(catalog.fronts.iter().map(|f| f.id));
        let signed = catalog.seal(&[self.keys.online()]).to_bytes();
        let bucket = PublishedBucket { version, digest, expires_at: edition.expires };
        // An envelope is JSON, which is UTF-8.
        let signed = Some(String::from_utf8_lossy(&signed).into_owned());
        batch.issues.push(Edition { key, bucket, signed });
        Ok(())
    }

    async fn name_doors(
        &self,
        doors: &BTreeSet<FrontdoorId>,
        until: Timestamp,
    ) -> Result<(), Error> {
        let exposure = Exposure { named_until: Some(until), ..Exposure::default() };
        self.raise(doors.iter().map(|d| (*d, exposure)).collect()).await
    }

    /// Writes down what is to stand in all channels, before any of them is touched.
    async fn put_editions(
        &self,
        batch: &Batch,
        known: &BTreeMap<BucketKey, PublishedBucket>,
    ) -> Result<(), Error> {
        let gone = known.iter().filter(|(k, b)| !batch.living.contains(k) && b.digest != WITHDRAWN);
        let withdrawn = gone.map(|(key, bucket)| {
            let bucket = PublishedBucket { digest: WITHDRAWN.to_owned(), ..bucket.clone() };
            Edition { key: key.clone(), bucket, signed: None }
        });
        let editions: Vec<_> = batch.issues.iter().cloned().chain(withdrawn).collect();
        Ok(self.store.put_editions(&editions).await?)
    }
}

/// When the first of the region's catalogs expires that are still told.
fn first_expiry(batch: &Batch, known: &BTreeMap<BucketKey, PublishedBucket>) -> Option<Timestamp> {
    let issued: BTreeMap<_, _> = batch.issues.iter().map(|i| (&i.key, &i.bucket)).collect();
    let living = batch.living.iter();
    let bucket = |k| issued.get(k).copied().or_else(|| known.get(k));
    living.filter_map(bucket).map(|b| b.expires_at).min()
}
