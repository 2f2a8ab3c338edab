//! The world as a whole: what it keeps, what it notices, and the hands that reach into it.
#![allow(clippy::unwrap_used)]

mod stage;

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use async_trait::async_trait;
use damm_clouds::sim::{
    Happening, MemoryStorage, OpenError, SimStorage, SimWorld, StandingMachine, StorageError,
};
use damm_clouds::{Clock, MachineState, ManualClock, Providers};
use damm_fleet::{Asn, FailureClass, Span, Subject};
use serde_json::json;
use stage::{FLEET, Stage, a, b, tag};

#[tokio::test]
async fn a_restarted_process_sees_the_same_world() {
    let mut stage = Stage::new(json!({})).await;
    let (machine, address) = (stage.machine().await, stage.address().await);
    let (ar, mr) = (&address.provider_ref, &machine.provider_ref);
    stage.cloud().attach_address(ar, mr).await.unwrap();
    let gone = stage.machine().await;
    stage.cloud().delete_machine(&gone.provider_ref).await.unwrap();
    let before = stage.world().audit()[&a()].clone();
    stage.restart().await;
    let after = stage.world().audit()[&a()].clone();
    assert_eq!(after, before);
    stage.wait(Span::from_mins(1));
    assert_eq!(stage.world().audit()[&a()].machines.len(), 1);
    let next = stage.machine().await;
    assert!(next.provider_ref > gone.provider_ref, "a name was given again");
}

#[tokio::test]
async fn a_second_thing_with_a_tag_is_noticed_for_good() {
    let mut stage = Stage::new(json!({})).await;
    let order = stage.machine_order();
    let one = stage.cloud().create_machine(&order).await.unwrap();
    assert_eq!(stage.world().duplicates(), []);
    let two = stage.cloud().create_machine(&order).await.unwrap();
    let [noticed] = stage.world().duplicates().try_into().unwrap();
    assert_eq!((&noticed.first, &noticed.second), (&one.provider_ref, &two.provider_ref));
    assert_eq!(noticed.tag, order.tag);
    for made in [one, two] {
        stage.cloud().delete_machine(&made.provider_ref).await.unwrap();
    }
    stage.wait(Span::from_hours(1));
    stage.restart().await;
    assert_eq!(stage.world().duplicates(), [noticed]);
}

#[tokio::test]
async fn a_tag_that_is_used_again_after_its_thing_is_gone_is_no_duplicate() {
    let mut stage = Stage::new(json!({})).await;
    let order = stage.machine_order();
    let one = stage.cloud().create_machine(&order).await.unwrap();
    stage.cloud().delete_machine(&one.provider_ref).await.unwrap();
    stage.wait(Span::from_mins(1));
    stage.cloud().create_machine(&order).await.unwrap();
    assert_eq!(stage.world().duplicates(), []);
}

#[tokio::test]
async fn a_tag_at_two_accounts_is_a_duplicate() {
    let mut stage = Stage::new(json!({})).await;
    let mut order = stage.machine_order();
    stage.cloud().create_machine(&order).await.unwrap();
    order.location = "b1".to_owned();
    stage.providers.clouds[&b()].create_machine(&order).await.unwrap();
    assert_eq!(stage.world().duplicates().len(), 1);
}

#[tokio::test]
async fn what_is_deleted_behind_our_back_is_gone_at_once() {
    let mut stage = Stage::new(json!({})).await;
    let (machine, address) = (stage.machine().await, stage.address().await);
    let (ar, mr) = (&address.provider_ref, &machine.provider_ref);
    stage.cloud().attach_address(ar, mr).await.unwrap();
    let world = stage.world();
    assert!(world.delete_behind_our_back(&a(), mr).await.unwrap());
    assert!(!world.delete_behind_our_back(&a(), mr).await.unwrap());
    let audit = world.audit()[&a()].clone();
    assert_eq!(audit.machines, []);
    assert_eq!(audit.addresses[0].attached_to, None);
    assert!(world.delete_behind_our_back(&a(), ar).await.unwrap());
    assert_eq!(world.audit()[&a()].addresses, []);
    let e = stage.cloud().delete_machine(mr).await.unwrap_err();
    assert_eq!(e.class, FailureClass::Gone);
}

#[tokio::test]
async fn strays_are_listed_as_old_as_they_are_made_to_look() {
    let mut stage = Stage::new(json!({})).await;
    let (machine, address) = (tag(stage.seed.node()), tag(stage.seed.egress_ip()));
    let world = stage.world();
    let m = world.add_stray_machine(&a(), &machine).await.unwrap().unwrap();
    let r = world.add_stray_address(&a(), &address).await.unwrap().unwrap();
    for reference in [&m, &r] {
        world.backdate(&a(), reference, Span::from_hours(2)).await.unwrap();
    }
    stage.restart().await;
    let then = stage.clock.now() - Span::from_hours(2);
    let machines = stage.cloud().list_machines(FLEET).await.unwrap();
    assert_eq!((&machines[0].tag, machines[0].created_at), (&Some(machine), then));
    let addresses = stage.cloud().list_addresses(FLEET).await.unwrap();
    assert_eq!((&addresses[0].tag, addresses[0].created_at), (&Some(address), then));
}

#[tokio::test]
async fn a_machine_that_fails_is_shown_as_failed() {
    let mut stage = Stage::new(json!({})).await;
    let order = stage.machine_order();
    stage.cloud().create_machine(&order).await.unwrap();
    let Subject::Node(node) = order.tag.subject else { panic!("the order was for a node") };
    assert!(stage.world().fail_machine(node).await.unwrap());
    stage.wait(Span::from_hours(1));
    let listed = stage.cloud().list_machines(FLEET).await.unwrap();
    assert_eq!(listed[0].state, MachineState::Failed);
    assert!(stage.providers.agents.reports().await.unwrap().is_empty());
}

#[tokio::test]
async fn addresses_alternate_over_the_accounts_prefixes_and_asns() {
    let prefixes = json!(["192.0.2.0/24", "198.51.100.0/24", "203.0.113.0/24"]);
    let mut stage = Stage::new(json!({ "prefixes": prefixes })).await;
    let mut drawn = Vec::new();
    for _ in 0..4 {
        let made = stage.address().await;
        drawn.push((made.address.to_string(), made.asn));
    }
    let expected = [
        ("192.0.2.1", 64_500),
        ("198.51.100.1", 64_501),
        ("203.0.113.1", 64_500),
        ("192.0.2.2", 64_500),
    ];
    assert_eq!(drawn, expected.map(|(a, asn)| (a.to_owned(), Asn(asn))));
}

#[tokio::test]
async fn two_accounts_with_one_prefix_share_it() {
    let mut topology = stage::topology(3_600_000, json!({ "prefixes": ["192.0.2.0/29"] }));
    let settings = topology.providers[&a()].sim.clone();
    topology.providers.get_mut(&b()).unwrap().sim = settings;
    let clock = Arc::new(ManualClock::default());
    let storage = Arc::new(MemoryStorage::default());
    let providers = Providers::connect(&topology, storage, clock).await.unwrap();
    let mut seed = damm_fleet::Seed::from_number(1);
    let mut drawn = std::collections::BTreeSet::new();
    for n in 0..6 {
        let (account, place) = [(a(), "a1"), (b(), "b1")][n % 2].clone();
        let mut order = stage::address_order(seed.egress_ip());
        order.location = place.to_owned();
        let made = providers.clouds[&account].allocate_address(&order).await.unwrap();
        assert!(drawn.insert(made.address), "{} came twice", made.address);
    }
}

#[tokio::test]
async fn made_up_prefixes_stay_when_a_provider_is_added() {
    let mut stage = Stage::new(json!({})).await;
    let before = stage.address().await.address;
    let added = stage.topology.providers[&b()].clone();
    let name = "aaa-first".parse().unwrap();
    stage.topology.providers.insert(name, added);
    stage.restart().await;
    for _ in 0..3 {
        stage.address().await;
    }
    let after = stage.address().await.address;
    assert_eq!(damm_fleet::prefix_of(before), damm_fleet::prefix_of(after));
}

#[tokio::test]
async fn an_account_that_leaves_the_topology_keeps_what_it_holds() {
    let mut stage = Stage::new(json!({})).await;
    stage.machine().await;
    stage.topology.providers.remove(&a());
    stage.restart().await;
    assert_eq!(stage.world().audit()[&a()].machines.len(), 1);
    assert!(!stage.providers.clouds.contains_key(&a()));
}

#[tokio::test]
async fn an_edited_topology_is_taken_over_without_a_restart() {
    let mut stage = Stage::new(json!({ "quota": 1 })).await;
    stage.machine().await;
    let order = stage.machine_order();
    stage.cloud().create_machine(&order).await.unwrap_err();
    let edited = stage::topology(36_000_000, json!({ "quota": 2 }));
    stage.world().adopt(&edited);
    stage.cloud().create_machine(&order).await.unwrap();
}

#[tokio::test]
async fn events_tell_a_machines_life_in_order() {
    let mut stage = Stage::new(json!({})).await;
    let (machine, address) = (stage.machine().await, stage.address().await);
    let (ar, mr) = (&address.provider_ref, &machine.provider_ref);
    let cloud = stage.cloud();
    cloud.attach_address(ar, mr).await.unwrap();
    cloud.delete_machine(mr).await.unwrap();
    stage.wait(Span::from_mins(1));
    cloud.release_address(ar).await.unwrap();
    let told: Vec<_> = stage.world().events().into_iter().map(|e| e.what).collect();
    let expected = [
        Happening::MachineCreated,
        Happening::AddressAllocated,
        Happening::Attached { machine: mr.clone() },
        Happening::DeleteAccepted,
        Happening::Detached,
        Happening::MachineGone,
        Happening::AddressReleased,
    ];
    assert_eq!(told, expected);
}

/// A storage that counts what is put, and fails when told to.
#[derive(Clone, Default)]
struct Strict {
    memory: MemoryStorage,
    full: Arc<AtomicBool>,
    rows: Arc<AtomicUsize>,
    commits: Arc<AtomicUsize>,
}

#[async_trait]
impl SimStorage for Strict {
    async fn load(&self) -> Result<Vec<(String, String)>, StorageError> {
        self.memory.load().await
    }

    async fn put(&self, objects: &[(String, Option<String>)]) -> Result<(), StorageError> {
        if self.full.load(Ordering::SeqCst) {
            return Err("the disk is full".into());
        }
        self.rows.fetch_add(objects.len(), Ordering::SeqCst);
        self.commits.fetch_add(1, Ordering::SeqCst);
        // Others get a chance to queue up behind.
        tokio::task::yield_now().await;
        self.memory.put(objects).await
    }
}

async fn strict() -> (Strict, Providers) {
    let storage = Strict::default();
    let topology = stage::topology(36_000_000, json!({}));
    let clock = Arc::new(ManualClock::default());
    let connected = Providers::connect(&topology, Arc::new(storage.clone()), clock).await;
    (storage, connected.unwrap())
}

#[tokio::test]
async fn only_what_a_call_touched_is_written() {
    let (storage, providers) = strict().await;
    let mut seed = damm_fleet::Seed::from_number(1);
    let cloud = &providers.clouds[&a()];
    for _ in 0..100 {
        let order = stage::machine_order(seed.node());
        cloud.create_machine(&order).await.unwrap();
        cloud.list_machines(FLEET).await.unwrap();
    }
    // The account, the machine and its agent for each; the other account once.
    assert_eq!(storage.rows.load(Ordering::SeqCst), 301);
    assert_eq!(storage.commits.load(Ordering::SeqCst), 100);
}

#[tokio::test]
async fn calls_beside_each_other_share_a_commit() {
    let (storage, providers) = strict().await;
    let mut seed = damm_fleet::Seed::from_number(1);
    let cloud = &providers.clouds[&a()];
    let orders: Vec<_> = (0..100).map(|_| stage::machine_order(seed.node())).collect();
    let calls = orders.iter().map(|o| cloud.create_machine(o));
    let made = futures::future::join_all(calls).await;
    assert!(made.iter().all(Result::is_ok));
    let commits = storage.commits.load(Ordering::SeqCst);
    assert!(commits < 10, "{commits} commits");
    let objects = storage.memory.load().await.unwrap();
    let machines = objects.iter().filter(|(k, _)| k.starts_with("machine/"));
    assert_eq!(machines.count(), 100);
    // What was counted while the first commit was under way is not lost with it.
    let account = objects.iter().find(|(k, _)| k == "account/sim-a").unwrap();
    let row: serde_json::Value = serde_json::from_str(&account.1).unwrap();
    assert_eq!((&row["calls"], &row["made"]), (&json!(100), &json!(100)));
}

#[tokio::test]
async fn what_could_not_be_written_is_unknown_and_is_written_with_the_next_call() {
    let (storage, providers) = strict().await;
    let mut seed = damm_fleet::Seed::from_number(1);
    let cloud = &providers.clouds[&a()];
    storage.full.store(true, Ordering::SeqCst);
    let order = stage::machine_order(seed.node());
    let e = cloud.create_machine(&order).await.unwrap_err();
    assert_eq!(e.class, FailureClass::Unknown);
    assert!(e.message.contains("the disk is full"), "{e}");
    storage.full.store(false, Ordering::SeqCst);
    let address = stage::address_order(seed.egress_ip());
    cloud.allocate_address(&address).await.unwrap();
    let objects = storage.memory.load().await.unwrap();
    assert!(objects.iter().any(|(k, _)| k.starts_with("machine/")));
}

#[tokio::test]
async fn a_damaged_object_is_named() {
    let topology = stage::topology(3_600, json!({}));
    for (key, object) in
        [("machine/sim-a/x", "{"), ("world", "7"), ("moon/sim-a", "{}"), ("agent/nobody", "{}")]
    {
        let storage = MemoryStorage::default();
        let row = (key.to_owned(), Some(object.to_owned()));
        storage.put(&[row]).await.unwrap();
        let clock = Arc::new(ManualClock::default());
        let opened = SimWorld::open(Arc::new(storage), clock, &topology).await;
        let e: OpenError = opened.err().unwrap();
        assert!(e.to_string().contains(key), "{e}");
    }
}

#[tokio::test]
async fn latency_is_slept_through_once_for_each_call() {
    let mut stage = Stage::new(json!({ "latency": "201ms" })).await;
    let before = stage.clock.now();
    stage.machine().await;
    stage.cloud().list_machines(FLEET).await.unwrap();
    assert_eq!(stage.clock.now().since(before), Span::from_millis(402));
    let audit = stage.world().audit()[&a()].clone();
    let [StandingMachine { state, .. }] = audit.machines.try_into().unwrap();
    assert_eq!(state, MachineState::Starting);
    assert_eq!(audit.calls, 2);
}

#[tokio::test]
async fn a_call_never_tells_its_user_data() {
    let mut stage = Stage::new(json!({})).await;
    let mut order = stage.machine_order();
    order.user_data = "join-token-4711".repeat(10_000);
    let e = stage.cloud().create_machine(&order).await.unwrap_err();
    assert!(!e.to_string().contains("4711"));
    order.user_data = "join-token-4711".to_owned();
    stage.cloud().create_machine(&order).await.unwrap();
    let kept = stage.storage.load().await.unwrap();
    assert!(kept.iter().all(|(_, json)| !json.contains("4711")));
}
