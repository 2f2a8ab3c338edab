//! The controller as others reach it: the agents' endpoint, and the clients'.

pub mod agents;
pub mod clients;
pub mod compose;
mod error;
mod listen;
mod reply;
pub mod watch;

pub use agents::{AgentsEndpoint, MixedAgents, Parts};
pub use clients::{ClientParts, ClientsEndpoint};
pub use error::ServerError;
pub use listen::Served;
pub use watch::{Named, Watch, WatchParts};

pub use damm_hearing::Sender;

/// The port in a controller's address, as topologies write it: `https://host:8443`.
pub fn controller_port(controller: &str) -> Option<u16> {
    let (scheme, rest) = controller.split_once("://")?;
    let authority = rest.split('/').next()?;
    // An IPv6 address stands in brackets (RFC 3986, section 3.2.2).
    let after_host = match authority.rsplit_once(']') {
        Some((_, after)) => after,
        None => &authority[authority.find(':').unwrap_or(authority.len())..],
    };
    match (after_host.strip_prefix(':'), scheme) {
        (Some(port), _) => port.parse().ok().filter(|p| *p != 0),
        (None, "https") => Some(443),
        (None, _) => None,
    }
}

#[cfg(test)]
mod tests {
    use super::controller_port;

    #[test]
    fn a_controllers_port_is_found_in_its_address() {
        let ports = [
            ("https://controller.example:8443", Some(8443)),
            ("https://controller.example", Some(443)),
            ("https://controller.example/damm", Some(443)),
            ("https://[2001:db8::1]:8443/", Some(8443)),
            ("https://[2001:db8::1]", Some(443)),
            ("http://192.0.2.1", None),
            ("https://controller.example:99999", None),
            ("https://controller.example:0", None),
        ];
        for (controller, port) in ports {
            assert_eq!(controller_port(controller), port, "{controller}");
        }
    }
}
