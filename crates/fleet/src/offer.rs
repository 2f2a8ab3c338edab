//! What providers can do and what they charge.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};

use crate::name::ProviderName;
use crate::topology::{Provider, ProviderKind, Topology};
use crate::units::Usd;
use crate::vendor::Sheet;

/// What a provider's API can do.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Capabilities {
    /// Addresses can be added to and taken from a running machine.
    pub movable_addresses: bool,
    /// Addresses that one machine can hold beside its own.
    pub max_addresses: u32,
    /// The most bytes of user data that a machine can be given.
    pub user_data_limit: usize,
    /// The longest that a new object may be missing from listings.
    pub list_lag: crate::time::Span,
    /// Whether addresses carry tags. Where they don't, listings show all addresses of the account
    /// without one, and ours are those that the ledger knows; so the account has to be the fleet's
    /// alone.
    pub tagged_addresses: bool,
    /// Whether packets for an IPv4 address arrive at its machine with another destination, one of
    /// the vendor's network. Listings show that one while the address is attached.
    pub translated_addresses: bool,
    /// Whether a creation that is called again with the same key makes nothing new.
    pub idempotent_create: bool,
}

impl Capabilities {
    /// Of an account without machines.
    pub const NONE: Self = Self {
        movable_addresses: false,
        max_addresses: 0,
        user_data_limit: 0,
        list_lag: crate::time::Span::ZERO,
        tagged_addresses: false,
        translated_addresses: false,
        idempotent_create: false,
    };
}

/// What one account offers.
#[derive(Debug, Clone, PartialEq, Serialize, Deserialize)]
pub struct Offer {
    /// What its API can do.
    pub capabilities: Capabilities,
    /// US dollars a month for each machine size. A size that is not here is not offered.
    pub machines: BTreeMap<String, Usd>,
    /// Sizes that hold fewer addresses than
    /// [`max_addresses`](Capabilities::max_addresses), and how many beside their own.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub fewer: BTreeMap<String, u32>,
    /// US dollars a month for one more address.
    pub address: Usd,
}

/// What each account offers.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Offers(pub BTreeMap<ProviderName, Offer>);

impl Offers {
    /// What the topology's accounts offer, as far as it can be told without asking them.
    pub fn of(topology: &Topology) -> Self {
        Self(topology.providers.iter().map(|(n, p)| (n.clone(), Offer::built_in(p))).collect())
    }

    /// One account's offer.
    pub fn get(&self, provider: &ProviderName) -> Option<&Offer> {
        self.0.get(provider)
    }
}

impl Offer {
    /// A kind's own capabilities and price table, with the account's own prices over it.
    pub fn built_in(provider: &Provider) -> Self {
        let mut offer = match provider.kind {
            ProviderKind::Lab => Self::lab(provider),
            kind => kind.sheet().map_or_else(|| Self::sim(provider), Sheet::offer),
        };
        offer.machines.extend(provider.prices.machines.clone());
        offer.address = provider.prices.address.unwrap_or(offer.address);
        offer
    }

    /// Addresses that one machine of a size can hold beside its own.
    pub fn max_addresses(&self, size: &str) -> u32 {
        let most = self.capabilities.max_addresses;
        self.fewer.get(size).map_or(most, |fewer| most.min(*fewer))
    }

    /// A namespace costs nothing, and what was made is listed at once.
    fn lab(provider: &Provider) -> Self {
        Self {
            capabilities: Capabilities {
                movable_addresses: true,
                max_addresses: provider.lab.as_ref().map_or(256, |l| l.max_addresses),
                user_data_limit: 32 * 1024,
                list_lag: crate::time::Span::ZERO,
                tagged_addresses: true,
                translated_addresses: false,
                idempotent_create: true,
            },
            machines: [("namespace".to_owned(), Usd::ZERO)].into(),
            fewer: BTreeMap::new(),
            address: Usd::ZERO,
        }
    }

    fn sim(provider: &Provider) -> Self {
        let settings = provider.sim.clone().unwrap_or_default();
        let sizes = [("small", 4_000), ("medium", 8_000), ("large", 16_000)];
        Self {
            capabilities: Capabilities {
                movable_addresses: settings.movable_addresses,
                max_addresses: settings.max_addresses,
                user_data_limit: 32 * 1024,
                list_lag: crate::time::Span::from_secs(60),
                tagged_addresses: settings.tagged_addresses,
                translated_addresses: settings.translated_addresses,
                idempotent_create: false,
            },
            machines: sizes.map(|(s, p)| (s.to_owned(), Usd::from_mills(p))).into(),
            fewer: BTreeMap::new(),
            address: Usd::from_mills(500),
        }
    }
}
