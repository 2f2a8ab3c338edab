//! From the order to the end.

use damm_clouds::MachineState;
use damm_fleet::{FailureClass, Span};

use crate::{Bench, CloudVendor, Trouble};

/// Waits that a slow delete may take.
const SLOW: usize = 30;

pub async fn a_machine_is_promised_first_and_runs_with_an_address_later<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    let order = bench.machine_order();
    let promised = bench.vendor.cloud().create_machine(&order).await.unwrap();
    assert_eq!(promised.state, MachineState::Starting);
    assert_eq!(promised.tag, Some(order.tag.clone()));
    bench.wait().await;
    let listed = Bench::<V>::only(bench.machines().await);
    assert_eq!(listed.state, MachineState::Running);
    assert!(listed.address.is_some() && listed.asn.is_some());
    // Some vendors tell the address at once: then it is this one.
    assert!(promised.address.is_none() || promised.address == listed.address);
    assert!(promised.asn.is_none() || promised.asn == listed.asn);
    assert_eq!(listed.provider_ref, promised.provider_ref);
    assert_eq!(listed.tag, Some(order.tag));
    // Some don't tell the time in their promise: then it is the adapter's.
    let (one, two) = (listed.created_at, promised.created_at);
    assert!(one.max(two).since(one.min(two)) <= Span::from_mins(1), "{one} and {two}");
}

pub async fn a_deleted_machine_is_listed_until_it_is_gone_and_then_gone<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    let machine = bench.machine().await;
    let cloud = bench.vendor.cloud();
    cloud.delete_machine(&machine.provider_ref).await.unwrap();
    let left = bench.machines().await;
    // Not every vendor shows that a machine is on its way out; none shows that it comes up.
    let fading = [MachineState::Stopping, MachineState::Running];
    assert!(left.iter().all(|m| fading.contains(&m.state)), "{left:?}");
    // A second time is accepted, whether it is on its way or gone.
    let again = cloud.delete_machine(&machine.provider_ref).await;
    assert!(again.is_ok() || bench.class(again) == FailureClass::Gone);
    bench.wait().await;
    assert_eq!(bench.machines().await, []);
    let late = cloud.delete_machine(&machine.provider_ref).await;
    assert_eq!(bench.class(late), FailureClass::Gone);
}

pub async fn a_slow_delete_is_not_taken_for_done<V: CloudVendor>(mut bench: Bench<V>) {
    if !bench.can(Trouble::SlowDeletes) {
        return;
    }
    let machine = bench.machine().await;
    bench.settle().await;
    bench.trouble(Trouble::SlowDeletes).await;
    let cloud = bench.vendor.cloud();
    cloud.delete_machine(&machine.provider_ref).await.unwrap();
    bench.calm().await;
    assert_eq!(bench.machines().await.len(), 1, "it is listed as long as it is there");
    for _ in 0..SLOW {
        // Called again it is accepted, gone by now, or told to be on its way.
        if let Err(e) = cloud.delete_machine(&machine.provider_ref).await {
            let class = bench.class::<()>(Err(e));
            assert!(matches!(class, FailureClass::Gone | FailureClass::Busy), "{class}");
        }
        bench.wait().await;
        if bench.machines().await.is_empty() {
            return;
        }
    }
    panic!("it is never gone");
}

pub async fn a_stuck_machine_never_runs_and_can_be_deleted<V: CloudVendor>(mut bench: Bench<V>) {
    if !bench.can(Trouble::StuckCreates) {
        return;
    }
    bench.trouble(Trouble::StuckCreates).await;
    let order = bench.machine_order();
    let made = bench.vendor.cloud().create_machine(&order).await.unwrap();
    bench.calm().await;
    bench.wait().await;
    let listed = Bench::<V>::only(bench.machines().await);
    assert_eq!(listed.tag, Some(order.tag));
    let stuck = [MachineState::Starting, MachineState::Failed];
    assert!(stuck.contains(&listed.state), "{listed:?}");
    bench.vendor.cloud().delete_machine(&made.provider_ref).await.unwrap();
    bench.wait().await;
    assert_eq!(bench.machines().await, []);
}

pub async fn a_delete_whose_answer_was_lost_is_seen_in_the_listing<V: CloudVendor>(
    mut bench: Bench<V>,
) {
    if !bench.can(Trouble::LostAnswers) {
        return;
    }
    let machine = bench.machine().await;
    bench.settle().await;
    let cloud = bench.vendor.cloud();
    bench.trouble_writes(Trouble::LostAnswers).await;
    let answer = cloud.delete_machine(&machine.provider_ref).await;
    assert_eq!(bench.class(answer), FailureClass::Unknown);
    bench.calm().await;
    // Where a delete takes several calls, the next one goes on from there.
    if let Err(e) = cloud.delete_machine(&machine.provider_ref).await {
        assert_eq!(bench.class::<()>(Err(e)), FailureClass::Gone);
    }
    bench.wait().await;
    assert_eq!(bench.machines().await, []);
}

pub async fn a_locked_machine_is_busy_and_stays<V: CloudVendor>(mut bench: Bench<V>) {
    if !bench.can(Trouble::Busy) {
        return;
    }
    let machine = bench.machine().await;
    bench.settle().await;
    let cloud = bench.vendor.cloud();
    bench.trouble_writes(Trouble::Busy).await;
    let answer = cloud.delete_machine(&machine.provider_ref).await;
    assert_eq!(bench.class(answer), FailureClass::Busy);
    bench.calm().await;
    assert_eq!(bench.machines().await.len(), 1);
    cloud.delete_machine(&machine.provider_ref).await.unwrap();
}

pub async fn what_never_was_is_gone<V: CloudVendor>(bench: Bench<V>) {
    let cloud = bench.vendor.cloud();
    let (machine, address) = bench.vendor.nobody();
    let gone = FailureClass::Gone;
    assert_eq!(bench.class(cloud.delete_machine(&machine).await), gone);
    assert_eq!(bench.class(cloud.release_address(&address).await), gone);
    assert_eq!(bench.class(cloud.detach_address(&address).await), gone);
}
