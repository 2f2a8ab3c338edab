//! DNS servers that take dynamic updates (RFC 2136), such as BIND and Knot.

use super::{Dns, Endpoint, Secret, Sheet};

/// The vendor's row.
pub const SHEET: Sheet = Sheet {
    name: "rfc2136",
    title: "DNS update (RFC 2136)",
    secret: Secret::Fields(&["name", "algorithm?", "key"]),
    endpoint: Endpoint::Asked("the primary server, as in ns1.example.net:53"),
    settings: &[],
    machines: None,
    dns: Some(Dns { mark: "a TXT record in the same update", compare_and_set: true }),
    balancers: None,
};
