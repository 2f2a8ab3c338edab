//! The bench runs at a tiny size. What it prints is not judged here.

#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

use std::process::Command;

fn bench(args: &[&str]) -> String {
    let output = Command::new(env!("CARGO_BIN_EXE_bench")).args(args).output().unwrap();
    let words = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{words}");
    String::from_utf8(output.stdout).unwrap()
}

#[test]
fn plans_of_a_small_fleet_are_measured() {
    let table = bench(&["plan", "60"]);
    assert_eq!(table.matches("| 60 nodes |").count(), 5, "{table}");
}

#[test]
fn creations_of_a_small_fleet_are_measured() {
    let table = bench(&["creates", "8"]);
    assert_eq!(table.matches("8 creates").count(), 3, "{table}");
}

#[test]
fn a_small_population_is_dealt_its_doors() {
    let table = bench(&["assign", "200"]);
    assert_eq!(table.matches("| clients dealt their doors |").count(), 3, "{table}");
    assert!(table.contains("| blocks until an insider is alone |"), "{table}");
}

#[test]
fn reports_of_a_small_crowd_are_all_heard() {
    let table = bench(&["reports", "600"]);
    assert_eq!(table.matches("| reports heard over HTTP").count(), 2, "{table}");
}
