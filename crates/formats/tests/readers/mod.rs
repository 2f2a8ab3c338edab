//! What each format says of doors, read back without the code that wrote it.

// Each test binary uses a part of this.
#![allow(dead_code, clippy::unwrap_used)]

use std::net::{IpAddr, SocketAddr};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use damm_formats::Format;
use percent_encoding::percent_decode_str;
use serde_json::Value;
use shadowsocks::ServerConfig;
use shadowsocks::config::ServerAddr;

/// What a format says of a door: what it speaks, where it is, and what opens it.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord)]
pub struct Read {
    pub name: String,
    pub speaks: &'static str,
    pub at: SocketAddr,
    pub opens: Vec<String>,
}

/// The doors of a document, in their order.
pub fn read(format: Format, text: &str) -> Vec<Read> {
    match format {
        Format::Damm => panic!("it has a reader of its own"),
        Format::SingBox => sing_box(&serde_json::from_str(text).unwrap()),
        Format::Mihomo => mihomo(&serde_saphyr::from_str(text).unwrap()),
        Format::Outline => outline(&serde_json::from_str(text).unwrap()),
        Format::Sip008 => sip008(&serde_json::from_str(text).unwrap()),
        Format::Links => links(text),
        Format::Wireguard => vec![wireguard(text)],
    }
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_else(|| panic!("no text: {value}")).to_owned()
}

fn at(host: &Value, port: &Value) -> SocketAddr {
    let address: IpAddr = text(host).parse().unwrap();
    (address, u16::try_from(port.as_u64().unwrap()).unwrap()).into()
}

/// What a map says for each of these names.
fn fields<const N: usize>(value: &Value, names: [&str; N]) -> Vec<String> {
    names.map(|name| text(&value[name])).into()
}

fn sing_box(profile: &Value) -> Vec<Read> {
    let one = |o: &Value| {
        let (speaks, opens) = match o["type"].as_str().unwrap() {
            "shadowsocks" => ("shadowsocks", fields(o, ["method", "password"])),
            "trojan" => {
                let pem = o["tls"]["certificate"].as_array().unwrap();
                let certificate = pem[1..pem.len() - 1].iter().map(text).collect::<String>();
                let name = text(&o["tls"]["server_name"]);
                ("trojan", vec![text(&o["password"]), name, sha256(&certificate)])
            }
            _ => return None,
        };
        let at = at(&o["server"], &o["server_port"]);
        Some(Read { name: text(&o["tag"]), speaks, at, opens })
    };
    let endpoint = |e: &Value| {
        let peer = &e["peers"][0];
        let opens = vec![text(&e["private_key"]), text(&peer["public_key"]), e["mtu"].to_string()];
        let at = at(&peer["address"], &peer["port"]);
        Read { name: text(&e["tag"]), speaks: "wireguard", at, opens }
    };
    let outbounds = profile["outbounds"].as_array().unwrap().iter().filter_map(one);
    outbounds.chain(profile["endpoints"].as_array().unwrap().iter().map(endpoint)).collect()
}

fn mihomo(config: &Value) -> Vec<Read> {
    let one = |p: &Value| {
        let (speaks, opens) = match p["type"].as_str().unwrap() {
            "ss" => ("shadowsocks", fields(p, ["cipher", "password"])),
            "trojan" => ("trojan", fields(p, ["password", "sni", "fingerprint"])),
            "wireguard" => {
                let keys = fields(p, ["private-key", "public-key"]);
                ("wireguard", keys.into_iter().chain([p["mtu"].to_string()]).collect())
            }
            other => panic!("{other}"),
        };
        Read { name: text(&p["name"]), speaks, at: at(&p["server"], &p["port"]), opens }
    };
    config["proxies"].as_array().unwrap().iter().map(one).collect()
}

fn outline(key: &Value) -> Vec<Read> {
    if key["error"].is_object() {
        return Vec::new();
    }
    let (at, opens) =
        (at(&key["server"], &key["server_port"]), fields(key, ["method", "password"]));
    vec![Read { name: String::new(), speaks: "shadowsocks", at, opens }]
}

fn sip008(config: &Value) -> Vec<Read> {
    assert_eq!(config["version"], 1);
    let one = |s: &Value| {
        let at = at(&s["server"], &s["server_port"]);
        let opens = fields(s, ["method", "password"]);
        Read { name: text(&s["remarks"]), speaks: "shadowsocks", at, opens }
    };
    config["servers"].as_array().unwrap().iter().map(one).collect()
}

fn links(body: &str) -> Vec<Read> {
    let text = String::from_utf8(STANDARD.decode(body.trim_end()).unwrap()).unwrap();
    text.lines()
        .map(|link| if link.starts_with("ss://") { sip002(link) } else { trojan(link) })
        .collect()
}

/// By the package `shadowsocks`, as its own client reads links. It knows the ciphers of 2022 alone
/// here, so the others are read by what SIP002 says.
fn sip002(link: &str) -> Read {
    let (rest, name) = link.rsplit_once('#').unwrap();
    let name = percent_decode_str(name).decode_utf8().unwrap().into_owned();
    if let Ok(server) = ServerConfig::from_url(link) {
        let ServerAddr::SocketAddr(at) = server.addr() else { panic!("{link}: no address") };
        assert_eq!(server.remarks(), Some(name.as_str()));
        let user_keys = server.identity_keys().iter().map(|k| STANDARD.encode(k));
        let keys: Vec<_> = user_keys.chain([STANDARD.encode(server.key())]).collect();
        let opens = vec![server.method().to_string(), keys.join(":")];
        return Read { name, speaks: "shadowsocks", at: *at, opens };
    }
    let (user, at) = rest.strip_prefix("ss://").unwrap().split_once('@').unwrap();
    let decoder = base64::engine::general_purpose::URL_SAFE_NO_PAD;
    let user = String::from_utf8(decoder.decode(user).unwrap()).unwrap();
    let (method, password) = user.split_once(':').unwrap();
    let opens = vec![method.to_owned(), password.to_owned()];
    Read { name, speaks: "shadowsocks", at: at.parse().unwrap(), opens }
}

fn trojan(link: &str) -> Read {
    let decoded = |text: &str| percent_decode_str(text).decode_utf8().unwrap().into_owned();
    let (rest, name) = link.strip_prefix("trojan://").unwrap().split_once('#').unwrap();
    let (place, query) = rest.split_once('?').unwrap();
    let (password, at) = place.split_once('@').unwrap();
    let wanted = |name: &str| {
        let mut pairs = query.split('&').filter_map(|pair| pair.split_once('='));
        decoded(pairs.find(|(key, _)| *key == name).unwrap().1)
    };
    assert_eq!(wanted("security"), "tls");
    let opens = vec![decoded(password), wanted("sni"), wanted("pcs")];
    Read { name: decoded(name), speaks: "trojan", at: at.parse().unwrap(), opens }
}

/// By the rules of wg(8): sections, and fields with a value each.
fn wireguard(config: &str) -> Read {
    let field = |wanted: &str| {
        let mut pairs = config.lines().filter_map(|line| line.split_once(" = "));
        let values: Vec<_> = pairs.by_ref().filter(|(name, _)| *name == wanted).collect();
        assert_eq!(values.len(), 1, "{wanted}: {config}");
        values[0].1.to_owned()
    };
    let sections: Vec<_> = config.lines().filter(|line| line.starts_with('[')).collect();
    assert_eq!(sections, ["[Interface]", "[Peer]"]);
    let opens = ["PrivateKey", "PublicKey", "MTU"].map(field).into();
    let at = field("Endpoint").parse().unwrap();
    Read { name: String::new(), speaks: "wireguard", at, opens }
}

/// The SHA-256, in hex, of what stands in base 64.
pub fn sha256(text: &str) -> String {
    use sha2::Digest as _;
    let digest = sha2::Sha256::digest(STANDARD.decode(text).unwrap());
    digest.iter().map(|b| format!("{b:02x}")).collect()
}
