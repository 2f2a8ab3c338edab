//! PowerDNS, over its HTTP API.

use super::{Dns, Endpoint, Secret, Sheet};

/// The vendor's row.
pub const SHEET: Sheet = Sheet {
    name: "powerdns",
    title: "PowerDNS",
    secret: Secret::Token("the API key of the server"),
    endpoint: Endpoint::Asked(
        "the server's API, as in https://dns.example.net:8081/api/v1/servers/localhost",
    ),
    settings: &[],
    machines: None,
    dns: Some(Dns { mark: "a comment of the record set", compare_and_set: false }),
    balancers: None,
};
