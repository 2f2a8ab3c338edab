//! Accounts at vendors' doubles. Each has two fronts: the engine's, where faults are dialled, and
//! one without faults, through which an observer sees what is really there.

use std::collections::BTreeMap;
use std::sync::Arc;

use damm_clouds::{Cloud, ManualClock};
use damm_conformance::{Aim, Trouble};
use damm_doubles::{Api, Front, Odds};
use damm_fleet::ProviderName;
use damm_fleet::topology::Provider;
use damm_vendors::credentials::Secret;
use damm_vendors::origins::Origins;
use damm_vendors::registry::{Account, adapter};
use serde_json::{Value, json};

use super::FLEET;

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
}

/// One account.
struct Place {
    dialled: Front,
    clean: Front,
    asn: u32,
}

/// Both accounts.
pub struct Far {
    vendor: &'static Vendor,
    places: BTreeMap<&'static str, Place>,
    clock: ManualClock,
}

impl Far {
    /// Two empty accounts.
    pub fn new(vendor: &'static Vendor, clock: &ManualClock) -> Self {
        let place = |(name, asn, v4, v6)| {
            let double = (vendor.double)(clock, v4, v6);
            let (dialled, clean) = (Front::over(double.clone()), Front::over(double));
            (name, Place { dialled, clean, asn })
        };
        Self { vendor, places: ACCOUNTS.map(place).into(), clock: clock.clone() }
    }

    /// Adapters as a new process makes them.
    pub fn clouds(&self) -> BTreeMap<ProviderName, Arc<dyn Cloud>> {
        let open =
            |(name, p): (&&str, &Place)| (name.parse().unwrap(), self.open(name, p, &p.dialled));
        self.places.iter().map(open).collect()
    }

    /// What an observer sees the accounts by.
    pub fn seen(&self) -> Vec<Arc<dyn Cloud>> {
        self.places.iter().map(|(name, place)| self.open(name, place, &place.clean)).collect()
    }

    fn open(&self, name: &str, place: &Place, front: &Front) -> Arc<dyn Cloud> {
        let provider: Provider =
            serde_json::from_value(account(self.vendor, place.asn, &front.url())).unwrap();
        let account = Account {
            name: name.parse().unwrap(),
            fleet: FLEET.to_owned(),
            sheet: provider.kind.sheet().unwrap(),
            origins: Origins::new(provider.asns.clone()),
            provider,
            secret: Some(Secret::new(self.vendor.secret)),
            ca: None,
            clock: Arc::new(self.clock.clone()),
        };
        adapter(account).unwrap().cloud.unwrap()
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
        "kind": vendor.kind, "asns": [asn], "locations": { "north": vendor.place },
        "limits": { "requests_per_hour": 360_000, "parallel": 16 },
    });
    let told = (vendor.settings)(url).as_object().unwrap().clone();
    account.as_object_mut().unwrap().extend(told);
    account
}
