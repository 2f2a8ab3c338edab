//! What agents say, and what they are told.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod world;

use std::collections::BTreeMap;

use damm_clouds::Agents;
use damm_fleet::{Node, NodeId, Role, Seed, Span, Subject};
use damm_protocol::{NodeConfig, Problem, Receiving, Refusal, Report, RoleConfig, SyncAnswer};
use hyper::StatusCode;
use world::agent::Agent;
use world::*;

/// Long enough for what is waited for here to come, however slow the machine is.
const LONG: Span = Span::from_secs(60);

async fn two() -> (World, [Node; 2]) {
    let mut seed = Seed::from_number(1);
    let nodes = [node(&mut seed, Role::Ingress), node(&mut seed, Role::Egress)];
    (World::new(&nodes, seed).await, nodes)
}

/// A joined agent for each node, with orders.
async fn at_work() -> (World, [Node; 2], [Agent; 2]) {
    let (world, nodes) = two().await;
    let mut agents = [world.agent(nodes[0].id, 1).await, world.agent(nodes[1].id, 2).await];
    for (n, (node, agent)) in (1u8..).zip(nodes.iter().zip(&mut agents)) {
        agent.join().await.unwrap();
        world.order(node.id, &orders(node, n, 1)).await;
    }
    (world, nodes, agents)
}

/// The config that follows on what an agent has.
async fn next(agent: &mut Agent, have: u64) -> NodeConfig {
    let answer = agent.sync(|r| (r.have, r.wait) = (have, LONG)).await.unwrap();
    answer.config.expect("news within the time")
}

/// Waits until an agent has been told what is true of it.
async fn until(agent: &mut Agent, good: impl Fn(&NodeConfig) -> bool) -> NodeConfig {
    let mut config = next(agent, 0).await;
    while !good(&config) {
        config = next(agent, config.generation).await;
    }
    config
}

fn egresses(config: &NodeConfig) -> Vec<NodeId> {
    let RoleConfig::Ingress(ingress) = &config.role else {
        panic!("{config:?}");
    };
    ingress.egresses.keys().copied().collect()
}

fn ingresses(config: &NodeConfig) -> Vec<NodeId> {
    let RoleConfig::Egress(egress) = &config.role else {
        panic!("{config:?}");
    };
    egress.ingresses.keys().copied().collect()
}

#[tokio::test]
async fn agents_are_told_of_each_other_and_of_their_addresses() {
    let (world, nodes, [mut ingress, mut egress]) = at_work().await;
    let told = until(&mut ingress, |c| !egresses(c).is_empty()).await;
    assert_eq!((told.node, told.orders, egresses(&told)), (nodes[0].id, 1, vec![nodes[1].id]));
    let RoleConfig::Ingress(config) = &told.role else { unreachable!() };
    assert_eq!(config.frontdoors.len(), 2);
    assert_eq!(config.transports.keys().collect::<Vec<_>>(), ["shadowsocks"]);
    let peer = &config.egresses[&nodes[1].id];
    assert_eq!(peer.endpoint.to_string(), "198.18.2.1:51821");
    assert!(peer.v4 && !peer.v6 && peer.weight == 1 && peer.receiving == Receiving::Active);
    let told = until(&mut egress, |c| !ingresses(c).is_empty()).await;
    let RoleConfig::Egress(config) = &told.role else { unreachable!() };
    assert_eq!(config.addresses.len(), 2);
    assert_eq!(config.ingresses.len(), 1);
    drop(world);
}

#[tokio::test]
async fn a_waiting_request_is_answered_when_there_is_news_and_not_before() {
    let (world, nodes, [mut ingress, _]) = at_work().await;
    let told = until(&mut ingress, |c| !egresses(c).is_empty()).await;
    let have = told.generation;
    let answer = ingress.sync(|r| (r.have, r.wait) = (have, Span::from_millis(50))).await;
    assert_eq!(answer, Ok(SyncAnswer { config: None }));
    let mut draining = orders(&nodes[0], 1, 2);
    draining.draining = true;
    let waiting = tokio::spawn(async move { next(&mut ingress, have).await });
    world.order(nodes[0].id, &draining).await;
    let config = waiting.await.unwrap();
    assert_eq!((config.generation, config.orders), (have + 1, 2));
    let RoleConfig::Ingress(config) = config.role else { unreachable!() };
    assert!(config.frontdoors.values().all(|d| d.receiving == Receiving::Draining));
}

#[tokio::test]
async fn a_generation_stands_over_a_restart() {
    let (world, nodes, [mut ingress, mut egress]) = at_work().await;
    let told = until(&mut ingress, |c| !egresses(c).is_empty()).await;
    until(&mut egress, |c| !ingresses(c).is_empty()).await;
    let world = world.restart().await;
    let mut again = world.agent(nodes[0].id, 1).await;
    let (_, refusal) = again.sync(|_| {}).await.unwrap_err();
    let Some(Refusal::Replayed { above }) = refusal else { panic!("{refusal:?}") };
    again.sequence = above;
    assert_eq!(again.sync(|_| {}).await.unwrap().config.unwrap(), told);
    let have = told.generation;
    assert_eq!(again.sync(|r| r.have = have).await, Ok(SyncAnswer { config: None }));
}

#[tokio::test]
async fn a_sequence_number_is_taken_once_over_restarts_too() {
    let (mut world, nodes) = two().await;
    world.agent(nodes[0].id, 1).await.join().await.unwrap();
    let mut last = 0;
    for _ in 0..2 {
        let mut agent = world.agent(nodes[0].id, 1).await;
        for (number, good) in [(last + 5, true), (last + 5, false), (last + 4, false)] {
            let answer = agent.sync(|r| r.sequence = number).await;
            let replayed = (StatusCode::CONFLICT, Some(Refusal::Replayed { above: last + 5 }));
            assert_eq!(answer.map(drop).err(), (!good).then_some(replayed), "{number}");
        }
        world = world.restart().await;
        let mut agent = world.agent(nodes[0].id, 1).await;
        let (_, refusal) = agent.sync(|r| r.sequence = last + 5).await.unwrap_err();
        let Some(Refusal::Replayed { above }) = refusal else { panic!("{refusal:?}") };
        assert!(above >= last + 5);
        last = above;
    }
    let mut agent = world.agent(nodes[0].id, 1).await;
    let (status, _) = agent.sync(|r| r.sequence = u64::MAX).await.unwrap_err();
    assert_eq!(status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn who_has_not_joined_or_signs_with_another_key_is_refused() {
    let (world, nodes) = two().await;
    let mut agent = world.agent(nodes[0].id, 1).await;
    let unknown = (StatusCode::NOT_FOUND, Some(Refusal::Unknown));
    assert_eq!(agent.sync(|_| {}).await, Err(unknown));
    agent.join().await.unwrap();
    let mut other = world.agent(nodes[0].id, 2).await;
    let wrong = (StatusCode::UNAUTHORIZED, Some(Refusal::Signature));
    assert_eq!(other.sync(|_| {}).await, Err(wrong.clone()));
    // A refused request uses no number up.
    agent.sync(|_| {}).await.unwrap();
    // One node's key does not speak for another.
    world.agent(nodes[1].id, 2).await.join().await.unwrap();
    let stranger = nodes[1].id;
    assert_eq!(agent.sync(|r| r.node = stranger).await, Err(wrong));
}

fn report(node: &Node) -> Report {
    let subjects = || node.frontdoors.keys().map(|d| Subject::from(*d));
    Report {
        orders: 1,
        verified: subjects().collect(),
        sessions: subjects().map(|s| (s, 7)).collect(),
        ..Report::default()
    }
}

#[tokio::test]
async fn what_an_agent_says_is_read_by_the_engine_and_outlives_a_restart() {
    let (world, nodes, [mut ingress, _]) = at_work().await;
    let said = report(&nodes[0]);
    let mut news = world.endpoint.news();
    news.mark_unchanged();
    ingress.report(&said).await.unwrap();
    assert!(news.has_changed().unwrap());
    let heard = world.reports().await.remove(&nodes[0].id).unwrap();
    assert!(heard.healthy && heard.generation == 1);
    assert_eq!((&heard.verified, &heard.sessions), (&said.verified, &said.sessions));
    // The same again is no news.
    news.mark_unchanged();
    ingress.report(&said).await.unwrap();
    assert!(!news.has_changed().unwrap());
    let mut ill = said.clone();
    let (part, message) = ("disk".to_owned(), "The disk is full.".to_owned());
    ill.problems = vec![Problem { part, message }];
    ingress.report(&ill).await.unwrap();
    assert!(news.has_changed().unwrap());
    assert!(!world.reports().await[&nodes[0].id].healthy);
    ingress.report(&said).await.unwrap();

    // Nobody could hear them for a day: that is no silence of theirs.
    world.clock.advance(Span::from_days(1));
    let world = world.restart().await;
    assert_eq!(world.endpoint.missing(), 2);
    let kept = world.reports().await.remove(&nodes[0].id).unwrap();
    assert_eq!(kept.heard_at, START + Span::from_secs(24 * 3_600 - 5 * 60));
    assert_eq!(world.endpoint.gather(Span::ZERO).await, 2);
    let silent = world.reports().await.remove(&nodes[0].id).unwrap();
    assert_eq!(silent.heard_at, START);

    let world = world.restart().await;
    let kept = world.reports().await.remove(&nodes[0].id).unwrap();
    assert_eq!((kept.healthy, &kept.verified), (true, &said.verified));
    let gathering = {
        let endpoint = world.endpoint.clone();
        tokio::spawn(async move { endpoint.gather(LONG).await })
    };
    for (node, key) in nodes.iter().zip(1..) {
        let mut agent = world.agent(node.id, key).await;
        agent.sequence = 10_000;
        agent.sync(|_| {}).await.unwrap();
    }
    assert_eq!(gathering.await.unwrap(), 0);
}

#[tokio::test]
async fn an_agent_speaks_for_its_own_addresses_only() {
    let (world, nodes, [mut ingress, _]) = at_work().await;
    let mut said = report(&nodes[0]);
    let foreign: Subject = (*nodes[1].egress_ips.keys().next().unwrap()).into();
    said.verified.insert(foreign);
    said.verified.insert(nodes[0].id.into());
    said.sessions.insert(foreign, 1 << 40);
    ingress.report(&said).await.unwrap();
    let heard = world.reports().await.remove(&nodes[0].id).unwrap();
    let expected = report(&nodes[0]);
    assert_eq!((heard.verified, heard.sessions), (expected.verified, expected.sessions));
}

#[tokio::test]
async fn the_last_session_of_what_drains_is_news() {
    let (world, nodes, [mut ingress, _]) = at_work().await;
    let mut said = report(&nodes[0]);
    ingress.report(&said).await.unwrap();
    let mut draining = orders(&nodes[0], 1, 2);
    let (door, of) = draining.frontdoors.iter_mut().next().unwrap();
    of.draining = true;
    let door = Subject::from(*door);
    world.order(nodes[0].id, &draining).await;
    let mut news = world.endpoint.news();
    for (count, expected) in [(3, false), (0, true)] {
        news.mark_unchanged();
        said.sessions.insert(door, count);
        ingress.report(&said).await.unwrap();
        assert_eq!(news.has_changed().unwrap(), expected, "{count} sessions left");
    }
}

#[tokio::test]
async fn what_clients_need_to_know_of_transports_is_kept() {
    let (world, nodes, [mut ingress, _]) = at_work().await;
    let params: BTreeMap<_, _> = [("sni".to_owned(), "example.net".to_owned())].into();
    let transports: BTreeMap<_, _> = [("tls".to_owned(), params)].into();
    let mut news = world.endpoint.news();
    news.mark_unchanged();
    ingress.sync(|r| r.transports = Some(transports.clone())).await.unwrap();
    assert!(news.has_changed().unwrap());
    let agents = world.store.agents().await.unwrap();
    assert_eq!(agents[&nodes[0].id].transports, transports);
    // What no client could read never gets as far as a catalog.
    for bad in ["a\nb", "é", &"x".repeat(1_025)] {
        let mut transports = transports.clone();
        transports.get_mut("tls").unwrap().insert("sni".to_owned(), bad.to_owned());
        let answer = ingress.sync(|r| r.transports = Some(transports)).await;
        assert_eq!(answer.unwrap_err().0, StatusCode::BAD_REQUEST, "{bad}");
    }
    let agents = world.store.agents().await.unwrap();
    assert_eq!(agents[&nodes[0].id].transports, transports);
}

#[tokio::test]
async fn an_agent_whose_node_has_left_is_told_so_while_it_waits() {
    let (mut world, nodes, [mut ingress, mut egress]) = at_work().await;
    let told = until(&mut egress, |c| !ingresses(c).is_empty()).await;
    let have = until(&mut ingress, |c| !egresses(c).is_empty()).await.generation;
    let waiting =
        tokio::spawn(async move { ingress.sync(|r| (r.have, r.wait) = (have, LONG)).await });
    let mut gone = machine(&nodes[0], 1);
    gone.phase = damm_fleet::Phase::Gone;
    let addresses = nodes[0].frontdoors.keys().map(|d| {
        let row = damm_fleet::Resource::wanted(
            (*d).into(),
            nodes[0].id,
            nodes[0].provider.clone(),
            START,
        );
        damm_fleet::Resource { phase: damm_fleet::Phase::Gone, ..row }
    });
    let rows: Vec<_> = addresses.chain([gone]).collect();
    world.store.put_resources(&rows).await.unwrap();
    retarget(&world.store, &mut world.seed, &nodes[1..]).await;
    world.endpoint.retarget().await;
    let (status, refusal) = waiting.await.unwrap().unwrap_err();
    assert_eq!((status, refusal), (StatusCode::NOT_FOUND, Some(Refusal::Unknown)));
    assert!(ingresses(&next(&mut egress, told.generation).await).is_empty());
    assert!(world.store.seats().await.unwrap().keys().eq([&nodes[1].id]));
}

#[tokio::test]
async fn orders_that_are_older_than_the_last_are_refused() {
    let (world, nodes, _agents) = at_work().await;
    world.order(nodes[0].id, &orders(&nodes[0], 1, 5)).await;
    let older = world.endpoint.order(nodes[0].id, &orders(&nodes[0], 1, 4)).await;
    assert_eq!(older.unwrap_err().class, damm_fleet::FailureClass::Rejected);
}
