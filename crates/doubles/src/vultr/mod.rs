//! Vultr's API of version 2, as its description has it, with the traps that its users report.

mod instances;
mod reserved;

use std::sync::{Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use damm_clouds::{Clock, ManualClock};
use damm_fleet::{Span, Timestamp};
use serde_json::{Value, json};

use crate::answer::Answer;
use crate::asked::Asked;
use crate::description::{Described, KnownFault};
use crate::front::Api;
use crate::ids::Ids;
use crate::pages::after;
use crate::pool::Pool;
use crate::shelf::Shelf;

/// The only region.
pub const REGION: &str = "fra";

/// The only plan.
pub const PLAN: &str = "vc2-1c-1gb";

/// What a cursor begins with: it is opaque to clients.
const CURSOR: &str = "bmV4dF9f";

/// One account.
pub struct Vultr {
    clock: ManualClock,
    token: String,
    state: Mutex<State>,
}

struct State {
    now: Timestamp,
    ids: Ids,
    instances: Shelf<instances::Instance>,
    addresses: Shelf<reserved::Reserved>,
    own: Pool,
    own_v6: Pool,
    reserved_v4: Pool,
    reserved_v6: Pool,
    knobs: Knobs,
}

/// What a test may set.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Knobs {
    /// Instances that the account may hold.
    pub instances: usize,
    /// Reserved addresses that it may hold.
    pub addresses: usize,
    /// Reserved addresses that an instance may hold.
    pub of_one: usize,
    /// How long a new instance is locked.
    pub locked: Span,
    /// How long a detached address still counts as attached.
    pub lingering: Span,
}

impl Default for Knobs {
    fn default() -> Self {
        Self { instances: 3, addresses: 12, of_one: 8, locked: Span::ZERO, lingering: Span::ZERO }
    }
}

impl Vultr {
    /// An empty account with one API key.
    pub fn new(clock: ManualClock, token: &str) -> Self {
        let state = State {
            now: clock.now(),
            ids: Ids::default(),
            instances: Shelf::default(),
            addresses: Shelf::default(),
            own: Pool::of("198.51.100.0/24"),
            own_v6: Pool::of("2001:db8:1::/48"),
            reserved_v4: Pool::of("203.0.113.0/24"),
            reserved_v6: Pool::of("2001:db8:2::/48"),
            knobs: Knobs::default(),
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

    /// Somebody attaches an address to an instance in the panel; tells whether both are there.
    pub fn attach(&self, address: &str, instance: &str) -> bool {
        self.lock().steal(address, instance)
    }

    fn lock(&self) -> MutexGuard<'_, State> {
        let mut state = self.state.lock().unwrap_or_else(PoisonError::into_inner);
        state.now = self.clock.now();
        state
    }
}

/// What the description leaves out.
const FAULTS: &[KnownFault] = &[KnownFault {
    operation: "DELETE /instances/{instance-id}",
    complaint: "an answer 500 is not described",
    why: "a locked instance is refused so, with words that say it",
}];

#[async_trait]
impl Api for Vultr {
    fn described(&self) -> &'static [Described] {
        &[Described { file: "vultr.json", base: "/v2", prefix: "", faults: FAULTS }]
    }

    async fn answer(&self, asked: &Asked) -> Answer {
        match asked.bearer() == Some(&self.token) {
            true => self.lock().answer(asked),
            false => self.unauthorized(),
        }
    }

    fn throttled(&self, retry_after: Option<Span>) -> Answer {
        let answer = error(429, "Rate limit exceeded");
        match retry_after {
            Some(span) => answer.with("retry-after", span.as_millis().div_ceil(1_000)),
            None => answer,
        }
    }

    fn unauthorized(&self) -> Answer {
        error(401, "Invalid API token.")
    }

    fn busy(&self, asked: &Asked) -> Option<Answer> {
        match (asked.method.as_str(), &asked.segments()[..]) {
            ("DELETE", ["v2", "instances", _]) => Some(instances::locked()),
            ("POST", ["v2", "reserved-ips", _, ..]) => Some(instances::locked()),
            _ => None,
        }
    }

    fn refused(&self, words: &str) -> Answer {
        error(400, words)
    }
}

impl State {
    fn answer(&mut self, asked: &Asked) -> Answer {
        match (asked.method.as_str(), &asked.segments()[..]) {
            (_, ["v2", "instances", rest @ ..]) => self.instances(asked, rest),
            (_, ["v2", "reserved-ips", rest @ ..]) => self.reserved(asked, rest),
            ("GET", ["v2", "regions"]) => self.page(asked, "regions", regions()),
            ("GET", ["v2", "plans"]) => self.page(asked, "plans", plans()),
            ("GET", ["v2", "os"]) => self.page(asked, "os", operating_systems()),
            _ => error(404, "Invalid endpoint"),
        }
    }

    /// A page of a listing, by the things' ids.
    fn page(&self, asked: &Asked, key: &str, all: Vec<(String, Value)>) -> Answer {
        let size = asked.query("per_page").and_then(|n| n.parse().ok()).unwrap_or(100).min(500);
        let mark = asked.query("cursor").map(|c| c.trim_start_matches(CURSOR));
        let total = all.len();
        let (items, next) = after(all, mark, size);
        let next = next.map(|mark| format!("{CURSOR}{mark}")).unwrap_or_default();
        let meta = json!({ "total": total, "links": { "next": next, "prev": "" } });
        Answer::json(200, &json!({ key: items, "meta": meta }))
    }
}

fn regions() -> Vec<(String, Value)> {
    let region = json!({
        "id": REGION, "city": "Frankfurt", "country": "DE", "continent": "Europe", "options": [],
    });
    vec![(REGION.to_owned(), region)]
}

/// The plan, and one that is sold nowhere any more.
fn plans() -> Vec<(String, Value)> {
    let plan = |id: &str, locations: &[&str]| {
        let plan = json!({
            "id": id, "vcpu_count": 1, "ram": 1_024, "disk": 25, "disk_count": 1,
            "bandwidth": 1_024, "monthly_cost": 5, "type": "vc2", "locations": locations,
        });
        (id.to_owned(), plan)
    };
    vec![plan(PLAN, &[REGION]), plan("vc1-old", &[])]
}

fn operating_systems() -> Vec<(String, Value)> {
    let others = (0..140).map(|n| (1_000 + n, format!("Some System {n} x64"), "other"));
    let all = others.chain([(2_136, "Debian 12 x64 (bookworm)".to_owned(), "debian")]);
    let shown = |(id, name, family): (u64, String, &str)| {
        (id.to_string(), json!({ "id": id, "name": name, "arch": "x64", "family": family }))
    };
    all.map(shown).collect()
}

fn error(status: u16, message: &str) -> Answer {
    Answer::json(status, &json!({ "error": message, "status": status }))
}
