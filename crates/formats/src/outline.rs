//! What an `ssconf://` key of Outline leads to. A key holds one door; which one it is may change
//! from fetch to fetch, and the app fetches at each connection.

use crate::door::{Door, Shadowsocks, Way};
use crate::tree::map;

/// Doors that Outline can go to: its Shadowsocks knows the ciphers of SIP004 alone, not those of
/// 2022 (outline-sdk, `transport/shadowsocks/cipher.go`).
pub(crate) fn can_go(door: &Door) -> Option<&Shadowsocks> {
    match &door.way {
        Way::Shadowsocks(way) if !way.method.starts_with("2022-") => Some(way),
        _ => None,
    }
}

/// The key's contents: the form that all versions of the app read.
pub(crate) fn key(door: &Door, way: &Shadowsocks) -> String {
    map([
        ("server", door.address.to_string().into()),
        ("server_port", door.port.into()),
        ("password", (&way.password).into()),
        ("method", way.method.into()),
    ])
    .to_json()
}

/// What the app shows instead when there is no door for it.
pub(crate) fn nothing() -> String {
    map([(
        "error",
        map([
            ("message", "This network has no door for Outline now.".into()),
            (
                "details",
                "Use another app with this subscription: sing-box, mihomo or WireGuard.".into(),
            ),
        ]),
    )])
    .to_json()
}
