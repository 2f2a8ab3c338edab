//! The lines, in a world that is small enough to be played in seconds.
//!
//! Where a country has five networks instead of eight there is less to pool, and a few blocks make
//! a world's figures. So what is found, and how soon, is that of the middle one of eight worlds,
//! and some lines are a little lower than the reference world's. What is wrongly called is of all.

#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

use damm_world::{Figures, Plan, World};

const SEEDS: [u64; 8] = [1, 2, 3, 4, 5, 6, 7, 8];

fn play(change: fn(Plan) -> Plan) -> Vec<Figures> {
    let each = SEEDS.map(|seed| {
        let world = World::new(&change(Plan::small(seed)));
        let settings = world.settings();
        let figures = world.play(settings);
        println!("seed {seed}: {figures:?}");
        figures
    });
    each.to_vec()
}

fn mean(of: &[Figures], what: fn(&Figures) -> f64) -> f64 {
    of.iter().map(what).sum::<f64>() / of.len() as f64
}

/// That of the middle one.
fn middle(of: &[Figures], what: fn(&Figures) -> f64) -> f64 {
    let mut all: Vec<f64> = of.iter().map(what).collect();
    all.sort_unstable_by(f64::total_cmp);
    (all[all.len() / 2 - 1] + all[all.len() / 2]) / 2.0
}

#[test]
fn blocks_are_found_in_time_and_nothing_else_is_called_one() {
    let f = play(|p| p);
    assert!(middle(&f, |f| f.hard.0) <= 28.0);
    assert!(middle(&f, |f| f.hard.1) <= 69.0);
    assert!(middle(&f, |f| f.in_an_hour) >= 0.85);
    assert!(middle(&f, |f| f.slow) <= 94.0);
    assert!(middle(&f, |f| f.recall) >= 0.8);
    // A cell or two in all worlds, which last eight hours each.
    assert!(mean(&f, |f| f.false_blocks[0]) <= 0.81, "quiet");
    assert_eq!(mean(&f, |f| f.false_blocks[1]), 0.0, "node outages");
    assert_eq!(mean(&f, |f| f.false_blocks[2]), 0.0, "brownouts");
    assert!(f.iter().all(|f| f.mislabelled == 0.0), "cells in node outages");
    assert!(f.iter().all(|f| f.unblocked <= 60.0), "the end of blocks");
}

#[test]
fn throttling_is_seen() {
    // With five networks in a country there is less to pool than in the reference world.
    let f = play(|p| Plan { events: [30, 0, 0, 0], attacks: 0, ..p }.with_traffic(4.0));
    assert!(middle(&f, |f| f.throttled) >= 0.35);
}

#[test]
fn four_times_the_reports_halve_the_delay() {
    let f = play(|p| p.with_traffic(4.0));
    assert!(middle(&f, |f| f.hard.0) <= 13.0);
    assert!(middle(&f, |f| f.hard.1) <= 28.0);
    assert_eq!(mean(&f, |f| f.false_blocks[0]), 0.0, "quiet");
}

#[test]
fn outages_are_no_blocks_without_heartbeats_either() {
    let f = play(|p| Plan { heartbeats: false, ..p });
    assert!(mean(&f, |f| f.mislabelled) <= 0.02);
    assert!(middle(&f, |f| f.hard.0) <= 28.0);
}

#[test]
fn liars_block_next_to_nothing_and_hide_little() {
    let third = play(|p| p.with_liars(0.3, 1.0));
    assert!(mean(&third, |f| f.attacked) <= 0.01);
    let fifth = play(|p| p.with_liars(0.2, 5.0));
    assert!(mean(&fifth, |f| f.attacked) <= 0.003);
    for figures in [&third, &fifth] {
        assert!(middle(figures, |f| f.in_an_hour) >= 0.77);
    }
}

#[test]
fn a_third_that_lies_five_times_as_often_blocks_at_most_a_tenth() {
    let f = play(|p| p.with_liars(0.3, 5.0));
    assert!(mean(&f, |f| f.attacked) <= 0.1);
    assert!(middle(&f, |f| f.recall) >= 0.75);
}

#[test]
fn a_seed_gives_the_same_world_again() {
    let once = || {
        let world = World::new(&Plan { minutes: 520, ..Plan::small(9) });
        let settings = world.settings();
        world.play(settings)
    };
    assert_eq!(once(), once());
}
