//! What the assignment promises, over generated sets of doors.

#![allow(clippy::unwrap_used)]

use std::collections::{BTreeMap, BTreeSet};

use damm_assign::{AssignKey, BucketRef, Candidate, Doors, doors_for_bucket};
use damm_fleet::{Asn, FrontdoorId, PopulationName, ProviderName, Seed};
use ipnet::{IpNet, Ipv4Net};
use proptest::prelude::*;

fn candidate(id: FrontdoorId, provider: u8, asn: u8, prefix: u8, weight: u32) -> Candidate {
    let net = Ipv4Net::new_assert(std::net::Ipv4Addr::new(198, 51, prefix, 0), 24);
    Candidate {
        id,
        provider: ProviderName::new(&format!("p{provider}")).unwrap(),
        asn: Asn(64_500 + u32::from(asn)),
        prefix: IpNet::V4(net),
        weight,
    }
}

fn population() -> PopulationName {
    PopulationName::new("ir").unwrap()
}

/// Doors whose provider, network and prefix have nothing to do with each other: harder than life.
fn any_doors() -> impl Strategy<Value = Vec<Candidate>> {
    let places = prop::collection::vec((0..4u8, 0..4u8, 0..12u8, 1..5u32), 1..24);
    (places, any::<u64>()).prop_map(|(places, seed)| {
        let mut seed = Seed::from_number(seed);
        let door = |(p, a, x, w)| candidate(seed.frontdoor(), p, a, x, w);
        places.into_iter().map(door).collect()
    })
}

/// Doors as they are: a prefix belongs to one network of one provider.
fn lifelike_doors() -> impl Strategy<Value = Vec<Candidate>> {
    any_doors().prop_map(|mut doors| {
        for door in &mut doors {
            let IpNet::V4(net) = door.prefix else { unreachable!("they are made of IPv4") };
            let place = net.addr().octets()[2];
            *door = candidate(door.id, place % 3, place % 5, place, door.weight);
        }
        doors
    })
}

fn key(byte: u8) -> AssignKey {
    AssignKey::new([byte; 32])
}

fn choose(doors: &[Candidate], bucket: u32, count: usize) -> Vec<FrontdoorId> {
    let population = population();
    let bucket = BucketRef { population: &population, bucket };
    doors_for_bucket(&key(1), bucket, doors, count)
}

fn held<'a>(doors: &'a [Candidate], ids: &[FrontdoorId]) -> Vec<&'a Candidate> {
    doors.iter().filter(|d| ids.contains(&d.id)).collect()
}

fn distinct<T: Ord>(doors: &[&Candidate], of: impl Fn(&Candidate) -> T) -> usize {
    doors.iter().map(|d| of(d)).collect::<BTreeSet<_>>().len()
}

/// As many cases as `PROPTEST_CASES` asks for, and 2,000 at least.
fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig { cases: asked.cases.max(2_000), ..asked }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn a_bucket_holds_two_providers_and_two_networks_whenever_there_are(
        doors in any_doors(), bucket in any::<u32>(), count in 0..8usize,
    ) {
        let ids = choose(&doors, bucket, count);
        prop_assert_eq!(ids.len(), count.min(doors.len()));
        prop_assert_eq!(ids.iter().collect::<BTreeSet<_>>().len(), ids.len());
        let all: Vec<_> = doors.iter().collect();
        let mine = held(&doors, &ids);
        let providers = distinct(&all, |d| d.provider.clone()).min(2).min(count);
        let asns = distinct(&all, |d| d.asn).min(2).min(count);
        prop_assert!(distinct(&mine, |d| d.provider.clone()) >= providers);
        prop_assert!(distinct(&mine, |d| d.asn) >= asns);
    }

    #[test]
    fn no_prefix_comes_twice_while_there_are_others(
        doors in lifelike_doors(), bucket in any::<u32>(), count in 1..8usize,
    ) {
        let ids = choose(&doors, bucket, count);
        let all: Vec<_> = doors.iter().collect();
        let wanted = distinct(&all, |d| d.prefix).min(ids.len());
        prop_assert_eq!(distinct(&held(&doors, &ids), |d| d.prefix), wanted);
    }

    #[test]
    fn a_door_that_leaves_moves_only_the_buckets_that_held_it(
        doors in any_doors(), gone in any::<prop::sample::Index>(), bucket in any::<u32>(),
        count in 1..8usize,
    ) {
        let gone = doors[gone.index(doors.len())].id;
        let left: Vec<_> = doors.iter().filter(|d| d.id != gone).cloned().collect();
        let before = choose(&doors, bucket, count);
        let after = choose(&left, bucket, count);
        // Read backwards, it is a door that comes: the same bound holds.
        if before.contains(&gone) {
            let moved = before.iter().filter(|id| **id != gone && !after.contains(id)).count();
            prop_assert!(moved <= 1, "{} others moved", moved);
        } else {
            prop_assert_eq!(before, after);
        }
    }

    #[test]
    fn a_bucket_with_one_door_moves_only_when_it_loses_it(
        doors in any_doors(), gone in any::<prop::sample::Index>(), bucket in any::<u32>(),
    ) {
        let best = choose(&doors, bucket, 1);
        let gone = doors[gone.index(doors.len())].id;
        let left: Vec<_> = doors.iter().filter(|d| d.id != gone).cloned().collect();
        prop_assert_eq!(choose(&left, bucket, 1) == best, best != [gone]);
    }

    #[test]
    fn the_order_of_the_candidates_does_not_matter(
        doors in any_doors(), bucket in any::<u32>(), count in 1..8usize, turn in 0..24usize,
    ) {
        let mut turned = doors.clone();
        turned.rotate_left(turn % doors.len());
        turned.reverse();
        prop_assert_eq!(choose(&turned, bucket, count), choose(&doors, bucket, count));
    }

    #[test]
    fn a_door_of_weight_nothing_is_told_to_nobody(
        doors in any_doors(), none in any::<prop::sample::Index>(), bucket in any::<u32>(),
    ) {
        let mut doors = doors;
        let none = none.index(doors.len());
        doors[none].weight = 0;
        prop_assert!(!choose(&doors, bucket, 24).contains(&doors[none].id));
    }
}

/// How many of the buckets hold each door.
fn spread(doors: &[Candidate], buckets: u32, count: usize) -> BTreeMap<FrontdoorId, u32> {
    let (population, ready) = (population(), Doors::new(doors));
    let mut held = BTreeMap::new();
    for bucket in 0..buckets {
        let bucket = BucketRef { population: &population, bucket };
        for id in ready.for_bucket(&key(1), bucket, count) {
            *held.entry(id).or_default() += 1;
        }
    }
    held
}

fn even_fleet(doors: u8) -> Vec<Candidate> {
    let mut seed = Seed::from_number(5);
    (0..doors).map(|i| candidate(seed.frontdoor(), i % 4, i % 4, i, 1)).collect()
}

#[test]
fn doors_of_one_weight_are_held_by_about_as_many_buckets() {
    let (doors, buckets) = (even_fleet(40), 4_000);
    let held = spread(&doors, buckets, 3);
    let expected = f64::from(buckets) * 3.0 / 40.0;
    let chi: f64 = held.values().map(|n| (f64::from(*n) - expected).powi(2) / expected).sum();
    // 39 degrees of freedom: 72.1 is passed by chance once in a thousand keys; this key is fixed.
    assert!(held.len() == 40 && chi < 72.1, "chi² is {chi}");
}

#[test]
fn a_door_of_thrice_the_weight_is_first_in_thrice_the_buckets() {
    let mut doors = even_fleet(8);
    doors[0].weight = 3;
    let held = spread(&doors, 20_000, 1);
    // 3 of 10 parts of 20,000 are 6,000; the standard deviation is 65.
    let heavy = held[&doors[0].id];
    assert!((5_740..=6_260).contains(&heavy), "the heavy one has {heavy}");
    for door in &doors[1..] {
        let light = held[&door.id];
        // 2,000, with a standard deviation of 42.
        assert!((1_830..=2_170).contains(&light), "a light one has {light}");
    }
}

#[test]
fn a_door_that_comes_takes_its_share_and_no_more() {
    let before = even_fleet(40);
    let mut after = before.clone();
    after.push(candidate(Seed::from_number(99).frontdoor(), 1, 1, 77, 1));
    let moved = (0..4_000).filter(|b| choose(&before, *b, 3) != choose(&after, *b, 3)).count();
    // 3 of 41 parts of 4,000 are 293; the standard deviation is 16.
    assert!((230..=356).contains(&moved), "{moved} buckets moved");
}

#[test]
fn without_the_key_one_ranking_tells_nothing_of_another() {
    let (doors, population) = (even_fleet(40), population());
    let ready = Doors::new(&doors);
    let first = |key: &AssignKey, bucket| {
        let bucket = BucketRef { population: &population, bucket };
        ready.for_bucket(key, bucket, 1)
    };
    let (mine, theirs) = (key(1), key(2));
    let same_key = (0..4_000).filter(|b| first(&mine, *b) == first(&theirs, *b)).count();
    let next_bucket = (0..4_000).filter(|b| first(&mine, *b) == first(&mine, b + 1)).count();
    // By chance 1 in 40 agree: 100, with a standard deviation of 10.
    assert!((60..=140).contains(&same_key), "{same_key} agree over keys");
    assert!((60..=140).contains(&next_bucket), "{next_bucket} agree over buckets");
}

#[test]
fn another_population_is_told_of_other_doors() {
    let doors = even_fleet(40);
    let names = ["ir", "tm"].map(|n| PopulationName::new(n).unwrap());
    let of =
        |population, bucket| doors_for_bucket(&key(1), BucketRef { population, bucket }, &doors, 3);
    let same = (0..1_000).filter(|b| of(&names[0], *b) == of(&names[1], *b)).count();
    assert!(same < 5, "{same} of 1,000 agree");
}
