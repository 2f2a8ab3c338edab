//! What stands in a project.

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_fleet::{Span, Timestamp};
use serde_json::Value;

use super::selector::Labels;
use super::shapes;
use super::zones::Zone;
use crate::ids::Ids;
use crate::pool::Pool;
use crate::shelf::Shelf;

/// Calls that an hour holds; one comes back with each second.
const CALLS: f64 = 3_600.0;

/// How long a new server takes to run.
pub const BOOT: Span = Span::from_secs(20);

#[derive(Clone)]
pub struct Server {
    pub id: u64,
    pub name: String,
    pub size: String,
    pub location: String,
    pub labels: Labels,
    pub ipv4: IpAddr,
    pub ipv6: IpAddr,
}

#[derive(Clone)]
pub struct FloatingIp {
    pub id: u64,
    pub name: String,
    pub ip: IpAddr,
    pub location: String,
    pub labels: Labels,
    pub server: Option<u64>,
}

pub struct Balancer {
    pub id: u64,
    pub name: String,
    pub ports: Vec<u16>,
    pub targets: Vec<u64>,
}

pub struct State {
    pub servers: Shelf<Server>,
    pub floating_ips: Shelf<FloatingIp>,
    pub balancers: BTreeMap<String, Balancer>,
    pub zone: Zone,
    pub most_servers: usize,
    pub most_floating_ips: usize,
    pub ids: Ids,
    pub calls_left: f64,
    filled_at: Timestamp,
    pub v4: Pool,
    pub v6: Pool,
}

impl State {
    pub fn new(now: Timestamp) -> Self {
        let ids = Ids::default();
        let id = ids.number();
        let lb = Balancer { id, name: "lb".to_owned(), ports: vec![443], targets: Vec::new() };
        Self {
            servers: Shelf::default(),
            floating_ips: Shelf::default(),
            balancers: [(id.to_string(), lb)].into(),
            zone: Zone::new("example.org"),
            most_servers: 3,
            most_floating_ips: 25,
            ids,
            calls_left: CALLS,
            filled_at: now,
            v4: Pool::of("198.51.0.0/16"),
            v6: Pool::of("2001:db8::/32"),
        }
    }

    /// Calls that came back since the last one.
    pub fn refill(&mut self, now: Timestamp) {
        let back = now.since(self.filled_at).as_secs_f64();
        self.calls_left = (self.calls_left + back).min(CALLS);
        self.filled_at = now;
    }

    /// Takes one call out of the hour's; tells whether there was one.
    pub fn pay(&mut self, now: Timestamp) -> bool {
        self.refill(now);
        let paid = self.calls_left >= 1.0;
        self.calls_left -= f64::from(u8::from(paid));
        paid
    }

    /// When all calls are back, in seconds since 1970.
    pub fn full_at(&self, now: Timestamp) -> i64 {
        now.as_millis() / 1_000 + (CALLS - self.calls_left).ceil() as i64
    }

    pub fn address(&self, v6: bool) -> IpAddr {
        if v6 { self.v6.draw() } else { self.v4.draw() }
    }

    /// A new server, not on its shelf yet.
    pub fn server(&self, name: &str, size: &str, location: &str, labels: Labels) -> Server {
        Server {
            id: self.ids.number(),
            name: name.to_owned(),
            size: size.to_owned(),
            location: location.to_owned(),
            labels,
            ipv4: self.address(false),
            ipv6: self.address(true),
        }
    }

    /// An action that was begun.
    pub fn action(&self, command: &str, resources: &[(&str, u64)], now: Timestamp) -> Value {
        shapes::action(self.ids.number(), command, resources, now)
    }

    /// What hangs on servers that are gone lets go of them.
    pub fn let_go(&mut self, now: Timestamp) {
        let there: Vec<u64> = self.servers.there(now).map(|(_, s)| s.item.id).collect();
        for (_, ip) in self.floating_ips.there(now) {
            ip.item.server = ip.item.server.filter(|s| there.contains(s));
        }
        for balancer in self.balancers.values_mut() {
            balancer.targets.retain(|t| there.contains(t));
        }
    }
}
