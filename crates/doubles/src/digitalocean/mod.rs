//! DigitalOcean's API of version 2, as its description has it (`digitalocean/openapi`), with the
//! traps that its users report.

mod balancers;
mod domains;
mod droplets;
mod reserved;

use std::collections::{BTreeMap, VecDeque};
use std::net::IpAddr;
use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use damm_clouds::{Clock, ManualClock};
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::asked::Asked;
use crate::description::Described;
use crate::front::Api;
use crate::ids::Ids;
use crate::pages::numbered;
use crate::pool::Pool;
use crate::shelf::Shelf;

/// The project that reserved addresses can be put in.
pub const PROJECT: &str = "4e1bfbc3-dc3e-41f2-a18f-1b4d7ba71679";

/// The only region, and another one where nothing can be had.
pub const REGION: &str = "fra1";

/// The only size.
pub const SIZE: &str = "s-1vcpu-1gb";

/// The only image.
pub const IMAGE: &str = "debian-12-x64";

/// Calls that count against the rate.
const WINDOW: Span = Span::from_hours(1);

/// One team's account.
pub struct DigitalOcean {
    clock: ManualClock,
    token: String,
    state: Mutex<State>,
}

struct State {
    now: Timestamp,
    ids: Ids,
    droplets: Shelf<droplets::Droplet>,
    addresses: Shelf<reserved::Reserved>,
    domains: BTreeMap<String, BTreeMap<u64, domains::Record>>,
    balancers: BTreeMap<String, balancers::LoadBalancer>,
    own_v4: Pool,
    own_v6: Pool,
    reserved_v4: Pool,
    reserved_v6: Pool,
    knobs: Knobs,
    calls: VecDeque<Timestamp>,
}

/// What a test may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knobs {
    /// Droplets that the account may hold.
    pub droplets: usize,
    /// Reserved IPv4 addresses that it may hold.
    pub addresses: usize,
    /// Calls an hour.
    pub rate: usize,
    /// How long an action keeps what it is about from the next one.
    pub action: Span,
    /// Droplets find no place after their creation was accepted, and are gone.
    pub no_place: bool,
    /// The token may not read projects.
    pub no_projects: bool,
    /// The host that links to the next page lead to, if it is not this one.
    pub links_to: Option<String>,
}

impl Default for Knobs {
    fn default() -> Self {
        Self {
            droplets: 3,
            addresses: 5,
            rate: 5_000,
            action: Span::ZERO,
            no_place: false,
            no_projects: false,
            links_to: None,
        }
    }
}

impl DigitalOcean {
    /// An empty account with one token.
    pub fn new(clock: ManualClock, token: &str) -> Self {
        let state = State {
            now: clock.now(),
            ids: Ids::default(),
            droplets: Shelf::default(),
            addresses: Shelf::default(),
            domains: BTreeMap::new(),
            balancers: BTreeMap::new(),
            own_v4: Pool::of("198.51.100.0/24"),
            own_v6: Pool::of("2001:db8:1::/48"),
            reserved_v4: Pool::of("203.0.113.0/24"),
            reserved_v6: Pool::of("2001:db8:2::/48"),
            knobs: Knobs::default(),
            calls: VecDeque::new(),
        };
        Self { clock, token: token.to_owned(), state: Mutex::new(state) }
    }

    /// Sets what a test may set.
    pub fn turn(&self, change: impl FnOnce(&mut Knobs)) {
        change(&mut self.lock().knobs);
    }

    /// Reserves addresses of these prefixes from now on, one of IPv4 and one of IPv6.
    pub fn reserve_from(&self, v4: &str, v6: &str) {
        let mut state = self.lock();
        (state.reserved_v4, state.reserved_v6) = (Pool::of(v4), Pool::of(v6));
    }

    /// Somebody assigns an address to a droplet in the panel; tells whether both are there.
    pub fn assign(&self, address: &str, droplet: &str) -> bool {
        self.lock().steal(address, droplet)
    }

    /// Somebody reserves an IPv4 address in another project.
    pub fn reserve_elsewhere(&self) -> String {
        self.lock().reserve_elsewhere()
    }

    /// Makes a domain with the records that every domain has.
    pub fn make_domain(&self, domain: &str) {
        self.lock().make_domain(domain);
    }

    /// Somebody puts records at a name in the panel.
    pub fn put_records(&self, domain: &str, name: &str, set: &RecordSet) {
        self.lock().put_records(domain, name, set);
    }

    /// Makes a load balancer of a name that forwards to a port; its droplets are those of a tag,
    /// if there is one.
    pub fn make_balancer(&self, name: &str, port: u16, tag: Option<&str>) {
        self.lock().make_balancer(name, port, tag);
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = self.clock.now();
        state
    }
}

#[async_trait]
impl Api for DigitalOcean {
    fn described(&self) -> &'static [Described] {
        &[Described { file: "digitalocean.yaml", base: "", prefix: "", faults: &[] }]
    }

    async fn answer(&self, asked: &Asked) -> Answer {
        let mut state = self.lock();
        let answer = match (state.call_counts(), asked.bearer() == Some(&self.token)) {
            (false, _) => self.throttled(None),
            (true, false) => self.unauthorized(),
            (true, true) => state.answer(asked),
        };
        state.paced(answer)
    }

    fn throttled(&self, retry_after: Option<Span>) -> Answer {
        let answer = error(429, "too_many_requests", "API rate limit exceeded.");
        match retry_after {
            Some(span) => answer.with("retry-after", span.as_millis().div_ceil(1_000)),
            None => answer,
        }
    }

    fn unauthorized(&self) -> Answer {
        error(401, "unauthorized", "Unable to authenticate you.")
    }

    fn busy(&self, asked: &Asked) -> Option<Answer> {
        match (asked.method.as_str(), &asked.segments()[..]) {
            ("DELETE", ["v2", "droplets", _]) => Some(pending("Droplet")),
            (_, ["v2", "reserved_ips" | "reserved_ipv6", _, ..]) => Some(pending("reserved ip")),
            (_, ["v2", "load_balancers", _, "droplets"]) => Some(balancers::locked()),
            _ => None,
        }
    }

    fn refused(&self, words: &str) -> Answer {
        unprocessable(words)
    }
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Answer {
        let segments = asked.segments();
        let [version, rest @ ..] = &segments[..] else {
            return not_found();
        };
        match (*version, asked.method.as_str(), rest) {
            ("v2", _, ["droplets", ..]) => self.droplets(asked, &rest[1..]),
            ("v2", _, ["reserved_ips" | "reserved_ipv6", ..]) => self.reserved(asked, rest),
            ("v2", _, ["domains", domain, "records", id @ ..]) => self.records(asked, domain, id),
            ("v2", "GET", ["account"]) => self.account(),
            ("v2", "GET", ["regions"]) => self.page(asked, "regions", vec![region(), closed()]),
            ("v2", "GET", ["sizes"]) => self.page(asked, "sizes", vec![size()]),
            ("v2", _, ["load_balancers", ..]) => self.load_balancers(asked, &rest[1..]),
            _ => not_found(),
        }
    }

    fn account(&self) -> Answer {
        let account = json!({
            "droplet_limit": self.knobs.droplets, "floating_ip_limit": self.knobs.addresses,
            "email": "team@example.org", "uuid": self.ids.uuid(), "email_verified": true,
            "status": "active", "status_message": "",
        });
        Answer::json(200, &json!({ "account": account }))
    }

    /// Whether a call is within the rate.
    fn call_counts(&mut self) -> bool {
        let now = self.now;
        self.calls.retain(|at| now.since(*at) < WINDOW);
        let within = self.calls.len() < self.knobs.rate;
        if within {
            self.calls.push_back(now);
        }
        within
    }

    /// An answer with what is left of the rate; the oldest call is the first to be forgotten.
    fn paced(&self, answer: Answer) -> Answer {
        let oldest = self.calls.front().copied().unwrap_or(self.now);
        answer
            .with("ratelimit-limit", self.knobs.rate)
            .with("ratelimit-remaining", self.knobs.rate.saturating_sub(self.calls.len()))
            .with("ratelimit-reset", ((oldest + WINDOW).as_millis() + 999) / 1_000)
            .with("x-request-id", self.ids.uuid())
    }

    /// A page of a listing.
    fn page(&self, asked: &Asked, key: &str, all: Vec<Value>) -> Answer {
        let number = |name: &str| asked.query(name).and_then(|n| n.parse::<usize>().ok());
        let size = number("per_page").unwrap_or(20).min(200);
        let page = numbered(all, number("page").unwrap_or(1), size);
        let host = self.knobs.links_to.as_deref().or_else(|| asked.header("host"));
        let kept = asked.query.iter().filter(|(k, _)| k != "page" && k != "per_page");
        let kept: String = kept.map(|(k, v)| format!("&{k}={v}")).collect();
        let link = |to: usize| {
            let host = host.unwrap_or_default();
            format!("http://{host}{}?page={to}&per_page={size}{kept}", asked.path)
        };
        let mut links = serde_json::Map::new();
        if let Some(next) = page.next() {
            links.insert("next".to_owned(), link(next).into());
            links.insert("last".to_owned(), link(page.last).into());
        }
        if let Some(previous) = page.previous() {
            links.insert("first".to_owned(), link(1).into());
            links.insert("prev".to_owned(), link(previous).into());
        }
        let links = if links.is_empty() { json!({}) } else { json!({ "pages": links }) };
        let meta = json!({ "total": page.total });
        Answer::json(200, &json!({ key: page.items, "links": links, "meta": meta }))
    }
}

fn error(status: u16, id: &str, message: &str) -> Answer {
    Answer::json(status, &json!({ "id": id, "message": message }))
}

fn not_found() -> Answer {
    error(404, "not_found", "The resource you requested could not be found.")
}

fn unprocessable(message: &str) -> Answer {
    error(422, "unprocessable_entity", message)
}

fn pending(what: &str) -> Answer {
    unprocessable(&format!("{what} already has a pending event."))
}

/// A moment as the vendor writes it: whole seconds.
fn moment(at: Timestamp) -> String {
    Timestamp::from_millis(at.as_millis() / 1_000 * 1_000).to_string()
}

fn region() -> Value {
    json!({
        "name": "Frankfurt 1", "slug": REGION, "available": true, "sizes": [SIZE],
        "features": ["backups", "ipv6", "metadata"],
    })
}

/// A region that takes nothing new.
fn closed() -> Value {
    json!({
        "name": "New York 2", "slug": "nyc2", "available": false, "sizes": [], "features": [],
    })
}

fn size() -> Value {
    json!({
        "slug": SIZE, "memory": 1_024, "vcpus": 1, "disk": 25, "transfer": 1.0,
        "price_monthly": 6.0, "price_hourly": 0.008_93, "regions": [REGION], "available": true,
        "description": "Basic",
    })
}

fn address_of(text: &Value) -> Option<IpAddr> {
    text.as_str()?.parse().ok()
}
