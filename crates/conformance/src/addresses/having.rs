//! Allocated, listed, given back.

use std::collections::BTreeSet;

use damm_fleet::FailureClass;

use crate::{Bench, CloudVendor, FLEET, Trouble};

/// More than one page at most vendors.
const MANY: usize = 205;

pub async fn a_new_address_is_listed_with_its_tag_and_attached_to_nothing<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    let order = bench.address_order();
    let made = bench.vendor.cloud().allocate_address(&order).await.unwrap();
    assert_eq!(made.attached_to, None);
    bench.settle().await;
    let [listed] = bench.addresses().await.try_into().unwrap();
    assert_eq!(listed, made);
    let tagged = bench.vendor.capabilities().tagged_addresses;
    assert_eq!(listed.tag, tagged.then_some(order.tag));
    let others = bench.vendor.cloud().list_addresses("other").await.unwrap();
    assert_eq!(others.is_empty(), tagged);
}

pub async fn addresses_are_all_different<V: CloudVendor>(mut bench: Bench<V>) {
    let mut seen = BTreeSet::new();
    let machine = bench.machine().await;
    for _ in 0..bench.vendor.address_quota().unwrap_or(20).min(20) {
        let made = bench.address().await;
        assert!(seen.insert(made.address), "{} came twice", made.address);
        assert_ne!(made.provider_ref, machine.provider_ref);
    }
    bench.wait().await;
    let own = bench.machines().await[0].address.unwrap();
    assert!(seen.insert(own), "{own} came twice");
}

pub async fn an_address_of_the_newer_protocol_is_given_where_it_is_offered<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    if !bench.has(bench.vendor.gives_v6(), "no IPv6 addresses are offered here") {
        return;
    }
    let mut order = bench.address_order();
    order.prefer_v6 = true;
    let made = bench.vendor.cloud().allocate_address(&order).await.unwrap();
    assert!(made.address.is_ipv6(), "{}", made.address);
    bench.settle().await;
    assert_eq!(bench.addresses().await, std::slice::from_ref(&made));
    let machine = bench.machine().await;
    let cloud = bench.vendor.cloud();
    cloud.attach_address(&made.provider_ref, &machine.provider_ref).await.unwrap();
    assert_eq!(bench.holder(&made).await, Some(machine.provider_ref));
    assert!(bench.address().await.address.is_ipv4(), "what is not asked for is not given");
}

pub async fn every_address_is_listed_after_the_listing_lag<V: CloudVendor>(mut bench: Bench<V>) {
    if !bench.can(Trouble::LateListings) {
        return;
    }
    bench.trouble(Trouble::LateListings).await;
    bench.address().await;
    bench.settle().await;
    assert_eq!(bench.addresses().await.len(), 1);
}

pub async fn a_listing_of_many_addresses_is_whole<V: CloudVendor>(mut bench: Bench<V>) {
    let raised = bench.vendor.raise_quota(0, MANY).await;
    if !bench.has(raised, "the account can't hold many addresses") {
        return;
    }
    let mut made = BTreeSet::new();
    for _ in 0..MANY {
        let address = bench.address().await;
        made.insert((address.provider_ref, address.address));
    }
    bench.settle().await;
    let listed = bench.addresses().await.into_iter();
    let listed: Vec<_> = listed.map(|a| (a.provider_ref, a.address)).collect();
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
    match bench.vendor.cloud().list_addresses(FLEET).await {
        Ok(all) => assert_eq!(all.len(), MANY, "all on one page, or an error"),
        Err(e) => assert_eq!(bench.class::<()>(Err(e)), FailureClass::Unknown),
    }
}

pub async fn a_full_quota_of_addresses_is_exhausted<V: CloudVendor>(mut bench: Bench<V>) {
    let Some(quota) = bench.vendor.address_quota() else {
        bench.has(false, "no quota of addresses is enforced here");
        return;
    };
    for _ in 0..quota {
        bench.address().await;
    }
    let order = bench.address_order();
    let over = bench.vendor.cloud().allocate_address(&order).await;
    assert_eq!(bench.class(over), FailureClass::Exhausted);
    bench.settle().await;
    assert_eq!(bench.addresses().await.len(), quota);
}

pub async fn an_address_is_given_back_once<V: CloudVendor>(mut bench: Bench<V>) {
    let address = bench.address().await;
    let cloud = bench.vendor.cloud();
    let a = &address.provider_ref;
    cloud.release_address(a).await.unwrap();
    bench.wait().await;
    assert_eq!(bench.addresses().await, []);
    assert_eq!(bench.class(cloud.release_address(a).await), FailureClass::Gone);
}

pub async fn an_attached_address_is_not_given_back<V: CloudVendor>(mut bench: Bench<V>) {
    let (machine, address) = bench.held().await;
    let answer = bench.vendor.cloud().release_address(&address.provider_ref).await;
    assert_eq!(bench.class(answer), FailureClass::Busy);
    assert_eq!(bench.holder(&address).await, Some(machine.provider_ref));
}

pub async fn addresses_outlive_their_machine<V: CloudVendor>(mut bench: Bench<V>) {
    let (machine, address) = bench.held().await;
    let cloud = bench.vendor.cloud();
    cloud.delete_machine(&machine.provider_ref).await.unwrap();
    bench.wait().await;
    assert_eq!(bench.machines().await, []);
    assert_eq!(bench.holder(&address).await, None);
    cloud.release_address(&address.provider_ref).await.unwrap();
}
