//! Load balancers.
#![allow(missing_docs, reason = "the cases' names are sentences")]

use std::collections::BTreeMap;

use damm_clouds::BalancerTarget;
use damm_clouds::traits::Result;
use damm_fleet::{FailureClass, NodeId};

use crate::{BalancerVendor, Bench, Trouble};

impl<V: BalancerVendor> Bench<V> {
    async fn put_target(&self, (node, target): &(NodeId, BalancerTarget)) -> Result<()> {
        let name = self.vendor.balancer_name();
        self.vendor.balancer().put_target(&name, *node, target).await
    }

    async fn remove_target(&self, node: NodeId) -> Result<()> {
        self.vendor.balancer().remove_target(&self.vendor.balancer_name(), node).await
    }

    async fn targets(&self) -> BTreeMap<NodeId, BalancerTarget> {
        self.vendor.balancer().list_targets(&self.vendor.balancer_name()).await.unwrap()
    }

    /// What the listing shows once these were put.
    fn shown(&self, put: &[(NodeId, BalancerTarget)]) -> BTreeMap<NodeId, BalancerTarget> {
        let drains = self.vendor.drains();
        put.iter().filter(|(_, t)| drains || !t.draining).cloned().collect()
    }
}

fn draining((node, target): &(NodeId, BalancerTarget)) -> (NodeId, BalancerTarget) {
    (*node, BalancerTarget { draining: true, ..target.clone() })
}

pub async fn a_target_is_put_drained_and_removed<V: BalancerVendor>(bench: Bench<V>) {
    let (one, two) = (bench.vendor.target(1).await, bench.vendor.target(2).await);
    for put in [&one, &one, &draining(&one)] {
        bench.put_target(put).await.unwrap();
        assert_eq!(bench.targets().await, bench.shown(std::slice::from_ref(put)));
    }
    bench.put_target(&two).await.unwrap();
    for _ in 0..2 {
        bench.remove_target(one.0).await.unwrap();
        assert_eq!(bench.targets().await, [two.clone()].into());
    }
    bench.remove_target(two.0).await.unwrap();
    assert_eq!(bench.targets().await, [].into());
}

pub async fn a_drained_target_comes_back<V: BalancerVendor>(bench: Bench<V>) {
    let one = bench.vendor.target(1).await;
    bench.put_target(&one).await.unwrap();
    for _ in 0..2 {
        bench.put_target(&draining(&one)).await.unwrap();
        assert_eq!(bench.targets().await, bench.shown(&[draining(&one)]));
    }
    bench.put_target(&one).await.unwrap();
    assert_eq!(bench.targets().await, [one].into());
}

pub async fn a_target_that_drains_from_the_start_gets_nothing_new<V: BalancerVendor>(
    bench: Bench<V>,
) {
    let put = draining(&bench.vendor.target(1).await);
    bench.put_target(&put).await.unwrap();
    assert_eq!(bench.targets().await, bench.shown(&[put]));
}

pub async fn targets_leave_each_other_alone<V: BalancerVendor>(bench: Bench<V>) {
    let mut all = Vec::new();
    for number in 1..=3 {
        all.push(bench.vendor.target(number).await);
        bench.put_target(&all[number - 1]).await.unwrap();
        assert_eq!(bench.targets().await, bench.shown(&all));
    }
    all[1] = draining(&all[1]);
    bench.put_target(&all[1]).await.unwrap();
    assert_eq!(bench.targets().await, bench.shown(&all));
    bench.remove_target(all.remove(0).0).await.unwrap();
    assert_eq!(bench.targets().await, bench.shown(&all));
}

pub async fn what_is_not_a_target_can_be_removed<V: BalancerVendor>(mut bench: Bench<V>) {
    let (one, nobody) = (bench.vendor.target(1).await, bench.seed.node());
    bench.put_target(&one).await.unwrap();
    bench.remove_target(nobody).await.unwrap();
    assert_eq!(bench.targets().await, [one].into());
}

pub async fn a_balancer_that_does_not_exist_is_rejected<V: BalancerVendor>(bench: Bench<V>) {
    let balancer = bench.vendor.balancer();
    let name = "no-such".parse().unwrap();
    let (node, target) = bench.vendor.target(1).await;
    let rejected = FailureClass::Rejected;
    assert_eq!(bench.class(balancer.put_target(&name, node, &target).await), rejected);
    assert_eq!(bench.class(balancer.remove_target(&name, node).await), rejected);
    assert_eq!(bench.class(balancer.list_targets(&name).await), rejected);
}

pub async fn a_target_that_nobody_heard_of_is_made_good_by_the_next_call<V: BalancerVendor>(
    bench: Bench<V>,
) {
    if !bench.can(Trouble::LostAnswers) {
        return;
    }
    let one = bench.vendor.target(1).await;
    for put in [&one, &draining(&one), &one] {
        bench.trouble_writes(Trouble::LostAnswers).await;
        assert_eq!(bench.class(bench.put_target(put).await), FailureClass::Unknown);
        bench.calm().await;
        bench.put_target(put).await.unwrap();
        assert_eq!(bench.targets().await, bench.shown(std::slice::from_ref(put)));
    }
    bench.trouble_writes(Trouble::LostAnswers).await;
    assert_eq!(bench.class(bench.remove_target(one.0).await), FailureClass::Unknown);
    bench.calm().await;
    bench.remove_target(one.0).await.unwrap();
    assert_eq!(bench.targets().await, [].into());
}

pub async fn a_target_that_could_not_be_put_is_not_there<V: BalancerVendor>(bench: Bench<V>) {
    let one = bench.vendor.target(1).await;
    for (trouble, class) in [
        (Trouble::FailedRequests, FailureClass::Unknown),
        (Trouble::Throttling, FailureClass::Throttled),
        (Trouble::SilentThrottling, FailureClass::Throttled),
        (Trouble::ExpiredCredential, FailureClass::Rejected),
        (Trouble::Busy, FailureClass::Busy),
    ] {
        if !bench.can(trouble) {
            continue;
        }
        bench.trouble_writes(trouble).await;
        assert_eq!(bench.class(bench.put_target(&one).await), class, "{trouble:?}");
        bench.calm().await;
        bench.wait().await;
        assert_eq!(bench.targets().await, [].into(), "{trouble:?}");
    }
    bench.put_target(&one).await.unwrap();
}

pub async fn a_listing_of_targets_fails_rather_than_show_a_part<V: BalancerVendor>(
    bench: Bench<V>,
) {
    bench.put_target(&bench.vendor.target(1).await).await.unwrap();
    let name = bench.vendor.balancer_name();
    for (trouble, class) in [
        (Trouble::FailedRequests, FailureClass::Unknown),
        (Trouble::LostAnswers, FailureClass::Unknown),
        (Trouble::TruncatedAnswers, FailureClass::Unknown),
        (Trouble::GarbledAnswers, FailureClass::Unknown),
        (Trouble::ExpiredCredential, FailureClass::Rejected),
        (Trouble::SilentThrottling, FailureClass::Throttled),
    ] {
        if !bench.can(trouble) {
            continue;
        }
        bench.trouble(trouble).await;
        let answer = bench.vendor.balancer().list_targets(&name).await;
        assert_eq!(bench.class(answer), class, "{trouble:?}");
    }
}
