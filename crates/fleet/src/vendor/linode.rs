//! Linode, of Akamai: instances, reserved addresses and NodeBalancers.

use super::{Balancers, Endpoint, Machines, PriceTable, Secret, Sheet};
use crate::offer::Capabilities;
use crate::time::Span;

/// The vendor's row.
pub const SHEET: Sheet = Sheet {
    name: "linode",
    title: "Linode (Akamai)",
    secret: Secret::Token(
        "a personal access token of an unrestricted user, for linodes, ips and nodebalancers, read \
         and write",
    ),
    endpoint: Endpoint::Known("https://api.linode.com/v4"),
    settings: &[],
    machines: Some(Machines {
        capabilities: Capabilities {
            movable_addresses: true,
            max_addresses: 8,
            user_data_limit: 16 * 1024,
            list_lag: Span::from_secs(60),
            tagged_addresses: true,
            translated_addresses: false,
            idempotent_create: true,
        },
        image: "linode/debian12",
        prices: PriceTable {
            source: "https://www.linode.com/pricing",
            date: "2025-06",
            machines: &[
                ("g6-nanode-1", 5000),
                ("g6-standard-1", 12000),
                ("g6-standard-2", 24000),
                ("g6-standard-4", 48000),
                ("g6-standard-6", 96000),
            ],
            address: 2000,
        },
        fewer: &[],
    }),
    dns: None,
    balancers: Some(Balancers { drains: true, targets: "the machine's private address" }),
};
