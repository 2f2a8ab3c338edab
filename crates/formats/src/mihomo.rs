//! A whole config for mihomo, which was Clash.Meta.

use crate::door::{Door, Trojan, Way, Wireguard};
use crate::settings::Settings;
use crate::shown::{AUTO, EVERYTHING, PROXY};
use crate::tree::{Tree, list, map};

/// Prefixes that stay in the client's own network (RFC 6890). By number: by name mihomo would
/// fetch a list of places first, which may be blocked.
const NEAR: [&str; 7] = [
    "10.0.0.0/8",
    "127.0.0.0/8",
    "169.254.0.0/16",
    "172.16.0.0/12",
    "192.168.0.0/16",
    "fc00::/7",
    "fe80::/10",
];

/// The config. All doors can be told.
pub(crate) fn config(doors: &[Door], settings: &Settings) -> String {
    map([
        ("mixed-port", 7890_u16.into()),
        ("allow-lan", false.into()),
        ("mode", "rule".into()),
        // Where a user goes is written nowhere.
        ("log-level", "silent".into()),
        ("ipv6", true.into()),
        ("profile", map([("store-selected", true.into())])),
        ("dns", names_of_hosts(settings)),
        ("proxies", list(doors.iter().map(|d| proxy(d, settings)))),
        ("proxy-groups", list([choice(doors), fastest(doors, settings)])),
        ("rules", list(rules())),
    ])
    .to_yaml()
}

fn proxy(door: &Door, settings: &Settings) -> Tree {
    let head = |kind: &str| {
        map([
            ("name", (&door.name).into()),
            ("type", kind.into()),
            ("server", door.address.to_string().into()),
            ("port", door.port.into()),
            ("udp", true.into()),
        ])
    };
    match &door.way {
        Way::Shadowsocks(way) => {
            head("ss").with("cipher", way.method).with("password", &way.password)
        }
        Way::Trojan(way) => trojan(head("trojan"), way, settings),
        Way::Wireguard(way) => wireguard(head("wireguard"), way),
    }
}

/// The door's own certificate is the only one that is taken.
fn trojan(head: Tree, way: &Trojan, settings: &Settings) -> Tree {
    let proxy = head
        .with("password", &way.password)
        .with("sni", &way.server_name)
        .with("alpn", list(["http/1.1"]))
        .with("fingerprint", way.fingerprint());
    match &settings.browser {
        Some(browser) => proxy.with("client-fingerprint", browser),
        None => proxy,
    }
}

fn wireguard(head: Tree, way: &Wireguard) -> Tree {
    head.with("ip", way.addresses.v4.to_string())
        .with("ipv6", way.addresses.v6.to_string())
        .with("private-key", way.private_key.expose())
        .with("public-key", way.public_key.to_string())
        .with("allowed-ips", list(EVERYTHING))
        .with("mtu", way.mtu)
        .with("persistent-keepalive", Wireguard::KEEPALIVE)
        .with("remote-dns-resolve", true)
        .with("dns", list(way.resolvers.iter().map(ToString::to_string)))
}

/// What the user chooses from.
fn choice(doors: &[Door]) -> Tree {
    let names = doors.iter().map(|d| d.name.as_str());
    map([
        ("name", PROXY.into()),
        ("type", "select".into()),
        ("proxies", list([AUTO].into_iter().chain(names))),
    ])
}

/// What goes to the door that answers first. mihomo leaves standing connections where they are.
fn fastest(doors: &[Door], settings: &Settings) -> Tree {
    map([
        ("name", AUTO.into()),
        ("type", "url-test".into()),
        ("proxies", list(doors.iter().map(|d| &d.name))),
        ("url", (&settings.test_url).into()),
        ("expected-status", "204".into()),
        ("interval", crate::shown::AGAIN.into()),
        ("tolerance", 50_u16.into()),
        ("lazy", true.into()),
    ])
}

/// Names are given made-up addresses and resolved behind the doors.
fn names_of_hosts(settings: &Settings) -> Tree {
    let host = match settings.resolver {
        std::net::IpAddr::V4(v4) => v4.to_string(),
        std::net::IpAddr::V6(v6) => format!("[{v6}]"),
    };
    map([
        ("enable", true.into()),
        ("ipv6", true.into()),
        ("enhanced-mode", "fake-ip".into()),
        ("fake-ip-range", "198.18.0.1/16".into()),
        ("nameserver", list([format!("https://{host}/dns-query#{PROXY}")])),
    ])
}

fn rules() -> impl Iterator<Item = String> {
    let near = NEAR.into_iter().map(|prefix| {
        let kind = if prefix.contains(':') { "IP-CIDR6" } else { "IP-CIDR" };
        format!("{kind},{prefix},DIRECT,no-resolve")
    });
    near.chain([format!("MATCH,{PROXY}")])
}
