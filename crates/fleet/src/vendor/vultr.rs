//! Vultr: instances and reserved addresses.

use super::{Endpoint, Machines, PriceTable, Secret, Sheet};
use crate::offer::Capabilities;
use crate::time::Span;

/// The vendor's row.
pub const SHEET: Sheet = Sheet {
    name: "vultr",
    title: "Vultr",
    secret: Secret::Token("an API key; this machine's address has to be on its access list"),
    endpoint: Endpoint::Known("https://api.vultr.com/v2"),
    settings: &[],
    machines: Some(Machines {
        capabilities: Capabilities {
            movable_addresses: true,
            max_addresses: 8,
            user_data_limit: 32 * 1024,
            list_lag: Span::from_secs(60),
            tagged_addresses: true,
            translated_addresses: false,
            idempotent_create: false,
        },
        image: "Debian 12 x64 (bookworm)",
        prices: PriceTable {
            source: "https://www.vultr.com/pricing",
            date: "2025-06",
            machines: &[
                ("vc2-1c-1gb", 5000),
                ("vc2-1c-2gb", 10000),
                ("vc2-2c-2gb", 15000),
                ("vc2-2c-4gb", 20000),
                ("vc2-4c-8gb", 40000),
                ("vhf-1c-1gb", 6000),
                ("vhf-1c-2gb", 12000),
                ("vhf-2c-4gb", 24000),
            ],
            address: 3000,
        },
        fewer: &[],
    }),
    dns: None,
    balancers: None,
};
