//! Which orders are filled, and how often.

use std::collections::BTreeSet;

use damm_fleet::FailureClass;
use futures::future::join_all;

use crate::{Bench, CloudVendor, Trouble};

pub async fn an_order_that_can_never_be_filled_is_rejected_and_nothing_is_made<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    let limit = bench.vendor.capabilities().user_data_limit;
    let mut bad = [(); 4].map(|()| bench.machine_order());
    bad[0].machine = "no-such-size".to_owned();
    bad[1].location = "no-such-place".to_owned();
    bad[2].user_data = String::new();
    bad[3].user_data = "x".repeat(limit + 1);
    for order in bad {
        let answer = bench.vendor.cloud().create_machine(&order).await;
        assert_eq!(bench.class(answer), FailureClass::Rejected, "{order:?}");
    }
    bench.settle().await;
    assert_eq!(bench.machines().await, []);
}

pub async fn user_data_up_to_the_limit_is_taken<V: CloudVendor>(mut bench: Bench<V>) {
    let mut order = bench.machine_order();
    order.user_data = "#".repeat(bench.vendor.capabilities().user_data_limit);
    bench.vendor.cloud().create_machine(&order).await.unwrap();
}

pub async fn a_full_quota_is_exhausted_until_a_machine_is_gone<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    let Some(quota) = bench.vendor.quota() else {
        bench.has(false, "no quota of machines is enforced here");
        return;
    };
    let cloud = bench.vendor.cloud();
    let mut first = None;
    for _ in 0..quota {
        let order = bench.machine_order();
        let made = cloud.create_machine(&order).await.unwrap();
        first.get_or_insert(made);
    }
    let order = bench.machine_order();
    let over = cloud.create_machine(&order).await;
    assert_eq!(bench.class(over), FailureClass::Exhausted);
    bench.wait().await;
    assert_eq!(bench.machines().await.len(), quota);
    cloud.delete_machine(&first.unwrap().provider_ref).await.unwrap();
    bench.wait().await;
    cloud.create_machine(&order).await.unwrap();
}

pub async fn a_size_that_is_out_of_stock_is_exhausted_and_nothing_is_made<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    if !bench.can(Trouble::OutOfStock) {
        return;
    }
    bench.trouble(Trouble::OutOfStock).await;
    let order = bench.machine_order();
    let answer = bench.vendor.cloud().create_machine(&order).await;
    assert_eq!(bench.class(answer), FailureClass::Exhausted);
    bench.calm().await;
    bench.settle().await;
    assert_eq!(bench.machines().await, []);
    bench.vendor.cloud().create_machine(&order).await.unwrap();
}

pub async fn an_order_that_comes_twice_is_filled_as_often_as_the_vendor_promises<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    let order = bench.machine_order();
    let cloud = bench.vendor.cloud();
    let first = cloud.create_machine(&order).await.unwrap();
    let second = cloud.create_machine(&order).await;
    bench.settle().await;
    let listed = bench.machines().await;
    assert!(listed.iter().all(|m| m.tag == Some(order.tag.clone())));
    let refs: BTreeSet<_> = listed.iter().map(|m| m.provider_ref.clone()).collect();
    assert_eq!(refs.len(), listed.len(), "each once");
    if bench.vendor.capabilities().idempotent_create {
        assert_eq!(refs, [first.provider_ref.clone()].into(), "one order, one machine");
        assert_eq!(second.unwrap().provider_ref, first.provider_ref);
    } else {
        // Two machines with one tag are both shown: only so the spare one is found.
        let second = second.unwrap();
        assert_eq!(refs, [first.provider_ref, second.provider_ref].into());
    }
}

pub async fn orders_with_different_keys_make_different_machines<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    let one = bench.machine_order();
    let mut two = one.clone();
    two.idempotency_key = format!("{}.2", one.tag);
    let cloud = bench.vendor.cloud();
    let one = cloud.create_machine(&one).await.unwrap();
    let two = cloud.create_machine(&two).await.unwrap();
    assert_ne!(one.provider_ref, two.provider_ref);
    bench.settle().await;
    assert_eq!(bench.machines().await.len(), 2);
}

pub async fn the_next_attempt_makes_a_new_machine_for_one_that_is_gone<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    let mut order = bench.machine_order();
    let cloud = bench.vendor.cloud();
    let first = cloud.create_machine(&order).await.unwrap();
    bench.wait().await;
    cloud.delete_machine(&first.provider_ref).await.unwrap();
    bench.wait().await;
    order.idempotency_key = format!("{}.2", order.tag);
    let next = cloud.create_machine(&order).await.unwrap();
    assert_ne!(next.provider_ref, first.provider_ref);
    bench.settle().await;
    let listed = Bench::<V>::only(bench.machines().await);
    assert_eq!((listed.provider_ref, listed.tag), (next.provider_ref, Some(order.tag)));
}

pub async fn orders_beside_each_other_are_each_filled_once<V: CloudVendor>(mut bench: Bench<V>) {
    let orders = [(); 3].map(|()| bench.machine_order());
    let cloud = bench.vendor.cloud();
    let made = join_all(orders.iter().map(|o| cloud.create_machine(o))).await;
    let refs = made.into_iter().map(|m| m.unwrap()).map(|m| (m.provider_ref, m.tag));
    let refs: BTreeSet<_> = refs.collect();
    bench.settle().await;
    let listed = bench.machines().await;
    assert_eq!(listed.len(), orders.len());
    let listed = listed.into_iter().map(|m| (m.provider_ref, m.tag));
    assert_eq!(BTreeSet::from_iter(listed), refs);
}
