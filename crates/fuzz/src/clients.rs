//! What clients say when they enrol, what they are told, and the short texts of both.

use std::collections::BTreeMap;
use std::fmt::Debug;

use damm_catalog::{FleetSecret, SubscriptionPath};
use damm_channels::Head;
use damm_fleet::{FrontdoorId, RegionName};
use damm_protocol::evidence::{Epoch, Receipt, Token};
use damm_protocol::{
    Assignment, At, ClientSecret, CredentialId, Enrol, InvitationCode, NewCredential, Place,
    Question, Secret32, SecretText,
};
use serde::Serialize;
use serde::de::DeserializeOwned;

/// What is read from JSON, written and read again, is the same.
pub fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(data: &[u8]) -> Option<T> {
    let read: T = serde_json::from_slice(data).ok()?;
    let again = serde_json::from_slice(&serde_json::to_vec(&read).unwrap());
    assert_eq!(again.ok().as_ref(), Some(&read));
    Some(read)
}

/// Requests to enrol and their answers read back, and show no secret.
pub fn enrol(data: &[u8]) {
    if let Some(enrol) = comes_back::<Enrol>(data) {
        assert_eq!(enrol.mark().len(), 64);
        hides(&enrol, &[&enrol.invitation.expose(), &enrol.credential.shadowsocks.expose()]);
    }
    if let Some(assignment) = comes_back::<Assignment>(data) {
        // A secret of a few symbols may stand there by chance.
        let long = |text: &&str| text.len() > 20;
        let secrets = [&assignment.path].into_iter().chain(&assignment.identities);
        let secrets: Vec<&str> = secrets.map(SecretText::expose).filter(long).collect();
        let public = format!("{:?}{:?}", assignment.root, assignment.places)
            + &format!("{:?}", assignment.audiences);
        if !secrets.iter().any(|secret| public.contains(*secret)) {
            hides(&assignment, &secrets);
        }
    }
    comes_back::<Place>(data);
}

fn hides(shown: &impl Debug, secrets: &[&str]) {
    let shown = format!("{shown:?}");
    assert!(!secrets.iter().any(|secret| shown.contains(secret)), "a secret is shown: {shown}");
}

/// A request and an answer.
pub fn enrol_seeds() -> Vec<Vec<u8>> {
    let secret = ClientSecret::new(Secret32::new([5; 32]));
    let credential = NewCredential::of(&secret);
    let enrol = Enrol { invitation: InvitationCode::new([3; 16]), credential };
    let region = RegionName::new("eu-north").unwrap();
    let place = |at| Place {
        at,
        sealed: true,
        objects: BTreeMap::from([(region.clone(), vec!["mfrggzdfmztwq2lk".to_owned()])]),
    };
    let assignment = Assignment {
        number: CredentialId::new(7).unwrap(),
        fleet: "example".to_owned(),
        population: "ir".parse().unwrap(),
        root: "{}".to_owned(),
        path: SecretText::new("mfrggzdfmztwq2lknnwg23tpobyxe43u"),
        regions: vec![region.clone()],
        places: vec![
            place(At::Files { url: "https://store.example.org/c/".to_owned() }),
            place(At::Directory { path: "catalogs".to_owned() }),
            place(At::Names { zone: "c.example.org".to_owned() }),
        ],
        audiences: BTreeMap::from([(
            region.clone(),
            vec!["abcdefghijklmnopqrstuvwxyz234567".to_owned()],
        )]),
        identities: vec![SecretText::new("AGE-SECRET-KEY-1GFPYYSJZ")],
        reporter: Secret32::new([6; 32]),
    };
    vec![serde_json::to_vec(&enrol).unwrap(), serde_json::to_vec(&assignment).unwrap()]
}

/// Short texts: a question to a witness, a head in DNS, a secret path, an invitation, a tag. What
/// is read is written in the same way.
pub fn texts(data: &[u8]) {
    let text = String::from_utf8_lossy(data);
    let text = text.as_ref();
    if let Some(question) = Question::from_path(text) {
        assert_eq!(question.path(), text);
    }
    if let Ok(head) = text.parse::<Head>() {
        assert_eq!(head.to_string().parse(), Ok(head.clone()));
        assert!(head.editions().all(|e| e.id.len() == 16 && (1..=100).contains(&e.pieces)));
    }
    if let Ok(path) = text.parse::<SubscriptionPath>() {
        let subscribers = FleetSecret::new([2; 32]).subscribers();
        if let Some(number) = subscribers.number(&path) {
            assert_eq!(subscribers.path(number), path);
        }
    }
    if let Ok(code) = text.parse::<InvitationCode>() {
        assert_eq!(*code.expose(), text.trim());
    }
    if let Ok(token) = text.parse::<Token>() {
        assert_eq!(token.to_string(), text.to_ascii_lowercase());
    }
    assert_eq!(text.parse::<Receipt>().is_ok(), text.parse::<Token>().is_ok());
}

/// One of each.
pub fn texts_seeds() -> Vec<Vec<u8>> {
    let token: Token = "a5".repeat(16).parse().unwrap();
    let (door, epoch) = (FrontdoorId::from_raw(7), Epoch::new(997_222));
    let path = FleetSecret::new([2; 32]).subscribers().path(7);
    let id = "0123456789abcdef";
    let texts = [
        Question { door, epoch, token }.path(),
        format!("damm1 {id} 3"),
        format!("damm1 {id} 3 {id} 100"),
        path.as_str().to_owned(),
        InvitationCode::new([3; 16]).expose().to_string(),
        token.to_string(),
    ];
    texts.map(String::into_bytes).into()
}
