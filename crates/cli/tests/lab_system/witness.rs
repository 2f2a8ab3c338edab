//! Receipts: what clients can show for having come through a front door.

use std::net::SocketAddr;
use std::time::{SystemTime, UNIX_EPOCH};

use damm_engine::Keys;
use damm_fleet::{NodeId, Timestamp};
use damm_protocol::evidence::{Epoch, Receipt, WitnessKey};
use damm_protocol::{Question, WITNESS_PORT, witness_addresses};

use crate::clients::{Client, Door};
use crate::stage::{Stage, stage};
use crate::traffic::well;

fn question(door: &Door) -> Question {
    let since = SystemTime::now().duration_since(UNIX_EPOCH).unwrap();
    let epoch = Epoch::at(Timestamp::from_millis(since.as_millis() as i64));
    Question { door: door.id.parse().unwrap(), epoch, token: "5a".repeat(16).parse().unwrap() }
}

/// The node of a front door.
fn node(stage: &Stage, door: &Door) -> NodeId {
    let rows = stage.rows("frontdoors");
    let row = rows.iter().find(|row| row["id"] == door.id.as_str()).unwrap();
    row["node"].as_str().unwrap().parse().unwrap()
}

/// Whether a client gets no page of a server.
fn gets_nothing(stage: &Stage, client: &Client, at: SocketAddr, path: &str) -> bool {
    let told = stage.ask(client, &["page", &at.to_string(), path]);
    told.done == 0 && !told.failed.is_empty() && told.page.is_empty()
}

#[test]
fn a_client_of_every_transport_gets_a_receipt_for_its_node_and_who_is_outside_none() {
    let Some(stage) = stage() else { return };
    let keys = Keys::load(&stage.dir.join("keys")).unwrap();
    let doors = stage.doors();
    for client in stage.clients() {
        let (asked, own) = (question(&client.door), node(&stage, &client.door));
        let expected = asked.receipt(&WitnessKey::new(keys.secret().witness(own)));
        let elsewhere = doors.iter().find(|door| node(&stage, door) != own).unwrap();
        for at in witness_addresses() {
            let told = well(&stage, &client, &["page", &at.to_string(), &asked.path()]);
            let receipt: Receipt = told.page.parse().unwrap();
            assert_eq!(receipt, expected, "{at} by {}", client.door.transport);
            assert!(gets_nothing(&stage, &client, at, &question(elsewhere).path()));
        }
        // Without its transport, and at the same door.
        let outsider = stage.outsider("as44244-2", client.door.clone());
        let at_the_door = SocketAddr::new(client.door.at.ip(), WITNESS_PORT);
        for at in witness_addresses().into_iter().chain([at_the_door, client.door.at]) {
            assert!(gets_nothing(&stage, &outsider, at, &asked.path()), "{at} from outside");
        }
    }
}
