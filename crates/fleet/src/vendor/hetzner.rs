//! Hetzner Cloud: machines, floating addresses, zones and load balancers.

use super::{Balancers, Dns, Endpoint, Machines, PriceTable, Secret, Setting, Sheet};
use crate::offer::Capabilities;
use crate::time::Span;

/// The vendor's row.
pub const SHEET: Sheet = Sheet {
    name: "hetzner",
    title: "Hetzner Cloud",
    secret: Secret::Token("an API token of the project, with read and write access"),
    endpoint: Endpoint::Known("https://api.hetzner.cloud/v1"),
    settings: &[Setting {
        name: "ssh_key",
        about: "the name of an SSH key of the project that machines are made with; without one the \
                vendor mails a root password",
        required: false,
    }],
    machines: Some(Machines {
        capabilities: Capabilities {
            movable_addresses: true,
            max_addresses: 20,
            user_data_limit: 32 * 1024,
            list_lag: Span::from_secs(60),
            tagged_addresses: true,
            translated_addresses: false,
            idempotent_create: true,
        },
        image: "debian-12",
        prices: PriceTable {
            source: "https://www.hetzner.com/cloud",
            date: "2025-06",
            machines: &[
                ("cax11", 4590),
                ("cax21", 7590),
                ("cax31", 14590),
                ("cax41", 28590),
                ("cpx11", 5090),
                ("cpx21", 9090),
                ("cpx31", 16090),
                ("cpx41", 30090),
                ("cx22", 4590),
                ("cx32", 7590),
                ("cx42", 18590),
                ("cx52", 36090),
            ],
            address: 3300,
        },
        fewer: &[],
    }),
    dns: Some(Dns { mark: "a label of the record set", compare_and_set: false }),
    balancers: Some(Balancers { drains: false, targets: "the machine" }),
};
