//! In a small fleet a bad hour of an ISP looks like a block of each door, and is none.

#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod stage;

use damm_fleet::State;
use damm_reach::{Outcome, Probe};
use stage::{Stage, Try};

const SEEDS: [u64; 3] = [1, 2, 3];

/// So many doors, all of one transport, in six networks of two countries.
fn fleet(seed: u64, doors: usize, pace: u64) -> Stage {
    let mut s = Stage::with(seed, doors, 6, true);
    s.pace = pace;
    s.warm();
    s
}

/// The doors that are blocked in the first network.
fn blocked(s: &Stage) -> Vec<usize> {
    (0..s.doors.len()).filter(|door| s.states(*door)[0] == State::Blocked).collect()
}

/// In how many minutes all of these doors are blocked there, and never another.
fn minutes_to(s: &mut Stage, stopped: &[usize]) -> Option<u32> {
    let chance =
        |t: &Try| Some(if t.network == 0 && stopped.contains(&t.door) { 0.98 } else { 0.1 });
    (1..180).find(|_| {
        s.run(1, &chance);
        let blocked = blocked(s);
        assert!(blocked.iter().all(|door| stopped.contains(door)), "{blocked:?}");
        blocked == stopped
    })
}

#[test]
fn a_brownout_over_four_eight_or_twenty_doors_is_no_block() {
    for (doors, pace) in [(4, 1), (4, 2), (4, 8), (4, 20), (8, 1), (8, 8), (20, 2)] {
        for (seed, rate) in SEEDS.into_iter().zip([0.55, 0.67, 0.75]) {
            let mut s = fleet(seed, doors, pace);
            for minute in 0..120 {
                let brown = minute < 90;
                s.run(1, &|t| Some(if brown && t.network == 0 { rate } else { 0.1 }));
                for door in 0..doors {
                    let states = s.states(door);
                    let shown = format!("{doors} doors, pace {pace}, seed {seed}, minute {minute}");
                    assert!(!states.contains(&State::Blocked), "{shown}, door {door}: {states:?}");
                }
            }
        }
    }
}

#[test]
fn a_brownout_of_all_networks_of_a_country_blocks_none_of_four_doors() {
    for seed in SEEDS {
        let mut s = fleet(seed, 4, 2);
        for minute in 0..90 {
            s.run(1, &|t| Some(if t.network < 3 { 0.67 } else { 0.1 }));
            for door in 0..4 {
                let states = s.states(door);
                assert!(!states.contains(&State::Blocked), "minute {minute}, {states:?}");
            }
        }
    }
}

#[test]
fn a_block_of_one_two_or_three_of_four_doors_is_noticed() {
    for (stopped, most) in [(&[2][..], 20), (&[0, 3][..], 30), (&[0, 1, 2][..], 60)] {
        for seed in SEEDS {
            let minutes = minutes_to(&mut fleet(seed, 4, 2), stopped);
            assert!(minutes.is_some_and(|m| m <= most), "{stopped:?}, seed {seed}: {minutes:?}");
        }
    }
}

#[test]
fn a_block_of_one_door_during_a_brownout_is_noticed_when_that_is_over() {
    for seed in SEEDS {
        let mut s = fleet(seed, 4, 2);
        let chance = |t: &Try, rate| match (t.network, t.door) {
            (0, 1) => Some(0.98),
            (0, _) => Some(rate),
            _ => Some(0.1),
        };
        s.run(60, &|t| chance(t, 0.67));
        s.run(30, &|t| chance(t, 0.1));
        assert_eq!(blocked(&s), [1], "seed {seed}");
    }
}

#[test]
fn a_block_of_all_doors_that_lets_nothing_through_is_noticed() {
    for (doors, seed) in [(4, 1), (4, 2), (8, 3)] {
        let all: Vec<usize> = (0..doors).collect();
        let minutes = minutes_to(&mut fleet(seed, doors, 2), &all);
        assert!(minutes.is_some_and(|m| m <= 90), "{doors} doors, seed {seed}: {minutes:?}");
    }
}

#[test]
fn a_vantage_point_tells_a_block_of_all_doors_sooner() {
    let mut s = fleet(5, 4, 2);
    for _ in 0..15 {
        s.run(1, &|t| Some(if t.network == 0 { 0.98 } else { 0.1 }));
        for door in s.doors.clone() {
            s.room.probe(s.now, &Probe { door, network: s.networks[0], through: false });
        }
    }
    s.room.tick(s.now);
    assert_eq!(blocked(&s), [0, 1, 2, 3]);
}

#[test]
fn a_few_failures_beside_a_blocked_network_are_no_block() {
    let mut s = fleet(6, 20, 2);
    s.run(60, &|t| Some(if t.network == 0 && t.door == 0 { 0.98 } else { 0.02 }));
    assert_eq!(s.states(0)[0], State::Blocked);
    // The country's score is all of one network's making.
    (0..3).for_each(|who| s.tell(0, 1, who, Outcome::Failed));
    s.room.tick(s.now);
    assert_ne!(s.states(0)[1], State::Blocked);
}

#[test]
fn a_block_that_too_few_saw_is_not_told_after_its_end() {
    let mut s = Stage::with(7, 20, 6, true);
    let few = |t: &Try| t.network != 0 || t.who < 16;
    s.run(240, &|t| few(t).then_some(0.1));
    s.run(60, &|t| few(t).then_some(if t.network == 0 && t.door == 0 { 0.98 } else { 0.1 }));
    assert_eq!(s.states(0)[0], State::Unknown);
    // It is over, and now many report.
    for minute in 0..60 {
        s.run(1, &|_| Some(0.1));
        assert_ne!(s.states(0)[0], State::Blocked, "minute {minute}");
    }
    assert_eq!(s.states(0)[0], State::Reachable);
}
