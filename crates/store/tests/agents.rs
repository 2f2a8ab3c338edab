//! What is known of agents and of clients' credentials.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod world;

use std::collections::BTreeMap;

use damm_fleet::{Node, NodeId, Role, Seed};
use damm_protocol::{AgentKey, ClientSecret, Credential, CredentialId, Secret32};
use damm_store::{Access, Store, StoredAgent, StoredConfig, StoredSeat};
use serde_json::json;
use world::*;

fn agent(node: &Node, n: u8) -> StoredAgent {
    StoredAgent {
        node: node.id,
        attempt: 1,
        identity: AgentKey::new(&Secret32::new([n; 32])).public(),
        overlay: Secret32::new([n; 32]).wireguard_public(),
        transports: [("tls".to_owned(), [("sni".to_owned(), "a\"b".to_owned())].into())].into(),
        joined_at: at(9),
        sequence: 7,
        healthy: true,
        orders: 3,
        verified: [first_door(node).into()].into(),
    }
}

fn seat(node: NodeId, place: u16) -> StoredSeat {
    StoredSeat { node, region: "eu-north".parse().unwrap(), place }
}

fn config(generation: u64) -> StoredConfig {
    StoredConfig { generation, digest: "00ff".to_owned(), orders: 2, ..StoredConfig::default() }
}

fn credential(number: u32) -> Credential {
    let secret = ClientSecret::new(Secret32::new([number as u8; 32]));
    secret.credential(CredentialId::new(number).unwrap())
}

/// A state with two nodes of which all is known.
async fn filled(room: &Room, seed: &mut Seed) -> (Store, [Node; 2]) {
    let store = room.write().await.unwrap();
    let nodes = [node(seed, Role::Ingress, 1), node(seed, Role::Ingress, 1)];
    add(&store, seed, &nodes).await;
    for (n, node) in (1u8..).zip(&nodes) {
        store.put_agents(&[agent(node, n)]).await.unwrap();
        store.put_seats(&[seat(node.id, n.into())]).await.unwrap();
        store.put_agent_configs(&[(node.id, config(1))].into()).await.unwrap();
        store.put_node_orders(node.id, &json!({ "n": n })).await.unwrap();
    }
    store.close().await.unwrap();
    (room.write().await.unwrap(), nodes)
}

#[tokio::test]
async fn what_is_known_of_agents_reads_back_until_their_node_leaves() {
    let (room, mut seed) = (Room::new(), Seed::from_number(1));
    let (store, nodes) = filled(&room, &mut seed).await;
    let [a, b] = nodes.each_ref().map(|n| n.id);
    let agents = BTreeMap::from([(a, agent(&nodes[0], 1)), (b, agent(&nodes[1], 2))]);
    assert_eq!(store.agents().await.unwrap(), agents);
    assert_eq!(store.seats().await.unwrap(), [(a, seat(a, 1)), (b, seat(b, 2))].into());
    assert_eq!(store.agent_configs().await.unwrap(), [(a, config(1)), (b, config(1))].into());
    let orders: BTreeMap<NodeId, serde_json::Value> = store.node_orders().await.unwrap();
    assert_eq!(orders, [(a, json!({ "n": 1 })), (b, json!({ "n": 2 }))].into());

    let without = child(&store, &mut seed, |t| drop(t.nodes.remove(&a))).await;
    set(&store, &without).await.unwrap();
    assert_eq!(store.agents().await.unwrap().into_keys().collect::<Vec<_>>(), [b]);
    assert_eq!(store.seats().await.unwrap(), [(b, seat(b, 2))].into());
    assert_eq!(store.agent_configs().await.unwrap().into_keys().collect::<Vec<_>>(), [b]);
    let orders: BTreeMap<NodeId, serde_json::Value> = store.node_orders().await.unwrap();
    assert_eq!(orders.into_keys().collect::<Vec<_>>(), [b]);
    // A late word of it does not bring it back.
    store.put_agents(&[agent(&nodes[0], 1)]).await.unwrap();
    store.put_seats(&[seat(a, 1)]).await.unwrap();
    assert_eq!(store.agents().await.unwrap().len(), 1);
    assert_eq!(store.seats().await.unwrap().len(), 1);
}

#[tokio::test]
async fn a_place_is_given_once_in_a_region() {
    let (room, mut seed) = (Room::new(), Seed::from_number(2));
    let (store, nodes) = filled(&room, &mut seed).await;
    let new = node(&mut seed, Role::Ingress, 1);
    add(&store, &mut seed, std::slice::from_ref(&new)).await;
    store.put_seats(&[seat(new.id, 1)]).await.unwrap_err();
    let elsewhere = StoredSeat { region: "eu-south".parse().unwrap(), ..seat(new.id, 1) };
    store.put_seats(&[elsewhere.clone(), seat(nodes[0].id, 9)]).await.unwrap();
    let seats = store.seats().await.unwrap();
    assert_eq!((&seats[&new.id], seats[&nodes[0].id].place), (&elsewhere, 1));
}

#[tokio::test]
async fn generations_and_sequences_only_rise() {
    let (room, mut seed) = (Room::new(), Seed::from_number(3));
    let (store, nodes) = filled(&room, &mut seed).await;
    let id = nodes[0].id;
    for generation in [0, 1] {
        store.put_agent_configs(&[(id, config(generation))].into()).await.unwrap_err();
    }
    store.put_agent_configs(&[(id, config(5))].into()).await.unwrap();
    assert_eq!(store.agent_configs().await.unwrap()[&id].generation, 5);
    for (put, expected) in [(100, 100), (99, 100), (101, 101)] {
        store.put_sequences(&[(id, put)].into()).await.unwrap();
        let agents = store.agents().await.unwrap();
        assert_eq!((agents[&id].sequence, agents[&nodes[1].id].sequence), (expected, 7));
    }
}

#[tokio::test]
async fn a_credentials_number_is_not_used_twice() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    for number in 0..3 {
        assert_eq!(store.next_credential().await.unwrap(), CredentialId::new(number));
        store.add_credential(&credential(number)).await.unwrap();
    }
    store.add_credential(&credential(1)).await.unwrap_err();
    store.revoke_credential(credential(2).id).await.unwrap();
    store.revoke_credential(credential(9).id).await.unwrap();
    store.close().await.unwrap();
    let store = room.write().await.unwrap();
    assert_eq!(store.credentials().await.unwrap(), [credential(0), credential(1)]);
    assert_eq!(store.next_credential().await.unwrap(), CredentialId::new(3));
    store.add_credential(&credential(2)).await.unwrap_err();
}

#[tokio::test]
async fn a_state_of_the_first_schema_is_brought_up_to_date() {
    let room = Room::new();
    let made = sqlx::sqlite::SqliteConnectOptions::new();
    let made = made.filename(&room.path).create_if_missing(true);
    let mut conn = sqlx::ConnectOptions::connect(&made).await.unwrap();
    let marked = "CREATE TABLE schema_versions (version INTEGER NOT NULL PRIMARY KEY, damm TEXT
        NOT NULL); PRAGMA application_id = 0x64616d6d; INSERT INTO schema_versions VALUES (1, 'x')";
    for sql in [marked, include_str!("../migrations/0001_first.sql")] {
        sqlx::Executor::execute(&mut conn, sqlx::raw_sql(sql)).await.unwrap();
    }
    sqlx::Connection::close(conn).await.unwrap();
    let older = Store::open(&room.path, Access::Read).await.map(drop).unwrap_err();
    assert!(matches!(older, damm_store::Error::Older { found: 1, .. }), "{older:?}");
    let store = room.write().await.unwrap();
    store.add_credential(&credential(0)).await.unwrap();
    store.check().await.unwrap();
}

#[tokio::test]
async fn machines_are_read_alone() {
    let (room, mut seed) = (Room::new(), Seed::from_number(4));
    let (store, nodes) = filled(&room, &mut seed).await;
    let machines = store.machines().await.unwrap();
    let mut ids = nodes.each_ref().map(|n| n.id.into());
    ids.sort();
    assert_eq!(machines.iter().map(|m| m.subject).collect::<Vec<_>>(), ids);
    for node in &nodes {
        let row = store.resource(node.id.into()).await.unwrap();
        assert_eq!(row.as_ref(), machines.iter().find(|m| m.node == node.id));
    }
    assert_eq!(store.resource(seed.node().into()).await.unwrap(), None);
}
