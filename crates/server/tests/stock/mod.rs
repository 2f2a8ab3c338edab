//! What the fleets of these tests are made of.

use std::sync::Arc;

use damm_engine::Keys;
use damm_fleet::{Duty, EgressIp, Frontdoor, Node, Reason, Role, Seed, Stage, Timestamp, Usd};
use serde_json::json;

/// Keys that are the same in every run.
pub fn keys(at: Timestamp) -> Arc<Keys> {
    let mut n = 0;
    let draw = |bytes: &mut [u8; 32]| {
        n += 1;
        bytes.fill(n);
    };
    Arc::new(Keys::generate("example", at, draw).unwrap().keys)
}

/// A node in service with two addresses of its role's kind.
pub fn node(seed: &mut Seed, role: Role, at: Timestamp) -> Node {
    let (stage, reason) = (Stage::Live { since: at }, Reason::Operator);
    let count = |of: Role| if of == role { 2 } else { 0 };
    let doors: Vec<_> = (0..count(Role::Ingress)).map(|_| door(seed, at)).collect();
    let ips: Vec<_> = (0..count(Role::Egress)).map(|_| ip(seed, at)).collect();
    Node {
        id: seed.node(),
        role,
        region: "north".parse().unwrap(),
        provider: "lab-a".parse().unwrap(),
        profile: if role == Role::Ingress { "edge" } else { "exit" }.parse().unwrap(),
        machine: "namespace".to_owned(),
        location: "a1".to_owned(),
        created_at: at,
        duty: Duty::Serve,
        stage,
        replaces: None,
        reason,
        cost: Usd::from_mills(0),
        frontdoors: doors.into_iter().map(|d| (d.id, d)).collect(),
        egress_ips: ips.into_iter().map(|e| (e.id, e)).collect(),
    }
}

fn door(seed: &mut Seed, at: Timestamp) -> Frontdoor {
    Frontdoor {
        id: seed.frontdoor(),
        transport: serde_json::from_value(json!({ "kind": "shadowsocks", "port": 443 })).unwrap(),
        created_at: at,
        stage: Stage::Live { since: at },
        replaces: None,
        withheld_from: Default::default(),
        reason: Reason::Operator,
        cost: Usd::from_mills(0),
    }
}

fn ip(seed: &mut Seed, at: Timestamp) -> EgressIp {
    EgressIp {
        id: seed.egress_ip(),
        created_at: at,
        stage: Stage::Live { since: at },
        replaces: None,
        reason: Reason::Operator,
        cost: Usd::from_mills(0),
    }
}
