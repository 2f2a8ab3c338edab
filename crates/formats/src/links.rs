//! Share links, one a line, in base64.

use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD, URL_SAFE_NO_PAD};
use percent_encoding::{AsciiSet, NON_ALPHANUMERIC, utf8_percent_encode};

use crate::door::{Door, Shadowsocks, Trojan, Way};
use crate::settings::Settings;

/// Only what RFC 3986 (section 2.3) calls unreserved stays as it is.
const RESERVED: &AsciiSet = &NON_ALPHANUMERIC.remove(b'-').remove(b'.').remove(b'_').remove(b'~');

/// The links of the doors that have such: there is no settled one for WireGuard.
pub(crate) fn subscription(doors: &[Door], settings: &Settings) -> Option<String> {
    let links: String =
        doors.iter().filter_map(|d| link(d, settings)).map(|l| format!("{l}\n")).collect();
    (!links.is_empty()).then(|| STANDARD.encode(links) + "\n")
}

fn link(door: &Door, settings: &Settings) -> Option<String> {
    match &door.way {
        Way::Shadowsocks(way) => Some(shadowsocks(door, way)),
        Way::Trojan(way) => Some(trojan(door, way, settings)),
        Way::Wireguard(_) => None,
    }
}

/// SIP002: in base64, but for the ciphers of 2022, which are not to be.
fn shadowsocks(door: &Door, way: &Shadowsocks) -> String {
    let user = match way.method.starts_with("2022-") {
        true => format!("{}:{}", way.method, escaped(&way.password)),
        false => URL_SAFE_NO_PAD.encode(format!("{}:{}", way.method, way.password)),
    };
    format!("ss://{user}@{}#{}", place(door), escaped(&door.name))
}

/// As Xray and v2rayN write them: `pcs` is the one certificate that may be shown. No link says that
/// any certificate will do, so an app that does not know `pcs` fails rather than be deceived.
fn trojan(door: &Door, way: &Trojan, settings: &Settings) -> String {
    let browser = settings.browser.iter().map(|b| format!("&fp={}", escaped(b)));
    format!(
        "trojan://{}@{}?security=tls&sni={}&alpn=http%2F1.1&type=tcp{}&pcs={}#{}",
        escaped(&way.password),
        place(door),
        way.server_name,
        browser.collect::<String>(),
        way.fingerprint(),
        escaped(&door.name)
    )
}

/// Address and port, with brackets around an IPv6 address.
fn place(door: &Door) -> std::net::SocketAddr {
    (door.address, door.port).into()
}

fn escaped(text: &str) -> String {
    utf8_percent_encode(text, RESERVED).to_string()
}
