//! An insider among the clients, a censor who blocks what it is told of, and the whole engine.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod support;

use std::collections::{BTreeMap, BTreeSet};

use damm_assign::{Bucket, Census, Path, Paths, Splitting, Standing, Turn};
use damm_engine::{Engine, Event};
use damm_fleet::verdict::Verdict;
use damm_fleet::{Asn, FrontdoorId, Network, PopulationName, RegionName, Span, State, Verdicts};
use damm_protocol::{ClientSecret, CredentialId, Secret32};
use support::{Stage, done, short, topology};

const CLIENTS: u32 = 60;
const BUCKETS: u32 = 2;
const INSIDER: u32 = 7;

/// Sixteen nodes of two doors: enough that a suspect's doors need not be anybody else's.
async fn stage() -> Stage {
    let topology = topology(|t| {
        t["regions"]["north"]["ingress"]["live"] = 16.into();
        t["catalog"]["buckets"] = BUCKETS.into();
        t["catalog"]["channels"][0]["path"] = "public".into();
    });
    Stage::new(topology, 11).await
}

struct Story {
    stage: Stage,
    engine: Engine,
    paths: Vec<Path>,
    verdicts: Verdicts,
}

impl Story {
    async fn begin() -> Self {
        let stage = stage().await;
        let engine = stage.engine().await;
        for number in 0..CLIENTS {
            let secret = ClientSecret::new(Secret32::new([number as u8 + 1; 32]));
            let credential = secret.credential(CredentialId::new(number).unwrap());
            engine.store().add_credential(&credential).await.unwrap();
        }
        done(&engine.settle(short(), "test").await.unwrap());
        let key = stage.keys.secret().assign_key();
        let paths = Paths::new(&key, &population(), BUCKETS);
        let paths = (0..CLIENTS).map(|c| paths.of(c)).collect();
        Self { stage, engine, paths, verdicts: Verdicts::default() }
    }

    async fn splitting(&self) -> Splitting {
        let mut all = self.engine.store().splittings().await.unwrap();
        all.remove(&population()).unwrap_or_default()
    }

    /// What each leaf's catalog names, as its clients find it.
    async fn told(&self) -> BTreeMap<Bucket, Vec<FrontdoorId>> {
        let channel = self.stage.keys.secret().channel("directory:public");
        let region = RegionName::new("north").unwrap();
        let catalogs = self.stage.catalogs();
        let leaves: Vec<Bucket> = self.splitting().await.splits.leaves(BUCKETS).collect();
        assert!(catalogs.len() <= leaves.len(), "a catalog of a bucket that is split still stands");
        let told = leaves.into_iter().filter_map(|leaf| {
            let name = channel.object_name(&region, &population(), leaf.number());
            let catalog = catalogs.get(&format!("{name}.json"))?;
            Some((leaf, catalog.fronts.iter().map(|f| f.id).collect()))
        });
        told.collect()
    }

    /// The censor blocks these; the fleet finds out, and goes on for an hour.
    async fn block(&mut self, doors: &[FrontdoorId]) {
        let network = Network::new("IR", Asn(58_224)).unwrap();
        for door in doors {
            let (since, evidence) = (self.stage.now(), "test".to_owned());
            let verdict = Verdict::new(State::Blocked, since, evidence);
            self.verdicts.0.insert(*door, [(network, verdict)].into());
        }
        for _ in 0..5 {
            self.engine.store().put_verdicts(&self.verdicts).await.unwrap();
            self.engine.settle(short(), "test").await.unwrap();
            self.stage.clock.advance(Span::from_mins(12));
        }
    }
}

fn population() -> PopulationName {
    PopulationName::new("ir").unwrap()
}

#[tokio::test]
async fn an_insider_is_alone_after_a_few_blocks_and_the_others_are_told_of_open_doors() {
    let mut story = Story::begin().await;
    let census = Census::new(story.paths.iter().copied());
    let mine = story.paths[INSIDER as usize];
    let mut blocks = 0;
    loop {
        let splitting = story.splitting().await;
        let leaf = splitting.splits.leaf_of(mine);
        if splitting.standing(leaf) == Standing::Alone {
            assert_eq!(census.clients_in(leaf), 1);
            break;
        }
        let told = story.told().await;
        let open = told[&leaf].iter().find(|d| !story.verdicts.0.contains_key(d));
        let door = *open.expect("the insider is told of open doors");
        story.block(&[door]).await;
        blocks += 1;
        // 30 clients a bucket: five halvings, and a few blocks to begin with and to be sure.
        assert!(blocks <= 12, "{blocks} blocks, and not alone: {splitting:?}");
    }
    // What the others are told of is open, and there is some of it.
    let (told, splitting) = (story.told().await, story.splitting().await);
    for (client, path) in story.paths.iter().enumerate().filter(|(c, _)| *c != INSIDER as usize) {
        let doors = &told[&splitting.splits.leaf_of(*path)];
        let open = doors.iter().filter(|d| !story.verdicts.0.contains_key(d)).count();
        assert_eq!(open, 2, "client {client}");
    }
    let events = story.stage.events.lock().unwrap().clone();
    let alone =
        events.iter().filter(|e| matches!(e, Event::Judged { turn: Turn::Alone { .. }, .. }));
    assert_eq!(alone.count(), 1, "one client was found, and nobody else");
    let audit = story.engine.store().audit_log(500).await.unwrap();
    assert!(audit.iter().any(|e| e.what == "split"), "{audit:?}");
}

#[tokio::test]
async fn what_is_blocked_as_one_splits_nothing() {
    let mut story = Story::begin().await;
    let blueprint = story.engine.blueprint();
    let left = blueprint.nodes.values().filter(|n| n.provider.as_str() == "left");
    let doors: Vec<FrontdoorId> = left.flat_map(|n| n.frontdoors.keys().copied()).collect();
    assert!(doors.len() > 8);
    story.block(&doors).await;
    assert!(story.splitting().await.is_calm(), "{:?} of {doors:?}", story.splitting().await);
}

#[tokio::test]
async fn who_was_told_of_what_is_known_before_it_can_be_read_and_forgotten_with_the_door() {
    let mut story = Story::begin().await;
    let told = story.told().await;
    let learned = story.engine.store().learned().await.unwrap();
    let learned: BTreeSet<(FrontdoorId, u32)> =
        learned.into_iter().map(|(door, _, bucket)| (door, bucket)).collect();
    let named = told.iter().flat_map(|(b, doors)| doors.iter().map(|d| (*d, b.number())));
    assert_eq!(learned, named.collect());

    let door = told[&Bucket::base(0)][0];
    story.block(&[door]).await;
    for _ in 0..40 {
        story.engine.settle(short(), "test").await.unwrap();
        story.stage.clock.advance(Span::from_mins(30));
    }
    let learned = story.engine.store().learned().await.unwrap();
    assert!(!learned.is_empty() && learned.iter().all(|(d, ..)| *d != door), "{learned:?}");
}
