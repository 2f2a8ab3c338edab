//! Calls that fail.

use damm_fleet::{FailureClass, Span};

use crate::{Aim, Bench, CloudVendor, FLEET, Trouble};

/// Longer than any vendor asks to be left alone.
const LONG: Span = Span::from_hours(1);

/// The order is filled and nobody hears of it: the listing has it.
async fn unheard<V: CloudVendor>(mut bench: Bench<V>, trouble: Trouble) {
    if !bench.can(trouble) {
        return;
    }
    let order = bench.machine_order();
    bench.trouble_writes(trouble).await;
    let answer = bench.vendor.cloud().create_machine(&order).await;
    assert_eq!(bench.class(answer), FailureClass::Unknown);
    bench.calm().await;
    bench.settle().await;
    if bench.vendor.makes_in_steps() && bench.machines().await.is_empty() {
        bench.vendor.cloud().create_machine(&order).await.unwrap();
        bench.settle().await;
    }
    let found = Bench::<V>::only(bench.machines().await);
    assert_eq!(found.tag, Some(order.tag));
    // What was adopted is as good as what was answered.
    bench.vendor.cloud().delete_machine(&found.provider_ref).await.unwrap();
    bench.wait().await;
    assert_eq!(bench.machines().await, []);
}

pub async fn a_machine_whose_answer_was_lost_is_found_by_its_tag<V: CloudVendor>(bench: Bench<V>) {
    unheard(bench, Trouble::LostAnswers).await;
}

pub async fn a_machine_whose_answer_was_a_server_error_is_found_by_its_tag<V: CloudVendor>(
    bench: Bench<V>,
) {
    unheard(bench, Trouble::FailedAnswers).await;
}

pub async fn a_machine_whose_answer_broke_off_is_found_by_its_tag<V: CloudVendor>(bench: Bench<V>) {
    unheard(bench, Trouble::TruncatedAnswers).await;
}

pub async fn a_machine_whose_answer_was_something_else_is_found_by_its_tag<V: CloudVendor>(
    bench: Bench<V>,
) {
    unheard(bench, Trouble::GarbledAnswers).await;
}

pub async fn a_machine_whose_request_failed_is_not_there<V: CloudVendor>(mut bench: Bench<V>) {
    if !bench.can(Trouble::FailedRequests) {
        return;
    }
    let order = bench.machine_order();
    for aim in [Aim::All, Aim::Writes] {
        bench.vendor.trouble(Trouble::FailedRequests, aim).await;
        let answer = bench.vendor.cloud().create_machine(&order).await;
        assert_eq!(bench.class(answer), FailureClass::Unknown);
    }
    bench.calm().await;
    bench.settle().await;
    assert_eq!(bench.machines().await, []);
}

pub async fn a_throttled_order_says_when_to_come_back_and_makes_nothing<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    if !bench.can(Trouble::Throttling) {
        return;
    }
    let order = bench.machine_order();
    bench.trouble(Trouble::Throttling).await;
    let answer = bench.vendor.cloud().create_machine(&order).await;
    let (class, wait) = bench.failure(answer);
    assert_eq!(class, FailureClass::Throttled);
    let wait = wait.unwrap();
    assert!(wait > Span::ZERO && wait < LONG, "{wait}");
    bench.calm().await;
    bench.vendor.wait(wait).await;
    bench.settle().await;
    assert_eq!(bench.machines().await, []);
    bench.vendor.cloud().create_machine(&order).await.unwrap();
}

pub async fn an_order_that_is_throttled_without_a_time_makes_nothing<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    if !bench.can(Trouble::SilentThrottling) {
        return;
    }
    let order = bench.machine_order();
    bench.trouble_writes(Trouble::SilentThrottling).await;
    let answer = bench.vendor.cloud().create_machine(&order).await;
    let (class, wait) = bench.failure(answer);
    assert_eq!(class, FailureClass::Throttled);
    assert!(wait.is_none_or(|w| w < LONG));
    bench.calm().await;
    bench.wait().await;
    assert_eq!(bench.machines().await, []);
    bench.vendor.cloud().create_machine(&order).await.unwrap();
}

pub async fn a_throttled_listing_is_no_empty_listing<V: CloudVendor>(bench: Bench<V>) {
    for trouble in [Trouble::Throttling, Trouble::SilentThrottling] {
        if !bench.can(trouble) {
            continue;
        }
        bench.trouble(trouble).await;
        let machines = bench.vendor.cloud().list_machines(FLEET).await;
        assert_eq!(bench.class(machines), FailureClass::Throttled);
        let addresses = bench.vendor.cloud().list_addresses(FLEET).await;
        assert_eq!(bench.class(addresses), FailureClass::Throttled);
        bench.calm().await;
        bench.wait().await;
    }
    assert_eq!(bench.machines().await, []);
}

pub async fn an_expired_credential_is_rejected_by_every_call<V: CloudVendor>(mut bench: Bench<V>) {
    if !bench.can(Trouble::ExpiredCredential) {
        return;
    }
    let (machine, address) = (bench.machine().await, bench.address().await);
    let (order, another) = (bench.machine_order(), bench.address_order());
    let (m, a) = (&machine.provider_ref, &address.provider_ref);
    bench.settle().await;
    bench.trouble(Trouble::ExpiredCredential).await;
    let cloud = bench.vendor.cloud();
    let classes = [
        bench.class(cloud.list_machines(FLEET).await),
        bench.class(cloud.list_addresses(FLEET).await),
        bench.class(cloud.create_machine(&order).await),
        bench.class(cloud.allocate_address(&another).await),
        bench.class(cloud.attach_address(a, m).await),
        bench.class(cloud.detach_address(a).await),
        bench.class(cloud.release_address(a).await),
        bench.class(cloud.delete_machine(m).await),
    ];
    assert_eq!(classes, [FailureClass::Rejected; 8]);
    bench.calm().await;
    bench.settle().await;
    assert_eq!((bench.machines().await.len(), bench.addresses().await.len()), (1, 1));
}

pub async fn a_refusal_that_quotes_the_request_tells_no_secret<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    if !bench.can(Trouble::Echoes) {
        return;
    }
    let order = bench.machine_order();
    bench.trouble(Trouble::Echoes).await;
    let answer = bench.vendor.cloud().create_machine(&order).await;
    // What the error may hold is looked at there.
    assert_eq!(bench.class(answer), FailureClass::Rejected);
    bench.trouble_writes(Trouble::Echoes).await;
    let answer = bench.vendor.cloud().create_machine(&order).await;
    assert_eq!(bench.class(answer), FailureClass::Rejected);
    let listing = bench.vendor.cloud().list_machines(FLEET).await;
    assert_eq!(listing.unwrap(), []);
}
