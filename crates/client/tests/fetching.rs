//! What a client takes, from whom, and what it refuses.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod scene;

use damm_age::Entropy;
use damm_channels::sealed;
use damm_client::Error;
use damm_fleet::{FrontdoorId, Span};
use scene::{AUDIENCES, Scene, identity};

const SOON: Span = Span::from_mins(1);

#[tokio::test]
async fn the_newest_of_what_places_have_is_taken_and_nothing_older_after_it() {
    let mut scene = Scene::new();
    scene.put("a", 0, &Scene::catalog(4, 0, &[1, 2]));
    scene.put("b", 0, &Scene::catalog(5, 0, &[2, 3]));
    let fetched = scene.fetch(SOON).await.unwrap();
    assert_eq!((fetched.asked, fetched.failures.len()), (2, 0));
    assert_eq!(scene.held(), Some((5, AUDIENCES[0].to_owned())));
    // The newer place is rolled back, and the other was stale all the time.
    scene.put("b", 0, &Scene::catalog(3, 0, &[9]));
    let fetched = scene.fetch(SOON).await.unwrap();
    assert!(fetched.news.is_empty());
    assert_eq!(fetched.failures.len(), 2, "{:?}", fetched.failures);
    assert_eq!(scene.held(), Some((5, AUDIENCES[0].to_owned())));
}

#[tokio::test]
async fn a_place_that_lies_or_is_down_does_not_hurt_as_long_as_another_works() {
    let mut scene = Scene::new();
    scene.put("b", 0, &Scene::catalog(5, 0, &[1]));
    let good = std::fs::read(scene.file("b", 0)).unwrap();
    let mut lies = vec![b"no catalog".to_vec(), Vec::new(), vec![0; 300_000]];
    // Every byte of a good one changed, one at a time, in steps.
    lies.extend((0..good.len()).step_by(97).map(|at| {
        let mut bad = good.clone();
        bad[at] ^= 1;
        bad
    }));
    for lie in lies {
        std::fs::write(scene.file("a", 0), &lie).unwrap();
        let mut fresh = Scene::new();
        std::mem::swap(&mut fresh.profile, &mut scene.profile);
        scene.profile = scene::enrolled(fresh.profile.assignment().unwrap());
        scene.fetch(SOON).await.unwrap();
        assert_eq!(scene.held(), Some((5, AUDIENCES[0].to_owned())));
    }
}

#[tokio::test]
async fn a_place_that_fails_rests_and_is_asked_again_later() {
    let mut scene = Scene::new();
    scene.put("a", 0, &Scene::catalog(1, 0, &[1]));
    assert_eq!(scene.fetch(SOON).await.unwrap().failures.len(), 1);
    assert_eq!(scene.fetch(Span::from_secs(70)).await.unwrap().asked, 1);
    scene.put("b", 0, &Scene::catalog(2, 0, &[1]));
    assert_eq!(scene.fetch(Span::from_mins(3)).await.unwrap().asked, 2);
    assert_eq!(scene.held().unwrap().0, 2);
}

#[tokio::test]
async fn what_another_signed_or_is_anothers_or_has_expired_is_refused() {
    let mut scene = Scene::new();
    let stolen = damm_catalog::SecretKey::new(&[9; 32]);
    let forged = Scene::catalog(9, 0, &[1]).seal(&[&stolen]).to_bytes();
    std::fs::write(scene.file("a", 0), forged).unwrap();
    let mut anothers = Scene::catalog(9, 0, &[1]);
    anothers.audience = "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa".parse().unwrap();
    scene.put("b", 0, &anothers);
    let refused = scene.fetch(SOON).await.unwrap_err();
    let Error::NoCatalog(whys) = refused else { panic!("{refused}") };
    assert_eq!(whys.len(), 2, "{whys:?}");
    scene.put("a", 0, &Scene::catalog(1, 0, &[1]));
    let late = scene.fetch(Span::from_hours(7)).await.unwrap_err();
    assert!(late.to_string().contains("expired"), "{late}");
    scene.fetch(Span::from_hours(5)).await.unwrap();
    // What is held is no catalog any more once it has expired.
    assert!(scene.fetch(Span::from_hours(6)).await.is_err());
    assert!(scene.profile.ways(scene::NOW + Span::from_hours(6)).unwrap().is_empty());
}

#[tokio::test]
async fn a_client_follows_its_bucket_when_that_is_split() {
    let mut scene = Scene::new();
    scene.put("a", 0, &Scene::catalog(7, 0, &[1, 2]));
    scene.fetch(SOON).await.unwrap();
    // Its half of the bucket counts versions from 1.
    std::fs::remove_file(scene.file("a", 0)).unwrap();
    let mut half = Scene::catalog(1, 1, &[2, 3]);
    half.not_before = scene::NOW + Span::from_secs(30);
    scene.put("a", 1, &half);
    scene.fetch(SOON).await.unwrap();
    assert_eq!(scene.held(), Some((1, AUDIENCES[1].to_owned())));
    // The catalog of before the split is older, whatever its version.
    scene.put("b", 0, &Scene::catalog(8, 0, &[1]));
    scene.fetch(Span::from_mins(10)).await.unwrap();
    assert_eq!(scene.held(), Some((1, AUDIENCES[1].to_owned())));
    // Doors of before are tried still, as long as somebody may have been told of them.
    let now = scene::NOW + Span::from_mins(10);
    let ids = |ways: Vec<damm_formats::Door>| -> Vec<_> { ways.iter().map(|d| d.id).collect() };
    assert_eq!(ids(scene.profile.ways(now).unwrap()), [2, 3].map(FrontdoorId::from_raw));
    assert_eq!(ids(scene.profile.all_ways(now).unwrap()), [1, 2, 3].map(FrontdoorId::from_raw));
}

#[tokio::test]
async fn what_is_sealed_is_opened_with_the_key_of_its_own_bucket() {
    let mut scene = Scene::with(|a| a.places.iter_mut().for_each(|p| p.sealed = true));
    let put = |scene: &Scene, leaf: usize, key: usize| {
        let signed = Scene::catalog(3, leaf, &[1]).seal(&[&scene.online]).to_bytes();
        let file = sealed::seal(&signed, &identity(key).recipient(), &Entropy::new([4; 32]));
        std::fs::write(scene.file("a", leaf), file).unwrap();
    };
    put(&scene, 2, 1);
    assert!(matches!(scene.fetch(SOON).await, Err(Error::NoCatalog(_))));
    put(&scene, 2, 2);
    scene.fetch(Span::from_mins(61)).await.unwrap();
    assert_eq!(scene.held(), Some((3, AUDIENCES[2].to_owned())));
}
