//! Calls that fail.

use damm_fleet::FailureClass;

use crate::{Bench, CloudVendor, Trouble};

/// The order is filled and nobody hears of it: the listing has it.
async fn unheard<V: CloudVendor>(mut bench: Bench<V>, trouble: Trouble) {
    if !bench.can(trouble) {
        return;
    }
    let order = bench.address_order();
    bench.trouble_writes(trouble).await;
    let answer = bench.vendor.cloud().allocate_address(&order).await;
    assert_eq!(bench.class(answer), FailureClass::Unknown);
    bench.calm().await;
    bench.settle().await;
    let [found] = bench.addresses().await.try_into().unwrap();
    let tagged = bench.vendor.capabilities().tagged_addresses;
    assert_eq!(found.tag, tagged.then_some(order.tag));
    bench.vendor.cloud().release_address(&found.provider_ref).await.unwrap();
    bench.wait().await;
    assert_eq!(bench.addresses().await, []);
}

pub async fn an_address_whose_answer_was_lost_is_found<V: CloudVendor>(bench: Bench<V>) {
    unheard(bench, Trouble::LostAnswers).await;
}

pub async fn an_address_whose_answer_was_a_server_error_is_found<V: CloudVendor>(bench: Bench<V>) {
    unheard(bench, Trouble::FailedAnswers).await;
}

pub async fn an_address_whose_answer_broke_off_is_found<V: CloudVendor>(bench: Bench<V>) {
    unheard(bench, Trouble::TruncatedAnswers).await;
}

pub async fn an_address_whose_answer_was_something_else_is_found<V: CloudVendor>(bench: Bench<V>) {
    unheard(bench, Trouble::GarbledAnswers).await;
}

pub async fn an_address_whose_request_failed_is_not_there<V: CloudVendor>(mut bench: Bench<V>) {
    let order = bench.address_order();
    for (trouble, class) in [
        (Trouble::FailedRequests, FailureClass::Unknown),
        (Trouble::SilentThrottling, FailureClass::Throttled),
    ] {
        if !bench.can(trouble) {
            continue;
        }
        bench.trouble_writes(trouble).await;
        let answer = bench.vendor.cloud().allocate_address(&order).await;
        assert_eq!(bench.class(answer), class);
        bench.calm().await;
        bench.wait().await;
        assert_eq!(bench.addresses().await, []);
    }
    bench.vendor.cloud().allocate_address(&order).await.unwrap();
}

pub async fn an_attach_whose_answer_was_lost_is_seen_in_the_listing<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    if !bench.can(Trouble::LostAnswers) {
        return;
    }
    let (machine, address) = (bench.machine().await, bench.address().await);
    let cloud = bench.vendor.cloud();
    bench.trouble_writes(Trouble::LostAnswers).await;
    let (a, m) = (&address.provider_ref, &machine.provider_ref);
    let answer = cloud.attach_address(a, m).await;
    assert_eq!(bench.class(answer), FailureClass::Unknown);
    bench.calm().await;
    bench.settle().await;
    assert_eq!(bench.holder(&address).await.as_ref(), Some(m));
    cloud.attach_address(a, m).await.unwrap();
}

pub async fn a_detach_whose_answer_was_lost_is_seen_in_the_listing<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    let movable = bench.vendor.capabilities().movable_addresses;
    if !bench.can(Trouble::LostAnswers) || !bench.has(movable, "addresses don't move here") {
        return;
    }
    let (_, address) = bench.held().await;
    let cloud = bench.vendor.cloud();
    bench.trouble_writes(Trouble::LostAnswers).await;
    let answer = cloud.detach_address(&address.provider_ref).await;
    assert_eq!(bench.class(answer), FailureClass::Unknown);
    bench.calm().await;
    assert_eq!(bench.holder(&address).await, None);
    cloud.detach_address(&address.provider_ref).await.unwrap();
}

pub async fn a_release_whose_answer_was_lost_is_seen_in_the_listing<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    if !bench.can(Trouble::LostAnswers) {
        return;
    }
    let address = bench.address().await;
    bench.settle().await;
    let cloud = bench.vendor.cloud();
    bench.trouble_writes(Trouble::LostAnswers).await;
    let answer = cloud.release_address(&address.provider_ref).await;
    assert_eq!(bench.class(answer), FailureClass::Unknown);
    bench.calm().await;
    bench.wait().await;
    assert_eq!(bench.addresses().await, []);
    let again = cloud.release_address(&address.provider_ref).await;
    assert_eq!(bench.class(again), FailureClass::Gone);
}
