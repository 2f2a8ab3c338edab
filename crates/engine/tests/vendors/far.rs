//! Accounts at vendors' doubles. Each has two fronts: the engine's, where faults are dialled, and
//! one without faults, through which an observer sees what is really there.

use std::collections::BTreeMap;
use std::sync::Arc;

use damm_clouds::{ManualClock, Providers};
use damm_conformance::{Aim, Trouble};
use damm_doubles::{Api, Front, Odds};
use damm_fleet::ProviderName;
use damm_fleet::topology::Provider;
use damm_vendors::credentials::Secret;
use damm_vendors::origins::Origins;
use damm_vendors::registry::{Account, Parts, adapter};
use serde_json::{Value, json};

use super::FLEET;
use super::accounts::{CLOUDFLARE, CLOUDFLARE_ZONE};

/// The accounts: their names and networks, and the prefixes that they give addresses of.
pub const ACCOUNTS: [(&str, u32, &str, &str); 2] = [
    ("left", 64_500, "192.0.2.0/24", "2001:db8:a::/48"),
    ("right", 64_501, "203.0.113.0/24", "2001:db8:b::/48"),
];

/// What a sweep needs to know of a vendor.
pub struct Vendor {
    /// The kind's name in the topology.
    pub kind: &'static str,
    /// A size that it has.
    pub size: &'static str,
    /// A place that it has.
    pub place: &'static str,
    /// Front doors of an ingress node, and addresses of an egress node.
    pub addresses: u32,
    /// The account's secret.
    pub secret: &'static str,
    /// An empty account with room for what a sweep makes, and addresses of these prefixes of IPv4
    /// and IPv6.
    pub double: fn(&ManualClock, &str, &str) -> Arc<dyn Api>,
    /// What the topology says of an account whose front is at this URL, beside its kind.
    pub settings: fn(&str) -> Value,
    /// A zone that the account holds. Where there is none, Cloudflare holds the fleet's.
    pub zone: Option<&'static str>,
    /// A balancer that the account holds.
    pub balancer: Option<&'static str>,
}

impl Vendor {
    /// The account that holds the fleet's zone, and the zone.
    pub fn names(&self) -> (&'static str, &'static str) {
        match self.zone {
            Some(zone) => ("left", zone),
            None => ("names", CLOUDFLARE_ZONE),
        }
    }
}

/// One account.
struct Place {
    vendor: &'static Vendor,
    dialled: Front,
    clean: Front,
    asn: u32,
}

/// All accounts.
pub struct Far {
    places: BTreeMap<&'static str, Place>,
    clock: ManualClock,
}

impl Far {
    /// Two empty accounts, and one for names where theirs hold none.
    pub fn new(vendor: &'static Vendor, clock: &ManualClock) -> Self {
        let place = |vendor: &'static Vendor, (name, asn, v4, v6)| {
            let double = (vendor.double)(clock, v4, v6);
            let (dialled, clean) = (Front::over(double.clone()), Front::over(double));
            (name, Place { vendor, dialled, clean, asn })
        };
        let mut places: BTreeMap<_, _> = ACCOUNTS.map(|account| place(vendor, account)).into();
        if vendor.zone.is_none() {
            places.extend([place(&CLOUDFLARE, ("names", 64_502, "", ""))]);
        }
        Self { places, clock: clock.clone() }
    }

    /// Adds adapters as a new process makes them.
    pub fn connect(&self, providers: &mut Providers) {
        (providers.clouds, providers.dns) = Default::default();
        providers.balancers = Default::default();
        for (name, place) in &self.places {
            let (parts, name) = (self.open(name, place, &place.dialled), *name);
            let name: ProviderName = name.parse().unwrap();
            providers.clouds.extend(parts.cloud.map(|cloud| (name.clone(), cloud)));
            providers.dns.extend(parts.dns.map(|dns| (name.clone(), dns)));
            providers.balancers.extend(parts.balancer.map(|balancer| (name, balancer)));
        }
    }

    /// What an observer sees the accounts by.
    pub fn seen(&self) -> BTreeMap<&'static str, Parts> {
        let seen = self.places.iter();
        seen.map(|(name, place)| (*name, self.open(name, place, &place.clean))).collect()
    }

    fn open(&self, name: &str, place: &Place, front: &Front) -> Parts {
        let provider: Provider =
            serde_json::from_value(account(place.vendor, place.asn, &front.url())).unwrap();
        let account = Account {
            name: name.parse().unwrap(),
            fleet: FLEET.to_owned(),
            sheet: provider.kind.sheet().unwrap(),
            origins: Origins::new(provider.asns.clone()),
            provider,
            secret: Some(Secret::new(place.vendor.secret)),
            ca: None,
            clock: Arc::new(self.clock.clone()),
        };
        adapter(account).unwrap()
    }

    /// Dials faults for the engine.
    pub fn turn(&self, odds: &Odds) {
        self.places.values().for_each(|p| p.dialled.odds(odds.clone()));
    }

    /// This trouble for whatever the engine changes from now on.
    pub fn trouble(&self, trouble: Trouble) {
        self.places.values().for_each(|p| p.dialled.trouble(trouble, Aim::Writes));
    }

    /// What a dead process had sent is served before the next one begins.
    pub async fn idle(&self) {
        for place in self.places.values() {
            place.dialled.idle().await;
        }
    }
}

/// An account in the topology.
pub fn account(vendor: &Vendor, asn: u32, url: &str) -> Value {
    let mut account = json!({
        "kind": vendor.kind, "limits": { "requests_per_hour": 360_000, "parallel": 16 },
    });
    let mut told = (vendor.settings)(url).as_object().unwrap().clone();
    if !vendor.place.is_empty() {
        told.insert("asns".to_owned(), json!([asn]));
        told.insert(
            "locations".to_owned(),
            json!({ "north": vendor.place, "south": vendor.place }),
        );
    }
    account.as_object_mut().unwrap().extend(told);
    account
}
