//! Which autonomous system announces an address. Vendors don't tell.

use std::net::IpAddr;

use damm_fleet::Asn;

/// The networks of one account.
#[derive(Debug, Clone)]
pub struct Origins {
    asns: Vec<Asn>,
}

impl Origins {
    /// The networks that the topology lists for an account.
    pub fn new(asns: Vec<Asn>) -> Self {
        Self { asns }
    }

    /// The autonomous system of an address.
    pub fn asn(&self, _address: IpAddr) -> Asn {
        self.asns.first().copied().unwrap_or(Asn(0))
    }
}
