//! Where the controller is.

use std::fmt;
use std::net::{IpAddr, SocketAddr};
use std::str::FromStr;

use rustls::pki_types::ServerName;

use super::LinkError;

/// HTTPS's own port.
const PORT: u16 = 443;

/// Where the controller is: `https://host` or `https://host:port`, and nothing behind it but a
/// slash. An IPv6 address stands in brackets.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    host: String,
    port: u16,
    name: ServerName<'static>,
}

impl Place {
    /// The addresses that it has now, each once, in the resolver's order.
    ///
    /// # Errors
    ///
    /// [`LinkError::Absent`] when its name has none.
    pub(super) async fn addresses(&self) -> Result<Vec<SocketAddr>, LinkError> {
        if let Ok(address) = self.host.parse::<IpAddr>() {
            return Ok(vec![SocketAddr::new(address, self.port)]);
        }
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let mut addresses: Vec<_> = found.map_err(LinkError::absent)?.collect();
        addresses.dedup();
        Ok(addresses)
    }

    /// What TLS calls it.
    pub(super) const fn name(&self) -> &ServerName<'static> {
        &self.name
    }
}

impl fmt::Display for Place {
    /// As the header `Host` wants it.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.host.contains(':') {
            true => write!(f, "[{}]:{}", self.host, self.port),
            false => write!(f, "{}:{}", self.host, self.port),
        }
    }
}

impl FromStr for Place {
    type Err = LinkError;

    fn from_str(text: &str) -> Result<Self, LinkError> {
        let bad = || LinkError::NoPlace(text.to_owned());
        let rest = text.strip_prefix("https://").ok_or_else(bad)?;
        let (host, port) = split(rest.trim_end_matches('/')).ok_or_else(bad)?;
        let name = ServerName::try_from(host.to_owned()).map_err(|_| bad())?;
        Ok(Self { host: host.to_owned(), port, name })
    }
}

fn split(text: &str) -> Option<(&str, u16)> {
    let (host, port) = match text.strip_prefix('[') {
        Some(inner) => inner.split_once(']')?,
        None => text.split_at(text.find(':').unwrap_or(text.len())),
    };
    let port = match port.strip_prefix(':') {
        Some(digits) => digits.parse().ok()?,
        None if port.is_empty() => PORT,
        None => return None,
    };
    Some((host, port))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_a_name_or_an_address_with_or_without_a_port() {
        let shown = |text: &str| text.parse::<Place>().unwrap().to_string();
        assert_eq!(shown("https://controller.example"), "controller.example:443");
        assert_eq!(shown("https://controller.example:8443/"), "controller.example:8443");
        assert_eq!(shown("https://192.0.2.1:8443"), "192.0.2.1:8443");
        assert_eq!(shown("https://[2001:db8::1]:8443"), "[2001:db8::1]:8443");
        assert_eq!(shown("https://[2001:db8::1]"), "[2001:db8::1]:443");
    }

    #[test]
    fn what_is_no_place_is_refused() {
        let bad = ["", "controller.example", "http://c.example", "https://", "https://c:port"];
        for text in bad.iter().chain(&["https://c.example/x", "https://[::1", "https://a b"]) {
            assert!(matches!(text.parse::<Place>(), Err(LinkError::NoPlace(_))), "{text}");
        }
    }
}
