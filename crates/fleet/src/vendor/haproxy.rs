//! HAProxy, over its runtime socket.

use super::{Balancers, Endpoint, Secret, Sheet};

/// The vendor's row.
pub const SHEET: Sheet = Sheet {
    name: "haproxy",
    title: "HAProxy",
    secret: Secret::None,
    endpoint: Endpoint::Asked(
        "the runtime socket, as in unix:/run/haproxy/admin.sock or 127.0.0.1:9999",
    ),
    settings: &[],
    machines: None,
    dns: None,
    balancers: Some(Balancers { drains: true, targets: "the address, on a server slot" }),
};
