//! Load balancers.

use damm_clouds::BalancerTarget;
use damm_fleet::FailureClass;

use super::{Bench, Vendor, class};

pub async fn a_target_is_put_drained_and_removed<V: Vendor>(mut bench: Bench<V>) {
    let (balancer, name) = (bench.vendor.balancer(), bench.vendor.balancer_name());
    let (one, two) = (bench.seed.node(), bench.seed.node());
    let mut target =
        BalancerTarget { address: "192.0.2.1".parse().unwrap(), port: 443, draining: false };
    for draining in [false, false, true] {
        target.draining = draining;
        balancer.put_target(&name, one, &target).await.unwrap();
        let listed = balancer.list_targets(&name).await.unwrap();
        assert_eq!(listed, [(one, target.clone())].into());
    }
    balancer.put_target(&name, two, &target).await.unwrap();
    for _ in 0..2 {
        balancer.remove_target(&name, one).await.unwrap();
        let listed = balancer.list_targets(&name).await.unwrap();
        assert_eq!(listed.keys().collect::<Vec<_>>(), [&two]);
    }
}

pub async fn a_balancer_that_does_not_exist_is_rejected<V: Vendor>(mut bench: Bench<V>) {
    let balancer = bench.vendor.balancer();
    let (name, node) = ("no-such".parse().unwrap(), bench.seed.node());
    let target =
        BalancerTarget { address: "192.0.2.1".parse().unwrap(), port: 443, draining: false };
    let put = balancer.put_target(&name, node, &target).await;
    assert_eq!(class(put), FailureClass::Rejected);
    let removed = balancer.remove_target(&name, node).await;
    assert_eq!(class(removed), FailureClass::Rejected);
    assert_eq!(class(balancer.list_targets(&name).await), FailureClass::Rejected);
}
