//! Catalogs in several channels at once, some of which are down, half down, or lie.

#![allow(clippy::unwrap_used)]

mod support;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex};

use async_trait::async_trait;
use damm_age::Identity;
use damm_catalog::{Catalog, Envelope};
use damm_channels::sealed;
use damm_clouds::sim::Happening;
use damm_clouds::traits::Result;
use damm_clouds::{Channel, Error, Providers};
use damm_engine::Engine;
use damm_fleet::{FailureClass, Span, Subject, Topology};
use damm_store::{Store, Tripwire};
use serde_json::json;
use support::{Stage, assert_at_rest, done, long, short, topology};

const HERE: &str = "directory:public";
const STORE: &str = "s3:https://s3.example.org/catalogs/";
const ZONE: &str = "dns:c.example.org";

/// What a channel does with what it is asked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Mood {
    Works,
    /// Every call fails.
    Down,
    /// So many writes are done, and then all fail.
    Tires(usize),
    /// It says yes and does nothing.
    Lies,
}

/// A channel in memory, which outlives engines.
struct Shelf {
    mood: Mutex<Mood>,
    files: Mutex<BTreeMap<String, Vec<u8>>>,
    /// All that was ever written.
    written: Mutex<Vec<(String, Vec<u8>)>>,
}

impl Shelf {
    fn new() -> Arc<Self> {
        let (files, written) = (Mutex::default(), Mutex::default());
        Arc::new(Self { mood: Mutex::new(Mood::Works), files, written })
    }

    fn is_now(&self, mood: Mood) {
        *self.mood.lock().unwrap() = mood;
    }

    fn files(&self) -> BTreeMap<String, Vec<u8>> {
        self.files.lock().unwrap().clone()
    }

    /// Whether a write is to be done.
    fn write(&self) -> Result<bool> {
        let mut mood = self.mood.lock().unwrap();
        match *mood {
            Mood::Works => return Ok(true),
            Mood::Lies => return Ok(false),
            Mood::Tires(0) => *mood = Mood::Down,
            Mood::Tires(n) => {
                *mood = Mood::Tires(n - 1);
                return Ok(true);
            }
            Mood::Down => {}
        }
        Err(down())
    }
}

fn down() -> Error {
    Error {
        class: FailureClass::Busy,
        provider: "shelf".to_owned(),
        operation: "put",
        message: "the shelf is down".to_owned(),
        retry_after: None,
    }
}

#[async_trait]
impl Channel for Shelf {
    async fn names(&self) -> Result<BTreeSet<String>> {
        match *self.mood.lock().unwrap() {
            Mood::Down => Err(down()),
            _ => Ok(self.files().into_keys().collect()),
        }
    }

    async fn put(&self, name: &str, bytes: &[u8]) -> Result<()> {
        if self.write()? {
            let file = (name.to_owned(), bytes.to_vec());
            self.written.lock().unwrap().push(file.clone());
            self.files.lock().unwrap().insert(file.0, file.1);
        }
        Ok(())
    }

    async fn remove(&self, name: &str) -> Result<()> {
        if self.write()? {
            self.files.lock().unwrap().remove(name);
        }
        Ok(())
    }
}

fn several() -> Topology {
    topology(|t| {
        t["catalog"]["channels"] = json!([
            { "kind": "directory", "path": "public" },
            { "kind": "s3", "endpoint": "https://s3.example.org", "bucket": "catalogs",
              "credentials": { "env": "KEY" } },
            { "kind": "dns", "server": "192.0.2.53", "zone": "c.example.org",
              "credentials": { "env": "KEY" } },
        ]);
    })
}

/// A fleet with three channels.
struct World {
    stage: Stage,
    here: Arc<Shelf>,
    store: Arc<Shelf>,
    zone: Arc<Shelf>,
}

impl World {
    async fn new(seed: u64) -> Self {
        let stage = Stage::new(several(), seed).await;
        Self { stage, here: Shelf::new(), store: Shelf::new(), zone: Shelf::new() }
    }

    fn providers(&self) -> Providers {
        let mut providers = self.stage.providers();
        for (name, shelf) in [(HERE, &self.here), (STORE, &self.store), (ZONE, &self.zone)] {
            providers.channels.insert(name.to_owned(), shelf.clone());
        }
        providers
    }

    async fn engine(&self) -> Engine {
        self.stage.engine_with(self.providers()).await
    }

    async fn engine_over(&self, store: Store) -> Engine {
        self.stage.engine_over(store, self.providers())
    }

    /// What a bucket's clients find in a public channel: the signed catalogs, by bucket.
    fn opened(&self, name: &str, shelf: &Shelf) -> BTreeMap<u32, Vec<u8>> {
        let (secret, files) = (self.stage.keys.secret(), shelf.files());
        let (region, population) = ("north".parse().unwrap(), "ir".parse().unwrap());
        let open = |bucket: u32| {
            let object = secret.channel(name).object_name(&region, &population, bucket);
            let file = files.get(&object.to_string())?;
            let identity = Identity::new(*secret.bucket_identity(&population, bucket));
            Some((bucket, sealed::open(file, &identity).unwrap()))
        };
        (0..4).filter_map(open).collect()
    }

    /// The plain catalogs, by bucket.
    fn plain(&self) -> BTreeMap<u32, Vec<u8>> {
        let (secret, files) = (self.stage.keys.secret(), self.here.files());
        let (region, population) = ("north".parse().unwrap(), "ir".parse().unwrap());
        let file = |bucket: u32| {
            let object = secret.channel(HERE).object_name(&region, &population, bucket);
            Some((bucket, files.get(&format!("{object}.json"))?.clone()))
        };
        (0..4).filter_map(file).collect()
    }

    /// All three hold the same, and nothing else.
    fn assert_whole(&self) {
        let plain = self.plain();
        assert_eq!(plain.len(), 4);
        for (name, shelf) in [(STORE, &self.store), (ZONE, &self.zone)] {
            assert_eq!(self.opened(name, shelf), plain, "{name}");
            assert_eq!(shelf.files().len(), 4, "{name}");
        }
        assert_eq!(self.here.files().len(), 4);
    }
}

fn catalog(signed: &[u8]) -> Catalog {
    Catalog::from_bytes(&Envelope::from_bytes(signed).unwrap().payload).unwrap()
}

async fn lagging(engine: &Engine) -> Vec<String> {
    let lags = engine.store().lags().await.unwrap();
    lags.into_keys().map(|(channel, _)| channel).collect()
}

#[tokio::test]
async fn what_lies_in_a_public_channel_is_for_its_bucket_and_tells_nothing() {
    let world = World::new(1).await;
    let engine = world.engine().await;
    done(&engine.settle(short(), "test").await.unwrap());
    world.assert_whole();
    assert_at_rest(&engine).await;
    let (here, store, zone) = (world.here.files(), world.store.files(), world.zone.files());
    let names: BTreeSet<_> = here.keys().chain(store.keys()).chain(zone.keys()).collect();
    assert_eq!(names.len(), 12, "no channel's names tell those of another");
    let lengths: BTreeSet<_> = store.values().chain(zone.values()).map(Vec::len).collect();
    assert_eq!(lengths.len(), 1, "lengths tell nothing");
    for file in store.values().chain(zone.values()) {
        for word in ["example", "fronts", "payload", "north"] {
            let found = file.windows(word.len()).any(|w| w == word.as_bytes());
            assert!(!found, "{word} can be read");
        }
    }
    let strange =
        Identity::new(*world.stage.keys.secret().bucket_identity(&"ir".parse().unwrap(), 9));
    assert!(store.values().all(|f| sealed::open(f, &strange).is_err()));
}

#[tokio::test]
async fn a_channel_that_is_down_delays_no_other_and_catches_up_alone() {
    let world = World::new(2).await;
    world.store.is_now(Mood::Down);
    let engine = world.engine().await;
    engine.settle(short(), "test").await.unwrap();
    let plain = world.plain();
    assert_eq!(plain.len(), 4);
    assert_eq!(world.opened(ZONE, &world.zone), plain);
    assert_eq!(engine.store().catalogs().await.unwrap().len(), 1, "it counts as published");
    assert_eq!(lagging(&engine).await, [STORE]);
    let lag = engine.store().lags().await.unwrap().into_values().next().unwrap();
    assert!(lag.tries > 0 && lag.why == "the shelf is down", "{lag:?}");
    assert!(world.store.files().is_empty());

    // What lags behind is known after a restart, too.
    drop(engine);
    let engine = world.engine().await;
    let (here, zone) = (world.here.written.lock().unwrap().len(), world.zone.files());
    world.store.is_now(Mood::Works);
    world.stage.clock.advance(Span::from_mins(2));
    done(&engine.settle(short(), "test").await.unwrap());
    assert_eq!(world.plain(), plain, "it was given what the others had");
    world.assert_whole();
    assert_eq!(world.here.written.lock().unwrap().len(), here, "no other was written again");
    assert_eq!(world.zone.files(), zone);
    assert_eq!(lagging(&engine).await, [""; 0]);
    assert_at_rest(&engine).await;
}

#[tokio::test]
async fn a_channel_that_fails_half_way_goes_on_from_there() {
    let world = World::new(3).await;
    world.zone.is_now(Mood::Tires(2));
    let engine = world.engine().await;
    engine.settle(short(), "test").await.unwrap();
    assert_eq!(world.zone.files().len(), 2);
    assert_eq!(lagging(&engine).await, [ZONE]);
    world.zone.is_now(Mood::Works);
    world.stage.clock.advance(Span::from_mins(2));
    done(&engine.settle(short(), "test").await.unwrap());
    world.assert_whole();
    assert_eq!(world.zone.written.lock().unwrap().len(), 4, "nothing was written twice");
}

#[tokio::test]
async fn while_no_channel_works_nothing_counts_as_published() {
    let world = World::new(4).await;
    let all = [&world.here, &world.store, &world.zone];
    all.iter().for_each(|shelf| shelf.is_now(Mood::Down));
    let engine = world.engine().await;
    engine.settle(short(), "test").await.unwrap();
    assert!(engine.store().catalogs().await.unwrap().is_empty());
    assert_eq!(lagging(&engine).await.len(), 3);
    all.iter().for_each(|shelf| shelf.is_now(Mood::Works));
    world.stage.clock.advance(Span::from_mins(2));
    done(&engine.settle(short(), "test").await.unwrap());
    world.assert_whole();
    assert_at_rest(&engine).await;
}

#[tokio::test]
async fn a_channel_that_lies_is_found_out_at_the_next_publishing() {
    let world = World::new(5).await;
    world.store.is_now(Mood::Lies);
    let engine = world.engine().await;
    done(&engine.settle(short(), "test").await.unwrap());
    assert!(world.store.files().is_empty());
    world.store.is_now(Mood::Works);
    world.stage.clock.advance(Span::from_mins(31));
    done(&engine.settle(short(), "test").await.unwrap());
    world.assert_whole();
    // Somebody cleans up, too.
    world.store.files.lock().unwrap().clear();
    world.stage.clock.advance(Span::from_mins(31));
    done(&engine.settle(short(), "test").await.unwrap());
    world.assert_whole();
}

#[tokio::test]
async fn no_address_is_given_back_while_a_channel_that_is_down_may_serve_it() {
    let world = World::new(6).await;
    let engine = world.engine().await;
    done(&engine.settle(short(), "test").await.unwrap());
    world.stage.clock.advance(Span::from_mins(25));
    world.store.is_now(Mood::Down);
    let served: Vec<_> = world.opened(STORE, &world.store).into_values().collect();
    let served: Vec<Catalog> = served.iter().map(|signed| catalog(signed)).collect();
    let door = served.iter().flat_map(|c| &c.fronts).map(|f| f.id).next().unwrap();
    engine.store().put_verdicts(&world.stage.blocked(door)).await.unwrap();
    engine.settle(long(), "test").await.unwrap();
    let naming = served.iter().filter(|c| c.fronts.iter().any(|f| f.id == door));
    let expires = naming.map(|c| c.expires).max().unwrap();
    let events = world.stage.world.events();
    let its = |e: &&damm_clouds::sim::Event| {
        e.tag.as_ref().map(|t| t.subject) == Some(Subject::Frontdoor(door))
    };
    let mut its = events.iter().filter(its);
    let released = its.find(|e| e.what == Happening::AddressReleased);
    let released = released.expect("the other channels let it go in the end");
    assert!(released.at >= expires, "{} and {expires}", released.at);
    assert_eq!(lagging(&engine).await, [STORE]);
}

/// Every version that was ever written, with its one sealing in each channel.
fn assert_no_version_twice(world: &World) {
    let mut versions = BTreeMap::new();
    for (name, bytes) in world.here.written.lock().unwrap().iter() {
        let version = catalog(bytes).version;
        let before = versions.insert((name.clone(), version), bytes.clone());
        assert!(before.is_none_or(|b| b == *bytes), "version {version} of {name} was used twice");
    }
}

#[tokio::test]
async fn a_crash_between_any_two_steps_of_publishing_loses_nothing() {
    let mut crashes = 0;
    for at in 0.. {
        let world = World::new(100 + at as u64).await;
        let engine = world.engine().await;
        done(&engine.settle(short(), "test").await.unwrap());
        engine.store().clone().close().await.unwrap();
        drop(engine);
        world.stage.clock.advance(Span::from_mins(31));
        // One channel is down half the time, so that there is something to catch up with.
        world.zone.is_now(if at % 2 == 0 { Mood::Tires(1) } else { Mood::Works });

        let points = Arc::new(AtomicUsize::new(0));
        let counted = points.clone();
        let publishing = ["put_editions", "put_standing", "put_lag", "put_catalog", "expose"];
        let trips = move |point: &'static str| {
            let ours = publishing.iter().any(|p| point.ends_with(p));
            ours && counted.fetch_add(1, Ordering::Relaxed) == at
        };
        let store = world.stage.store().await.with_tripwire(Tripwire::new(trips));
        let engine = world.engine_over(store.clone()).await;
        engine.recover().await.unwrap();
        let crashed = engine.settle(short(), "test").await.is_err();
        store.close().await.unwrap();
        drop(engine);

        world.zone.is_now(Mood::Works);
        world.stage.clock.advance(Span::from_mins(2));
        let engine = world.engine().await;
        done(&engine.settle(short(), "test").await.unwrap());
        world.assert_whole();
        assert_no_version_twice(&world);
        assert_at_rest(&engine).await;
        crashes += usize::from(crashed);
        if points.load(Ordering::Relaxed) <= at {
            break;
        }
    }
    assert!(crashes >= 8, "{crashes} points were tried");
}
