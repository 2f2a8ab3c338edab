//! Addresses.

use std::collections::BTreeSet;

use damm_fleet::FailureClass;

use super::{Bench, FLEET, Trouble, Vendor, class};

pub async fn a_new_address_is_listed_with_its_tag_and_attached_to_nothing<V: Vendor>(
    mut bench: Bench<V>,
) {
    let order = bench.address_order();
    let made = bench.vendor.cloud().allocate_address(&order).await.unwrap();
    bench.vendor.wait(bench.vendor.capabilities().list_lag).await;
    let [listed] = bench.addresses().await.try_into().unwrap();
    assert_eq!(listed, made);
    assert_eq!(listed.attached_to, None);
    let tagged = bench.vendor.capabilities().tagged_addresses;
    assert_eq!(listed.tag, tagged.then_some(order.tag));
    let others = bench.vendor.cloud().list_addresses("other").await.unwrap();
    assert_eq!(others.is_empty(), tagged);
}

pub async fn addresses_are_all_different<V: Vendor>(mut bench: Bench<V>) {
    let mut seen = BTreeSet::new();
    let machine = bench.machine().await;
    for _ in 0..20 {
        let made = bench.address().await;
        assert!(seen.insert(made.address), "{} came twice", made.address);
        assert_ne!(made.provider_ref, machine.provider_ref);
    }
    bench.vendor.wait(bench.vendor.patience()).await;
    let own = bench.machines().await[0].address.unwrap();
    assert!(seen.insert(own), "{own} came twice");
}

pub async fn an_address_whose_answer_was_lost_is_found<V: Vendor>(mut bench: Bench<V>) {
    let order = bench.address_order();
    bench.vendor.trouble(Trouble::LostAnswers).await;
    let answer = bench.vendor.cloud().allocate_address(&order).await;
    assert_eq!(class(answer), FailureClass::Unknown);
    bench.vendor.trouble(Trouble::None).await;
    bench.vendor.wait(bench.vendor.capabilities().list_lag).await;
    let [found] = bench.addresses().await.try_into().unwrap();
    let tagged = bench.vendor.capabilities().tagged_addresses;
    assert_eq!(found.tag, tagged.then_some(order.tag));
}

pub async fn every_address_is_listed_after_the_listing_lag<V: Vendor>(mut bench: Bench<V>) {
    bench.vendor.trouble(Trouble::LateListings).await;
    bench.address().await;
    bench.vendor.wait(bench.vendor.capabilities().list_lag).await;
    assert_eq!(bench.addresses().await.len(), 1);
}

pub async fn attaching_twice_changes_nothing<V: Vendor>(mut bench: Bench<V>) {
    let (machine, address) = (bench.machine().await, bench.address().await);
    let cloud = bench.vendor.cloud();
    for _ in 0..2 {
        let (a, m) = (&address.provider_ref, &machine.provider_ref);
        cloud.attach_address(a, m).await.unwrap();
        assert_eq!(bench.holder(&address).await.as_ref(), Some(m));
    }
}

pub async fn an_attach_whose_answer_was_lost_is_seen_in_the_listing<V: Vendor>(
    mut bench: Bench<V>,
) {
    let (machine, address) = (bench.machine().await, bench.address().await);
    let cloud = bench.vendor.cloud();
    bench.vendor.trouble(Trouble::LostAnswers).await;
    let (a, m) = (&address.provider_ref, &machine.provider_ref);
    assert_eq!(class(cloud.attach_address(a, m).await), FailureClass::Unknown);
    bench.vendor.trouble(Trouble::None).await;
    bench.vendor.wait(bench.vendor.capabilities().list_lag).await;
    assert_eq!(bench.holder(&address).await.as_ref(), Some(m));
}

pub async fn an_attached_address_is_never_stolen<V: Vendor>(mut bench: Bench<V>) {
    let address = bench.address().await;
    let first = bench.machine().await;
    let cloud = bench.vendor.cloud();
    let a = &address.provider_ref;
    cloud.attach_address(a, &first.provider_ref).await.unwrap();
    let second = bench.machine().await;
    let theft = cloud.attach_address(a, &second.provider_ref).await;
    assert_eq!(class(theft), FailureClass::Busy);
    assert_eq!(bench.holder(&address).await, Some(first.provider_ref));
}

pub async fn an_address_moves_by_detach_and_attach<V: Vendor>(mut bench: Bench<V>) {
    if !bench.vendor.capabilities().movable_addresses {
        return;
    }
    let (one, two) = (bench.machine().await, bench.machine().await);
    let address = bench.address().await;
    let cloud = bench.vendor.cloud();
    let a = &address.provider_ref;
    cloud.attach_address(a, &one.provider_ref).await.unwrap();
    for _ in 0..2 {
        cloud.detach_address(a).await.unwrap();
        assert_eq!(bench.holder(&address).await, None);
    }
    cloud.attach_address(a, &two.provider_ref).await.unwrap();
    assert_eq!(bench.holder(&address).await, Some(two.provider_ref));
}

pub async fn a_running_machine_keeps_its_addresses_where_they_cannot_move<V: Vendor>(
    mut bench: Bench<V>,
) {
    if bench.vendor.capabilities().movable_addresses {
        return;
    }
    let (early, late) = (bench.address().await, bench.address().await);
    let machine = bench.machine().await;
    let cloud = bench.vendor.cloud();
    let m = &machine.provider_ref;
    cloud.attach_address(&early.provider_ref, m).await.unwrap();
    bench.vendor.wait(bench.vendor.patience()).await;
    let attach = cloud.attach_address(&late.provider_ref, m).await;
    assert_eq!(class(attach), FailureClass::Rejected);
    let detach = cloud.detach_address(&early.provider_ref).await;
    assert_eq!(class(detach), FailureClass::Rejected);
    assert_eq!(bench.holder(&early).await.as_ref(), Some(m));
}

pub async fn an_attached_address_is_not_given_back<V: Vendor>(mut bench: Bench<V>) {
    let (machine, address) = (bench.machine().await, bench.address().await);
    let cloud = bench.vendor.cloud();
    let a = &address.provider_ref;
    cloud.attach_address(a, &machine.provider_ref).await.unwrap();
    assert_eq!(class(cloud.release_address(a).await), FailureClass::Busy);
    assert_eq!(bench.holder(&address).await, Some(machine.provider_ref));
}

pub async fn an_address_is_given_back_once<V: Vendor>(mut bench: Bench<V>) {
    let address = bench.address().await;
    let cloud = bench.vendor.cloud();
    let a = &address.provider_ref;
    cloud.release_address(a).await.unwrap();
    bench.vendor.wait(bench.vendor.patience()).await;
    assert_eq!(bench.addresses().await, []);
    assert_eq!(class(cloud.release_address(a).await), FailureClass::Gone);
}

pub async fn addresses_outlive_their_machine<V: Vendor>(mut bench: Bench<V>) {
    let (machine, address) = (bench.machine().await, bench.address().await);
    let cloud = bench.vendor.cloud();
    let (a, m) = (&address.provider_ref, &machine.provider_ref);
    cloud.attach_address(a, m).await.unwrap();
    cloud.delete_machine(m).await.unwrap();
    bench.vendor.wait(bench.vendor.patience()).await;
    assert_eq!(bench.machines().await, []);
    assert_eq!(bench.holder(&address).await, None);
    cloud.release_address(a).await.unwrap();
}

pub async fn nothing_is_attached_to_what_is_gone<V: Vendor>(mut bench: Bench<V>) {
    let (machine, address) = (bench.machine().await, bench.address().await);
    let cloud = bench.vendor.cloud();
    let (a, m) = (&address.provider_ref, &machine.provider_ref);
    assert_eq!(class(cloud.attach_address("no-such", m).await), FailureClass::Gone);
    assert_eq!(class(cloud.attach_address(a, "no-such").await), FailureClass::Gone);
    cloud.delete_machine(m).await.unwrap();
    bench.vendor.wait(bench.vendor.patience()).await;
    assert_eq!(class(cloud.attach_address(a, m).await), FailureClass::Gone);
    let shown = cloud.list_addresses(FLEET).await.unwrap();
    assert_eq!(shown[0].attached_to, None);
}

pub async fn a_machine_holds_as_many_addresses_as_it_can<V: Vendor>(mut bench: Bench<V>) {
    let machine = bench.machine().await;
    let cloud = bench.vendor.cloud();
    let m = &machine.provider_ref;
    for _ in 0..bench.vendor.capabilities().max_addresses {
        let address = bench.address().await;
        cloud.attach_address(&address.provider_ref, m).await.unwrap();
    }
    let more = bench.address().await;
    let answer = cloud.attach_address(&more.provider_ref, m).await;
    assert_eq!(class(answer), FailureClass::Rejected);
}
