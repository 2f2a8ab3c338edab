//! OpenStack: what OVH, Infomaniak and many others run.

use super::{Balancers, Endpoint, Machines, PriceTable, Secret, Setting, Sheet};
use crate::offer::Capabilities;
use crate::time::Span;

/// The vendor's row.
pub const SHEET: Sheet = Sheet {
    name: "openstack",
    title: "OpenStack",
    secret: Secret::Fields(&["application_credential_id", "application_credential_secret"]),
    endpoint: Endpoint::Asked("the identity service, as in https://auth.cloud.example/v3"),
    settings: &[
        Setting {
            name: "floating_network",
            about: "the name or id of the network that floating addresses come from",
            required: true,
        },
        Setting {
            name: "network",
            about: "the name or id of the network that machines stand in",
            required: true,
        },
        Setting {
            name: "region",
            about: "the region, where the service catalog has several",
            required: false,
        },
    ],
    machines: Some(Machines {
        capabilities: Capabilities {
            movable_addresses: true,
            max_addresses: 8,
            user_data_limit: 48 * 1024,
            list_lag: Span::from_secs(60),
            tagged_addresses: true,
            idempotent_create: false,
        },
        image: None,
        prices: PriceTable {
            source: "the operator of the cloud: write them into `prices`",
            date: "2025-06",
            machines: &[],
            address: 0,
        },
    }),
    dns: None,
    balancers: Some(Balancers { drains: true, targets: "the machine's address in its network" }),
};
