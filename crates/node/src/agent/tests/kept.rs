//! Configs that can't be applied, and what serves meanwhile.

use damm_fleet::Span;

use super::stage::Stage;
use super::*;
use crate::agent::Deed;
use crate::home::{Joined, Memory};

fn remembered(held: u64, applied: u64) -> Memory {
    let joined = Some(Joined { transports: BTreeMap::new() });
    let (held, applied) = (Some(plain(held)), Some(plain(applied)));
    Memory { joined, held, applied, ..Memory::default() }
}

#[test]
fn what_cannot_be_applied_is_tried_again_and_told() {
    let mut stage = Stage::new(EGRESS, remembered(4, 4));
    stage.pass(Span::from_secs(10));
    stage.broken = vec![5];
    stage.send(plain(5));
    stage.pass(Span::from_mins(5));
    let begun = stage.begun();
    let again = begun.iter().filter(|g| **g == 5).count();
    assert!((5..20).contains(&again), "{begun:?}");
    let (_, report) = stage.reports().last().copied().unwrap();
    assert_eq!((report.applied, report.problems.len()), (4, 1));
    assert_eq!(report.problems[0].message, "it is broken");
    stage.broken.clear();
    stage.pass(Span::from_mins(2));
    let (_, report) = stage.reports().last().copied().unwrap();
    assert_eq!((report.applied, report.problems.len()), (5, 0));
}

#[test]
fn after_a_reboot_what_worked_serves_while_the_newest_does_not() {
    let mut stage = Stage::new(EGRESS, remembered(5, 4));
    stage.broken = vec![5];
    stage.go_offline();
    stage.pass(Span::from_secs(5));
    assert_eq!(stage.begun()[..2], [5, 4]);
    let report = stage.core.report();
    assert_eq!(report.applied, 4);
    assert!(report.problems.iter().any(|p| p.message == "it is broken"), "{report:?}");
    stage.broken.clear();
    stage.pass(Span::from_mins(3));
    assert_eq!(stage.core.report().applied, 5);
    assert_eq!(stage.begun()[2..], [5]);
}

#[test]
fn a_newer_config_does_not_wait_for_the_broken_ones_turn() {
    let mut stage = Stage::new(EGRESS, remembered(4, 4));
    stage.broken = vec![5];
    stage.send(plain(5));
    stage.pass(Span::from_mins(10));
    stage.send(plain(6));
    stage.pass(Span::from_secs(3));
    assert_eq!(stage.core.report().applied, 6);
}

#[test]
fn what_is_in_force_is_put_right_now_and_then_and_written_down_once() {
    let mut stage = Stage::new(EGRESS, remembered(4, 4));
    stage.pass(Span::from_hours(1));
    assert!((5..9).contains(&stage.begun().len()), "{:?}", stage.begun());
    assert_eq!(stage.count(|d| matches!(d, Deed::KeepApplied(_))), 1);
}
