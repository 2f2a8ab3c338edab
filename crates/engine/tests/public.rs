//! Catalogs at moto and at BIND, as clients find them there.

#![allow(clippy::unwrap_used)]

#[path = "../../vendors/tests/aws_moto/server.rs"]
#[allow(dead_code)]
mod moto;
#[path = "../../vendors/tests/servers/mod.rs"]
mod servers;
mod support;

use std::collections::BTreeSet;
use std::sync::Arc;

use damm_age::Identity;
use damm_catalog::{Catalog, Expected, Verifier};
use damm_channels::read::{Fetched, Reader};
use damm_channels::sealed;
use damm_clouds::{Providers, WallClock};
use damm_doubles::aws::REGION;
use damm_engine::Engine;
use damm_fleet::topology::Channel;
use damm_fleet::{Span, Topology};
use damm_vendors::registry::Around;
use serde_json::json;
use servers::dns::{KEYS, Kind, NameServer, ZONE};
use support::{Stage, assert_at_rest, done, short, topology};

const BUCKET: &str = "catalogs";

/// A fleet that publishes into directories, a store and a zone, all of them real.
struct World {
    stage: Stage,
    moto: moto::At,
    server: NameServer,
}

impl World {
    async fn new(seed: u64) -> Option<Self> {
        // The account that keys without a name of their own are of.
        let account = "123456789012".to_owned();
        let moto = moto::At { account, ..moto::server()?.account() };
        let server = NameServer::start(Kind::Bind)?;
        let stage = Stage::new(public(moto.port, server.port), seed).await;
        Some(Self { stage, moto, server })
    }

    fn providers(&self) -> Providers {
        let mut providers = self.stage.providers();
        let (name, algorithm, key) = KEYS[0];
        let environment = |variable: &str| match variable {
            "STORE" => Some("access_key_id = AKIDEXAMPLE\nsecret_access_key = hunter2".to_owned()),
            _ => Some(format!("name = {name}\nalgorithm = {algorithm}\nkey = {key}")),
        };
        let around = Around {
            base: self.stage.dir.path(),
            environment: &environment,
            origins: None,
            clock: Arc::new(WallClock),
        };
        damm_channels::connect(&mut providers, &self.stage.topology, &around).unwrap();
        providers
    }

    async fn engine(&self) -> Engine {
        self.stage.engine_with(self.providers()).await
    }

    fn channels(&self) -> &[Channel] {
        &self.stage.topology.catalog.channels
    }

    /// Somebody else makes the bucket, where everybody may fetch what they know the name of.
    fn make_bucket(&self) {
        let made = format!(
            "<CreateBucketConfiguration xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\">\
             <LocationConstraint>{REGION}</LocationConstraint></CreateBucketConfiguration>"
        );
        let answer = self.moto.call("s3", "PUT", &format!("/{BUCKET}"), &made);
        assert!(answer.contains(" 200 "), "{answer}");
        let policy = json!({ "Version": "2012-10-17", "Statement": [{
            "Effect": "Allow", "Principal": "*", "Action": "s3:GetObject",
            "Resource": format!("arn:aws:s3:::{BUCKET}/*"),
        }] });
        let path = format!("/{BUCKET}?policy");
        let answer = self.moto.call("s3", "PUT", &path, &policy.to_string());
        assert!(answer.contains(" 200 ") || answer.contains(" 204 "), "{answer}");
    }

    fn reader(&self, channel: &Channel) -> Reader {
        match (channel, channel.url()) {
            (_, Some(url)) => Reader::web(&url).unwrap(),
            (Channel::Directory { path, .. }, _) => {
                Reader::Directory(self.stage.dir.path().join(path))
            }
            _ => Reader::names(ZONE, servers::local(self.server.port)).unwrap(),
        }
    }

    /// What a bucket's clients find in a channel, before it is opened.
    async fn lies(&self, channel: &Channel, bucket: u32) -> Option<Vec<u8>> {
        let secret = self.stage.keys.secret().channel(&channel.name());
        let (region, population) = ("north".parse().unwrap(), "ir".parse().unwrap());
        let name = channel.file_name(secret.object_name(&region, &population, bucket));
        match self.reader(channel).fetch(&name, None).await.unwrap() {
            Fetched::File { bytes, .. } => Some(bytes),
            _ => None,
        }
    }

    fn identity(&self, bucket: u32) -> Identity {
        let population = "ir".parse().unwrap();
        Identity::new(*self.stage.keys.secret().bucket_identity(&population, bucket))
    }

    /// What a bucket's clients make of it.
    async fn catalog(&self, channel: &Channel, bucket: u32) -> Option<Catalog> {
        let mut bytes = self.lies(channel, bucket).await?;
        if channel.is_sealed() {
            bytes = sealed::open(&bytes, &self.identity(bucket)).unwrap();
        }
        let verifier = Verifier::trust(self.stage.keys.root(), Expected::fleet("example"));
        Some(verifier.unwrap().verify(&bytes, self.stage.now(), None).unwrap())
    }

    async fn catalogs(&self, channel: &Channel) -> Vec<Option<Catalog>> {
        let mut all = Vec::new();
        for bucket in 0..4 {
            all.push(self.catalog(channel, bucket).await);
        }
        all
    }
}

fn public(store: u16, zone: u16) -> Topology {
    topology(|t| {
        t["catalog"]["channels"] = json!([
            { "kind": "directory", "path": "public" },
            { "kind": "directory", "path": "stick", "encrypt": true },
            { "kind": "s3", "endpoint": format!("http://127.0.0.1:{store}"), "bucket": BUCKET,
              "region": REGION, "prefix": "c/", "credentials": { "env": "STORE" } },
            { "kind": "dns", "server": format!("127.0.0.1:{zone}"), "zone": ZONE,
              "credentials": { "env": "ZONE" } },
        ]);
    })
}

#[tokio::test]
async fn clients_find_the_same_catalogs_in_every_place_and_one_that_was_down_catches_up() {
    let Some(world) = World::new(1).await else { return };
    let engine = world.engine().await;
    engine.settle(short(), "test").await.unwrap();
    let [plain, stick, store, zone] = world.channels() else { panic!("four channels") };
    let wanted = world.catalogs(plain).await;
    assert!(wanted.iter().all(Option::is_some), "{wanted:?}");
    assert_eq!(world.catalogs(stick).await, wanted);
    assert_eq!(world.catalogs(zone).await, wanted);
    let lags = engine.store().lags().await.unwrap();
    let lagging: Vec<_> = lags.keys().map(|(channel, _)| channel.clone()).collect();
    assert_eq!(lagging, [store.state()]);

    world.make_bucket();
    world.stage.clock.advance(Span::from_mins(10));
    done(&engine.settle(short(), "test").await.unwrap());
    assert_eq!(world.catalogs(store).await, wanted, "it was given what the others had");
    assert!(engine.store().lags().await.unwrap().is_empty());
    assert_at_rest(&engine).await;

    // A later catalog replaces the one of before, everywhere.
    world.stage.clock.advance(Span::from_mins(31));
    done(&engine.settle(short(), "test").await.unwrap());
    let newer = world.catalogs(plain).await;
    assert_ne!(newer, wanted);
    for channel in [stick, store, zone] {
        assert_eq!(world.catalogs(channel).await, newer, "{}", channel.name());
    }
    nothing_is_told(&world, [stick, store, zone]).await;
    assert_at_rest(&engine).await;
}

/// What lies in public says nothing to whoever has no key, and has one length.
async fn nothing_is_told(world: &World, channels: [&Channel; 3]) {
    let mut lengths = BTreeSet::new();
    for channel in channels {
        for bucket in 0..4 {
            let file = world.lies(channel, bucket).await.unwrap();
            assert!(sealed::open(&file, &world.identity((bucket + 1) % 4)).is_err());
            for word in ["example", "fronts", "payload", "north"] {
                assert!(!file.windows(word.len()).any(|w| w == word.as_bytes()), "{word}");
            }
            lengths.insert(file.len());
        }
    }
    assert_eq!(lengths.len(), 1, "{lengths:?}");
}
