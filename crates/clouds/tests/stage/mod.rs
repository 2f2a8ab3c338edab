//! A world to play on: two accounts of the embedded cloud, a clock, and a storage that outlives it.
#![allow(dead_code, clippy::unwrap_used)]

use std::sync::Arc;

use damm_clouds::sim::{MemoryStorage, SimWorld};
use damm_clouds::{
    AddressOrder, Cloud, Dns, ListedAddress, ListedMachine, MachineOrder, ManualClock, Providers,
    Tag,
};
use damm_fleet::{ProviderName, Seed, Span, Subject, Timestamp, Topology};
use serde_json::{Value, json};

pub const FLEET: &str = "test";
pub const SIZE: &str = "small";
pub const PLACE: &str = "a1";
pub const ZONE: &str = "example.net";

pub struct Stage {
    pub topology: Topology,
    pub clock: ManualClock,
    pub storage: MemoryStorage,
    pub providers: Providers,
    pub seed: Seed,
}

/// A topology with the accounts `sim-a` and `sim-b`; `settings` are those of `sim-a`.
pub fn topology(requests_per_hour: u32, settings: Value) -> Topology {
    let value = json!({
        "fleet": FLEET,
        "providers": {
            "sim-a": {
                "kind": "sim", "asns": [64500, 64501],
                "locations": { "eu": PLACE, "us": "a2" },
                "limits": { "requests_per_hour": requests_per_hour },
                "sim": settings,
            },
            "sim-b": { "kind": "sim", "asns": [64502], "locations": { "eu": "b1" } },
        },
        "profiles": {}, "regions": {}, "populations": {},
        "dns": [{
            "provider": "sim-a", "zone": ZONE, "region": "eu", "names": "region", "label": "eu",
        }],
        "balancers": [{ "name": "lb", "provider": "sim-a", "region": "eu", "port": 443 }],
    });
    serde_json::from_value(value).unwrap()
}

impl Stage {
    pub async fn new(settings: Value) -> Self {
        Self::with_limit(36_000_000, settings).await
    }

    pub async fn with_limit(requests_per_hour: u32, settings: Value) -> Self {
        let topology = topology(requests_per_hour, settings);
        let clock = ManualClock::at(Timestamp::from_millis(1_795_000_000_000));
        let storage = MemoryStorage::default();
        let providers = connect(&topology, &storage, &clock).await;
        Self { topology, clock, storage, providers, seed: Seed::from_number(1) }
    }

    /// The same storage under a new process.
    pub async fn restart(&mut self) {
        self.providers = connect(&self.topology, &self.storage, &self.clock).await;
    }

    pub fn world(&self) -> &SimWorld {
        &self.providers.world
    }

    pub fn cloud(&self) -> Arc<dyn Cloud> {
        self.providers.clouds[&a()].clone()
    }

    pub fn dns(&self) -> Arc<dyn Dns> {
        self.providers.dns[&a()].clone()
    }

    pub fn wait(&self, span: Span) {
        self.clock.advance(span);
    }

    pub fn machine_order(&mut self) -> MachineOrder {
        machine_order(self.seed.node())
    }

    pub fn address_order(&mut self) -> AddressOrder {
        address_order(self.seed.frontdoor())
    }

    pub async fn machine(&mut self) -> ListedMachine {
        let order = self.machine_order();
        self.cloud().create_machine(&order).await.unwrap()
    }

    pub async fn address(&mut self) -> ListedAddress {
        let order = self.address_order();
        self.cloud().allocate_address(&order).await.unwrap()
    }
}

async fn connect(topology: &Topology, storage: &MemoryStorage, clock: &ManualClock) -> Providers {
    let (storage, clock) = (Arc::new(storage.clone()), Arc::new(clock.clone()));
    Providers::connect(topology, storage, clock).await.unwrap()
}

pub fn a() -> ProviderName {
    "sim-a".parse().unwrap()
}

pub fn b() -> ProviderName {
    "sim-b".parse().unwrap()
}

pub fn tag(subject: impl Into<Subject>) -> Tag {
    Tag { fleet: FLEET.to_owned(), subject: subject.into() }
}

pub fn machine_order(subject: impl Into<Subject>) -> MachineOrder {
    let tag = tag(subject);
    MachineOrder {
        idempotency_key: format!("{tag}.1"),
        tag,
        machine: SIZE.to_owned(),
        location: PLACE.to_owned(),
        user_data: "#cloud-config\n".to_owned(),
    }
}

pub fn address_order(subject: impl Into<Subject>) -> AddressOrder {
    let tag = tag(subject);
    AddressOrder {
        idempotency_key: format!("{tag}.1"),
        tag,
        location: PLACE.to_owned(),
        prefer_v6: false,
    }
}
