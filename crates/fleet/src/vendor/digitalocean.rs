//! DigitalOcean: droplets, reserved addresses, domains and load balancers.

use super::{Balancers, Dns, Endpoint, Machines, PriceTable, Secret, Setting, Sheet};
use crate::offer::Capabilities;
use crate::time::Span;

/// The vendor's row.
pub const SHEET: Sheet = Sheet {
    name: "digitalocean",
    title: "DigitalOcean",
    secret: Secret::Token("an API token with read and write access"),
    endpoint: Endpoint::Known("https://api.digitalocean.com/v2"),
    settings: &[Setting {
        name: "project",
        about: "the id of the project that reserved addresses are put in, the fleet's alone",
        required: true,
    }],
    machines: Some(Machines {
        capabilities: Capabilities {
            movable_addresses: true,
            max_addresses: 1,
            user_data_limit: 64 * 1024,
            list_lag: Span::from_secs(60),
            tagged_addresses: false,
            translated_addresses: false,
            idempotent_create: false,
        },
        image: "debian-12-x64",
        prices: PriceTable {
            source: "https://www.digitalocean.com/pricing/droplets",
            date: "2025-06",
            machines: &[
                ("s-1vcpu-512mb-10gb", 4000),
                ("s-1vcpu-1gb", 6000),
                ("s-1vcpu-2gb", 12000),
                ("s-2vcpu-2gb", 18000),
                ("s-2vcpu-4gb", 24000),
                ("s-4vcpu-8gb", 48000),
                ("s-8vcpu-16gb", 96000),
            ],
            address: 0,
        },
        fewer: &[],
    }),
    dns: Some(Dns { mark: "a TXT record beside it", compare_and_set: false }),
    balancers: Some(Balancers { drains: false, targets: "the machine" }),
};
