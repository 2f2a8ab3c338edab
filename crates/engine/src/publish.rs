//! Publishing: what a region's clients are told, into every channel.
//!
//! # Guarantees
//!
//! - Before a catalog can be read, the state says until when the doors that it names are named.
//! - A reader sees the old catalog or the new one, never a part of one.
//! - A bucket whose contents have not changed is left alone while more than half of its life is
//!   left, so that what never changes is never written, and nothing tells a watcher when it was.
//! - No version is used twice for different bytes: it is written down before the file is.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use damm_assign::{Bucket, Learned, Splitting};
use damm_catalog::{Catalog, ChannelSecret, Edition, FleetSecret, Told};
use damm_fleet::inventory::ObservedCatalog;
use damm_fleet::topology::Channel;
use damm_fleet::{FrontdoorId, PopulationName, RegionName, Timestamp};
use damm_store::{BucketKey, Exposure, PublishedBucket};
use futures::future::try_join_all;

use crate::directory::{self, DirectoryError, Files};
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
    /// A channel could not be written.
    #[error(transparent)]
    Directory(#[from] DirectoryError),
}

/// One bucket that is to be written.
struct Issue {
    key: BucketKey,
    bucket: PublishedBucket,
    bytes: Vec<u8>,
}

/// What a region's buckets should be.
#[derive(Default)]
struct Batch {
    issues: Vec<Issue>,
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
    /// Buckets whose file stands in every channel.
    whole: BTreeSet<BucketKey>,
}

impl Standing<'_> {
    fn key(&self, population: &PopulationName, leaf: Bucket) -> BucketKey {
        let (region, population) = (self.region.clone(), population.clone());
        BucketKey { region, population, bucket: leaf.number() }
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

/// One channel: where its files lie, and what names them.
struct Place {
    dir: PathBuf,
    secret: ChannelSecret,
}

impl Place {
    fn file_of(&self, region: &RegionName, key: &BucketKey) -> String {
        let name = self.secret.object_name(region, &key.population, key.bucket);
        directory::file_name(&name)
    }
}

/// A bucket whose catalog was taken away keeps its version, so that none is used twice should it
/// come back; its digest fits no contents.
const WITHDRAWN: &str = "";
/// A version that was written down for a catalog that may not have been written yet.
const RESERVED: &str = "reserved";

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
        let batch = match self.batch(region, &known, halves, now).await {
            Ok(batch) => batch,
            Err(e) => return Ok(Err(e)),
        };
        let expires = now + self.topology.catalog.ttl;
        self.name_doors(&batch.named, expires).await?;
        if !batch.news.is_empty() {
            self.store.learn(&batch.news).await?;
        }
        self.reserve(&batch).await?;
        let gone: Vec<&BucketKey> = known.keys().filter(|k| !batch.living.contains(k)).collect();
        if let Err(e) = self.write_files(region, &batch, &gone).await {
            return Ok(Err(e.into()));
        }
        self.put_buckets(&batch, &known, &gone).await?;
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
        let gone: Vec<&BucketKey> = known.keys().collect();
        let batch = Batch::default();
        if let Err(e) = self.write_files(region, &batch, &gone).await {
            return Ok(Err(e.into()));
        }
        self.put_buckets(&batch, &known, &gone).await?;
        self.store.forget_catalog(region).await?;
        self.world().told.catalogs.remove(region);
        Ok(Ok(()))
    }

    async fn batch(
        &self,
        region: &RegionName,
        known: &BTreeMap<BucketKey, PublishedBucket>,
        mut halves: Halves,
        now: Timestamp,
    ) -> Result<Batch, PublishError> {
        let standing = self.standing(region, known).await?;
        let world = self.world();
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
                        self.issue(key, &told, &mut learned, &standing, now, &mut batch)?;
                    }
                }
                // What was published before stands until it expires: an empty catalog would cut
                // off whoever still gets through by it.
                Err(damm_catalog::Error::NoFronts { .. }) => {
                    let theirs = known.keys().filter(|k| k.population == *population);
                    batch.living.extend(theirs.cloned());
                }
                Err(e) => return Err(e.into()),
            }
        }
        Ok(batch)
    }

    /// What was published for a region, and which of it stands in every channel: one may be new, or
    /// somebody may have cleaned up.
    async fn standing<'a>(
        &self,
        region: &'a RegionName,
        known: &'a BTreeMap<BucketKey, PublishedBucket>,
    ) -> Result<Standing<'a>, DirectoryError> {
        let mut whole: BTreeSet<BucketKey> = known.keys().cloned().collect();
        for channel in self.channels() {
            let names = directory::names(channel.dir.clone()).await?;
            whole.retain(|k| names.contains(&channel.file_of(region, k)));
        }
        Ok(Standing { region, known, whole })
    }

    fn channels(&self) -> impl Iterator<Item = Place> {
        let secret: &FleetSecret = self.keys.secret();
        self.topology.catalog.channels.iter().map(move |channel| {
            let Channel::Directory { path } = channel;
            Place {
                dir: self.base.join(path),
                secret: secret.channel(&format!("directory:{path}")),
            }
        })
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
        let edition = Edition {
            version: before.map_or(0, |b| b.version) + 1,
            not_before: now,
            expires: now + ttl,
        };
        let catalog = told.catalog(&self.keys.secret().assign_key(), key.bucket, edition)?;
        batch.living.insert(key.clone());
        // A client that is told of nothing new keeps what it has until that expires.
        if catalog.fronts.is_empty() {
            return Ok(());
        }
        batch.learn(&key, learned, &catalog);
        let digest = catalog.contents_digest();
        let fresh =
            before.is_some_and(|b| b.digest == digest && b.expires_at > now + ttl.scale(0.5));
        if fresh && standing.whole.contains(&key) {
            batch.unchanged += 1;
            return Ok(());
        }
        batch.named.extend(catalog.fronts.iter().map(|f| f.id));
        batch.issues.push(Issue {
            key,
            bucket: PublishedBucket {
                version: edition.version,
                digest,
                expires_at: edition.expires,
            },
            bytes: catalog.seal(&[self.keys.online()]).to_bytes(),
        });
        Ok(())
    }

    async fn name_doors(
        &self,
        doors: &BTreeSet<FrontdoorId>,
        until: Timestamp,
    ) -> Result<(), Error> {
        let exposure = Exposure { named_until: Some(until), resolvable_until: None };
        self.raise(doors.iter().map(|d| (*d, exposure)).collect()).await
    }

    /// Writes versions down before their files exist.
    async fn reserve(&self, batch: &Batch) -> Result<(), Error> {
        let reserved =
            |i: &Issue| PublishedBucket { digest: RESERVED.to_owned(), ..i.bucket.clone() };
        let rows: Vec<_> = batch.issues.iter().map(|i| (&i.key, reserved(i))).collect();
        let puts = rows.iter().map(|(key, bucket)| self.store.put_bucket(key, bucket));
        try_join_all(puts).await?;
        Ok(())
    }

    async fn write_files(
        &self,
        region: &RegionName,
        batch: &Batch,
        gone: &[&BucketKey],
    ) -> Result<(), DirectoryError> {
        for channel in self.channels() {
            let name = |k: &BucketKey| channel.file_of(region, k);
            let put = batch.issues.iter().map(|i| (name(&i.key), i.bytes.clone()));
            let files =
                Files { put: put.collect(), remove: gone.iter().map(|k| name(k)).collect() };
            directory::write(channel.dir.clone(), files).await?;
        }
        Ok(())
    }

    async fn put_buckets(
        &self,
        batch: &Batch,
        known: &BTreeMap<BucketKey, PublishedBucket>,
        gone: &[&BucketKey],
    ) -> Result<(), Error> {
        let issued = batch.issues.iter().map(|i| (&i.key, i.bucket.clone()));
        let withdrawn = gone.iter().filter_map(|k| {
            let digest = WITHDRAWN.to_owned();
            let bucket = known.get(*k).filter(|b| b.digest != WITHDRAWN)?.clone();
            Some((*k, PublishedBucket { digest, ..bucket }))
        });
        let rows: Vec<_> = issued.chain(withdrawn).collect();
        let puts = rows.iter().map(|(key, bucket)| self.store.put_bucket(key, bucket));
        try_join_all(puts).await?;
        Ok(())
    }
}

/// When the first of the region's catalogs expires that are still told.
fn first_expiry(batch: &Batch, known: &BTreeMap<BucketKey, PublishedBucket>) -> Option<Timestamp> {
    let issued: BTreeMap<_, _> = batch.issues.iter().map(|i| (&i.key, &i.bucket)).collect();
    let living = batch.living.iter();
    let bucket = |k| issued.get(k).copied().or_else(|| known.get(k));
    living.filter_map(bucket).map(|b| b.expires_at).min()
}
