//! Clients by their numbers.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod world;

use damm_fleet::PopulationName;
use damm_protocol::{ClientSecret, Credential, CredentialId, Secret32};
use damm_store::{Enrolment, Store};
use serde_json::json;
use world::Room;

fn credential(number: u32) -> Credential {
    let secret = ClientSecret::new(Secret32::new([number as u8 + 1; 32]));
    secret.credential(CredentialId::new(number).unwrap())
}

async fn enrol(store: &Store, number: u32, population: &PopulationName) {
    let client = json!({ "population": population, "trust": 1, "day": 20_000 });
    let (mark, invitation, rate) = (number.to_string(), json!({ "revoked": false }), json!({}));
    let enrolment = Enrolment {
        credential: &credential(number),
        mark: &mark,
        client: &client,
        invitation: ("code", &invitation),
        rate: (population, &rate),
    };
    store.enrol(enrolment).await.unwrap();
}

#[tokio::test]
async fn a_populations_clients_are_those_that_enrolled_there_and_those_of_no_population() {
    let room = Room::new();
    let store = room.write().await.unwrap();
    let [ir, ru] = ["ir", "ru"].map(|name| PopulationName::new(name).unwrap());
    store.add_credential(&credential(0)).await.unwrap();
    for number in [1, 2, 3] {
        enrol(&store, number, &ir).await;
    }
    enrol(&store, 4, &ru).await;
    store.revoke_credential(CredentialId::new(2).unwrap()).await.unwrap();
    assert_eq!(store.client_numbers(&ir).await.unwrap(), [0, 1, 3]);
    assert_eq!(store.client_numbers(&ru).await.unwrap(), [0, 4]);
}
