//! Agents that join over real TLS, and those that may not.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod world;

use damm_fleet::{Phase, Role, Seed, Span};
use damm_protocol::{JoinAnswer, JoinRequest, Pin, Refusal};
use hyper::{Method, StatusCode};
use world::agent::{Answered, connect};
use world::*;

async fn one() -> (World, damm_fleet::Node) {
    let mut seed = Seed::from_number(1);
    let node = node(&mut seed, Role::Ingress);
    (World::new(std::slice::from_ref(&node), seed).await, node)
}

fn refused(answer: Answered<JoinAnswer>) -> (StatusCode, Refusal) {
    let (status, refusal) = answer.unwrap_err();
    (status, refusal.unwrap())
}

#[tokio::test]
async fn an_agent_joins_and_may_ask_again_with_the_same_key() {
    let (world, node) = one().await;
    let mut agent = world.agent(node.id, 1).await;
    let mut news = world.endpoint.news();
    assert_eq!(agent.join().await, Ok(JoinAnswer { config: None }));
    assert!(news.has_changed().unwrap());
    news.mark_unchanged();
    world.clock.advance(Span::from_days(3));
    assert_eq!(agent.join().await, Ok(JoinAnswer { config: None }));
    let reports = world.reports().await;
    assert!(!reports[&node.id].healthy, "it has not said how it is");
    // What joined is known after a restart as well.
    let world = world.restart().await;
    let mut agent = world.agent(node.id, 1).await;
    assert_eq!(agent.join().await, Ok(JoinAnswer { config: None }));
}

#[tokio::test]
async fn a_token_is_good_for_one_key() {
    let (world, node) = one().await;
    world.agent(node.id, 1).await.join().await.unwrap();
    let thief = world.agent(node.id, 2).await.join().await;
    assert_eq!(refused(thief), (StatusCode::FORBIDDEN, Refusal::Used));
    let world = world.restart().await;
    let thief = world.agent(node.id, 2).await.join().await;
    assert_eq!(refused(thief), (StatusCode::FORBIDDEN, Refusal::Used));
}

#[tokio::test]
async fn of_two_keys_at_once_one_joins() {
    let (world, node) = one().await;
    let (mut a, mut b) = (world.agent(node.id, 1).await, world.agent(node.id, 2).await);
    let (a, b) = tokio::join!(a.join(), b.join());
    assert_eq!(usize::from(a.is_ok()) + usize::from(b.is_ok()), 1, "{a:?} {b:?}");
}

#[tokio::test]
async fn a_replayed_join_is_refused_as_its_replayer_lacks_the_key() {
    let (world, node) = one().await;
    let mut agent = world.agent(node.id, 1).await;
    agent.join().await.unwrap();
    let body = serde_json::to_vec(&agent.join_request()).unwrap();
    let mut other = world.agent(node.id, 2).await;
    // The same bytes under another's signature.
    let signature = other.key.sign(JoinRequest::PATH, &body);
    let answer = other.send(Method::POST, JoinRequest::PATH, body.clone(), signature).await;
    assert_eq!(refused(answer), (StatusCode::UNAUTHORIZED, Refusal::Signature));
    // The same bytes with the same signature change nothing, and tell nothing that is not asked
    // for again by what only the key can sign.
    let signature = agent.key.sign(JoinRequest::PATH, &body);
    let answer: Answered<JoinAnswer> =
        other.send(Method::POST, JoinRequest::PATH, body, signature).await;
    assert_eq!(answer, Ok(JoinAnswer { config: None }));
}

#[tokio::test]
async fn a_token_expires() {
    let (world, node) = one().await;
    world.clock.advance(Span::from_secs(15 * 60 + 1));
    let late = world.agent(node.id, 1).await.join().await;
    assert_eq!(refused(late), (StatusCode::FORBIDDEN, Refusal::Expired));
}

#[tokio::test]
async fn a_token_of_another_attempt_node_or_fleet_is_refused() {
    let mut seed = Seed::from_number(2);
    let nodes = [node(&mut seed, Role::Ingress), node(&mut seed, Role::Egress)];
    let [mine, other] = nodes.each_ref().map(|n| n.id);
    let stranger = seed.node();
    let world = World::new(&nodes, seed).await;
    for token in [world.token(mine, 2), world.token(other, 1), String::new(), "ä".to_owned()] {
        let mut agent = world.agent(mine, 1).await;
        agent.token = token;
        assert_eq!(refused(agent.join().await), (StatusCode::FORBIDDEN, Refusal::Token));
    }
    let mut agent = world.agent(stranger, 1).await;
    assert_eq!(refused(agent.join().await), (StatusCode::NOT_FOUND, Refusal::Unknown));
    let mut agent = world.agent(mine, 1).await;
    let request = JoinRequest { fleet: "other".to_owned(), ..agent.join_request() };
    let answer = agent.post(JoinRequest::PATH, &request).await;
    assert_eq!(refused(answer), (StatusCode::NOT_FOUND, Refusal::Unknown));
}

#[tokio::test]
async fn a_machine_that_is_made_again_joins_anew_and_the_old_one_is_out() {
    let (world, node) = one().await;
    let mut old = world.agent(node.id, 1).await;
    old.join().await.unwrap();
    let mut row = machine(&node, 1);
    row.attempt = 2;
    world.store.put_resources(&[row]).await.unwrap();
    assert_eq!(refused(old.join().await), (StatusCode::FORBIDDEN, Refusal::Token));
    let mut new = world.agent(node.id, 2).await;
    new.token = world.token(node.id, 2);
    new.join().await.unwrap();
    let (status, refusal) = old.sync(|_| {}).await.unwrap_err();
    assert_eq!((status, refusal), (StatusCode::UNAUTHORIZED, Some(Refusal::Signature)));
    new.sync(|_| {}).await.unwrap();
}

#[tokio::test]
async fn what_is_being_taken_down_does_not_join() {
    let (world, node) = one().await;
    let mut row = machine(&node, 1);
    row.phase = Phase::Deleting;
    world.store.put_resources(&[row]).await.unwrap();
    let answer = world.agent(node.id, 1).await.join().await;
    assert_eq!(refused(answer), (StatusCode::FORBIDDEN, Refusal::Token));
}

#[tokio::test]
async fn what_can_not_be_read_is_refused_and_says_nothing_of_it() {
    let (world, node) = one().await;
    let mut agent = world.agent(node.id, 1).await;
    let text = serde_json::to_string(&agent.join_request()).unwrap();
    let cut = text.as_bytes()[..text.len() - 2].to_vec();
    let wrong = text.replace("\"identity\"", "\"secret\"").into_bytes();
    for body in [cut, wrong, Vec::new(), vec![0xff; 9]] {
        let signature = agent.key.sign(JoinRequest::PATH, &body);
        let answer = agent.send(Method::POST, JoinRequest::PATH, body, signature).await;
        let (status, refusal) = refused(answer);
        let Refusal::Malformed { why } = refusal else {
            panic!("{refusal:?}");
        };
        assert_eq!(status, StatusCode::BAD_REQUEST);
        assert!(!why.contains(&agent.token) && why.contains("line"), "{why}");
    }
    let large = vec![b' '; 17 << 10];
    let answer = agent.send(Method::POST, JoinRequest::PATH, large, "x".to_owned()).await;
    assert_eq!(refused(answer).0, StatusCode::PAYLOAD_TOO_LARGE);
}

#[tokio::test]
async fn other_paths_and_methods_are_not_answered() {
    let (world, node) = one().await;
    let asked = [
        (Method::GET, JoinRequest::PATH, StatusCode::METHOD_NOT_ALLOWED),
        (Method::POST, "/a/v1/echo", StatusCode::METHOD_NOT_ALLOWED),
        (Method::GET, "/", StatusCode::NOT_FOUND),
        (Method::GET, "/a/v1/join/", StatusCode::NOT_FOUND),
    ];
    for (method, path, expected) in asked {
        let mut agent = world.agent(node.id, 1).await;
        let answer: Answered<JoinAnswer> =
            agent.send(method, path, Vec::new(), String::new()).await;
        assert_eq!(answer, Err((expected, None)), "{path}");
    }
}

#[tokio::test]
async fn an_address_is_told_as_it_is_seen() {
    let (world, node) = one().await;
    let mut agent = world.agent(node.id, 1).await;
    assert_eq!(agent.echo().await.unwrap().address.to_string(), "127.0.0.1");
}

#[tokio::test]
async fn another_key_than_the_pinned_one_is_not_believed() {
    let (world, _) = one().await;
    assert!(connect(world.served.address(), Pin::of(b"another")).await.is_err());
    assert!(connect(world.served.address(), world.keys.controller().pin()).await.is_ok());
}
