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
            name: "network",
            about: "the name or id of the network that machines have their own address in",
            required: true,
        },
        Setting {
            name: "floating_network",
            about: "the name or id of the network that floating addresses come from",
            required: true,
        },
        Setting {
            name: "inner_network",
            about: "the name or id of the network that floating addresses lead into, where \
                    `network` has no router to `floating_network`; machines stand in both then",
            required: false,
        },
        Setting {
            name: "region",
            about: "the region, where the service catalog has several",
            required: false,
        },
        Setting {
            name: "security_group",
            about: "the name of the security group of the machines",
            required: false,
        },
        Setting {
            name: "volume",
            about: "gigabytes of the volume that machines boot from and that goes with them; \
                    without it they boot from their size's own disk",
            required: false,
        },
    ],
    machines: Some(Machines {
        capabilities: Capabilities {
            movable_addresses: true,
            max_addresses: 8,
            // 65535 symbols of Base64.
            user_data_limit: 49_149,
            list_lag: Span::from_secs(60),
            tagged_addresses: true,
            translated_addresses: true,
            idempotent_create: false,
        },
        image: "Debian 12",
        prices: PriceTable {
            source: "the operator of the cloud: write them into `prices`",
            date: "2026-11",
            machines: &[],
            address: 0,
        },
        fewer: &[],
    }),
    dns: None,
    balancers: Some(Balancers { drains: true, targets: "the address" }),
};
