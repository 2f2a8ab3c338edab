//! What `damm providers` tells of accounts at vendors, asked over HTTP.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use support::Fleet;
use support::vendor::{TOKEN, fleet, hetzner, run};

#[test]
fn all_kinds_are_listed_with_what_they_can_do() {
    let fleet = Fleet::new();
    let page = fleet.run(&["providers"]).expect(0).stdout;
    for kind in damm_fleet::topology::ProviderKind::ALL {
        let listed = page.lines().any(|l| l.starts_with(&format!("{kind} ")));
        assert_eq!(listed, kind.sheet().is_some(), "{kind}: {page}");
    }
}

#[test]
fn a_good_account_is_told_apart_from_one_whose_token_is_refused_or_missing() {
    let front = hetzner();
    let fleet = fleet(&front.url());
    let check = ["providers", "check", "topology.json"];
    let good = run(&fleet, &check, &[("TEST_TOKEN", TOKEN)]).expect(0);
    assert!(good.stdout.contains("✓ helsinki (hetzner): 0 machines"), "{good:?}");
    let refused = run(&fleet, &check, &[("TEST_TOKEN", "another-token")]).expect(1);
    assert!(refused.stdout.contains("✗ helsinki (hetzner): "), "{refused:?}");
    assert!(refused.stdout.contains("unable to authenticate"), "{refused:?}");
    let missing = run(&fleet, &check, &[]).expect(1);
    assert!(missing.stdout.contains("`TEST_TOKEN` is not set"), "{missing:?}");
    for ran in [good, refused, missing] {
        let all = ran.stdout + &ran.stderr;
        assert!(!all.contains(TOKEN) && !all.contains("another-token"), "{all}");
    }
}

#[test]
fn places_and_sizes_are_shown_as_the_vendor_has_them_now() {
    let front = hetzner();
    let fleet = fleet(&front.url());
    let show = ["providers", "show", "topology.json", "helsinki"];
    let page = run(&fleet, &show, &[("TEST_TOKEN", TOKEN)]).expect(0).stdout;
    for told in ["hel1", "cx22", "3.79 EUR"] {
        assert!(page.contains(told), "{told}: {page}");
    }
    run(&fleet, &["providers", "show", "topology.json", "nobody"], &[])
        .refuses(1, &["is no provider of this topology"]);
    run(&fleet, &["providers", "show", "topology.json", "sim-a"], &[])
        .refuses(1, &["can't be asked"]);
}

#[test]
fn calls_go_by_the_proxy_that_the_environment_names() {
    let front = hetzner();
    let fleet = fleet("http://api.vendor.invalid");
    let environment = [("TEST_TOKEN", TOKEN), ("HTTP_PROXY", &front.url())];
    let check = ["providers", "check", "topology.json"];
    run(&fleet, &check, &environment).expect(0);
    assert!(!front.journal().is_empty());
    // And without one nothing is sent at all.
    let lost = run(&fleet, &check, &[("TEST_TOKEN", TOKEN)]).expect(1);
    assert!(lost.stdout.contains("no connection"), "{lost:?}");
}
