//! Bringing channels up to date: each has a state of its own, and is tried again alone.

use std::collections::{BTreeMap, BTreeSet};
use std::future::Future;
use std::sync::Arc;

use damm_age::{Entropy, Identity};
use damm_catalog::ChannelSecret;
use damm_channels::sealed;
use damm_clouds::{Channel, Error as CloudError};
use damm_fleet::topology::Channel as Described;
use damm_fleet::{FailureClass, RegionName};
use damm_store::{BucketKey, Lag};
use futures::future::join_all;

use crate::engine::Engine;
use crate::error::Error;
use crate::event::Event;
use crate::patience::CALL_TIMEOUT;
use crate::publish::WITHDRAWN;

/// Files that are written to a channel at once. What was written is written down after each such
/// lot, so a channel that fails half way goes on from there.
const AT_ONCE: usize = 8;

/// What one attempt came to: the outer error is the state's, the inner one the channel's.
type Tried = Result<Result<(), CloudError>, Error>;

/// One channel: the way to it, and what names and seals its files.
struct Place {
    channel: Described,
    /// What the state knows it by.
    name: String,
    secret: ChannelSecret,
    way: Option<Arc<dyn Channel>>,
}

/// What has to be done to a file.
struct Change {
    key: BucketKey,
    file: String,
    /// The version and its bytes; none where the file is to go.
    put: Option<(u64, Vec<u8>)>,
}

impl Place {
    fn file_of(&self, key: &BucketKey) -> String {
        self.channel.file_name(self.secret.object_name(&key.region, &key.population, key.bucket))
    }

    /// The file of a directory that was not sealed before, or is no longer.
    fn former_of(&self, key: &BucketKey) -> Option<String> {
        let mut former = self.channel.clone();
        let Described::Directory { encrypt, .. } = &mut former else {
            return None;
        };
        *encrypt = !*encrypt;
        let object = self.secret.object_name(&key.region, &key.population, key.bucket);
        Some(former.file_name(object))
    }

    /// A failure that is not the channel's own.
    fn failed(&self, class: FailureClass, message: &str) -> CloudError {
        CloudError {
            class,
            provider: self.name.clone(),
            operation: "publish",
            message: message.to_owned(),
            retry_after: None,
        }
    }

    async fn in_time<T>(
        &self,
        call: impl Future<Output = Result<T, CloudError>>,
    ) -> Result<T, CloudError> {
        let done = tokio::time::timeout(CALL_TIMEOUT.to_std(), call).await;
        let late = || format!("no answer within {CALL_TIMEOUT}");
        done.unwrap_or_else(|_| Err(self.failed(FailureClass::Unknown, &late())))
    }

    async fn carry_out(&self, way: &dyn Channel, change: &Change) -> Result<(), CloudError> {
        match &change.put {
            Some((_, bytes)) => self.in_time(way.put(&change.file, bytes)).await,
            None => self.in_time(way.remove(&change.file)).await,
        }
    }
}

impl Engine {
    /// Brings all channels up to date with a region. It is published once one of them is; those
    /// that lag behind are tried again alone, and here only when no other is left.
    pub(crate) async fn spread(&self, region: &RegionName) -> Tried {
        let all: Vec<_> = self.topology.catalog.channels.iter().map(|c| self.place(c)).collect();
        let lags = self.world().lags.clone();
        let lags = |p: &Place| lags.contains_key(&(p.name.clone(), region.clone()));
        let mut now: Vec<&Place> = all.iter().filter(|p| !lags(p)).collect();
        if now.is_empty() {
            now = all.iter().collect();
        }
        let tried = join_all(now.iter().map(|place| self.catch_up_with(place, region))).await;
        let tried: Vec<_> = tried.into_iter().collect::<Result<_, Error>>()?;
        // Those that were left out know of nothing new yet, so they lag behind still.
        match tried.iter().any(Result::is_ok) {
            true => Ok(Ok(())),
            false => Ok(tried.into_iter().find(Result::is_err).unwrap_or(Ok(()))),
        }
    }

    /// Brings one channel up to date with a region.
    pub(crate) async fn catch_up(&self, channel: &str, region: &RegionName) -> Tried {
        let described = self.topology.catalog.channels.iter().find(|c| c.state() == channel);
        match described {
            Some(described) => self.catch_up_with(&self.place(described), region).await,
            None => Ok(Ok(())),
        }
    }

    fn place(&self, channel: &Described) -> Place {
        let name = channel.name();
        Place {
            channel: channel.clone(),
            name: channel.state(),
            secret: self.keys.secret().channel(&name),
            way: self.providers.channels.get(&name).cloned(),
        }
    }

    async fn catch_up_with(&self, place: &Place, region: &RegionName) -> Tried {
        let tried = match &place.way {
            Some(way) => self.write_all(place, way.as_ref(), region).await?,
            None => {
                let words = "there is no way to this channel: this build of damm leaves it out";
                Err(place.failed(FailureClass::Rejected, words))
            }
        };
        self.note_lag(place, region, tried.as_ref().err()).await?;
        Ok(tried)
    }

    async fn write_all(&self, place: &Place, way: &dyn Channel, region: &RegionName) -> Tried {
        let names = match place.in_time(way.names()).await {
            Ok(names) => names,
            Err(e) => return Ok(Err(e)),
        };
        let due = self.changes(place, region, &names).await?;
        for lot in due.chunks(AT_ONCE) {
            let mut changes = Vec::new();
            for (key, wanted) in lot {
                changes.extend(self.change(place, key, *wanted).await?);
            }
            let done = join_all(changes.iter().map(|change| place.carry_out(way, change))).await;
            let both = changes.iter().zip(&done).filter(|(_, done)| done.is_ok());
            let rows = both.map(|(c, _)| (&c.key, c.put.as_ref().map(|(version, _)| *version)));
            self.store.put_standing(&place.name, &rows.collect::<Vec<_>>()).await?;
            if let Some(failed) = done.into_iter().find_map(Result::err) {
                return Ok(Err(failed));
            }
        }
        self.clear(place, way, region, &names).await
    }

    /// Takes away what was written before the channel was sealed, or until it no longer was.
    async fn clear(
        &self,
        place: &Place,
        way: &dyn Channel,
        region: &RegionName,
        names: &BTreeSet<String>,
    ) -> Tried {
        let known = self.store.buckets(region).await?;
        let former = known.keys().filter_map(|key| place.former_of(key));
        for file in former.filter(|file| names.contains(file)) {
            if let Err(e) = place.in_time(way.remove(&file)).await {
                return Ok(Err(e));
            }
        }
        Ok(Ok(()))
    }

    /// What does not stand in a channel as it should: one may be new, or somebody may have cleaned
    /// up. A version, or none where a file is to go.
    async fn changes(
        &self,
        place: &Place,
        region: &RegionName,
        names: &BTreeSet<String>,
    ) -> Result<Vec<(BucketKey, Option<u64>)>, Error> {
        let wanted = self.store.buckets(region).await?;
        let stands: BTreeMap<_, _> = self.store.standing(&place.name, region).await?;
        let change = |(key, bucket): (BucketKey, damm_store::PublishedBucket)| {
            let there = names.contains(&place.file_of(&key));
            let known = stands.get(&key).copied();
            let due = match bucket.digest == WITHDRAWN {
                true => (there || known.is_some()).then_some(None),
                false => {
                    let whole = there && known == Some(bucket.version);
                    (!whole).then_some(Some(bucket.version))
                }
            };
            due.map(|version| (key, version))
        };
        let mut due: Vec<_> = wanted.into_iter().filter_map(change).collect();
        // When a bucket is split, its clients find the halves before it is gone.
        due.sort_by_key(|(_, version)| version.is_none());
        Ok(due)
    }

    /// A change with its bytes; none when the state has moved on, or keeps no bytes of an edition
    /// of before: the next one is written then.
    async fn change(
        &self,
        place: &Place,
        key: &BucketKey,
        wanted: Option<u64>,
    ) -> Result<Option<Change>, Error> {
        let file = place.file_of(key);
        let Some(wanted) = wanted else {
            return Ok(Some(Change { key: key.clone(), file, put: None }));
        };
        let edition = self.store.edition(key).await?.filter(|(version, _)| *version == wanted);
        Ok(edition.map(|(version, signed)| {
            let bytes = match place.channel.is_sealed() {
                true => self.seal(place, key, &file, signed.as_bytes()),
                false => signed.into_bytes(),
            };
            Change { key: key.clone(), file, put: Some((version, bytes)) }
        }))
    }

    /// The same catalog gives the same bytes in the same channel, whenever it is written.
    fn seal(&self, place: &Place, key: &BucketKey, file: &str, signed: &[u8]) -> Vec<u8> {
        let identity = self.keys.secret().bucket_identity(&key.population, key.bucket);
        let entropy = Entropy::new(place.secret.entropy(file, signed));
        sealed::seal(signed, &Identity::new(*identity).recipient(), &entropy)
    }

    /// Writes down that a channel lags behind, or no longer does.
    async fn note_lag(
        &self,
        place: &Place,
        region: &RegionName,
        failed: Option<&CloudError>,
    ) -> Result<(), Error> {
        let key = (place.name.clone(), region.clone());
        let known = self.world().lags.get(&key).cloned();
        let lag = failed.map(|error| Lag {
            since: known.as_ref().map_or(self.now(), |k| k.since),
            tries: 1 + known.as_ref().map_or(0, |k| k.tries),
            why: error.message.clone(),
        });
        if lag == known {
            return Ok(());
        }
        self.store.put_lag(&place.name, region, lag.as_ref()).await?;
        let channel = place.name.clone();
        let mut world = self.world();
        match lag {
            Some(lag) => {
                world.lags.insert(key, lag.clone());
                drop(world);
                self.tell(&Event::Lags { channel, region: region.clone(), lag });
            }
            None => {
                world.lags.remove(&key);
                drop(world);
                self.tell(&Event::CaughtUp { channel, region: region.clone() });
            }
        }
        Ok(())
    }
}
