//! What Vultr does that nobody would guess.

use damm_clouds::{Error, MachineState};
use damm_conformance::{Aim, FLEET, Trouble, Vendor};
use damm_fleet::{FailureClass, Span};

use super::{Rig, cloud};

fn class<T: std::fmt::Debug>(answer: Result<T, Error>) -> FailureClass {
    answer.unwrap_err().class
}

#[tokio::test]
async fn an_instance_that_is_locked_is_busy_although_it_says_server_error() {
    let rig = Rig::new().turn(|k| k.locked = Span::from_secs(30));
    let made = rig.cloud.create_machine(&rig.machine_order(1)).await.unwrap();
    let early = rig.cloud.delete_machine(&made.provider_ref).await;
    assert_eq!(class(early), FailureClass::Busy);
    rig.wait(Span::from_secs(30)).await;
    rig.cloud.delete_machine(&made.provider_ref).await.unwrap();
}

#[tokio::test]
async fn an_instance_that_is_said_to_be_active_runs_only_once_it_is_installed() {
    let rig = Rig::new();
    let made = rig.cloud.create_machine(&rig.machine_order(1)).await.unwrap();
    assert_eq!(made.address, None, "it is 0.0.0.0 at first");
    rig.wait(Span::from_secs(20)).await;
    let [early] = rig.cloud.list_machines(FLEET).await.unwrap().try_into().unwrap();
    assert_eq!(early.state, MachineState::Starting);
    assert!(early.address.is_some());
    rig.wait(Span::from_secs(90)).await;
    let [late] = rig.cloud.list_machines(FLEET).await.unwrap().try_into().unwrap();
    assert_eq!(late.state, MachineState::Running);
}

#[tokio::test]
async fn an_address_that_was_just_detached_is_told_to_come_back() {
    let rig = Rig::new().turn(|k| k.lingering = Span::from_secs(20));
    let (one, two, address) = (rig.machine(1).await, rig.machine(2).await, rig.address().await);
    rig.cloud.attach_address(&address, &one).await.unwrap();
    rig.cloud.detach_address(&address).await.unwrap();
    let early = rig.cloud.attach_address(&address, &two).await;
    assert_eq!(class(early), FailureClass::Busy);
    rig.wait(Span::from_secs(20)).await;
    rig.cloud.attach_address(&address, &two).await.unwrap();
}

#[tokio::test]
async fn an_attached_address_is_not_taken_from_its_instance_by_giving_it_back() {
    let rig = Rig::new();
    let (machine, address) = (rig.machine(1).await, rig.address().await);
    rig.cloud.attach_address(&address, &machine).await.unwrap();
    rig.front.take_journal();
    assert_eq!(class(rig.cloud.release_address(&address).await), FailureClass::Busy);
    assert!(rig.requests().iter().all(|r| r.starts_with("GET ")));
}

#[tokio::test]
async fn a_create_is_sent_once_whatever_becomes_of_it() {
    let rig = Rig::new();
    for trouble in [Trouble::LostAnswers, Trouble::FailedRequests, Trouble::FailedAnswers] {
        rig.front.trouble(trouble, Aim::Writes);
        let answer = rig.cloud.create_machine(&rig.machine_order(1)).await;
        assert_eq!(class(answer), FailureClass::Unknown);
        let creates = rig.requests().into_iter().filter(|r| r.starts_with("POST "));
        assert_eq!(creates.count(), 1, "{trouble:?}");
    }
}

#[tokio::test]
async fn the_operating_system_is_looked_up_by_its_name_and_once() {
    let rig = Rig::new();
    rig.machine(1).await;
    rig.machine(2).await;
    let lookups = rig.requests().into_iter().filter(|r| r.contains("/os"));
    assert_eq!(lookups.count(), 1);
    let other = cloud(&rig.front.url(), &rig.clock, Some("Debian 99"));
    let error = other.create_machine(&rig.machine_order(3)).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    assert!(error.message.contains("`Debian 99`"), "{error}");
}

#[tokio::test]
async fn a_lookup_that_fails_is_made_again() {
    let rig = Rig::new();
    rig.front.trouble(Trouble::FailedRequests, Aim::All);
    let answer = rig.cloud.create_machine(&rig.machine_order(1)).await;
    assert_eq!(class(answer), FailureClass::Unknown);
    rig.front.trouble(Trouble::None, Aim::All);
    rig.cloud.create_machine(&rig.machine_order(1)).await.unwrap();
}

#[tokio::test]
async fn what_is_no_id_is_not_sent() {
    let rig = Rig::new();
    for bad in ["", "a/b", "../account", "a?b=c"] {
        assert_eq!(class(rig.cloud.delete_machine(bad).await), FailureClass::Gone);
        assert_eq!(class(rig.cloud.release_address(bad).await), FailureClass::Gone);
    }
    assert!(rig.requests().is_empty());
}

#[tokio::test]
async fn listings_follow_the_cursor_past_the_largest_page() {
    let rig = Rig::new().turn(|k| k.instances = 600);
    for number in 0..501 {
        rig.cloud.create_machine(&rig.machine_order(number)).await.unwrap();
    }
    rig.front.take_journal();
    assert_eq!(rig.cloud.list_machines(FLEET).await.unwrap().len(), 501);
    assert_eq!(rig.requests().len(), 2);
    rig.front.trouble(Trouble::FailedPages, Aim::All);
    assert_eq!(class(rig.cloud.list_machines(FLEET).await), FailureClass::Unknown);
}
