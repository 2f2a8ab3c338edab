//! What an operator may choose.

/// What an operator may choose. It is the same for all clients.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// What apps call the subscription; the fleet's name unless told.
    pub title: Option<String>,
    /// What apps fetch through each door to find the fastest: a page that answers with 204.
    pub test_url: String,
    /// The resolver that apps ask through the doors, over HTTPS: an address.
    pub resolver: std::net::IpAddr,
    /// The browser whose way of beginning TLS apps imitate, by its name in uTLS; without one they
    /// show their own, which few others share.
    pub browser: Option<String>,
}

impl Default for Settings {
    fn default() -> Self {
        Self {
            title: None,
            test_url: "https://www.gstatic.com/generate_204".to_owned(),
            resolver: std::net::IpAddr::from([1, 1, 1, 1]),
            browser: Some("chrome".to_owned()),
        }
    }
}
