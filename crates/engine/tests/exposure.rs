//! How many clients know of a front door, and what is done when they are too many.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod support;

use std::collections::BTreeMap;
use std::ops::Range;

use damm_assign::{Bucket, Census, Paths};
use damm_engine::Engine;
use damm_fleet::{FrontdoorId, PopulationName, Reason, Span};
use damm_protocol::{ClientSecret, CredentialId, Secret32};
use support::{Stage, assert_at_rest, done, short, topology};

const BUCKETS: u32 = 4;

async fn stage(budget: Option<u32>) -> Stage {
    let topology = topology(|t| {
        t["regions"]["north"]["ingress"]["live"] = 8.into();
        t["catalog"]["buckets"] = BUCKETS.into();
        t["catalog"]["exposure_budget"] = budget.into();
    });
    Stage::new(topology, 21).await
}

async fn come(engine: &Engine, numbers: Range<u32>) {
    for number in numbers {
        let secret = ClientSecret::new(Secret32::new([number as u8 + 1; 32]));
        let credential = secret.credential(CredentialId::new(number).unwrap());
        engine.store().add_credential(&credential).await.unwrap();
    }
}

async fn counts(engine: &Engine) -> BTreeMap<FrontdoorId, u32> {
    let exposures = engine.store().exposures().await.unwrap();
    exposures.into_iter().map(|(door, e)| (door, e.learned_by)).filter(|(_, n)| *n > 0).collect()
}

/// The clients of all buckets that were ever told of each door.
async fn expected(stage: &Stage, engine: &Engine, clients: u32) -> BTreeMap<FrontdoorId, u32> {
    let population = PopulationName::new("ir").unwrap();
    let paths = Paths::new(&stage.keys.secret().assign_key(), &population, BUCKETS);
    let census = Census::new((0..clients).map(|c| paths.of(c)));
    let mut all = BTreeMap::new();
    for (door, _, bucket) in engine.store().learned().await.unwrap() {
        let bucket = Bucket::new(bucket).unwrap();
        *all.entry(door).or_insert(0) += u32::try_from(census.clients_in(bucket)).unwrap();
    }
    all
}

#[tokio::test]
async fn each_bucket_counts_once_for_a_door_and_grows_with_whoever_comes() {
    let stage = stage(None).await;
    let engine = stage.engine().await;
    come(&engine, 0..40).await;
    done(&engine.settle(short(), "test").await.unwrap());
    let first = counts(&engine).await;
    assert_eq!(first, expected(&stage, &engine, 40).await);
    assert!(first.len() > 4);

    come(&engine, 40..90).await;
    engine.settle(short(), "test").await.unwrap();
    assert_eq!(counts(&engine).await, first, "newcomers are counted every ten minutes");
    stage.clock.advance(Span::from_mins(10));
    engine.settle(short(), "test").await.unwrap();
    assert_eq!(counts(&engine).await, expected(&stage, &engine, 90).await);
}

#[tokio::test]
async fn who_is_revoked_has_learned_what_it_learned() {
    let stage = stage(None).await;
    let engine = stage.engine().await;
    come(&engine, 0..40).await;
    done(&engine.settle(short(), "test").await.unwrap());
    let before = counts(&engine).await;
    for number in 0..30 {
        let id = CredentialId::new(number).unwrap();
        engine.store().revoke_credential(id).await.unwrap();
    }
    come(&engine, 40..41).await;
    stage.clock.advance(Span::from_mins(10));
    engine.settle(short(), "test").await.unwrap();
    assert_eq!(counts(&engine).await, before);
}

#[tokio::test]
async fn a_door_that_as_many_know_as_may_is_replaced_and_nothing_is_left_to_plan() {
    let stage = stage(Some(30)).await;
    let engine = stage.engine().await;
    come(&engine, 0..40).await;
    done(&engine.settle(short(), "test").await.unwrap());
    let before = counts(&engine).await;
    let most = before.iter().max_by_key(|(_, n)| **n).map(|(door, _)| *door).unwrap();
    assert!(before[&most] < 30, "{before:?}");
    come(&engine, 40..100).await;
    stage.clock.advance(Span::from_mins(61));
    engine.settle(short(), "test").await.unwrap();
    let blueprint = engine.blueprint();
    let doors: Vec<_> = blueprint.nodes.values().flat_map(|n| n.frontdoors.values()).collect();
    let new = doors.iter().find(|d| d.replaces == Some(most)).expect("a replacement");
    let learned_by = counts(&engine).await[&most];
    assert_eq!(new.reason, Reason::Exposed { learned_by, budget: 30 });
    assert!(learned_by >= 30);
    assert_at_rest(&engine).await;
}
