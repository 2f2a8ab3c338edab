//! Traps of networks, of floating addresses, and of load balancers.

use damm_fleet::FailureClass;

use super::*;

#[tokio::test]
async fn an_address_that_somebody_takes_between_look_and_attach_is_not_stolen() {
    let rig = Rig::fresh();
    let (machine, address) = (rig.machine(1).await, rig.address(2).await);
    let mut odds = damm_doubles::Odds::default();
    odds.dial.attached_elsewhere = 1.0;
    rig.front.odds(odds);
    let error = rig.cloud().attach_address(&address, &machine).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Busy, "{error}");
    let elsewhere = "10.20.255.1".parse().ok();
    assert_eq!(rig.double.leads_to(&address), elsewhere);
}

#[tokio::test]
async fn each_address_leads_to_one_of_its_own_inside_and_leaves_room_for_the_next() {
    let rig = Rig::fresh();
    let machine = rig.machine(1).await;
    let cloud = rig.cloud();
    let mut all = Vec::new();
    for number in 2..5 {
        all.push(rig.address(number).await);
        cloud.attach_address(&all[number as usize - 2], &machine).await.unwrap();
    }
    let listed = cloud.list_addresses(FLEET).await.unwrap();
    let inner: std::collections::BTreeSet<_> = listed.iter().map(|a| a.inner.unwrap()).collect();
    assert_eq!(inner.len(), 3, "{listed:?}");
    cloud.detach_address(&all[1]).await.unwrap();
    let next = rig.address(9).await;
    rig.written();
    cloud.attach_address(&next, &machine).await.unwrap();
    let written = rig.written();
    assert_eq!(written.len(), 1, "no room has to be made: {written:?}");
    let listed = cloud.list_addresses(FLEET).await.unwrap();
    let again = listed.iter().filter_map(|a| a.inner).collect();
    assert_eq!(inner, again);
}

#[tokio::test]
async fn room_that_was_made_by_a_call_that_broke_off_is_used_by_the_next() {
    let rig = Rig::fresh();
    let (machine, first, second) =
        (rig.machine(1).await, rig.address(2).await, rig.address(3).await);
    let cloud = rig.cloud();
    cloud.attach_address(&first, &machine).await.unwrap();
    rig.written();
    rig.front.trouble(Trouble::LostAnswers, Aim::Writes);
    let lost = cloud.attach_address(&second, &machine).await.unwrap_err();
    assert_eq!(lost.class, FailureClass::Unknown);
    rig.front.trouble(Trouble::None, Aim::All);
    cloud.attach_address(&second, &machine).await.unwrap();
    let written = rig.written();
    assert_eq!(written.len(), 2, "{written:?}");
    assert!(written[0].contains("/ports/") && written[1].contains("/floatingips/"));
}

#[tokio::test]
async fn a_machine_whose_interface_is_not_there_yet_is_busy() {
    let rig = Rig::fresh();
    let address = rig.address(2).await;
    let made = rig.cloud().create_machine(&rig.order(1)).await.unwrap();
    let early = rig.cloud().attach_address(&address, &made.provider_ref).await.unwrap_err();
    assert_eq!(early.class, FailureClass::Busy, "{early}");
    rig.clock.advance(Span::from_secs(3));
    rig.cloud().attach_address(&address, &made.provider_ref).await.unwrap();
}

#[tokio::test]
async fn a_network_without_a_way_outside_is_no_proof_that_a_thing_is_gone() {
    let rig = Rig::with(&json!({ "network": "Ext-Net" }));
    let (machine, address) = (rig.machine(1).await, rig.address(2).await);
    let error = rig.cloud().attach_address(&address, &machine).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected, "{error}");
    assert!(error.message.contains("not reachable"), "{error}");
}

#[tokio::test]
async fn networks_of_one_name_are_told_apart_by_their_ids() {
    let twin = Rig::with(&json!({ "network": "twin" }));
    let error = twin.cloud().create_machine(&twin.order(1)).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    assert!(error.message.contains("by its id"), "{error}");
    let named = Rig::with(&json!({ "network": "d32019d3-bc6e-4319-9c1d-6722fc136a04" }));
    named.cloud().create_machine(&named.order(1)).await.unwrap();
    let none = Rig::with(&json!({ "floating_network": "nowhere" }));
    let error = none.cloud().allocate_address(&none.address_order(1)).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    let inside = Rig::with(&json!({ "floating_network": "private" }));
    let error = inside.cloud().allocate_address(&inside.address_order(1)).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
}

#[tokio::test]
async fn a_network_whose_addresses_are_all_given_is_exhausted() {
    let rig = Rig::fresh().turn(|knobs| knobs.no_address = true);
    let error = rig.cloud().allocate_address(&rig.address_order(1)).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Exhausted, "{error}");
}

#[tokio::test]
async fn addresses_of_others_are_not_shown() {
    let rig = Rig::fresh();
    for description in ["", "a web server", "damm.", "damm.another.fd-x"] {
        rig.double.put_address(description);
    }
    let own = rig.address(1).await;
    let listed = rig.cloud().list_addresses(FLEET).await.unwrap();
    assert_eq!(listed.iter().map(|a| &a.provider_ref).collect::<Vec<_>>(), [&own]);
}

#[tokio::test]
async fn references_that_no_cloud_gives_are_gone_and_not_asked_for() {
    let rig = Rig::fresh();
    for bad in ["", "..", "1/../2", "a?b=c"] {
        for error in [
            rig.cloud().delete_machine(bad).await,
            rig.cloud().release_address(bad).await,
            rig.cloud().attach_address(bad, "1").await,
        ] {
            assert_eq!(error.unwrap_err().class, FailureClass::Gone, "{bad}");
        }
    }
    assert_eq!(rig.asked(), [""; 0]);
}

#[tokio::test]
async fn a_balancer_that_is_being_changed_takes_no_other_write() {
    let rig = Rig::fresh().turn(|knobs| knobs.change_takes = Span::from_secs(10));
    let (balancer, name) = (rig.balancer(), rig.balancer_name());
    let (one, two) = (rig.target(1).await, rig.target(2).await);
    balancer.put_target(&name, one.0, &one.1).await.unwrap();
    rig.written();
    for call in [
        balancer.put_target(&name, two.0, &two.1).await,
        balancer.remove_target(&name, one.0).await,
    ] {
        assert_eq!(call.unwrap_err().class, FailureClass::Busy);
    }
    assert_eq!(rig.written(), [""; 0], "it is seen, and not tried");
    balancer.put_target(&name, one.0, &one.1).await.unwrap();
    rig.clock.advance(Span::from_secs(10));
    balancer.put_target(&name, two.0, &two.1).await.unwrap();
    assert_eq!(rig.written().len(), 1);
}

#[tokio::test]
async fn a_target_that_moved_is_put_anew_before_the_old_one_goes() {
    let rig = Rig::fresh().turn(|knobs| knobs.change_takes = Span::from_secs(10));
    let (balancer, name) = (rig.balancer(), rig.balancer_name());
    let (node, before) = rig.target(1).await;
    let after = BalancerTarget { address: "10.20.9.99".parse().unwrap(), ..before.clone() };
    balancer.put_target(&name, node, &before).await.unwrap();
    rig.clock.advance(Span::from_secs(10));
    let half = balancer.put_target(&name, node, &after).await.unwrap_err();
    assert_eq!(half.class, FailureClass::Busy, "{half}");
    assert_eq!(rig.double.members().len(), 2);
    rig.clock.advance(Span::from_secs(10));
    balancer.put_target(&name, node, &after).await.unwrap();
    assert_eq!(balancer.list_targets(&name).await.unwrap(), [(node, after)].into());
    assert_eq!(rig.double.members().len(), 1);
}

#[tokio::test]
async fn members_of_others_are_neither_shown_nor_touched() {
    let rig = Rig::fresh();
    let (balancer, name) = (rig.balancer(), rig.balancer_name());
    let (node, target) = rig.target(1).await;
    let theirs = format!("damm.another.{node}");
    rig.double.put_member(&theirs, "10.20.9.77".parse().unwrap(), 443, 5);
    rig.double.put_member("", target.address, 443, 5);
    let before = rig.double.members();
    let error = balancer.put_target(&name, node, &target).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected, "{error}");
    balancer.remove_target(&name, node).await.unwrap();
    assert_eq!(balancer.list_targets(&name).await.unwrap(), [].into());
    assert_eq!(rig.double.members(), before);
}

#[tokio::test]
async fn a_target_in_a_network_of_the_project_is_reached_in_its_subnet() {
    let rig = Rig::fresh();
    rig.machine(1).await;
    let own = rig.cloud().list_machines(FLEET).await.unwrap()[0].address.unwrap();
    let (node, target) = rig.target(1).await;
    let target = BalancerTarget { address: own, ..target };
    rig.balancer().put_target(&rig.balancer_name(), node, &target).await.unwrap();
    let subnet = Some("54d6f61d-db07-451c-9ab3-b9609b6b6f01".to_owned());
    let name = tag(node).to_string();
    assert_eq!(rig.double.members(), [(name, own, 1, subnet)]);
}

#[tokio::test]
async fn of_several_pools_the_one_behind_the_targets_port_is_taken() {
    let rig = Rig::fresh().turn(|knobs| knobs.other_port = Some(8_443));
    let (balancer, name) = (rig.balancer(), rig.balancer_name());
    let (node, target) = rig.target(1).await;
    balancer.put_target(&name, node, &target).await.unwrap();
    assert_eq!(rig.double.members().len(), 1, "the other pool takes nothing");
    let nowhere = BalancerTarget { port: 9_443, ..target.clone() };
    let error = balancer.put_target(&name, node, &nowhere).await.unwrap_err();
    assert_eq!(error.class, FailureClass::Rejected);
    assert!(error.message.contains("port 9443"), "{error}");
    assert_eq!(balancer.list_targets(&name).await.unwrap(), [(node, target)].into());
}
