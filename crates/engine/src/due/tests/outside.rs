//! DNS, balancers, catalogs.

use damm_fleet::RegionName;
use damm_fleet::blueprint::Catalog;
use damm_fleet::inventory::ObservedCatalog;
use damm_fleet::{BalancerName, Phase, ProviderName};

use crate::scene::{Scene, at, live};
use crate::step::Call;

fn scene() -> Scene {
    Scene::ingress(live(), Phase::Ready).told()
}

#[test]
fn a_name_is_put_when_it_differs_and_only_then() {
    let mut scene = scene();
    let (key, set) = Scene::record();
    scene.blueprint.records.insert(key.clone(), set.clone());
    assert_eq!(scene.names(), ["dns.put"]);
    scene.told.records.insert(key.clone(), (set, at(0)));
    assert_eq!(scene.names(), Vec::<&str>::new());
    scene.blueprint.records.clear();
    let due = scene.due();
    let Call::PutRecords { set, .. } = &due.steps[0].call else {
        panic!("{due:?}");
    };
    assert!(set.addresses.is_empty(), "what is no longer wanted is emptied");
}

#[test]
fn a_target_is_put_and_removed_at_its_balancers_account() {
    let mut scene = scene();
    let (key, target) = scene.target();
    scene.blueprint.targets.insert(key.clone(), target.clone());
    assert_eq!(scene.names(), ["balancer.put"]);
    assert!(scene.due().steps[0].provider.is_some());
    scene.blueprint.targets.clear();
    scene.told.targets.insert(key, target);
    assert_eq!(scene.names(), ["balancer.remove"]);
}

#[test]
fn what_the_topology_no_longer_names_is_told_to_the_operator() {
    let mut scene = scene();
    let (mut key, target) = scene.target();
    key.balancer = BalancerName::new("sold").unwrap();
    scene.told.targets.insert(key, target);
    let (mut key, set) = Scene::record();
    key.provider = ProviderName::new("closed").unwrap();
    scene.told.records.insert(key, (set, at(0)));
    let due = scene.due();
    assert_eq!(due.steps, []);
    assert!(due.held.iter().all(|h| h.hold.needs_operator()));
    let holds = scene.holds().join("\n");
    assert!(holds.contains("balancer sold") && holds.contains("provider closed"), "{holds}");
}

#[test]
fn a_region_is_published_when_its_serial_is_ahead() {
    let mut scene = scene();
    let region = RegionName::new("north").unwrap();
    let catalog = Catalog { serial: 4, planned_at: at(0), policy: String::new() };
    scene.blueprint.catalogs.insert(region.clone(), catalog);
    assert_eq!(scene.names(), ["catalog.publish"]);
    let mut published = ObservedCatalog { serial: 3, published_at: at(0), expires_at: at(1) };
    scene.told.catalogs.insert(region.clone(), published.clone());
    assert_eq!(scene.names(), ["catalog.publish"]);
    published.serial = 4;
    scene.told.catalogs.insert(region, published);
    assert_eq!(scene.names(), Vec::<&str>::new());
    scene.blueprint.catalogs.clear();
    assert_eq!(scene.names(), ["catalog.withdraw"]);
}
