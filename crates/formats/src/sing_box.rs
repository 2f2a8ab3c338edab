//! A whole profile for sing-box, 1.12 or newer. sing-box has no lists of doors that it could fetch
//! by themselves, so all that an app needs is in it.

use crate::door::{Door, Trojan, Way, Wireguard};
use crate::settings::Settings;
use crate::shown::{AUTO, ENDS, EVERYTHING, PROXY};
use crate::tree::{Tree, list, map};

/// What carries packets straight on, to places in the client's own network.
const DIRECT: &str = "Direct";

/// The profile. All doors can be told.
pub(crate) fn profile(doors: &[Door], settings: &Settings) -> String {
    let names = || doors.iter().map(|d| d.name.as_str());
    let proxies = doors.iter().filter_map(|d| outbound(d, settings));
    let outbounds = [selector(names()), fastest(names(), settings)].into_iter().chain(proxies);
    let direct = map([("type", "direct".into()), ("tag", DIRECT.into())]);
    map([
        // Where a user goes is written nowhere.
        ("log", map([("disabled", true.into())])),
        ("dns", names_of_hosts(settings)),
        ("inbounds", list([tunnel()])),
        ("outbounds", list(outbounds.chain([direct]))),
        ("endpoints", list(doors.iter().filter_map(endpoint))),
        ("route", route()),
        ("experimental", map([("cache_file", map([("enabled", true.into())]))])),
    ])
    .to_json()
}

/// What the user chooses from.
fn selector<'a>(names: impl Iterator<Item = &'a str>) -> Tree {
    map([
        ("type", "selector".into()),
        ("tag", PROXY.into()),
        ("outbounds", list([AUTO].into_iter().chain(names))),
        ("default", AUTO.into()),
        ("interrupt_exist_connections", false.into()),
    ])
}

/// What goes to the door that answers first. A door that another replaces keeps its connections.
fn fastest<'a>(names: impl Iterator<Item = &'a str>, settings: &Settings) -> Tree {
    map([
        ("type", "urltest".into()),
        ("tag", AUTO.into()),
        ("outbounds", list(names)),
        ("url", (&settings.test_url).into()),
        ("interval", format!("{}s", crate::shown::AGAIN).into()),
        ("tolerance", 50_u16.into()),
        ("interrupt_exist_connections", false.into()),
    ])
}

fn outbound(door: &Door, settings: &Settings) -> Option<Tree> {
    let head = |kind: &str| {
        map([
            ("type", kind.into()),
            ("tag", (&door.name).into()),
            ("server", door.address.to_string().into()),
            ("server_port", door.port.into()),
        ])
    };
    match &door.way {
        Way::Shadowsocks(way) => {
            Some(head("shadowsocks").with("method", way.method).with("password", &way.password))
        }
        Way::Trojan(way) => {
            let head = head("trojan").with("password", &way.password);
            Some(head.with("tls", tls(way, settings)))
        }
        Way::Wireguard(_) => None,
    }
}

/// The door's own certificate is the only one that is taken.
fn tls(way: &Trojan, settings: &Settings) -> Tree {
    let tls = map([
        ("enabled", true.into()),
        ("server_name", (&way.server_name).into()),
        ("alpn", list(["http/1.1"])),
        ("certificate", list(way.pem())),
    ]);
    match &settings.browser {
        Some(browser) => tls.with(
            "utls",
            map([("enabled", true.into()), ("fingerprint", browser.as_str().into())]),
        ),
        None => tls,
    }
}

fn endpoint(door: &Door) -> Option<Tree> {
    let Way::Wireguard(way) = &door.way else { return None };
    let [v4, v6] = way.prefixes();
    Some(map([
        ("type", "wireguard".into()),
        ("tag", (&door.name).into()),
        ("mtu", way.mtu.into()),
        ("address", list([v4, v6])),
        ("private_key", way.private_key.expose().into()),
        ("peers", list([peer(door, way)])),
    ]))
}

fn peer(door: &Door, way: &Wireguard) -> Tree {
    map([
        ("address", door.address.to_string().into()),
        ("port", door.port.into()),
        ("public_key", way.public_key.to_string().into()),
        ("allowed_ips", list(EVERYTHING)),
        ("persistent_keepalive_interval", Wireguard::KEEPALIVE.into()),
    ])
}

fn names_of_hosts(settings: &Settings) -> Tree {
    let server = map([
        ("type", "https".into()),
        ("tag", "Names".into()),
        ("server", settings.resolver.to_string().into()),
        ("detour", PROXY.into()),
    ]);
    map([("servers", list([server])), ("final", "Names".into())])
}

/// All that leaves the device comes in here.
fn tunnel() -> Tree {
    map([
        ("type", "tun".into()),
        ("tag", "Device".into()),
        ("address", list(ENDS)),
        ("auto_route", true.into()),
        ("strict_route", true.into()),
    ])
}

fn route() -> Tree {
    let rules = [
        map([("action", "sniff".into())]),
        map([("protocol", "dns".into()), ("action", "hijack-dns".into())]),
        map([("ip_is_private", true.into()), ("outbound", DIRECT.into())]),
    ];
    map([
        ("rules", list(rules)),
        ("final", PROXY.into()),
        ("auto_detect_interface", true.into()),
        ("default_domain_resolver", "Names".into()),
    ])
}
