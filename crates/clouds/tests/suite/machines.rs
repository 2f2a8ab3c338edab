//! Machines.

use damm_clouds::MachineState;
use damm_fleet::{FailureClass, Span};

use super::{Bench, FLEET, Trouble, Vendor, class};

pub async fn a_machine_is_promised_first_and_runs_with_an_address_later<V: Vendor>(
    mut bench: Bench<V>,
) {
    let order = bench.machine_order();
    let promised = bench.vendor.cloud().create_machine(&order).await.unwrap();
    assert_eq!(promised.state, MachineState::Starting);
    assert_eq!((promised.address, promised.asn), (None, None));
    assert_eq!(promised.tag, Some(order.tag.clone()));
    bench.vendor.wait(bench.vendor.patience()).await;
    let [listed] = bench.machines().await.try_into().unwrap();
    assert_eq!(listed.state, MachineState::Running);
    assert!(listed.address.is_some() && listed.asn.is_some());
    assert_eq!(listed.provider_ref, promised.provider_ref);
    assert_eq!(listed.tag, Some(order.tag));
    assert_eq!(listed.created_at, promised.created_at);
}

pub async fn every_machine_is_listed_after_the_listing_lag<V: Vendor>(mut bench: Bench<V>) {
    bench.vendor.trouble(Trouble::LateListings).await;
    let made = bench.machine_order();
    bench.vendor.cloud().create_machine(&made).await.unwrap();
    let lag = bench.vendor.capabilities().list_lag;
    bench.vendor.wait(lag).await;
    let [listed] = bench.machines().await.try_into().unwrap();
    assert_eq!(listed.tag, Some(made.tag));
}

pub async fn another_fleets_machines_are_not_shown<V: Vendor>(mut bench: Bench<V>) {
    let mut order = bench.machine_order();
    order.tag.fleet = "other".to_owned();
    bench.vendor.cloud().create_machine(&order).await.unwrap();
    bench.vendor.wait(bench.vendor.capabilities().list_lag).await;
    assert_eq!(bench.machines().await, []);
    let others = bench.vendor.cloud().list_machines("other").await.unwrap();
    assert_eq!(others.len(), 1);
}

pub async fn an_order_that_can_never_be_filled_is_rejected_and_nothing_is_made<V: Vendor>(
    mut bench: Bench<V>,
) {
    let good = bench.machine_order();
    let limit = bench.vendor.capabilities().user_data_limit;
    let mut bad = [good.clone(), good.clone(), good.clone(), good];
    bad[0].machine = "no-such-size".to_owned();
    bad[1].location = "no-such-place".to_owned();
    bad[2].user_data = String::new();
    bad[3].user_data = "x".repeat(limit + 1);
    for order in bad {
        let answer = bench.vendor.cloud().create_machine(&order).await;
        assert_eq!(class(answer), FailureClass::Rejected, "{}", order.machine);
    }
    bench.vendor.wait(bench.vendor.capabilities().list_lag).await;
    assert_eq!(bench.machines().await, []);
}

pub async fn user_data_up_to_the_limit_is_taken<V: Vendor>(mut bench: Bench<V>) {
    let mut order = bench.machine_order();
    order.user_data = "#".repeat(bench.vendor.capabilities().user_data_limit);
    bench.vendor.cloud().create_machine(&order).await.unwrap();
}

pub async fn a_machine_whose_answer_was_lost_is_found_by_its_tag<V: Vendor>(mut bench: Bench<V>) {
    let order = bench.machine_order();
    bench.vendor.trouble(Trouble::LostAnswers).await;
    let answer = bench.vendor.cloud().create_machine(&order).await;
    assert_eq!(class(answer), FailureClass::Unknown);
    bench.vendor.trouble(Trouble::None).await;
    bench.vendor.wait(bench.vendor.capabilities().list_lag).await;
    let [found] = bench.machines().await.try_into().unwrap();
    assert_eq!(found.tag, Some(order.tag));
    // What was adopted is as good as what was answered.
    let cloud = bench.vendor.cloud();
    cloud.delete_machine(&found.provider_ref).await.unwrap();
}

pub async fn a_machine_whose_request_failed_is_not_there<V: Vendor>(mut bench: Bench<V>) {
    let order = bench.machine_order();
    for trouble in [Trouble::FailedRequests, Trouble::Throttling] {
        bench.vendor.trouble(trouble).await;
        let answer = bench.vendor.cloud().create_machine(&order).await;
        let throttled = trouble == Trouble::Throttling;
        let expected = [FailureClass::Unknown, FailureClass::Throttled][usize::from(throttled)];
        assert_eq!(class(answer), expected);
    }
    bench.vendor.trouble(Trouble::None).await;
    bench.vendor.wait(bench.vendor.capabilities().list_lag).await;
    assert_eq!(bench.machines().await, []);
}

pub async fn a_listing_fails_rather_than_show_a_part<V: Vendor>(mut bench: Bench<V>) {
    bench.machine().await;
    for trouble in [Trouble::FailedRequests, Trouble::LostAnswers] {
        bench.vendor.trouble(trouble).await;
        let machines = bench.vendor.cloud().list_machines(FLEET).await;
        assert_eq!(class(machines), FailureClass::Unknown);
        let addresses = bench.vendor.cloud().list_addresses(FLEET).await;
        assert_eq!(class(addresses), FailureClass::Unknown);
    }
}

pub async fn a_deleted_machine_is_listed_until_it_is_gone_and_then_gone<V: Vendor>(
    mut bench: Bench<V>,
) {
    let machine = bench.machine().await;
    let cloud = bench.vendor.cloud();
    cloud.delete_machine(&machine.provider_ref).await.unwrap();
    let left = bench.machines().await;
    assert!(left.iter().all(|m| m.state == MachineState::Stopping));
    // A second time is accepted, whether it is on its way or gone.
    let again = cloud.delete_machine(&machine.provider_ref).await;
    assert!(again.is_ok() || class(again) == FailureClass::Gone);
    bench.vendor.wait(bench.vendor.patience()).await;
    assert_eq!(bench.machines().await, []);
    let late = cloud.delete_machine(&machine.provider_ref).await;
    assert_eq!(class(late), FailureClass::Gone);
}

pub async fn what_never_was_is_gone<V: Vendor>(bench: Bench<V>) {
    let cloud = bench.vendor.cloud();
    assert_eq!(class(cloud.delete_machine("no-such").await), FailureClass::Gone);
    assert_eq!(class(cloud.release_address("no-such").await), FailureClass::Gone);
    assert_eq!(class(cloud.detach_address("no-such").await), FailureClass::Gone);
}

pub async fn a_full_quota_is_exhausted_until_a_machine_is_gone<V: Vendor>(mut bench: Bench<V>) {
    let cloud = bench.vendor.cloud();
    let quota = bench.vendor.quota();
    let mut first = None;
    for _ in 0..quota {
        let order = bench.machine_order();
        let made = cloud.create_machine(&order).await.unwrap();
        first.get_or_insert(made);
    }
    let order = bench.machine_order();
    assert_eq!(class(cloud.create_machine(&order).await), FailureClass::Exhausted);
    bench.vendor.wait(bench.vendor.capabilities().list_lag).await;
    assert_eq!(bench.machines().await.len(), quota);
    cloud.delete_machine(&first.unwrap().provider_ref).await.unwrap();
    bench.vendor.wait(bench.vendor.patience()).await;
    cloud.create_machine(&order).await.unwrap();
}

pub async fn a_late_machine_can_be_called_by_its_name_before_it_is_listed<V: Vendor>(
    mut bench: Bench<V>,
) {
    bench.vendor.trouble(Trouble::LateListings).await;
    let order = bench.machine_order();
    let made = bench.vendor.cloud().create_machine(&order).await.unwrap();
    bench.vendor.wait(Span::from_secs(1)).await;
    let cloud = bench.vendor.cloud();
    cloud.delete_machine(&made.provider_ref).await.unwrap();
}
