//! The link against a controller in the test's own process.

use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr};

use damm_fleet::{NodeId, Span};
use damm_protocol::{AgentKey, JoinRequest, Pin, Refusal, Secret32, SyncRequest};

use super::*;
use crate::desk::Desk;

fn key(n: u8) -> AgentKey {
    AgentKey::new(&Secret32::new([n; 32]))
}

fn joining(key: &AgentKey, token: &str) -> JoinRequest {
    JoinRequest {
        fleet: "example".to_owned(),
        node: NodeId::from_raw(7),
        token: token.to_owned(),
        identity: key.public(),
        overlay: Secret32::new([9; 32]).wireguard_public(),
        transports: BTreeMap::new(),
    }
}

fn asking(sequence: u64) -> SyncRequest {
    let node = NodeId::from_raw(7);
    SyncRequest { node, sequence, have: 0, report: None, transports: None, wait: Span::ZERO }
}

#[tokio::test]
async fn all_requests_of_a_life_go_over_one_connection() {
    let desk = Desk::open("once").await;
    let link = desk.link();
    link.join(&key(1), &joining(&key(1), "once")).await.unwrap();
    for sequence in 1..20 {
        link.sync(&key(1), &asking(sequence)).await.unwrap();
    }
    assert_eq!((desk.connections(), desk.look(|b| b.syncs.len())), (1, 19));
}

#[tokio::test]
async fn who_shows_another_key_is_told_nothing() {
    let desk = Desk::open("once").await;
    let place: Place = desk.place().parse().unwrap();
    let link = Link::new(place, Pin::of(b"another")).unwrap();
    let refused = link.join(&key(1), &joining(&key(1), "once")).await;
    assert_eq!(refused, Err(LinkError::WrongKey));
    assert_eq!(link.echo(Ipv4Addr::LOCALHOST.into()).await, Err(LinkError::WrongKey));
    assert_eq!(desk.look(|b| b.joins.len()), 0);
}

#[tokio::test]
async fn refusals_come_through_as_they_were_said() {
    let desk = Desk::open("once").await;
    let link = desk.link();
    let ask = |n, token| {
        let link = link.clone();
        async move { link.join(&key(n), &joining(&key(n), token)).await.unwrap_err() }
    };
    assert_eq!(ask(1, "twice").await, LinkError::Refused(Refusal::Token));
    link.join(&key(1), &joining(&key(1), "once")).await.unwrap();
    link.join(&key(1), &joining(&key(1), "once")).await.unwrap();
    assert_eq!(ask(2, "once").await, LinkError::Refused(Refusal::Used));
    let stranger = link.sync(&key(2), &asking(1)).await;
    assert_eq!(stranger, Err(LinkError::Refused(Refusal::Signature)));
    link.sync(&key(1), &asking(5)).await.unwrap();
    let replayed = link.sync(&key(1), &asking(5)).await;
    assert_eq!(replayed, Err(LinkError::Refused(Refusal::Replayed { above: 5 })));
}

#[tokio::test]
async fn a_controller_that_comes_back_is_found_again() {
    let mut desk = Desk::open("once").await;
    let link = desk.link();
    link.join(&key(1), &joining(&key(1), "once")).await.unwrap();
    desk.stop().await;
    let gone = link.sync(&key(1), &asking(1)).await;
    assert!(matches!(gone, Err(LinkError::Unreachable(_))), "{gone:?}");
    // The connection broke; now there is none.
    let absent = link.sync(&key(1), &asking(2)).await;
    assert!(matches!(absent, Err(LinkError::Absent(_))), "{absent:?}");
    desk.start().await;
    link.sync(&key(1), &asking(3)).await.unwrap();
}

#[tokio::test]
async fn a_request_that_is_given_up_takes_its_connection_with_it() {
    let desk = Desk::open("once").await;
    let link = desk.link();
    link.join(&key(1), &joining(&key(1), "once")).await.unwrap();
    let mut held = asking(1);
    held.wait = Span::from_hours(1);
    let mine = key(1);
    let waiting = link.sync(&mine, &held);
    let admitted = async {
        while desk.look(|b| b.syncs.is_empty()) {
            tokio::task::yield_now().await;
        }
    };
    tokio::select! { biased; _ = waiting => panic!("nothing was news"), () = admitted => {} }
    link.sync(&key(1), &asking(2)).await.unwrap();
    assert_eq!(desk.connections(), 2);
}

#[tokio::test]
async fn an_echo_goes_out_from_the_address_that_is_asked_about() {
    let desk = Desk::open("once").await;
    for last in [1, 2, 77] {
        let source = IpAddr::from([127, 0, 0, last]);
        assert_eq!(desk.link().echo(source).await, Ok(source));
    }
    let absent = desk.link().echo("192.0.2.1".parse().unwrap()).await;
    assert!(matches!(absent, Err(LinkError::Absent(_))), "{absent:?}");
}
