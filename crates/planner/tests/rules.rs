//! The rules that are never broken, over generated topologies, histories, verdicts and clocks.
//!
//! `PROPTEST_CASES` sets how many histories are tried.

#![allow(clippy::unwrap_used, reason = "a test stops where it is wrong")]

mod checks;
mod histories;
mod world;

use std::collections::BTreeSet;

use checks::check;
use damm_planner::edit;
use histories::{Event, by_hand, event, happen, topology};
use proptest::prelude::*;
use proptest::test_runner::{FailurePersistence, FileFailurePersistence};
use world::World;

fn cases() -> u32 {
    let set = std::env::var("PROPTEST_CASES").ok();
    set.and_then(|n| n.parse().ok()).unwrap_or(10_000)
}

fn config() -> ProptestConfig {
    let kept = FileFailurePersistence::WithSource("regressions");
    let failure_persistence: Option<Box<dyn FailurePersistence>> = Some(Box::new(kept));
    ProptestConfig { cases: cases(), failure_persistence, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(config())]

    #[test]
    fn no_history_breaks_a_rule(
        topology in topology(),
        seed in any::<u64>(),
        events in prop::collection::vec(event(), 1..12),
    ) {
        let mut world = World::thrifty(&topology, seed);
        let mut ever = BTreeSet::new();
        // A fleet that stands is where most can go wrong.
        for _ in 0..2 {
            let plan = world.plan();
            check(&world, &plan, &mut ever)?;
            world.adopt(&plan);
            world.up();
        }
        for event in &events {
            happen(&mut world, event);
            if let Event::Edit(verb, thing) = *event
                && let Some(edit_) = by_hand(&world, verb, thing)
            {
                let seed = world.next_seed();
                if let Ok(plan) = world.with(|s| edit(s, seed, &edit_)) {
                    check(&world, &plan, &mut ever)?;
                    world.adopt(&plan);
                }
            }
            let plan = world.plan();
            check(&world, &plan, &mut ever)?;
            world.adopt(&plan);
        }
    }

    #[test]
    fn every_fleet_settles(
        topology in topology(),
        seed in any::<u64>(),
        events in prop::collection::vec(event(), 0..6),
    ) {
        let mut world = World::thrifty(&topology, seed);
        for event in &events {
            world.up();
            happen(&mut world, event);
            let plan = world.plan();
            world.adopt(&plan);
        }
        world.stuck.clear();
        // With one destroy a plan, ten servers that are replaced one by one take three plans each.
        let settled = (0..100).any(|_| {
            world.up();
            let plan = world.plan();
            world.adopt(&plan);
            plan.diff.is_empty()
        });
        let left = world.plan().report.changes;
        prop_assert!(settled, "a hundred plans in a row, and still not done: {left:#?}");
    }

    #[test]
    fn the_same_situation_gives_the_same_bytes(topology in topology(), seed in any::<u64>()) {
        let bytes = || {
            let mut world = World::thrifty(&topology, seed);
            let first = world.plan();
            world.adopt(&first);
            world.up();
            serde_json::to_vec(&(first.diff, world.plan().diff)).unwrap()
        };
        prop_assert_eq!(bytes(), bytes());
    }
}
