//! The crash sweep goes through each vendor's adapter and a double of the vendor, over HTTP, with
//! the faults of real networks. Whatever happens: nothing is left behind, nothing is made twice,
//! and the job gets done.
//!
//! One seed alone: `DAMM_CRASH_SEED=17 cargo test -p damm-engine --test vendors hetzner_by_chance`;
//! more of them: `DAMM_CRASH_LIVES=200`.

#![allow(clippy::unwrap_used)] // A test that can not go on fails.

mod accounts;
mod crew;
mod far;
mod life;
#[path = "../support/mod.rs"]
mod support;
mod trials;

use far::Vendor;
use life::{Course, Life, Part};
use support::crash::Blame;
use trials::{Crashes, Faults, TROUBLES};

/// As the topology has it.
const FLEET: &str = "example";

/// Points between one crash and the next.
const STRIDE: u64 = 32;

/// Lives of the seeds below a number, or of the only one that was asked for, or of as many as were.
async fn lives(
    vendor: &'static Vendor,
    name: &str,
    seeds: u64,
    trial: impl Fn(u64) -> (Course, Faults),
) {
    let told = |name| std::env::var(name).ok().map(|n| n.parse::<u64>().unwrap());
    let seeds = match (told("DAMM_CRASH_SEED"), told("DAMM_CRASH_LIVES")) {
        (Some(seed), _) => seed..seed + 1,
        (None, lives) => 0..lives.unwrap_or(seeds),
    };
    for seed in seeds {
        let name = format!("{}_{name}", vendor.kind);
        let guard = Blame { seed, test: "vendors", name: &name };
        let (course, faults) = trial(seed);
        Life::new(vendor, seed).await.live(&course, faults, seed).await;
        std::mem::forget(guard);
    }
}

fn calm() -> Course {
    Part::ALL.map(|part| (part, Crashes::None)).into()
}

/// Faults and crashes by chance, on a seed that is told when it fails.
async fn by_chance(vendor: &'static Vendor) {
    let points = Life::new(vendor, 999_999).await.live(&calm(), Faults::None, 0).await;
    eprintln!("points of a calm life at {}: {points:?}", vendor.kind);
    let crashes = points.into_iter().map(Crashes::Some);
    let course: Course = Part::ALL.into_iter().zip(crashes).collect();
    let trial = |seed| (course.clone(), Faults::Odds(seed));
    lives(vendor, "by_chance", Faults::KINDS, trial).await;
}

#[tokio::test]
async fn hetzner_dies_at_every_point() {
    let trial = |first| {
        let crashes = Crashes::Every { first: first + 1, stride: STRIDE };
        let course = [Part::Build, Part::DrainNode].map(|part| (part, crashes));
        (course.into(), Faults::None)
    };
    lives(&accounts::HETZNER, "dies_at_every_point", STRIDE, trial).await;
}

#[tokio::test]
async fn hetzner_fails_at_every_step() {
    let trial = |first| (calm(), Faults::Steps(first));
    lives(&accounts::HETZNER, "fails_at_every_step", TROUBLES.len() as u64, trial).await;
}

#[tokio::test]
async fn hetzner_by_chance() {
    by_chance(&accounts::HETZNER).await;
}

#[tokio::test]
async fn linode_by_chance() {
    by_chance(&accounts::LINODE).await;
}

#[tokio::test]
async fn vultr_by_chance() {
    by_chance(&accounts::VULTR).await;
}

#[tokio::test]
async fn aws_by_chance() {
    by_chance(&accounts::AWS).await;
}

#[tokio::test]
async fn digitalocean_by_chance() {
    by_chance(&accounts::DIGITALOCEAN).await;
}

#[tokio::test]
async fn openstack_by_chance() {
    by_chance(&accounts::OPENSTACK).await;
}
