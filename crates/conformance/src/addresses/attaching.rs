//! Attached, moved, detached.

use damm_fleet::FailureClass;

use crate::{Bench, CloudVendor, FLEET, Trouble};

/// Machines that can hold more than this are not filled.
const ROOMY: u32 = 40;

pub async fn attaching_twice_changes_nothing<V: CloudVendor>(mut bench: Bench<V>) {
    let (machine, address) = (bench.machine().await, bench.address().await);
    let cloud = bench.vendor.cloud();
    for _ in 0..2 {
        let (a, m) = (&address.provider_ref, &machine.provider_ref);
        cloud.attach_address(a, m).await.unwrap();
        assert_eq!(bench.holder(&address).await.as_ref(), Some(m));
    }
}

pub async fn an_attached_address_is_never_stolen<V: CloudVendor>(mut bench: Bench<V>) {
    let address = bench.address().await;
    let first = bench.machine().await;
    let cloud = bench.vendor.cloud();
    let a = &address.provider_ref;
    cloud.attach_address(a, &first.provider_ref).await.unwrap();
    let second = bench.machine().await;
    let theft = cloud.attach_address(a, &second.provider_ref).await;
    assert_eq!(bench.class(theft), FailureClass::Busy);
    assert_eq!(bench.holder(&address).await, Some(first.provider_ref));
}

pub async fn an_address_that_somebody_else_moved_is_seen_there_and_not_taken_back<V>(
    mut bench: Bench<V>,
) where
    V: CloudVendor,
{
    let (first, address) = bench.held().await;
    let second = bench.machine().await;
    let a = &address.provider_ref;
    let stolen = bench.vendor.steal(a, &second.provider_ref).await;
    if !bench.has(stolen, "nobody else can move an address here") {
        return;
    }
    assert_eq!(bench.holder(&address).await.as_ref(), Some(&second.provider_ref));
    let cloud = bench.vendor.cloud();
    let back = cloud.attach_address(a, &first.provider_ref).await;
    assert_eq!(bench.class(back), FailureClass::Busy);
    assert_eq!(bench.holder(&address).await, Some(second.provider_ref));
}

pub async fn an_address_moves_by_detach_and_attach<V: CloudVendor>(mut bench: Bench<V>) {
    let movable = bench.vendor.capabilities().movable_addresses;
    if !bench.has(movable, "addresses don't move here") {
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

pub async fn what_stands_for_an_address_on_its_machine_is_told_while_it_is_there<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    let (_, address) = bench.held().await;
    let translated = bench.vendor.capabilities().translated_addresses;
    let shown = bench.addresses().await.swap_remove(0);
    assert!(shown.attached_to.is_some());
    assert_eq!(shown.inner.is_some(), translated, "{:?}", shown.inner);
    assert_ne!(shown.inner, Some(shown.address), "an address stands for itself");
    if !bench.vendor.capabilities().movable_addresses {
        return;
    }
    bench.vendor.cloud().detach_address(&address.provider_ref).await.unwrap();
    assert_eq!(bench.addresses().await[0].inner, None);
}

pub async fn a_running_machine_keeps_its_addresses_where_they_cannot_move<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    let fixed = !bench.vendor.capabilities().movable_addresses;
    if !bench.has(fixed, "addresses move here") {
        return;
    }
    let (early, late) = (bench.address().await, bench.address().await);
    let machine = bench.machine().await;
    let cloud = bench.vendor.cloud();
    let m = &machine.provider_ref;
    cloud.attach_address(&early.provider_ref, m).await.unwrap();
    bench.wait().await;
    let attach = cloud.attach_address(&late.provider_ref, m).await;
    assert_eq!(bench.class(attach), FailureClass::Rejected);
    let detach = cloud.detach_address(&early.provider_ref).await;
    assert_eq!(bench.class(detach), FailureClass::Rejected);
    assert_eq!(bench.holder(&early).await.as_ref(), Some(m));
}

pub async fn nothing_is_attached_to_what_is_gone<V: CloudVendor>(mut bench: Bench<V>) {
    let (machine, address) = (bench.machine().await, bench.address().await);
    let cloud = bench.vendor.cloud();
    let (a, m) = (&address.provider_ref, &machine.provider_ref);
    let (no_machine, no_address) = bench.vendor.nobody();
    let gone = FailureClass::Gone;
    assert_eq!(bench.class(cloud.attach_address(&no_address, m).await), gone);
    assert_eq!(bench.class(cloud.attach_address(a, &no_machine).await), gone);
    cloud.delete_machine(m).await.unwrap();
    bench.wait().await;
    assert_eq!(bench.class(cloud.attach_address(a, m).await), gone);
    let shown = cloud.list_addresses(FLEET).await.unwrap();
    assert_eq!(shown[0].attached_to, None);
}

pub async fn a_machine_holds_as_many_addresses_as_it_can<V: CloudVendor>(mut bench: Bench<V>) {
    let most = bench.vendor.capabilities().max_addresses;
    let quota = bench.vendor.address_quota();
    let few = most <= ROOMY && quota.is_none_or(|q| q > most as usize);
    if !bench.has(few, "no machine can be filled with addresses") {
        return;
    }
    let machine = bench.machine().await;
    let cloud = bench.vendor.cloud();
    let m = &machine.provider_ref;
    for _ in 0..most {
        let address = bench.address().await;
        cloud.attach_address(&address.provider_ref, m).await.unwrap();
    }
    let more = bench.address().await;
    let answer = cloud.attach_address(&more.provider_ref, m).await;
    assert_eq!(bench.class(answer), FailureClass::Rejected);
    assert_eq!(bench.holder(&more).await, None);
}

pub async fn a_locked_address_is_busy_and_stays<V: CloudVendor>(mut bench: Bench<V>) {
    if !bench.can(Trouble::Busy) {
        return;
    }
    let (machine, address) = (bench.machine().await, bench.address().await);
    let (a, m) = (&address.provider_ref, &machine.provider_ref);
    let cloud = bench.vendor.cloud();
    let busy = FailureClass::Busy;
    bench.trouble_writes(Trouble::Busy).await;
    assert_eq!(bench.class(cloud.attach_address(a, m).await), busy);
    bench.calm().await;
    assert_eq!(bench.holder(&address).await, None);
    cloud.attach_address(a, m).await.unwrap();
    if bench.vendor.capabilities().movable_addresses {
        bench.trouble_writes(Trouble::Busy).await;
        assert_eq!(bench.class(cloud.detach_address(a).await), busy);
        bench.calm().await;
    }
    assert_eq!(bench.holder(&address).await.as_ref(), Some(m));
}
