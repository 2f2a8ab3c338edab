//! Insiders among clients, a censor who blocks what they learn, and a fleet that replaces it.

#![allow(clippy::unwrap_used)]

mod world;

use damm_assign::Standing;
use proptest::prelude::*;
use world::{Habit, Story, World};

/// Ten thousand clients in 64 buckets, over doors enough that one bucket's are not everybody's.
fn large(seed: u8, insiders: usize, habit: Habit) -> Story {
    World::new(seed, 10_000, 64, 120).with(insiders, habit).play(400)
}

fn log2(n: usize) -> usize {
    n.next_power_of_two().trailing_zeros() as usize
}

#[test]
fn one_insider_who_tells_all_at_once_is_alone_after_log_n_rounds() {
    for seed in 0..20 {
        let story = large(seed, 1, Habit::All);
        let rounds = story.rounds_until_alone().expect("never alone");
        let bound = log2(story.largest_bucket) + 5;
        assert!(rounds <= bound, "{rounds} rounds, not {bound}, with seed {seed}");
    }
}

#[test]
fn one_insider_who_tells_one_door_at_a_time_is_alone_after_log_n_blocks_too() {
    for seed in 0..20 {
        let story = large(seed, 1, Habit::One);
        let rounds = story.rounds_until_alone().expect("never alone");
        let bound = log2(story.largest_bucket) + 8;
        assert!(rounds <= bound, "{rounds} blocks, not {bound}, with seed {seed}");
    }
}

#[test]
fn ten_insiders_are_each_alone_after_k_log_n_blocks_in_all() {
    for seed in 0..10 {
        let story = large(seed, 10, Habit::One);
        let blocks = story.blocks_until_all_alone().expect("some are never alone");
        let bound = 10 * (log2(10_000 / 10) + 12);
        assert!(blocks <= bound, "{blocks} blocks, not {bound}, with seed {seed}");
    }
}

#[test]
fn hardly_an_innocent_ever_loses_all_doors() {
    for (insiders, most) in [(1, 0.02), (3, 0.05), (10, 0.20)] {
        for habit in [Habit::All, Habit::One] {
            let cut: f64 =
                (0..5).map(|seed| large(seed, insiders, habit).cut_off).sum::<f64>() / 5.0;
            assert!(cut <= most, "{cut} of innocents, with {insiders} insiders, {habit:?}");
        }
    }
}

#[test]
fn innocents_are_back_with_their_bucket_soon_after_insiders_are_alone() {
    for seed in 0..10 {
        let mut world = World::new(seed, 10_000, 64, 120).with(3, Habit::One);
        world.play_on(40);
        // A whole bucket may still be suspected that had bad luck; each half is at most.
        assert!(world.suspected() < 400, "{} suspected, seed {seed}", world.suspected());
        world.silence();
        world.wait_days(29);
        assert_eq!(world.suspected(), 0, "with seed {seed}");
    }
}

#[test]
fn all_is_one_again_some_months_after_the_last_block() {
    let mut world = World::new(3, 2_000, 16, 60).with(1, Habit::All);
    world.play_on(200);
    assert!(!world.splitting.splits.is_empty());
    world.silence();
    world.wait_days(120);
    assert!(world.splitting.is_calm(), "{:?}", world.splitting);
}

#[test]
fn a_block_of_a_provider_or_of_everything_splits_nothing() {
    for part in ["p0", "p1", ""] {
        let mut world = World::new(5, 2_000, 64, 60);
        world.block_where(|w| part.is_empty() || w.provider.as_str() == part);
        world.turn();
        assert!(world.splitting.is_calm(), "{:?}", world.splitting);
    }
}

#[test]
fn a_block_while_rotation_is_halted_splits_nothing_and_is_judged_when_it_goes_on() {
    let mut world = World::new(6, 2_000, 64, 60).with(1, Habit::All);
    world.halted = true;
    for _ in 0..5 {
        world.turn();
        assert!(world.splitting.is_calm());
    }
    world.halted = false;
    world.turn();
    assert!(!world.splitting.is_calm());
}

#[test]
fn one_block_that_a_censor_made_by_chance_splits_nothing() {
    for seed in 0..20 {
        let mut world = World::new(seed, 2_000, 64, 60);
        world.block_one();
        world.turn();
        assert!(world.splitting.splits.is_empty(), "with seed {seed}");
    }
}

#[test]
fn halves_of_a_split_are_told_of_no_door_in_common() {
    for seed in 0..10 {
        let mut world = World::new(seed, 4_000, 16, 120).with(2, Habit::All);
        for _ in 0..60 {
            world.turn();
            world.check_halves();
        }
    }
}

#[test]
fn one_client_alone_is_told_of_nothing_new() {
    let mut world = World::new(1, 2_000, 16, 60).with(1, Habit::All);
    world.play_on(60);
    let leaf = world.leaf_of_insider(0);
    assert_eq!(world.splitting.standing(leaf), Standing::Alone);
    let burnt = world.burnt;
    for _ in 0..20 {
        world.turn();
    }
    assert!(world.burnt <= burnt + 3, "{} more doors were burnt", world.burnt - burnt);
}

/// As many cases as `PROPTEST_CASES` asks for, and 200 at least.
fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig { cases: asked.cases.max(200), ..asked }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn whatever_is_blocked_the_splits_stay_a_tree_and_every_client_has_one_leaf(
        seed in any::<u8>(), blocks in prop::collection::vec(any::<prop::sample::Index>(), 0..40),
    ) {
        let mut world = World::new(seed, 300, 4, 24);
        for block in blocks {
            world.block_nth(block);
            world.turn();
            world.check();
        }
        let before = world.splitting.clone();
        world.judge();
        prop_assert_eq!(before, world.splitting, "the same evidence again changed something");
    }
}

/// Prints how long insiders last: run it with `--ignored --nocapture`.
#[test]
#[ignore = "prints figures"]
fn figures() {
    println!("| insiders | they tell | rounds, mean | most | doors in all | cut off | never |");
    println!("|---:|---|---:|---:|---:|---:|---:|");
    for insiders in [1, 3, 10] {
        for habit in [Habit::All, Habit::One] {
            let stories = (0..20).map(|seed| large(seed, insiders, habit));
            let stories: Vec<Story> = stories.collect();
            let rounds = stories.iter().flat_map(|s| s.blocks_of_each());
            let rounds: Vec<usize> = rounds.collect();
            let mean = rounds.iter().sum::<usize>() as f64 / rounds.len() as f64;
            let most = rounds.iter().max().unwrap();
            let never = stories.iter().map(|s| s.never_alone()).sum::<usize>();
            let cut = stories.iter().map(|s| s.cut_off).sum::<f64>() / 20.0 * 100.0;
            let sums = stories.iter().filter_map(Story::blocks_until_all_alone);
            let sum = sums.max().unwrap_or(0);
            println!(
                "| {insiders} | {habit:?} | {mean:.1} | {most} | {sum} | {cut:.2} % | {never} |"
            );
        }
    }
}
