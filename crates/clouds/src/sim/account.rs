//! How an account behaves, and the refusals of its front desk.

use std::collections::BTreeSet;

use damm_fleet::topology::{Dial, Limits, Provider, SimSettings};
use damm_fleet::{Asn, BalancerName, FailureClass, Offer, ProviderName, Span, Timestamp, Topology};
use ipnet::IpNet;

use super::dice::{Dice, Throw};
use super::limiter::Bucket;
use super::pool;
use super::rows::AccountRow;
use super::state::Account;

/// What a vendor asks for when it says when to come back.
const RETRY_AFTER: Span = Span::from_secs(2);

/// A call that the vendor did not carry out, without the account's name.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Refusal {
    pub(super) class: FailureClass,
    pub(super) message: String,
    pub(super) retry_after: Option<Span>,
}

impl Refusal {
    pub(super) fn new(class: FailureClass, message: impl Into<String>) -> Self {
        Self { class, message: message.into(), retry_after: None }
    }

    pub(super) fn rejected(message: impl Into<String>) -> Self {
        Self::new(FailureClass::Rejected, message)
    }

    pub(super) fn busy(message: impl Into<String>) -> Self {
        Self::new(FailureClass::Busy, message)
    }

    pub(super) fn exhausted(message: impl Into<String>) -> Self {
        Self::new(FailureClass::Exhausted, message)
    }

    pub(super) fn gone(what: &str, reference: &str) -> Self {
        Self::new(FailureClass::Gone, format!("there is no {what} `{reference}`"))
    }

    pub(super) fn server_error() -> Self {
        Self::new(FailureClass::Unknown, "503 service unavailable")
    }

    pub(super) fn no_answer() -> Self {
        Self::new(FailureClass::Unknown, "no answer within the time limit")
    }

    fn throttled(retry_after: Option<Span>) -> Self {
        Self { retry_after, ..Self::new(FailureClass::Throttled, "429 too many requests") }
    }
}

/// How an account behaves: what the topology says of it, and a vendor's own rules.
#[derive(Debug, Clone)]
pub(super) struct Config {
    pub(super) settings: SimSettings,
    pub(super) offer: Offer,
    pub(super) limits: Limits,
    pub(super) asns: Vec<Asn>,
    pub(super) locations: BTreeSet<String>,
    pub(super) zones: BTreeSet<String>,
    pub(super) balancers: BTreeSet<BalancerName>,
}

impl Config {
    pub(super) fn of(name: &ProviderName, provider: &Provider, topology: &Topology) -> Self {
        let zones = topology.dns.iter().filter(|d| d.provider == *name);
        let balancers = topology.balancers.iter().filter(|b| b.provider == *name);
        Self {
            settings: provider.sim.clone().unwrap_or_default(),
            offer: Offer::built_in(provider),
            limits: provider.limits.clone(),
            asns: provider.asns.clone(),
            locations: provider.locations.values().cloned().collect(),
            zones: zones.map(|d| d.zone.clone()).collect(),
            balancers: balancers.map(|b| b.name.clone()).collect(),
        }
    }

    pub(super) const fn dial(&self) -> &Dial {
        &self.settings.faults
    }
}

impl AccountRow {
    pub(super) fn new(config: &Config, now: Timestamp) -> Self {
        Self {
            calls: 0,
            over_limit: 0,
            made: 0,
            turn: 0,
            made_up: false,
            pools: Vec::new(),
            bucket: Bucket::full(config.limits.requests_per_hour, now),
        }
    }

    /// Takes the configured prefixes, going on where each was left; made-up ones stay as they are
    /// for as long as the ASNs do.
    pub(super) fn adopt_pools(&mut self, name: &ProviderName, config: &Config, taken: &[IpNet]) {
        let told = &config.settings.prefixes;
        let known = |a: &Asn| self.pools.iter().any(|p| p.asn == *a);
        let same = config.asns.iter().all(known)
            && self.pools.iter().all(|p| config.asns.contains(&p.asn));
        if told.is_empty() && self.made_up && same {
            return;
        }
        let mut pools = match told.is_empty() {
            true => pool::made_up(name, &config.asns, taken),
            false => pool::told(told, &config.asns),
        };
        for pool in &mut pools {
            let old = self.pools.iter().find(|p| p.prefix == pool.prefix);
            pool.drawn = old.map_or(0, |p| p.drawn);
        }
        self.made_up = told.is_empty();
        self.pools = pools;
        self.turn = 0;
    }
}

impl Account {
    /// The next call's dice.
    pub(super) fn next_dice(&mut self, name: &ProviderName) -> Dice {
        self.row.calls += 1;
        Dice::new(self.config.dial().seed, name.as_str(), self.row.calls)
    }

    /// What the front desk says before anybody looks at the call.
    pub(super) fn front_desk(
        &mut self,
        writes: bool,
        dice: Dice,
        now: Timestamp,
    ) -> Result<(), Refusal> {
        let rate = self.config.limits.requests_per_hour;
        if let Err(wait) = self.row.bucket.take(rate, now) {
            self.row.over_limit += 1;
            return Err(Refusal::throttled(Some(wait)));
        }
        let dial = self.config.dial();
        if dice.hit(dial.throttled, Throw::Throttled) {
            return Err(Refusal::throttled(Some(RETRY_AFTER)));
        }
        if dice.hit(dial.throttled_silent, Throw::ThrottledSilent) {
            return Err(Refusal::throttled(None));
        }
        if dice.hit(dial.error_before, Throw::ErrorBefore) {
            return Err(Refusal::server_error());
        }
        if writes && dice.hit(dial.busy, Throw::Busy) {
            return Err(Refusal::busy("the resource is locked by another request"));
        }
        Ok(())
    }
}
