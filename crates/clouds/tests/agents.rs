//! Agents and sessions of the embedded cloud.
#![allow(clippy::unwrap_used)]

mod stage;

use damm_clouds::{AddressOrders, Clock, ListedAddress, ListedMachine, NodeOrders, NodeReport};
use damm_fleet::{FailureClass, FrontdoorId, NodeId, Span, Subject};
use serde_json::json;
use stage::{Stage, address_order, machine_order};

struct Post {
    stage: Stage,
    node: NodeId,
    door: FrontdoorId,
    machine: ListedMachine,
    address: ListedAddress,
}

impl Post {
    /// A machine that holds one address and has orders for it; nothing has booted yet.
    async fn new() -> Self {
        let mut stage = Stage::new(json!({ "boot_time": "20s" })).await;
        let (node, door) = (stage.seed.node(), stage.seed.frontdoor());
        let cloud = stage.cloud();
        let machine = cloud.create_machine(&machine_order(node)).await.unwrap();
        let address = cloud.allocate_address(&address_order(door)).await.unwrap();
        let (a, m) = (&address.provider_ref, &machine.provider_ref);
        cloud.attach_address(a, m).await.unwrap();
        let post = Self { stage, node, door, machine, address };
        post.order(1, false).await;
        post
    }

    async fn order(&self, generation: u64, draining: bool) {
        let orders = self.orders(generation, draining);
        self.stage.providers.agents.order(self.node, &orders).await.unwrap();
    }

    fn orders(&self, generation: u64, draining: bool) -> NodeOrders {
        let door = AddressOrders { address: self.address.address, inner: None, draining };
        NodeOrders { generation, frontdoors: [(self.door, door)].into(), ..NodeOrders::default() }
    }

    async fn report(&self) -> Option<NodeReport> {
        let reports = self.stage.providers.agents.reports().await.unwrap();
        reports.get(&self.node).cloned()
    }

    async fn sessions(&self) -> u64 {
        let report = self.report().await.unwrap();
        let door = Subject::Frontdoor(self.door);
        report.sessions.get(&door).copied().unwrap_or_default()
    }
}

#[tokio::test]
async fn an_agent_joins_after_its_machines_boot_time_and_verifies_its_addresses() {
    let post = Post::new().await;
    assert_eq!(post.report().await, None);
    post.stage.wait(Span::from_secs(19));
    assert_eq!(post.report().await, None);
    post.stage.wait(Span::from_secs(1));
    let report = post.report().await.unwrap();
    assert!(report.healthy);
    assert_eq!(report.generation, 1);
    assert_eq!(report.verified, [Subject::Frontdoor(post.door)].into());
}

#[tokio::test]
async fn an_address_that_is_not_attached_is_not_verified() {
    let post = Post::new().await;
    post.stage.wait(Span::from_mins(1));
    let cloud = post.stage.cloud();
    cloud.detach_address(&post.address.provider_ref).await.unwrap();
    assert!(post.report().await.unwrap().verified.is_empty());
    let (a, m) = (&post.address.provider_ref, &post.machine.provider_ref);
    cloud.attach_address(a, m).await.unwrap();
    assert_eq!(post.report().await.unwrap().verified.len(), 1);
}

#[tokio::test]
async fn older_orders_are_refused_and_equal_ones_are_taken() {
    let post = Post::new().await;
    post.stage.wait(Span::from_mins(1));
    post.order(5, false).await;
    post.order(5, true).await;
    let stale = post.orders(4, false);
    let answer = post.stage.providers.agents.order(post.node, &stale).await;
    assert_eq!(answer.unwrap_err().class, FailureClass::Rejected);
    assert_eq!(post.report().await.unwrap().generation, 5);
}

#[tokio::test]
async fn sessions_come_to_a_live_address_and_leave_a_draining_one_within_two_hours() {
    let post = Post::new().await;
    post.stage.wait(Span::from_mins(30));
    let full = post.sessions().await;
    assert!((500..1_500).contains(&full), "{full}");
    post.order(2, true).await;
    assert_eq!(post.sessions().await, full);
    post.stage.wait(Span::from_mins(10));
    let half = post.sessions().await;
    assert!(half.abs_diff(full / 2) <= 1, "{half} of {full}");
    post.stage.wait(Span::from_mins(110));
    assert_eq!(post.sessions().await, 0);
    assert_eq!(post.stage.world().sessions_cut(), 0);
}

#[tokio::test]
async fn sessions_that_are_cut_off_are_counted() {
    let mut post = Post::new().await;
    post.stage.wait(Span::from_mins(30));
    let full = post.sessions().await;
    let cloud = post.stage.cloud();
    cloud.detach_address(&post.address.provider_ref).await.unwrap();
    assert_eq!(post.sessions().await, 0);
    assert_eq!(post.stage.world().sessions_cut(), full);
    post.stage.restart().await;
    assert_eq!(post.stage.world().sessions_cut(), full);
}

#[tokio::test]
async fn held_sessions_stay_until_they_are_let_go() {
    let post = Post::new().await;
    post.stage.wait(Span::from_mins(30));
    let door = Subject::Frontdoor(post.door);
    let world = post.stage.world();
    assert!(world.set_sessions(door, Some(7)).await.unwrap());
    post.order(2, true).await;
    post.stage.wait(Span::from_hours(5));
    assert_eq!(post.sessions().await, 7);
    assert!(world.set_sessions(door, None).await.unwrap());
    assert_eq!(post.sessions().await, 0);
}

#[tokio::test]
async fn a_killed_machine_falls_silent_while_its_provider_shows_it_running() {
    let post = Post::new().await;
    post.stage.wait(Span::from_mins(30));
    let world = post.stage.world();
    assert!(world.kill_machine(post.node).await.unwrap());
    let last = post.report().await.unwrap();
    post.stage.wait(Span::from_mins(5));
    assert_eq!(post.report().await.unwrap(), last);
    let listed = post.stage.cloud().list_machines(stage::FLEET).await.unwrap();
    assert_eq!(listed[0].state, damm_clouds::MachineState::Running);
    post.order(9, false).await;
    assert!(world.revive_machine(post.node).await.unwrap());
    assert_eq!(post.report().await.unwrap().generation, 9);
    assert_eq!(world.sessions_cut(), 0);
}

#[tokio::test]
async fn a_sick_node_says_so_until_it_is_well() {
    let mut post = Post::new().await;
    post.stage.wait(Span::from_mins(1));
    assert!(post.stage.world().set_sick(post.node, true).await.unwrap());
    post.stage.restart().await;
    assert!(!post.report().await.unwrap().healthy);
    assert!(post.stage.world().set_sick(post.node, false).await.unwrap());
    assert!(post.report().await.unwrap().healthy);
}

#[tokio::test]
async fn of_two_machines_of_a_node_the_first_is_its_home_while_it_stands() {
    let post = Post::new().await;
    let cloud = post.stage.cloud();
    let twin = cloud.create_machine(&machine_order(post.node)).await.unwrap();
    post.stage.wait(Span::from_mins(1));
    assert_eq!(post.report().await.unwrap().verified.len(), 1);
    cloud.delete_machine(&post.machine.provider_ref).await.unwrap();
    post.stage.wait(Span::from_mins(1));
    assert!(post.report().await.unwrap().verified.is_empty());
    let (a, m) = (&post.address.provider_ref, &twin.provider_ref);
    cloud.attach_address(a, m).await.unwrap();
    assert_eq!(post.report().await.unwrap().verified.len(), 1);
    assert_eq!(post.report().await.unwrap().heard_at, post.stage.clock.now());
}

#[tokio::test]
async fn an_agents_last_words_outlive_its_machine_for_a_day() {
    let post = Post::new().await;
    post.stage.wait(Span::from_mins(1));
    let cloud = post.stage.cloud();
    cloud.delete_machine(&post.machine.provider_ref).await.unwrap();
    post.stage.wait(Span::from_mins(1));
    let last = post.report().await.unwrap();
    post.stage.wait(Span::from_hours(1));
    assert_eq!(post.report().await.unwrap().heard_at, last.heard_at);
    post.stage.wait(Span::from_hours(24));
    assert_eq!(post.report().await, None);
}

#[tokio::test]
async fn a_restart_changes_nothing_that_agents_say() {
    let mut post = Post::new().await;
    post.stage.wait(Span::from_mins(30));
    let before = post.report().await;
    post.stage.restart().await;
    assert_eq!(post.report().await, before);
}
