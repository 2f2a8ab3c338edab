//! Cloudflare DNS.

use super::{Dns, Endpoint, Secret, Sheet};

/// The vendor's row.
pub const SHEET: Sheet = Sheet {
    name: "cloudflare",
    title: "Cloudflare",
    secret: Secret::Token("an API token that may edit the zone's DNS"),
    endpoint: Endpoint::Known("https://api.cloudflare.com/client/v4"),
    settings: &[],
    machines: None,
    dns: Some(Dns { mark: "a comment of each record", compare_and_set: false }),
    balancers: None,
};
