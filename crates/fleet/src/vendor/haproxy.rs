//! HAProxy, over its runtime socket.

use super::{Balancers, Endpoint, Secret, Setting, Sheet};

/// The vendor's row.
pub const SHEET: Sheet = Sheet {
    name: "haproxy",
    title: "HAProxy",
    secret: Secret::None,
    endpoint: Endpoint::Asked(
        "the runtime socket, as in unix:/run/haproxy/admin.sock or 127.0.0.1:9999",
    ),
    settings: &[Setting {
        name: "server",
        about: "what a `server` line says after the address, as in `check inter 5s`",
        required: false,
    }],
    machines: None,
    dns: None,
    balancers: Some(Balancers {
        drains: true,
        targets: "the address, as a server of the node's name",
    }),
};
