//! The loop, closed: clients report over HTTP, the fleet heals itself, and lies and bad weather
//! don't fool it.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod http;
mod people;
mod stage;

use std::collections::BTreeSet;

use damm_fleet::{FrontdoorId, State};
use people::Nature;
use stage::{Stage, networks};

/// The shortest day that a test speaks of, in minutes.
const HOUR: usize = 60;

/// The door that most clients in Iran are told of.
fn a_door(stage: &Stage) -> FrontdoorId {
    let told = |door: &FrontdoorId| {
        let there = stage.people.iter().filter(|p| p.home.country == *b"IR");
        there.filter(|p| p.told.contains(door)).count()
    };
    stage.live().into_iter().max_by_key(told).unwrap()
}

/// Whether any client of a country is told of a door.
fn is_told(stage: &Stage, door: FrontdoorId, country: &[u8; 2]) -> bool {
    let people = stage.people.iter().filter(|p| p.home.country == *country);
    people.into_iter().any(|p| p.told.contains(&door))
}

#[tokio::test]
async fn a_door_that_a_censor_blocks_is_seen_replaced_and_retired_and_its_clients_move() {
    let mut stage = Stage::new(3).await;
    let (before, door) = (stage.live(), a_door(&stage));
    stage.weather.blocked.insert((door, *b"IR"));
    let seen = stage.until(2 * HOUR, "the block is seen", |s| {
        s.states(State::Blocked).iter().any(|(d, n)| *d == door && n.country == *b"IR")
    });
    let seen = seen.await;
    let moved = stage.until(2 * HOUR, "clients move", |s| !is_told(s, door, b"IR")).await;
    let gone = |s: &Stage| s.engine.blueprint().frontdoor(door).is_none();
    let retired = stage.until(12 * HOUR, "it is retired", gone).await;
    println!("seen after {seen} minutes, told to nobody {moved} later, gone {retired} later");
    let after = stage.live();
    assert_eq!(after.len(), before.len());
    assert_eq!(before.difference(&after).count(), 1, "no other door went");
    // Everybody has doors that work, wherever they stand.
    stage.minutes(HOUR).await;
    for person in &stage.people {
        assert!(person.told.len() >= 3 && person.told.is_subset(&stage.live()));
    }
    assert!(stage.states(State::Blocked).iter().all(|(d, _)| *d == door));
}

#[tokio::test]
async fn a_node_that_dies_is_replaced_and_never_called_blocked() {
    let mut stage = Stage::new(4).await;
    let node = stage.node_of(a_door(&stage)).unwrap();
    stage.kill(node).await;
    for _ in 0..6 * HOUR {
        stage.minutes(1).await;
        assert!(stage.states(State::Blocked).is_empty(), "{:?}", stage.states(State::Blocked));
    }
    assert!(!stage.engine.blueprint().nodes.contains_key(&node));
    assert_eq!(stage.live().len(), 10);
}

#[tokio::test]
async fn a_brownout_of_a_network_retires_nothing() {
    let mut stage = Stage::new(5).await;
    let before = stage.live();
    stage.weather.brownout = Some((networks()[0].0, 0.5));
    stage.minutes(4 * HOUR).await;
    stage.weather.brownout = None;
    stage.minutes(2 * HOUR).await;
    assert_eq!(stage.live(), before);
    assert!(stage.draining().is_empty());
}

#[tokio::test]
async fn liars_that_are_three_of_ten_retire_nothing() {
    let mut stage = Stage::new(6).await;
    let (before, door) = (stage.live(), a_door(&stage));
    for (n, person) in stage.people.iter_mut().enumerate() {
        if n % 10 < 3 {
            person.nature = Nature::Against(door);
        }
    }
    stage.minutes(12 * HOUR).await;
    assert_eq!(stage.live(), before);
    assert!(stage.draining().is_empty());
    assert_eq!(stage.states(State::Blocked), BTreeSet::new());
}

#[tokio::test]
async fn a_door_that_is_unblocked_before_another_stands_comes_back() {
    let mut stage = Stage::new(7).await;
    let (before, door) = (stage.live(), a_door(&stage));
    stage.refuse(true);
    stage.weather.blocked.insert((door, *b"IR"));
    stage.until(3 * HOUR, "it is withheld", |s| !is_told(s, door, b"IR")).await;
    stage.weather.blocked.clear();
    stage.until(6 * HOUR, "it is told again", |s| is_told(s, door, b"IR")).await;
    assert!(stage.states(State::Blocked).is_empty());
    assert_eq!(stage.live(), before);
    assert!(is_told(&stage, door, b"TM"), "others were told of it all the time");
}
