//! What a client takes, and what it refuses.

#![allow(clippy::unwrap_used)]

mod fleets;

use damm_catalog::{Catalog, Envelope, Expected, Refusal, Root, SKEW, SecretKey, Verifier};
use damm_fleet::{Span, Timestamp};
use fleets::{Fleet, NOW, Shape, edition, key, online, population, region};

/// Keys that are kept offline.
fn offline(n: u8) -> SecretKey {
    SecretKey::new(&[100 + n; 32])
}

/// A root of two of three offline keys, with one online key for catalogs.
fn root(version: u64, online: &SecretKey) -> Root {
    let offline = [1, 2, 3].map(|n| offline(n).public());
    let year = NOW + Span::from_days(365);
    Root::new("example", version, year, (&offline, 2), (&[online.public()], 1)).unwrap()
}

fn first_root() -> Vec<u8> {
    root(1, &online()).seal(&[&offline(1), &offline(2)]).to_bytes()
}

fn verifier() -> Verifier {
    Verifier::trust(&first_root(), Expected::fleet("example")).unwrap()
}

fn catalog_of(bucket: u32, version: u64) -> Catalog {
    let mut fleet = Fleet::empty(1);
    for provider in 0..2 {
        fleet.ingress(&Shape {
            in_us: false,
            provider,
            duty: 0,
            stage: 0,
            addresses: vec![(0, false)],
            withheld: false,
        });
    }
    let told = fleet.told(&region("eu"), &population("ir")).unwrap();
    told.catalog(&key(), bucket, edition(version)).unwrap()
}

fn catalog(version: u64) -> Catalog {
    catalog_of(0, version)
}

fn sealed(catalog: &Catalog) -> Vec<u8> {
    catalog.seal(&[&online()]).to_bytes()
}

#[test]
fn a_good_catalog_is_taken_as_it_was_built() {
    let catalog = catalog(7);
    let taken = verifier().verify(&sealed(&catalog), NOW, None);
    assert_eq!(taken, Ok(catalog.clone()));
    // Again, and the next version.
    let seen = catalog.seen();
    assert_eq!(verifier().verify(&sealed(&catalog), NOW, Some(&seen)), Ok(catalog));
    assert!(verifier().verify(&sealed(&catalog_of(0, 8)), NOW, Some(&seen)).is_ok());
}

#[test]
fn an_older_catalog_is_refused_as_a_rollback() {
    let refusal = verifier().verify(&sealed(&catalog(6)), NOW, Some(&catalog(7).seen()));
    assert_eq!(refusal, Err(Refusal::Rollback { found: 6, seen: 7 }));
}

#[test]
fn another_catalog_of_the_same_version_is_refused() {
    let mut other = catalog(7);
    other.fronts.reverse();
    let refusal = verifier().verify(&sealed(&other), NOW, Some(&catalog(7).seen()));
    assert_eq!(refusal, Err(Refusal::Equivocation { version: 7 }));
}

#[test]
fn a_catalog_is_refused_from_the_moment_on_at_which_it_expires() {
    let catalog = catalog(7);
    let at = |now| verifier().verify(&sealed(&catalog), now, None);
    let expired = catalog.expires;
    assert!(at(expired - Span::from_millis(1)).is_ok());
    assert_eq!(at(expired), Err(Refusal::Expired { expired }));
}

#[test]
fn a_catalog_of_the_future_is_taken_only_within_the_skew_of_clocks() {
    let catalog = catalog(7);
    let at = |now| verifier().verify(&sealed(&catalog), now, None);
    let from = catalog.not_before;
    assert!(at(from - SKEW).is_ok());
    let now = from - SKEW - Span::from_millis(1);
    assert_eq!(at(now), Err(Refusal::NotYetValid { from, now }));
}

#[test]
fn a_catalog_of_another_fleet_or_region_is_refused() {
    let with = |fleet: &str, name: Option<&str>| {
        let expected = Expected { region: name.map(region), ..Expected::fleet("example") };
        let mut catalog = catalog(7);
        catalog.fleet = fleet.to_owned();
        let verifier = Verifier::trust(&first_root(), expected).unwrap();
        verifier.verify(&sealed(&catalog), NOW, None).map(|_| ())
    };
    assert_eq!(with("example", Some("eu")), Ok(()));
    let (wanted, found) = ("example".to_owned(), "other".to_owned());
    assert_eq!(with("other", None), Err(Refusal::WrongFleet { wanted, found }));
    let (wanted, found) = (region("us"), region("eu"));
    assert_eq!(with("example", Some("us")), Err(Refusal::WrongRegion { wanted, found }));
}

#[test]
fn another_buckets_catalog_is_refused() {
    let (mine, theirs) = (catalog_of(0, 7), catalog_of(1, 8));
    let refusal = verifier().verify(&sealed(&theirs), NOW, Some(&mine.seen()));
    assert_eq!(refusal, Err(Refusal::WrongAudience));
    let expected = Expected { audience: Some(mine.audience), ..Expected::fleet("example") };
    let enrolled = Verifier::trust(&first_root(), expected).unwrap();
    assert_eq!(enrolled.verify(&sealed(&theirs), NOW, None), Err(Refusal::WrongAudience));
}

#[test]
fn a_catalog_that_a_stranger_signed_is_refused() {
    let stranger = SecretKey::new(&[9; 32]);
    let bytes = catalog(7).seal(&[&stranger]).to_bytes();
    let refusal = verifier().verify(&bytes, NOW, None).unwrap_err();
    let key = stranger.public().id().to_string();
    assert_eq!(refusal, Refusal::UnknownKey { key, root: 1 });
}

#[test]
fn a_catalog_that_a_root_key_signed_is_refused() {
    let bytes = catalog(7).seal(&[&offline(1)]).to_bytes();
    let refusal = verifier().verify(&bytes, NOW, None).unwrap_err();
    assert!(matches!(refusal, Refusal::UnknownKey { .. }), "{refusal}");
}

#[test]
fn a_strangers_signature_beside_a_good_one_does_no_harm() {
    let bytes = catalog(7).seal(&[&SecretKey::new(&[9; 32]), &online()]).to_bytes();
    assert_eq!(verifier().verify(&bytes, NOW, None), Ok(catalog(7)));
}

#[test]
fn a_signature_under_another_keys_name_is_refused() {
    let mut envelope = catalog(7).seal(&[&SecretKey::new(&[9; 32])]);
    envelope.signatures[0].keyid = online().public().id().to_string();
    let refusal = verifier().verify(&envelope.to_bytes(), NOW, None);
    let key = online().public().id();
    assert_eq!(refusal, Err(Refusal::BadSignature { key }));
}

#[test]
fn an_unsigned_catalog_is_refused() {
    let bytes = catalog(7).seal(&[]).to_bytes();
    let refusal = verifier().verify(&bytes, NOW, None);
    assert_eq!(refusal, Err(Refusal::TooFewSignatures { have: 0, want: 1 }));
}

#[test]
fn one_key_does_not_count_twice() {
    let keys = [online(), SecretKey::new(&[5; 32])];
    let catalogs = keys.each_ref().map(SecretKey::public);
    let year = NOW + Span::from_days(365);
    let root = Root::new("example", 1, year, (&[offline(1).public()], 1), (&catalogs, 2)).unwrap();
    let bytes = root.seal(&[&offline(1)]).to_bytes();
    let verifier = Verifier::trust(&bytes, Expected::fleet("example")).unwrap();
    let verify = |envelope: &Envelope| verifier.verify(&envelope.to_bytes(), NOW, None);
    let mut once = catalog(7).seal(&[&keys[0]]);
    assert_eq!(verify(&once), Err(Refusal::TooFewSignatures { have: 1, want: 2 }));
    once.signatures.push(once.signatures[0].clone());
    assert_eq!(verify(&once), Err(Refusal::Malformed("a key signed it twice")));
    assert!(verify(&catalog(7).seal(&[&keys[0], &keys[1]])).is_ok());
}

#[test]
fn a_root_is_not_taken_for_a_catalog_nor_a_catalog_for_a_root() {
    let refusal = verifier().verify(&first_root(), NOW, None).unwrap_err();
    assert!(matches!(refusal, Refusal::PayloadType { .. }), "{refusal}");
    let refusal = verifier().update_root(&sealed(&catalog(7))).unwrap_err();
    assert!(matches!(refusal, Refusal::PayloadType { .. }), "{refusal}");
    // The type is under the signature too.
    let mut renamed = catalog(7).seal(&[&online()]);
    renamed.payload_type = Root::PAYLOAD_TYPE.to_owned();
    let mut disguised = root(2, &online()).seal(&[&online()]);
    disguised.payload_type = Catalog::PAYLOAD_TYPE.to_owned();
    assert!(verifier().update_root(&renamed.to_bytes()).is_err());
    let refusal = verifier().verify(&disguised.to_bytes(), NOW, None).unwrap_err();
    assert!(matches!(refusal, Refusal::BadSignature { .. }), "{refusal}");
}

#[test]
fn signed_bytes_that_are_not_canonical_are_refused() {
    let mut payload = catalog(7).to_bytes();
    payload.push(b'\n');
    let bytes = Envelope::seal(Catalog::PAYLOAD_TYPE, payload, &[&online()]).to_bytes();
    assert_eq!(verifier().verify(&bytes, NOW, None), Err(Refusal::NotCanonical));
}

#[test]
fn nothing_is_believed_on_the_word_of_an_expired_root() {
    let expires = NOW + Span::from_days(365);
    let mut catalog = catalog(7);
    catalog.expires = expires + Span::from_days(1);
    let at = |now| verifier().verify(&sealed(&catalog), now, None);
    assert!(at(expires - Span::from_millis(1)).is_ok());
    assert_eq!(at(expires), Err(Refusal::RootExpired { expired: expires }));
}

#[test]
fn a_root_that_too_few_of_its_own_keys_signed_is_not_trusted() {
    let bytes = root(1, &online()).seal(&[&offline(1)]).to_bytes();
    let refusal = Verifier::trust(&bytes, Expected::fleet("example")).unwrap_err();
    assert_eq!(refusal, Refusal::TooFewSignatures { have: 1, want: 2 });
}

#[test]
fn another_fleets_root_is_not_trusted() {
    let refusal = Verifier::trust(&first_root(), Expected::fleet("other")).unwrap_err();
    assert!(matches!(refusal, Refusal::WrongFleet { .. }), "{refusal}");
}

#[test]
fn a_new_root_revokes_the_key_that_it_leaves_out() {
    let (mut verifier, new) = (verifier(), SecretKey::new(&[5; 32]));
    let next = root(2, &new).seal(&[&offline(2), &offline(3)]).to_bytes();
    let change = verifier.update_root(&next).unwrap();
    let old = online().public().id();
    assert_eq!((change.version, change.forget_seen), (2, true));
    assert_eq!(change.revoked.into_iter().collect::<Vec<_>>(), [old]);
    let refusal = verifier.verify(&sealed(&catalog(7)), NOW, None);
    assert_eq!(refusal, Err(Refusal::RevokedKey { key: old }));
    assert!(verifier.verify(&catalog(7).seal(&[&new]).to_bytes(), NOW, None).is_ok());
}

#[test]
fn a_root_that_only_adds_a_key_lets_the_client_remember() {
    let (mut verifier, new) = (verifier(), SecretKey::new(&[5; 32]));
    let mut next = root(2, &online());
    next.keys.insert(new.public().id(), new.public());
    next.roles.catalog.keyids.insert(new.public().id());
    let bytes = next.seal(&[&offline(1), &offline(2)]).to_bytes();
    let change = verifier.update_root(&bytes).unwrap();
    assert!(!change.forget_seen && change.revoked.is_empty());
    for key in [&online(), &new] {
        assert!(verifier.verify(&catalog(7).seal(&[key]).to_bytes(), NOW, None).is_ok());
    }
}

/// A root whose root keys are others: 4, 5 and 6 instead of 1, 2 and 3.
fn handed_over() -> Root {
    let keys = [4, 5, 6].map(|n| offline(n).public());
    let year = NOW + Span::from_days(365);
    Root::new("example", 2, year, (&keys, 2), (&[online().public()], 1)).unwrap()
}

#[test]
fn new_root_keys_need_the_old_ones_and_themselves() {
    let follow = |keys: &[u8]| {
        let keys: Vec<_> = keys.iter().map(|n| offline(*n)).collect();
        let bytes = handed_over().seal(&keys.iter().collect::<Vec<_>>()).to_bytes();
        let mut verifier = verifier();
        let change = verifier.update_root(&bytes);
        assert_eq!(verifier.root().version, if change.is_ok() { 2 } else { 1 });
        change.map(|_| ())
    };
    assert_eq!(follow(&[1, 2, 4, 5]), Ok(()));
    assert_eq!(follow(&[3, 1, 6, 5]), Ok(()));
    for few in [&[1, 2, 4][..], &[1, 4, 5], &[4, 5, 6], &[1, 2, 3], &[]] {
        let refusal = follow(few).unwrap_err();
        let typed =
            matches!(refusal, Refusal::TooFewSignatures { .. } | Refusal::UnknownKey { .. });
        assert!(typed, "{few:?}: {refusal}");
    }
}

#[test]
fn roots_are_followed_one_by_one() {
    let mut verifier = verifier();
    let numbered = |n| root(n, &online()).seal(&[&offline(1), &offline(2)]).to_bytes();
    for found in [1, 3] {
        let refusal = verifier.update_root(&numbered(found)).unwrap_err();
        assert_eq!(refusal, Refusal::RootOutOfOrder { found, wanted: 2 });
    }
    for next in [2, 3, 4] {
        verifier.update_root(&numbered(next)).unwrap();
    }
}

#[test]
fn an_expired_root_still_leads_to_its_successor() {
    let expires = |n, at| {
        let mut root = root(n, &online());
        root.expires = at;
        root.seal(&[&offline(1), &offline(2)]).to_bytes()
    };
    let past = Timestamp::from_millis(1);
    let fleet = Expected::fleet("example");
    let mut verifier = Verifier::trust(&expires(1, past), fleet).unwrap();
    verifier.update_root(&expires(2, past)).unwrap();
    let refusal = verifier.verify(&sealed(&catalog(7)), NOW, None);
    assert_eq!(refusal, Err(Refusal::RootExpired { expired: past }));
    verifier.update_root(&expires(3, NOW + Span::from_days(1))).unwrap();
    assert!(verifier.verify(&sealed(&catalog(7)), NOW, None).is_ok());
}
