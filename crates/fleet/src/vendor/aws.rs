//! Amazon Web Services: EC2 machines, elastic addresses, Route 53 and ELBv2.

use super::{Balancers, Dns, Endpoint, Machines, PriceTable, Secret, Setting, Sheet};
use crate::offer::Capabilities;
use crate::time::Span;

/// The vendor's row.
pub const SHEET: Sheet = Sheet {
    name: "aws",
    title: "Amazon Web Services",
    secret: Secret::Fields(&["access_key_id", "secret_access_key", "session_token?"]),
    endpoint: Endpoint::Known("https://ec2.{region}.amazonaws.com"),
    settings: &[
        Setting {
            name: "region",
            about: "the region that the account works in, as in eu-north-1",
            required: true,
        },
        Setting {
            name: "security_group",
            about: "the id of the security group of the machines",
            required: false,
        },
        Setting {
            name: "subnet",
            about: "the id of the subnet that machines stand in",
            required: false,
        },
    ],
    machines: Some(Machines {
        capabilities: Capabilities {
            movable_addresses: true,
            max_addresses: 3,
            user_data_limit: 16 * 1024,
            list_lag: Span::from_secs(60),
            tagged_addresses: true,
            translated_addresses: true,
            idempotent_create: true,
        },
        // By Debian's account: anybody may publish an image of any name.
        image: "136693071363/debian-12-{arch}-*",
        prices: PriceTable {
            source: "https://aws.amazon.com/ec2/pricing/on-demand",
            date: "2025-06",
            machines: &[
                ("t3.nano", 3796),
                ("t3.micro", 7592),
                ("t3.small", 15184),
                ("t3.medium", 30368),
                ("t4g.nano", 3066),
                ("t4g.micro", 6132),
                ("t4g.small", 12264),
                ("t4g.medium", 24528),
            ],
            address: 3650,
        },
        // Two private addresses on an interface, and the machine's own takes one:
        // https://docs.aws.amazon.com/AWSEC2/latest/UserGuide/AvailableIpPerENI.html
        fewer: &[
            ("t2.nano", 1),
            ("t2.micro", 1),
            ("t3.nano", 1),
            ("t3.micro", 1),
            ("t3a.nano", 1),
            ("t3a.micro", 1),
            ("t4g.nano", 1),
            ("t4g.micro", 1),
        ],
    }),
    dns: Some(Dns { mark: "a TXT record beside it", compare_and_set: true }),
    balancers: Some(Balancers { drains: true, targets: "the machine" }),
};
