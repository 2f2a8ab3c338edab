//! OpenStack: Keystone, Nova, Neutron, Glance and Octavia, each below a path of its own, for one
//! project in one region.
//!
//! What is played beside what their descriptions say was seen at real services: a machine that is
//! accepted may fail later, an address is stolen without a word from whom it is attached to, and
//! given back while it is attached, a load balancer takes no second write while it is being
//! changed, each service says no in a shape of its own, and quotas are 403 here and 409 there. A
//! cloud shows 50 things on a page whatever is asked for.

mod balancers;
mod compute;
mod identity;
mod network;
mod refusal;
mod shapes;
mod state;

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use damm_clouds::{Clock, ManualClock};
use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::asked::Asked;
use crate::description::{Described, KnownFault};
use crate::front::{Api, Concern};
use crate::pages::after;
use crate::pool::Pool;
use crate::shelf::Aged;
pub use state::Knobs;
use state::{Member, State};

/// What a handler comes to: an answer, or a refusal.
type Outcome = Result<Answer, Answer>;

/// The project.
pub const PROJECT: &str = "9a5c3f0e7b1d4c2e8f6a0b1c2d3e4f50";

/// The region.
pub const REGION: &str = "north1";

/// The zone of the region.
pub const ZONE: &str = "nova";

/// The paths of services that ask for a token.
const SERVICES: [&str; 4] = ["compute", "network", "image", "load-balancer"];

/// Things on a page at most.
const PAGE: usize = 50;

/// One project, with networks, and a load balancer.
pub struct OpenStack {
    clock: ManualClock,
    credential: (String, String),
    state: Mutex<State>,
}

impl OpenStack {
    /// A fresh project, and the id and the secret of its application credential.
    ///
    /// It may hold 3 machines and 10 floating addresses. It has the sizes `b2-7` and, without a
    /// disk of its own, `a1-ram2-disk0`; the image `Debian 12`, in two issues; the networks
    /// `private`, with a router to `public`, which floating addresses come from, `Ext-Net`, where
    /// machines get public addresses, and two that are called `twin`; the load balancer `lb` with a
    /// pool behind its port 443.
    pub fn new(clock: ManualClock, credential: (&str, &str)) -> Self {
        let credential = (credential.0.to_owned(), credential.1.to_owned());
        Self { clock, credential, state: Mutex::new(State::new()) }
    }

    /// Turns what the cloud is like.
    pub fn turn(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.lock().knobs);
    }

    /// Lets the project hold so many.
    pub fn raise_quota(&self, machines: usize, addresses: usize) {
        let knobs = &mut self.lock().knobs;
        knobs.most_machines = knobs.most_machines.max(machines);
        knobs.most_addresses = knobs.most_addresses.max(addresses);
    }

    /// Gives floating addresses of this prefix from now on.
    pub fn give_from(&self, prefix: &str) {
        self.lock().floats_from(Pool::of(prefix));
    }

    /// Takes back all tokens, before their time.
    pub fn revoke(&self) {
        self.lock().tokens.clear();
    }

    /// All tokens that were ever given.
    pub fn given_tokens(&self) -> Vec<String> {
        self.lock().given.clone()
    }

    /// Volumes that are there, with what they belong to or belonged to.
    pub fn volumes(&self) -> Vec<String> {
        let mut state = self.lock();
        state.let_go(self.clock.now());
        state.volumes.iter().map(|v| v.server.clone()).collect()
    }

    /// Somebody else leads a floating address to another machine.
    pub fn move_address(&self, id: &str, server: &str) {
        let now = self.clock.now();
        let mut state = self.lock();
        let port = state.servers.get(server, now).and_then(|s| s.item.ports.first().cloned());
        if let (Some(ip), Some(port)) = (state.floating.get(id, now), port) {
            ip.item.lead(Some((port.id, port.fixed[0])));
        }
    }

    /// What a floating address leads to.
    pub fn leads_to(&self, id: &str) -> Option<IpAddr> {
        let now = self.clock.now();
        let mut state = self.lock();
        state.let_go(now);
        state.floating.get(id, now)?.item.leads.as_ref().map(|(_, inner)| *inner)
    }

    /// Somebody else allocates a floating address, with a description.
    pub fn put_address(&self, description: &str) {
        let now = self.clock.now();
        let mut state = self.lock();
        let ip = state.new_floating(description);
        state.floating.put(ip.id.clone(), Aged::new(ip, now));
    }

    /// Somebody else gives the load balancer a member.
    pub fn put_member(&self, name: &str, address: IpAddr, port: u16, weight: u64) {
        let mut state = self.lock();
        let id = state.ids.uuid();
        let name = name.to_owned();
        state.members.push(Member { id, name, address, port, weight, subnet: None });
    }

    /// The members of the load balancer: name, address, weight, subnet.
    pub fn members(&self) -> Vec<(String, IpAddr, u64, Option<String>)> {
        let state = self.lock();
        let shown = |m: &Member| (m.name.clone(), m.address, m.weight, m.subnet.clone());
        state.members.iter().map(shown).collect()
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a handler has failed its test already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn route(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    state.let_go(now);
    match (asked.method.as_str(), &asked.segments()[..]) {
        (_, ["compute", "v2.1", PROJECT, rest @ ..]) => compute::route(state, asked, rest, now),
        ("GET", ["image", "v2", "images"]) => compute::images(state, asked),
        (_, ["network", "v2.0", rest @ ..]) => network::route(state, asked, rest, now),
        (_, ["load-balancer", "v2", "lbaas", rest @ ..]) => {
            balancers::route(state, asked, rest, now)
        }
        _ => Err(Answer::html(404, "Not Found")),
    }
}

/// What is made from source knows few answers, no paging, and some types only roughly.
const FAULTS: &[KnownFault] = &[
    KnownFault {
        operation: "*",
        complaint: "is not described",
        why: "the API's reference has the tables of answers that the source does not",
    },
    KnownFault {
        operation: "GET /v2",
        complaint: "there is no query parameter `limit`",
        why: "lists have pages: Networking API v2, Pagination; Load Balancer API v2, Pagination",
    },
    KnownFault {
        operation: "GET /v2",
        complaint: "there is no query parameter `marker`",
        why: "lists have pages: Networking API v2, Pagination; Load Balancer API v2, Pagination",
    },
    KnownFault {
        operation: "GET /v2/lbaas",
        complaint: "there is no query parameter `name`",
        why: "lists are filtered by any field: Load Balancer API v2, Filtering",
    },
    KnownFault {
        operation: "GET /v2.1/flavors/detail",
        complaint: "/swap`",
        why: "before microversion 2.75 no swap is an empty text: Compute API, Flavors",
    },
    KnownFault {
        operation: "GET /v2.1/flavors/detail",
        complaint: "'OS-FLV-DISABLED:disabled' was unexpected",
        why: "every flavor has it: Compute API, List Flavors With Details",
    },
    KnownFault {
        operation: "POST /v2.1/servers",
        complaint: "is valid under more than one of the schemas",
        why: "they are of different microversions, which a header tells apart",
    },
    KnownFault {
        operation: "/v2.1/servers",
        complaint: "null is not of type \"string\"",
        why: "what a server does not have is null: Compute API, List Servers Detailed",
    },
    KnownFault {
        operation: "/v2.1/servers",
        complaint: "\"\" is not of type \"object\" at `/server",
        why: "a server that boots from a volume has an empty text for its image",
    },
    KnownFault {
        operation: "/v2/lbaas",
        complaint: "null is not of type",
        why: "what is not set is null: Load Balancer API v2, Show Member details",
    },
    KnownFault {
        operation: "GET /v2/lbaas",
        complaint: "there is no query parameter `loadbalancer_id`",
        why: "lists are filtered by any field: Load Balancer API v2, Filtering",
    },
    KnownFault {
        operation: "GET /v2.0/floatingips",
        complaint: "the path parameter `id` is missing",
        why: "the path of the list has no such name in it",
    },
    KnownFault {
        operation: "/v2.0/floatingips",
        complaint: "null is not of type \"string\"",
        why: "an address that is attached to nothing has none",
    },
    KnownFault {
        operation: "/v2.0/floatingips",
        complaint: "/port_forwardings`",
        why: "it is a list in the API's reference and in what clouds answer",
    },
];

/// Each service has a description of its own, made from its source.
const DESCRIBED: [Described; 4] = [
    Described {
        file: "openstack-identity-v3.14.yaml",
        base: "/identity",
        prefix: "",
        faults: FAULTS,
    },
    Described {
        file: "openstack-compute-v2.96.yaml",
        base: "/compute/v2.1/9a5c3f0e7b1d4c2e8f6a0b1c2d3e4f50",
        prefix: "/v2.1",
        faults: FAULTS,
    },
    Described { file: "openstack-network-v2.yaml", base: "/network", prefix: "", faults: FAULTS },
    Described {
        file: "openstack-load-balancing-v2.yaml",
        base: "/load-balancer",
        prefix: "",
        faults: FAULTS,
    },
];

#[async_trait]
impl Api for OpenStack {
    fn described(&self) -> &'static [Described] {
        &DESCRIBED
    }

    async fn answer(&self, asked: &Asked) -> Answer {
        let now = self.clock.now();
        let mut state = self.lock();
        let id = format!("req-{}", state.ids.uuid());
        let answer = match &asked.segments()[..] {
            ["identity", "v3", "auth", "tokens"] => {
                identity::give(&mut state, asked, &self.credential, now)
            }
            [first, ..] if !SERVICES.contains(first) => Err(Answer::html(404, "Not Found")),
            _ if !state.knows(asked.header("x-auth-token"), now) => Err(self.unauthorized()),
            _ => route(&mut state, asked, now),
        };
        answer.unwrap_or_else(|refusal| refusal).with("x-openstack-request-id", id)
    }

    fn concern(&self, asked: &Asked) -> Concern {
        match (&asked.segments()[..], asked.method.as_str()) {
            (["identity", ..], _) => Concern::Aside,
            (_, "GET") => Concern::Read,
            _ => Concern::Write,
        }
    }

    /// As Nova says it, which names the time; or as a proxy before it, which does not.
    fn throttled(&self, retry_after: Option<Span>) -> Answer {
        let Some(span) = retry_after else {
            return Answer::html(429, "Too Many Requests");
        };
        let seconds = span.as_millis().div_ceil(1_000);
        let words = "This request was rate-limited.";
        let limit = json!({ "code": 413, "message": words, "retryAfter": seconds.to_string() });
        Answer::json(413, &json!({ "overLimit": limit })).with("retry-after", seconds)
    }

    fn unauthorized(&self) -> Answer {
        let words = "The request you have made requires authentication.";
        let error = json!({ "code": 401, "title": "Unauthorized", "message": words });
        Answer::json(401, &json!({ "error": error }))
    }

    fn busy(&self, asked: &Asked) -> Option<Answer> {
        match (asked.method.as_str(), &asked.segments()[..]) {
            ("DELETE", ["compute", "v2.1", _, "servers", id]) => Some(refusal::nova(
                409,
                &format!("Cannot 'delete' instance {id} while it is in task_state rebuilding"),
            )),
            (_, ["network", "v2.0", "floatingips", id]) => Some(refusal::changed(id)),
            (_, ["load-balancer", "v2", "lbaas", "pools", ..]) => Some(refusal::immutable("lb")),
            _ => None,
        }
    }

    fn refused(&self, words: &str) -> Answer {
        refusal::nova(400, words)
    }
}

/// One page of a listing of things with an `id`, as the query asks for it.
fn page(asked: &Asked, key: &str, all: Vec<Value>, bad: impl Fn(&str) -> Answer) -> Outcome {
    let limit = match asked.query("limit").map(str::parse::<usize>) {
        None => PAGE,
        Some(Ok(limit)) => limit.min(PAGE),
        Some(Err(_)) => return Err(bad("limit param must be an integer")),
    };
    let id = |value: &Value| value["id"].as_str().unwrap_or_default().to_owned();
    let mark = asked.query("marker");
    if let Some(mark) = mark.filter(|m| !all.iter().any(|v| id(v) == **m)) {
        return Err(bad(&format!("marker [{mark}] not found")));
    }
    let (items, next) = after(all.into_iter().map(|v| (id(&v), v)).collect(), mark, limit);
    let mut shown = json!({ key: items });
    if let Some(next) = next {
        // Behind its proxy a cloud does not know where it is.
        let href = format!("http://controller.invalid{}?limit={limit}&marker={next}", asked.path);
        match key {
            "images" => shown["next"] = Value::from(href),
            _ => shown[format!("{key}_links")] = json!([{ "rel": "next", "href": href }]),
        }
    }
    Ok(Answer::json(200, &shown))
}
