//! An account at a double.
#![allow(dead_code, reason = "each test uses its part")]

use std::sync::Arc;

use damm_clouds::ManualClock;
use damm_fleet::{Asn, Timestamp};
use damm_vendors::Account;
use damm_vendors::credentials::Secret;
use damm_vendors::origins::Origins;
use serde_json::{Value, json};

/// The fleet that accounts are of.
pub const FLEET: &str = damm_conformance::FLEET;

/// The token of every account.
pub const TOKEN: &str = "TokenOfTheAccountThatNoErrorMayEverRepeatAnywhere";

/// A clock at a moment of our time.
pub fn clock() -> ManualClock {
    ManualClock::at(Timestamp::from_millis(1_760_000_000_000))
}

/// An account of a kind, at an endpoint.
pub fn account(kind: &str, endpoint: &str, clock: &ManualClock, settings: Value) -> Account {
    let provider = json!({ "kind": kind, "endpoint": endpoint, "settings": settings });
    let provider: damm_fleet::topology::Provider = serde_json::from_value(provider).unwrap();
    Account {
        name: "here".parse().unwrap(),
        fleet: FLEET.to_owned(),
        sheet: provider.kind.sheet().unwrap(),
        provider,
        secret: Some(Secret::new(TOKEN)),
        origins: Origins::new(vec![Asn(64_500)]),
        ca: None,
        clock: Arc::new(clock.clone()),
    }
}
