//! What the core drops.

use std::net::IpAddr;

use crate::error::{LabError, Result};
use crate::lab::Lab;
use crate::layout::Network;
use crate::state::State;
use crate::tools;

impl Lab {
    /// Drops all packets between a clients' network and an address, or no longer.
    ///
    /// # Errors
    ///
    /// [`LabError`] when there is no such network, and failures of the system.
    pub fn censor(&self, network: &str, address: IpAddr, blocked: bool) -> Result<()> {
        self.change(|state| {
            state.network(network)?;
            let pair = (network.to_owned(), address);
            match blocked {
                true => state.censored.insert(pair),
                false => state.censored.remove(&pair),
            };
            apply(state)
        })
    }
}

impl State {
    fn network(&self, name: &str) -> Result<&Network> {
        self.layout.networks.get(name).ok_or_else(|| {
            let known: Vec<_> = self.layout.networks.keys().map(String::as_str).collect();
            let known = known.join(", ");
            LabError::Unknown { what: "client network", name: name.to_owned(), known }
        })
    }
}

/// Makes the core drop what it should, and nothing else.
pub fn apply(state: &State) -> Result<()> {
    let core = state.namespace("core");
    tools::within(&core, &["nft", "-f", "-"], &ruleset(state)).map(drop)
}

/// The core's whole table, put in place of the one before in one transaction.
fn ruleset(state: &State) -> String {
    let rules: String = state.censored.iter().filter_map(|pair| drops(state, pair)).collect();
    format!(
        "table inet lab\ndelete table inet lab\ntable inet lab {{\n\
         chain spoofed {{\n\
         type filter hook prerouting priority raw; policy accept;\n\
         ip6 saddr fe80::/10 accept\n\
         fib saddr . iif oif missing drop\n\
         }}\n\
         chain censor {{\n\
         type filter hook forward priority filter; policy accept;\n\
         {rules}}}\n}}\n"
    )
}

fn drops(state: &State, (network, address): &(String, IpAddr)) -> Option<String> {
    let network = state.layout.networks.get(network)?;
    let (family, prefix) = match address {
        IpAddr::V4(_) => ("ip", network.v4.to_string()),
        IpAddr::V6(_) => ("ip6", network.v6.to_string()),
    };
    Some(format!(
        "{family} saddr {prefix} {family} daddr {address} counter drop\n\
         {family} daddr {prefix} {family} saddr {address} counter drop\n"
    ))
}
