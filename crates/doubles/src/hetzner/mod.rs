//! Hetzner Cloud, version 1 of its API: servers, floating IPs, zones and load balancers of a
//! project.
//!
//! Where the description leaves an answer open, what stands here is the stricter guess: a floating
//! IP that is assigned is refused with `floating_ip_assigned`, also to its own server; a size or an
//! image that is not there is `not_found`; a server with twenty floating IPs takes no more, with
//! `resource_limit_exceeded`.

mod balancers;
mod floating;
mod refusal;
mod selector;
mod servers;
mod shapes;
mod state;
mod zones;

use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use damm_clouds::{Clock, ManualClock};
use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::asked::Asked;
use crate::description::Described;
use crate::front::Api;
use crate::pages::numbered;
use crate::pool::Pool;
use crate::shelf::Aged;
use refusal::{refused, unknown};
use state::State;

/// What a handler comes to: an answer, or a refusal.
type Outcome = Result<Answer, Answer>;

/// One project, with no server in it, a zone and a load balancer.
pub struct Hetzner {
    clock: ManualClock,
    token: String,
    state: Mutex<State>,
}

impl Hetzner {
    /// A fresh project. Its zone is `example.org`, its load balancer `lb` with a service on 443; it
    /// may hold 3 servers and 25 floating IPs.
    pub fn new(clock: ManualClock, token: &str) -> Self {
        let state = State::new(clock.now());
        Self { clock, token: token.to_owned(), state: Mutex::new(state) }
    }

    /// Lets the project hold so many.
    pub fn raise_quota(&self, servers: usize, floating_ips: usize) {
        let mut state = self.lock();
        state.most_servers = state.most_servers.max(servers);
        state.most_floating_ips = state.most_floating_ips.max(floating_ips);
    }

    /// Gives addresses of these prefixes from now on, one of IPv4 and one of IPv6.
    pub fn give_from(&self, v4: &str, v6: &str) {
        let mut state = self.lock();
        (state.v4, state.v6) = (Pool::of(v4), Pool::of(v6));
    }

    /// Somebody else assigns a floating IP to another server.
    pub fn move_floating_ip(&self, id: &str, server: &str) {
        let now = self.clock.now();
        if let Some(ip) = self.lock().floating_ips.get(id, now) {
            ip.item.server = server.parse().ok();
        }
    }

    /// Somebody else makes a record set, without labels.
    pub fn put_record_set(&self, name: &str, kind: &str, ttl: u64, values: &[String]) {
        self.lock().zone.put(name, kind, ttl, values);
    }

    /// A server that runs, with these labels, made by other means; its address. The same name is
    /// the same server.
    pub fn put_server(&self, name: &str, labels: &[(&str, &str)]) -> IpAddr {
        let now = self.clock.now();
        let mut state = self.lock();
        let same = state.servers.there(now).find(|(_, s)| s.item.name == name);
        if let Some((_, server)) = same {
            return server.item.ipv4;
        }
        let labels = labels.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned())).collect();
        let server = state.server(name, "cx22", "fsn1", labels);
        let address = server.ipv4;
        state.servers.put(server.id.to_string(), Aged::new(server, now));
        address
    }

    /// Somebody else gives a server another label.
    pub fn set_label(&self, id: &str, key: &str, value: &str) {
        let now = self.clock.now();
        if let Some(server) = self.lock().servers.get(id, now) {
            server.item.labels.insert(key.to_owned(), value.to_owned());
        }
    }

    /// Takes calls out of what is left of the hour's.
    pub fn use_up(&self, calls: f64) {
        let now = self.clock.now();
        let mut state = self.lock();
        state.refill(now);
        state.calls_left = (state.calls_left - calls).max(0.0);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        // A panic in a handler has failed its test already.
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn route(state: &mut State, asked: &Asked, now: Timestamp) -> Outcome {
    match (asked.method.as_str(), &asked.segments()[..]) {
        ("POST", ["v1", "servers"]) => servers::create(state, asked, now),
        ("GET", ["v1", "servers"]) => servers::list(state, asked, now),
        ("GET", ["v1", "servers", id]) => servers::get(state, id, now),
        ("DELETE", ["v1", "servers", id]) => servers::delete(state, asked, id, now),
        ("POST", ["v1", "floating_ips"]) => floating::create(state, asked, now),
        ("GET", ["v1", "floating_ips"]) => floating::list(state, asked, now),
        ("GET", ["v1", "floating_ips", id]) => floating::get(state, id, now),
        ("DELETE", ["v1", "floating_ips", id]) => floating::delete(state, id, now),
        ("POST", ["v1", "floating_ips", id, "actions", action]) => {
            floating::act(state, asked, id, action, now)
        }
        ("GET", ["v1", "locations"]) => page(asked, "locations", shapes::locations(), 50),
        ("GET", ["v1", "server_types"]) => page(asked, "server_types", shapes::sizes(), 50),
        ("GET", ["v1", "load_balancers"]) => balancers::list(state, asked, now),
        ("POST", ["v1", "load_balancers", id, "actions", action]) => {
            balancers::act(state, asked, id, action, now)
        }
        (_, ["v1", "zones", zone, "rrsets", ..]) if *zone != state.zone.name => {
            Err(unknown("zone", zone))
        }
        ("GET", ["v1", "zones", _, "rrsets"]) => zones::list(state, asked),
        ("POST", ["v1", "zones", _, "rrsets"]) => zones::create(state, asked, now),
        ("DELETE", ["v1", "zones", _, "rrsets", name, kind]) => {
            zones::delete(state, name, kind, now)
        }
        ("POST", ["v1", "zones", _, "rrsets", name, kind, "actions", action]) => {
            zones::act(state, asked, name, kind, action, now)
        }
        _ => Err(refused(404, "not_found", "there is no such endpoint")),
    }
}

#[async_trait]
impl Api for Hetzner {
    fn described(&self) -> &'static [Described] {
        &[Described { file: "hetzner.json", base: "/v1", prefix: "", faults: &[] }]
    }

    async fn answer(&self, asked: &Asked) -> Answer {
        let now = self.clock.now();
        let mut state = self.lock();
        let paid = state.pay(now);
        let answer = if !paid {
            refused(429, "rate_limit_exceeded", "limit of 3600 requests per hour reached")
        } else if asked.bearer() != Some(self.token.as_str()) {
            self.unauthorized()
        } else {
            route(&mut state, asked, now).unwrap_or_else(|refusal| refusal)
        };
        answer
            .with("ratelimit-limit", 3_600)
            .with("ratelimit-remaining", state.calls_left.floor())
            .with("ratelimit-reset", state.full_at(now))
            .with("x-correlation-id", state.ids.hex(16))
    }

    fn throttled(&self, retry_after: Option<Span>) -> Answer {
        let answer = refused(429, "rate_limit_exceeded", "limit of 3600 requests per hour reached");
        let Some(span) = retry_after else {
            return answer;
        };
        // There is no `Retry-After`: the next call is there after 3600th of the way to the reset.
        let seconds = self.clock.now().as_millis() / 1_000 + span.as_millis() as i64 * 36 / 10;
        answer
            .with("ratelimit-limit", 3_600)
            .with("ratelimit-remaining", 0)
            .with("ratelimit-reset", seconds)
    }

    fn unauthorized(&self) -> Answer {
        refused(401, "unauthorized", "unable to authenticate")
    }

    fn busy(&self, asked: &Asked) -> Option<Answer> {
        let creates = matches!(asked.segments()[..], ["v1", "servers" | "floating_ips"]);
        (!creates).then(|| refused(423, "locked", "an action is already running: try again"))
    }

    fn refused(&self, words: &str) -> Answer {
        refused(422, "invalid_input", words)
    }
}

/// One page of a listing, as the query asks for it.
fn page(asked: &Asked, key: &str, all: Vec<Value>, largest: usize) -> Outcome {
    let number = |key: &str, least: usize, most: usize, otherwise: usize| match asked.query(key) {
        None => Ok(otherwise),
        Some(text) => match text.parse() {
            Ok(n) if n >= least && n <= most => Ok(n),
            _ => Err(refused(400, "invalid_input", &format!("invalid input in field '{key}'"))),
        },
    };
    let size = number("per_page", 1, largest, 25)?;
    let page = numbered(all, number("page", 1, usize::MAX, 1)?, size);
    let pagination = json!({
        "page": page.number,
        "per_page": size,
        "previous_page": page.previous(),
        "next_page": page.next(),
        "last_page": page.last,
        "total_entries": page.total,
    });
    let meta = json!({ "pagination": pagination });
    Ok(Answer::json(200, &json!({ key: page.items, "meta": meta })))
}
