//! Linode, version 4 of its API: instances, reserved addresses and NodeBalancers of an account.
//!
//! Words of refusals are those of recorded traffic where there is some; a machine that is full of
//! addresses, and a size that is sold out, are guesses in the same manner.

mod instances;
mod nodebalancers;
mod reserved;
mod shapes;
mod state;

use std::net::Ipv4Addr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use damm_clouds::{Clock, ManualClock};
use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::asked::Asked;
use crate::description::{Described, KnownFault};
use crate::front::Api;
use crate::pages::numbered;
use crate::pool::Pool;
use crate::shelf::Aged;
use state::State;

/// What a handler comes to: an answer, or a refusal.
type Outcome = Result<Answer, Answer>;

/// One account.
pub struct Linode {
    clock: ManualClock,
    token: String,
    state: Mutex<State>,
}

impl Linode {
    /// A fresh account. Its NodeBalancer is `lb` and listens on 443; it may hold 3 instances and 14
    /// reserved addresses.
    pub fn new(clock: ManualClock, token: &str) -> Self {
        Self { clock, token: token.to_owned(), state: Mutex::new(State::new()) }
    }

    /// Lets the account hold so many.
    pub fn raise_quota(&self, instances: usize, reserved: usize) {
        let mut state = self.lock();
        state.most_instances = state.most_instances.max(instances);
        state.most_reserved = state.most_reserved.max(reserved);
    }

    /// Gives addresses of this prefix of IPv4 from now on.
    pub fn give_from(&self, prefix: &str) {
        self.lock().public = Pool::of(prefix);
    }

    /// Somebody else assigns a reserved address to another instance.
    pub fn move_address(&self, address: &str, instance: &str) {
        let now = self.clock.now();
        if let Some(reserved) = self.lock().reserved.get(address, now) {
            reserved.item.linode_id = instance.parse().ok();
        }
    }

    /// An instance that runs, with these tags, made by other means; its public address. The same
    /// label is the same instance.
    pub fn put_instance(&self, label: &str, tags: &[String]) -> Ipv4Addr {
        let now = self.clock.now();
        let mut state = self.lock();
        let same = state.instances.there(now).find(|(_, i)| i.item.label == label);
        if let Some((_, instance)) = same {
            return instance.item.public;
        }
        let instance = state.instance(label, "g6-nanode-1", "eu-central", tags.to_vec(), true);
        let address = instance.public;
        state.instances.put(instance.id.to_string(), Aged::new(instance, now));
        address
    }

    /// Somebody else gives an instance other tags.
    pub fn set_tags(&self, id: &str, tags: &[String]) {
        let now = self.clock.now();
        if let Some(instance) = self.lock().instances.get(id, now) {
            instance.item.tags = tags.to_vec();
        }
    }

    /// Lets the NodeBalancer listen on another port.
    pub fn listen(&self, port: u16) {
        self.lock().listen(port);
    }

    /// The targets under a port that the NodeBalancer listens on: label, address and mode.
    pub fn targets(&self, port: u16) -> Vec<(String, String, String)> {
        let state = self.lock();
        let under = state.nodes.iter().filter(|n| state.configs.get(&n.config) == Some(&port));
        under.map(|n| (n.label.clone(), n.address.clone(), n.mode.clone())).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a handler has failed its test already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn route(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    let segments = asked.segments();
    let Some((&"v4", path)) = segments.split_first() else {
        return Err(missing());
    };
    match (asked.method.as_str(), path) {
        ("POST", ["linode", "instances"]) => instances::create(state, asked, now),
        ("GET", ["regions"]) => page(asked, shapes::regions()),
        ("GET", ["linode", "types"]) => page(asked, shapes::types()),
        ("GET", ["linode", "instances"]) => instances::list(state, asked, now),
        ("DELETE", ["linode", "instances", id]) => instances::delete(state, asked, id, now),
        ("POST", ["linode", "instances", id, "ips"]) => reserved::assign(state, asked, id, now),
        ("DELETE", ["linode", "instances", id, "ips", address]) => {
            reserved::unassign(state, id, address, now)
        }
        ("POST", ["networking", "reserved", "ips"]) => reserved::create(state, asked, now),
        ("GET", ["networking", "reserved", "ips"]) => reserved::list(state, asked, now),
        ("GET", ["networking", "reserved", "ips", address]) => reserved::get(state, address, now),
        ("DELETE", ["networking", "reserved", "ips", address]) => {
            reserved::delete(state, address, now)
        }
        ("GET", ["nodebalancers"]) => nodebalancers::list(state, asked, now),
        (method, ["nodebalancers", id, "configs", rest @ ..]) if state.balancer == *id => {
            nodebalancers::route(state, asked, method, rest, now)
        }
        _ => Err(missing()),
    }
}

/// The description is of 2024: what came with reserved addresses is not in it.
const FAULTS: &[KnownFault] = &[
    KnownFault {
        operation: "*",
        complaint: "is not a \"date-time\"",
        why: "moments have no zone, in the description's own examples too",
    },
    KnownFault {
        operation: "POST /{apiVersion}/linode/instances",
        complaint: "Additional properties are not allowed",
        why: "each of the parts that the body is of forbids what is the others'",
    },
    KnownFault {
        operation: "*",
        complaint: "/backups/last_successful`",
        why: "there is none before the first backup",
    },
    KnownFault {
        operation: "POST /{apiVersion}/linode/instances/{linodeId}/ips",
        complaint: "Additional properties are not allowed",
        why: "reserved addresses are newer: techdocs.akamai.com, 2025",
    },
    KnownFault {
        operation: "POST /{apiVersion}/linode/instances/{linodeId}/ips",
        complaint: "at `/vpc_nat_1_1`",
        why: "an address outside a VPC has none",
    },
    KnownFault {
        operation: "/networking/reserved/ips",
        complaint: "there is no such operation",
        why: "reserved addresses are newer: techdocs.akamai.com, 2025",
    },
];

#[async_trait]
impl Api for Linode {
    fn described(&self) -> &'static [Described] {
        &[Described { file: "linode.yaml", base: "", prefix: "", faults: FAULTS }]
    }

    async fn answer(&self, asked: &Asked) -> Answer {
        if asked.bearer() != Some(self.token.as_str()) {
            return self.unauthorized();
        }
        let now = self.clock.now();
        let mut state = self.lock();
        route(&mut state, asked, now).unwrap_or_else(|refusal| refusal)
    }

    fn throttled(&self, retry_after: Option<Span>) -> Answer {
        let answer = refused(429, "Too many requests", None).with("x-ratelimit-limit", 5);
        match retry_after {
            Some(span) => answer.with("retry-after", span.as_millis().div_ceil(1_000)),
            None => answer,
        }
    }

    fn unauthorized(&self) -> Answer {
        refused(401, "Invalid Token", None)
    }

    /// A 400, of all.
    fn busy(&self, asked: &Asked) -> Option<Answer> {
        let orders = ["/v4/linode/instances", "/v4/networking/reserved/ips"];
        (!orders.contains(&asked.path.as_str())).then(|| refused(400, "Linode busy.", None))
    }

    fn refused(&self, words: &str) -> Answer {
        refused(400, words, None)
    }
}

/// A refusal in Linode's shape.
fn refused(status: u16, reason: &str, field: Option<&str>) -> Answer {
    let mut error = json!({ "reason": reason });
    if let Some(field) = field {
        error["field"] = field.into();
    }
    Answer::json(status, &json!({ "errors": [error] }))
}

fn missing() -> Answer {
    refused(404, "Not found", None)
}

/// A success that says nothing.
fn nothing() -> Outcome {
    Ok(Answer::json(200, &json!({})))
}

/// Tags of a body: each of 3 to 50 symbols.
fn tags(body: &Value) -> Result<Vec<String>, Answer> {
    let given = body.get("tags").and_then(Value::as_array);
    let texts = given.into_iter().flatten().map(|t| t.as_str().unwrap_or_default().to_owned());
    let tags: Vec<String> = texts.collect();
    match tags.iter().all(|t| (3..=50).contains(&t.len())) {
        true => Ok(tags),
        false => Err(refused(400, "Length must be 3-50 characters", Some("tags"))),
    }
}

/// Whether the filter of a request takes a thing: by its label and its tags alone.
fn takes(asked: &Asked, label: &str, tags: &[String]) -> Result<bool, Answer> {
    let Some(filter) = asked.header("x-filter") else {
        return Ok(true);
    };
    let wrong = |what: &str| refused(400, &format!("Cannot filter on {what}"), None);
    let filter: Value = serde_json::from_str(filter).map_err(|_| wrong("this"))?;
    let fields = filter.as_object().ok_or_else(|| wrong("this"))?;
    let mut takes = true;
    for (field, value) in fields {
        let value = value.as_str().ok_or_else(|| wrong(field))?;
        takes &= match field.as_str() {
            "label" => label == value,
            "tags" => tags.iter().any(|t| t == value),
            other => return Err(wrong(other)),
        };
    }
    Ok(takes)
}

/// One page of a listing, as the query asks for it: 25 to 500 on a page.
fn page(asked: &Asked, all: Vec<Value>) -> Outcome {
    let number = |key: &str, otherwise: usize| match asked.query(key) {
        None => Ok(otherwise),
        Some(text) => text.parse().map_err(|_| refused(400, "Must be a number", Some(key))),
    };
    let (page, size) = (number("page", 1)?, number("page_size", 100)?);
    if !(25..=500).contains(&size) {
        return Err(refused(400, "Must be 25-500", Some("page_size")));
    }
    let page = numbered(all, page, size);
    if page.number > page.last {
        return Err(missing());
    }
    let body = json!({
        "data": page.items, "page": page.number, "pages": page.last, "results": page.total,
    });
    Ok(Answer::json(200, &body))
}
