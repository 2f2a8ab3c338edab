//! What apps show, and what several formats say alike.

use crate::door::Wireguard;

/// The group that a user chooses from. It names nobody: who looks at a screen learns nothing.
pub(crate) const PROXY: &str = "Proxy";

/// The group that finds the fastest door by itself.
pub(crate) const AUTO: &str = "Auto";

/// Seconds between two looks for the fastest door, while there is traffic. A door that is blocked
/// is left after that long, and one that was missed at the first look is found: apps take three
/// minutes unless told.
pub(crate) const AGAIN: u16 = 60;

/// Everywhere, in both families.
pub(crate) const EVERYTHING: [&str; 2] = ["0.0.0.0/0", "::/0"];

/// The app's own ends of the tunnel on the device: a small private prefix of each family, as
/// sing-box's manual has them. Nothing on the way sees them.
pub(crate) const ENDS: [&str; 2] = ["172.19.0.1/30", "fdfe:dcba:9876::1/126"];

impl Wireguard {
    /// Seconds between packets that keep a home router's table alive (wg(8)).
    pub const KEEPALIVE: u16 = 25;

    /// The client's addresses inside the tunnel, as prefixes.
    pub fn prefixes(&self) -> [String; 2] {
        [format!("{}/32", self.addresses.v4), format!("{}/128", self.addresses.v6)]
    }
}
