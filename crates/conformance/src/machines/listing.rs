//! What listings show.

use std::collections::BTreeSet;

use damm_fleet::{FailureClass, Span};

use crate::{Bench, CloudVendor, FLEET, Trouble};

/// More than two pages at most vendors.
const MANY: usize = 120;

pub async fn every_machine_is_listed_after_the_listing_lag<V: CloudVendor>(mut bench: Bench<V>) {
    if !bench.can(Trouble::LateListings) {
        return;
    }
    bench.trouble(Trouble::LateListings).await;
    let made = bench.machine_order();
    bench.vendor.cloud().create_machine(&made).await.unwrap();
    bench.settle().await;
    let listed = Bench::<V>::only(bench.machines().await);
    assert_eq!(listed.tag, Some(made.tag));
}

pub async fn a_late_machine_can_be_called_by_its_name_before_it_is_listed<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    if !bench.can(Trouble::LateListings) {
        return;
    }
    bench.trouble(Trouble::LateListings).await;
    let order = bench.machine_order();
    let made = bench.vendor.cloud().create_machine(&order).await.unwrap();
    bench.vendor.wait(Span::from_secs(1)).await;
    bench.vendor.cloud().delete_machine(&made.provider_ref).await.unwrap();
}

pub async fn another_fleets_machines_are_not_shown<V: CloudVendor>(mut bench: Bench<V>) {
    let (mut other, mine) = (bench.machine_order(), bench.machine_order());
    other.tag.fleet = "other".to_owned();
    other.idempotency_key = format!("{}.1", other.tag);
    let cloud = bench.vendor.cloud();
    cloud.create_machine(&other).await.unwrap();
    cloud.create_machine(&mine).await.unwrap();
    bench.settle().await;
    let listed = Bench::<V>::only(bench.machines().await);
    assert_eq!(listed.tag, Some(mine.tag));
    let theirs = cloud.list_machines("other").await.unwrap();
    assert_eq!(Bench::<V>::only(theirs).tag, Some(other.tag));
}

pub async fn a_fleet_whose_name_begins_another_ones_is_another<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    let mut order = bench.machine_order();
    order.tag.fleet = format!("{FLEET}-two");
    order.idempotency_key = format!("{}.1", order.tag);
    bench.vendor.cloud().create_machine(&order).await.unwrap();
    bench.settle().await;
    assert_eq!(bench.machines().await, []);
    let theirs = bench.vendor.cloud().list_machines(&order.tag.fleet).await.unwrap();
    assert_eq!(theirs.len(), 1);
}

pub async fn a_listing_of_many_machines_is_whole<V: CloudVendor>(mut bench: Bench<V>) {
    let raised = bench.vendor.raise_quota(MANY, 0).await;
    if !bench.has(raised, "the account can't hold many machines") {
        return;
    }
    let mut made = BTreeSet::new();
    for _ in 0..MANY {
        let order = bench.machine_order();
        let machine = bench.vendor.cloud().create_machine(&order).await.unwrap();
        made.insert((machine.provider_ref, order.tag));
    }
    bench.settle().await;
    let listed = bench.machines().await.into_iter();
    let listed: Vec<_> = listed.map(|m| (m.provider_ref, m.tag.unwrap())).collect();
    assert_eq!(listed.len(), MANY, "each once");
    assert_eq!(BTreeSet::from_iter(listed), made);
    a_later_page_fails(&bench).await;
}

/// Where there are several pages, no part is shown.
async fn a_later_page_fails<V: CloudVendor>(bench: &Bench<V>) {
    if !bench.can(Trouble::FailedPages) {
        return;
    }
    bench.trouble(Trouble::FailedPages).await;
    match bench.vendor.cloud().list_machines(FLEET).await {
        Ok(all) => assert_eq!(all.len(), MANY, "all on one page, or an error"),
        Err(e) => assert_eq!(bench.class::<()>(Err(e)), FailureClass::Unknown),
    }
}

pub async fn a_listing_fails_rather_than_show_a_part<V: CloudVendor>(mut bench: Bench<V>) {
    bench.machine().await;
    bench.settle().await;
    for trouble in [
        Trouble::FailedRequests,
        Trouble::LostAnswers,
        Trouble::FailedAnswers,
        Trouble::TruncatedAnswers,
        Trouble::GarbledAnswers,
        Trouble::GarbledAnswers,
        Trouble::GarbledAnswers,
    ] {
        if !bench.can(trouble) {
            continue;
        }
        bench.trouble(trouble).await;
        let machines = bench.vendor.cloud().list_machines(FLEET).await;
        assert_eq!(bench.class(machines), FailureClass::Unknown, "{trouble:?}");
        let addresses = bench.vendor.cloud().list_addresses(FLEET).await;
        assert_eq!(bench.class(addresses), FailureClass::Unknown, "{trouble:?}");
    }
    bench.calm().await;
    assert_eq!(bench.machines().await.len(), 1);
}
