//! What accounts say of themselves when they are asked: limits, places and sizes.
#![cfg(all(feature = "digitalocean", feature = "linode", feature = "vultr"))]
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod stage;

use std::sync::Arc;

use damm_conformance::{Aim, Trouble};
use damm_doubles::{Front, digitalocean, linode, vultr};
use damm_fleet::FailureClass;
use damm_vendors::look::Look;
use serde_json::json;
use stage::{TOKEN, account, clock};

/// A line for each limit, place and size.
async fn told(look: &dyn Look) -> Vec<String> {
    let number = |n: Option<u64>| n.map_or("?".to_owned(), |n| n.to_string());
    let mut lines = Vec::new();
    for q in look.quotas().await.unwrap() {
        lines.push(format!("{}: {} of {}", q.what, number(q.used), number(q.limit)));
    }
    for place in look.places().await.unwrap() {
        lines.push(format!("{}: {}", place.name, place.title));
    }
    for size in look.sizes().await.unwrap() {
        let price = size.price.unwrap_or_default();
        lines.push(format!("{}: {} {} {price}", size.name, size.cores, size.memory));
    }
    lines
}

/// A refused token is told as such, and a listing that breaks off is no shorter listing.
async fn fails_as_it_should(look: &dyn Look, front: &Front) {
    front.trouble(Trouble::ExpiredCredential, Aim::All);
    assert_eq!(look.quotas().await.unwrap_err().class, FailureClass::Rejected);
    assert_eq!(look.places().await.unwrap_err().class, FailureClass::Rejected);
    assert_eq!(look.sizes().await.unwrap_err().class, FailureClass::Rejected);
}

#[tokio::test]
async fn digitalocean_tells_its_limits_and_what_is_open() {
    let clock = clock();
    let double = Arc::new(digitalocean::DigitalOcean::new(clock.clone(), TOKEN));
    double.reserve_elsewhere();
    let front = Front::over(double);
    let settings = json!({ "project": digitalocean::PROJECT });
    let account = account("digitalocean", &format!("{}/v2", front.url()), &clock, settings);
    let look = damm_vendors::digitalocean::look(account).unwrap();
    let expected = [
        "machines: 0 of 3",
        "addresses: 1 of 5",
        "fra1: Frankfurt 1",
        "s-1vcpu-1gb: 1 1024 6.00 USD",
    ];
    assert_eq!(told(&*look).await, expected);
    fails_as_it_should(&*look, &front).await;
}

#[tokio::test]
async fn linode_tells_what_is_in_use_and_which_regions_are_up() {
    let clock = clock();
    let double = Arc::new(linode::Linode::new(clock.clone(), TOKEN));
    double.put_instance("somebody-elses", &[]);
    let front = Front::over(double);
    let account = account("linode", &format!("{}/v4", front.url()), &clock, json!({}));
    let look = damm_vendors::linode::look(account).unwrap();
    let expected = [
        "machines: 1 of ?",
        "eu-central: eu-central, somewhere, EU",
        "us-east: us-east, somewhere, US",
        "g6-nanode-1: 1 1024 5.00 USD",
        "g6-standard-1: 1 1024 5.00 USD",
    ];
    assert_eq!(told(&*look).await, expected);
    fails_as_it_should(&*look, &front).await;
}

#[tokio::test]
async fn vultr_tells_what_is_in_use_and_the_plans_that_are_sold() {
    let clock = clock();
    let front = Front::over(Arc::new(vultr::Vultr::new(clock.clone(), TOKEN)));
    let account = account("vultr", &format!("{}/v2", front.url()), &clock, json!({}));
    let look = damm_vendors::vultr::look(account).unwrap();
    let expected = [
        "machines: 0 of ?",
        "addresses: 0 of ?",
        "fra: Frankfurt, DE",
        "vc2-1c-1gb: 1 1024 5.00 USD",
    ];
    assert_eq!(told(&*look).await, expected);
    fails_as_it_should(&*look, &front).await;
}
