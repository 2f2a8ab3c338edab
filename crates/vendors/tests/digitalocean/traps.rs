//! What DigitalOcean does that nobody would guess.

use damm_clouds::{BalancerTarget, Clock, ListedAddress, MachineState, Tag};
use damm_conformance::{BalancerVendor, CloudVendor, FLEET, Vendor};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{FailureClass, Seed, Span};

use super::{Rig, ZONE};

fn class<T: std::fmt::Debug>(answer: Result<T, damm_clouds::Error>) -> FailureClass {
    answer.unwrap_err().class
}

#[tokio::test]
async fn a_droplet_that_finds_no_place_is_gone_although_its_order_was_accepted() {
    let rig = Rig::new().turn(|k| k.no_place = true);
    let made = rig.cloud().create_machine(&rig.machine_order(1)).await.unwrap();
    assert_eq!(made.state, MachineState::Starting);
    assert_eq!(rig.cloud().list_machines(FLEET).await.unwrap(), []);
    let gone = rig.cloud().delete_machine(&made.provider_ref).await;
    assert_eq!(class(gone), FailureClass::Gone);
}

#[tokio::test]
async fn droplets_are_deleted_one_by_one_and_never_by_a_tag() {
    let rig = Rig::new();
    let id = rig.machine(1).await;
    rig.front.take_journal();
    rig.cloud().delete_machine(&id).await.unwrap();
    assert_eq!(rig.writes(), [format!("DELETE /v2/droplets/{id}")]);
    for bad in ["", "?tag_name=damm", "1?tag_name=damm", "../account"] {
        assert_eq!(class(rig.cloud().delete_machine(bad).await), FailureClass::Gone);
    }
    assert!(rig.front.take_journal().is_empty(), "what is no id is not sent");
}

#[tokio::test]
async fn an_address_for_a_droplet_that_is_not_ready_is_told_to_come_back() {
    let rig = Rig::new();
    let address = rig.address(false).await;
    let made = rig.cloud().create_machine(&rig.machine_order(1)).await.unwrap();
    let early = rig.cloud().attach_address(&address, &made.provider_ref).await;
    assert_eq!(class(early), FailureClass::Busy);
    rig.wait(rig.patience()).await;
    rig.cloud().attach_address(&address, &made.provider_ref).await.unwrap();
}

#[tokio::test]
async fn an_action_that_is_not_done_keeps_the_next_one_waiting() {
    let rig = Rig::new().turn(|k| k.action = Span::from_secs(8));
    let (machine, address) = (rig.machine(1).await, rig.address(false).await);
    rig.cloud().attach_address(&address, &machine).await.unwrap();
    let early = rig.cloud().detach_address(&address).await;
    assert_eq!(class(early), FailureClass::Busy);
    rig.wait(Span::from_secs(8)).await;
    rig.cloud().detach_address(&address).await.unwrap();
    assert_eq!(class(rig.cloud().release_address(&address).await), FailureClass::Busy);
    rig.wait(Span::from_secs(8)).await;
    rig.cloud().release_address(&address).await.unwrap();
}

#[tokio::test]
async fn an_assigned_address_is_not_unassigned_by_giving_it_back() {
    let rig = Rig::new();
    let machine = rig.machine(1).await;
    for v6 in [false, true] {
        let address = rig.address(v6).await;
        rig.cloud().attach_address(&address, &machine).await.unwrap();
        rig.front.take_journal();
        assert_eq!(class(rig.cloud().release_address(&address).await), FailureClass::Busy);
        assert!(rig.writes().is_empty(), "the vendor would have unassigned it");
    }
    let listed = rig.cloud().list_addresses(FLEET).await.unwrap();
    assert!(listed.iter().all(|a| a.attached_to.as_ref() == Some(&machine)), "{listed:?}");
}

#[tokio::test]
async fn a_droplets_own_address_is_not_taken_for_its_reserved_one() {
    let rig = Rig::new();
    let (machine, address) = (rig.machine(1).await, rig.address(false).await);
    let own = rig.cloud().list_machines(FLEET).await.unwrap()[0].address;
    rig.cloud().attach_address(&address, &machine).await.unwrap();
    let listed = rig.cloud().list_machines(FLEET).await.unwrap();
    assert_eq!(listed[0].address, own);
    assert_ne!(own.unwrap().to_string(), address);
}

#[tokio::test]
async fn addresses_of_other_projects_are_not_shown_unless_our_droplets_hold_them() {
    let rig = Rig::new();
    let (mine, theirs) = (rig.address(false).await, rig.double.reserve_elsewhere());
    let shown = |listed: Vec<ListedAddress>| -> Vec<String> {
        listed.into_iter().map(|a| a.provider_ref).collect()
    };
    let listed = rig.cloud().list_addresses(FLEET).await.unwrap();
    assert_eq!(shown(listed), std::slice::from_ref(&mine));
    let machine = rig.machine(1).await;
    assert!(rig.double.assign(&theirs, &machine));
    let listed = rig.cloud().list_addresses(FLEET).await.unwrap();
    assert_eq!(shown(listed), [mine, theirs]);
}

#[tokio::test]
async fn a_token_that_may_not_read_projects_shows_no_empty_listing() {
    let rig = Rig::new();
    rig.address(false).await;
    let rig = rig.turn(|k| k.no_projects = true);
    let error = rig.cloud().list_addresses(FLEET).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    assert!(error.message.contains("project:read"), "{error}");
}

#[tokio::test]
async fn the_token_goes_to_no_other_host_that_a_link_names() {
    let rig = Rig::new().turn(|k| k.droplets = 250);
    for number in 0..201 {
        rig.cloud().create_machine(&rig.machine_order(number)).await.unwrap();
    }
    let other = Rig::new();
    let host = other.front.address().to_string();
    let rig = rig.turn(|k| k.links_to = Some(host));
    assert_eq!(rig.cloud().list_machines(FLEET).await.unwrap().len(), 201);
    assert!(other.front.take_journal().is_empty());
}

#[tokio::test]
async fn an_account_whose_calls_are_used_up_rests_until_the_oldest_is_forgotten() {
    let rig = Rig::new().turn(|k| k.rate = 2);
    rig.cloud().list_machines(FLEET).await.unwrap();
    rig.wait(Span::from_mins(10)).await;
    rig.cloud().list_machines(FLEET).await.unwrap();
    rig.front.take_journal();
    let error = rig.cloud().list_machines(FLEET).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Throttled);
    let wait = error.retry_after.unwrap();
    assert!(wait > Span::from_mins(49) && wait < Span::from_mins(51), "{wait}");
    assert!(rig.front.take_journal().is_empty(), "nothing was sent");
    rig.wait(wait).await;
    rig.cloud().list_machines(FLEET).await.unwrap();
}

fn set(addresses: &[&str]) -> RecordSet {
    let addresses = addresses.iter().map(|a| a.parse().unwrap()).collect();
    RecordSet { addresses, ttl: Span::from_mins(5) }
}

#[tokio::test]
async fn a_mark_comes_first_and_goes_last_and_new_records_come_before_old_ones_go() {
    let rig = Rig::new();
    let put = async |addresses: &[&str]| {
        rig.dns().put_records(FLEET, ZONE, "eu.example.org", &set(addresses)).await.unwrap();
        let methods = rig.writes().into_iter().map(|w| w.split(' ').next().unwrap().to_owned());
        methods.collect::<Vec<_>>()
    };
    rig.front.keep_bodies();
    assert_eq!(put(&["192.0.2.1"]).await, ["POST", "POST"]);
    assert_eq!(put(&["192.0.2.1"]).await, [""; 0]);
    assert_eq!(put(&["192.0.2.2"]).await, ["POST", "DELETE"]);
    rig.dns().put_records(FLEET, ZONE, "eu.example.org", &set(&[])).await.unwrap();
    let deleted: Vec<_> = rig.writes();
    assert_eq!(deleted.len(), 2, "{deleted:?}");
    rig.dns().put_records(FLEET, ZONE, "eu.example.org", &set(&["192.0.2.1"])).await.unwrap();
    let lines = rig.front.take_journal().into_iter().filter(|l| l.method == "POST");
    let kinds: Vec<_> = lines
        .map(|l| {
            serde_json::from_slice::<serde_json::Value>(&l.body.unwrap()).unwrap()["type"].clone()
        })
        .collect();
    assert_eq!(kinds, ["TXT", "A"]);
}

#[tokio::test]
async fn a_record_that_was_made_twice_is_deleted_once() {
    let rig = Rig::new();
    let (dns, name, put) = (rig.dns(), "eu.example.org", set(&["192.0.2.1"]));
    dns.put_records(FLEET, ZONE, name, &put).await.unwrap();
    rig.double.put_records(ZONE, name, &put);
    rig.front.take_journal();
    dns.put_records(FLEET, ZONE, name, &put).await.unwrap();
    assert_eq!(rig.writes().len(), 1);
    assert_eq!(dns.list_records(FLEET, ZONE).await.unwrap(), [(name.to_owned(), put)].into());
}

#[tokio::test]
async fn a_load_balancer_that_is_changing_is_busy_although_it_says_forbidden() {
    let rig = Rig::new().turn(|k| k.action = Span::from_secs(30));
    let (one, two) = (rig.target(1).await, rig.target(2).await);
    let name = rig.balancer_name();
    rig.balancer().put_target(&name, one.0, &one.1).await.unwrap();
    let early = rig.balancer().put_target(&name, two.0, &two.1).await;
    assert_eq!(class(early), FailureClass::Busy);
    rig.wait(Span::from_secs(30)).await;
    rig.balancer().put_target(&name, two.0, &two.1).await.unwrap();
}

#[tokio::test]
async fn a_load_balancer_whose_targets_are_a_tags_is_refused() {
    let rig = Rig::new();
    rig.double.make_balancer("tagged", 443, Some("web"));
    let (node, target) = rig.target(1).await;
    let answer = rig.balancer().put_target(&"tagged".parse().unwrap(), node, &target).await;
    assert_eq!(class(answer), FailureClass::Rejected);
}

#[tokio::test]
async fn a_node_that_is_not_listed_yet_becomes_a_target_later() {
    let rig = Rig::new();
    let target =
        BalancerTarget { address: "192.0.2.1".parse().unwrap(), port: 443, draining: false };
    let node = Seed::from_number(9).node();
    let name = rig.balancer_name();
    let early = rig.balancer().put_target(&name, node, &target).await;
    assert_eq!(class(early), FailureClass::Busy);
    rig.machine(9).await;
    rig.balancer().put_target(&name, node, &target).await.unwrap();
    assert_eq!(rig.balancer().list_targets(&name).await.unwrap().len(), 1);
}

#[tokio::test]
async fn droplets_of_others_are_no_targets_of_ours() {
    let rig = Rig::new();
    let mut order = rig.machine_order(1);
    order.tag = Tag { fleet: "other".to_owned(), ..order.tag };
    rig.cloud().create_machine(&order).await.unwrap();
    rig.wait(rig.patience()).await;
    let target =
        BalancerTarget { address: "192.0.2.1".parse().unwrap(), port: 443, draining: false };
    let node = Seed::from_number(1).node();
    let answer = rig.balancer().put_target(&rig.balancer_name(), node, &target).await;
    assert_eq!(class(answer), FailureClass::Busy);
}

#[tokio::test]
async fn moments_are_the_vendors() {
    let rig = Rig::new();
    let before = rig.clock.now();
    rig.machine(1).await;
    let made = rig.cloud().list_machines(FLEET).await.unwrap()[0].created_at;
    assert_eq!(before.since(made), Span::from_millis(250), "the vendor writes whole seconds");
}
