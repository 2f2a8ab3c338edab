//! A front door of a catalog, as far as other apps can go to it.

use std::fmt;
use std::net::IpAddr;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use damm_catalog::{Catalog, Front};
use damm_fleet::FrontdoorId;
use damm_protocol::{Secret32, TunnelAddresses, WireguardKey};
use sha2::{Digest as _, Sha256};

use crate::identity::Identity;

/// A front door, with all that a client needs to go through it. Nothing in it is as it came: each
/// value was parsed, so it is safe in any format.
#[derive(Clone)]
pub struct Door {
    /// Which it is.
    pub id: FrontdoorId,
    /// What apps call it: what it speaks, and its place among those that speak the same.
    pub name: String,
    /// Where to connect.
    pub address: IpAddr,
    /// The port.
    pub port: u16,
    /// What to speak, and what to prove oneself with.
    pub way: Way,
}

/// What a door speaks.
#[derive(Clone)]
pub enum Way {
    /// Shadowsocks.
    Shadowsocks(Shadowsocks),
    /// Trojan.
    Trojan(Trojan),
    /// WireGuard.
    Wireguard(Box<Wireguard>),
}

/// What a Shadowsocks door takes.
#[derive(Clone)]
pub struct Shadowsocks {
    /// The cipher, as SIP002 names it.
    pub method: &'static str,
    /// The key or keys, or the password, as SIP002 and SIP022 write them.
    pub password: String,
}

/// What a Trojan door takes.
#[derive(Clone)]
pub struct Trojan {
    /// The name to ask for.
    pub server_name: String,
    /// The client's password.
    pub password: String,
    /// The one certificate that the door shows, in DER.
    pub certificate: Vec<u8>,
}

/// What a WireGuard door takes.
#[derive(Clone)]
pub struct Wireguard {
    /// The client's own key.
    pub private_key: Secret32,
    /// The server's.
    pub public_key: WireguardKey,
    /// The client's addresses inside the tunnel.
    pub addresses: TunnelAddresses,
    /// The longest packet inside the tunnel, in bytes.
    pub mtu: u16,
    /// Who answers names.
    pub resolvers: Vec<IpAddr>,
}

/// The cipher whose doors know their clients by a key each (SIP022, SIP023).
const METHOD_2022: &str = "2022-blake3-aes-256-gcm";

/// Ciphers whose doors know their clients by a password each (SIP004), as Outline's server does.
const METHODS: [&str; 4] = ["chacha20-ietf-poly1305", "aes-256-gcm", "aes-192-gcm", "aes-128-gcm"];

/// The doors of a catalog that can be told to apps, in the order in which to try them.
pub fn doors(catalog: &Catalog, identity: &Identity) -> Vec<Door> {
    let mut places = [0; 3];
    let ways = catalog.fronts.iter().filter_map(|f| Some((f, way(f, identity)?)));
    ways.map(|(front, way)| {
        let place = &mut places[way.kind()];
        *place += 1;
        let name = format!("{} {place}", way.label());
        // An IPv4 address in IPv6's clothes would be sought in the wrong family by some apps.
        let address = front.address.to_canonical();
        Door { id: front.id, name, address, port: front.port, way }
    })
    .collect()
}

impl Door {
    /// What it speaks, in a word.
    pub const fn speaks(&self) -> &'static str {
        self.way.label()
    }
}

/// What it takes to go through is not shown.
impl fmt::Debug for Door {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Door({}, {})", self.id, self.name)
    }
}

impl Way {
    const fn kind(&self) -> usize {
        match self {
            Self::Shadowsocks(_) => 0,
            Self::Trojan(_) => 1,
            Self::Wireguard(_) => 2,
        }
    }

    const fn label(&self) -> &'static str {
        ["Shadowsocks", "Trojan", "WireGuard"][self.kind()]
    }
}

/// What a front speaks. Operators name transports as they like: what one of theirs speaks stands
/// in its public parameter `speaks`, else the name itself says it.
fn way(front: &Front, identity: &Identity) -> Option<Way> {
    let speaks = front.params.get("speaks").unwrap_or(&front.transport);
    match speaks.as_str() {
        "shadowsocks" => Some(Way::Shadowsocks(shadowsocks(front, identity)?)),
        "trojan" => Some(Way::Trojan(trojan(front, identity)?)),
        "wireguard" => Some(Way::Wireguard(Box::new(wireguard(front, identity)?))),
        _ => None,
    }
}

fn shadowsocks(front: &Front, identity: &Identity) -> Option<Shadowsocks> {
    let method = front.params.get("method")?.as_str();
    if method == METHOD_2022 {
        let server_key = front.params.get("server_key")?.parse::<Secret32>().ok()?;
        let client_key = &identity.credential.shadowsocks;
        let password = format!("{}:{}", server_key.expose(), client_key.expose());
        return Some(Shadowsocks { method: METHOD_2022, password });
    }
    let method = METHODS.into_iter().find(|known| *known == method)?;
    let password = identity.credential.password.expose().to_owned();
    Some(Shadowsocks { method, password })
}

fn trojan(front: &Front, identity: &Identity) -> Option<Trojan> {
    let server_name = front.params.get("server_name").filter(|name| is_host_name(name))?;
    let certificate = STANDARD.decode(front.params.get("certificate")?).ok()?;
    // A certificate is a sequence of more than 255 bytes (X.690, RFC 5280); no app is told to take
    // whichever it is shown, so a door without one is left out.
    certificate.starts_with(&[0x30, 0x82]).then(|| Trojan {
        server_name: server_name.clone(),
        password: identity.credential.password.expose().to_owned(),
        certificate,
    })
}

fn wireguard(front: &Front, identity: &Identity) -> Option<Wireguard> {
    let resolvers = front.params.get("resolver")?.split(',').map(|a| a.trim().parse());
    Some(Wireguard {
        private_key: identity.wireguard.clone()?,
        public_key: front.params.get("public_key")?.parse().ok()?,
        addresses: identity.credential.id.addresses(),
        // Less can't carry IPv6 (RFC 8200, section 5).
        mtu: front.params.get("mtu")?.parse().ok().filter(|mtu| *mtu >= 1280)?,
        resolvers: resolvers.collect::<Result<_, _>>().ok()?,
    })
}

/// Letters, digits and hyphens between dots (RFC 1123, section 2.1), with a letter at the end: an
/// address is no name.
fn is_host_name(text: &str) -> bool {
    let good = |label: &str| {
        let inner = label.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
        inner && (1..=63).contains(&label.len()) && !label.starts_with('-') && !label.ends_with('-')
    };
    text.len() <= 253
        && text.split('.').all(good)
        && text.ends_with(|c: char| c.is_ascii_alphabetic())
}

impl Trojan {
    /// The certificate's SHA-256, in hex: what apps call its fingerprint, or its pin.
    pub fn fingerprint(&self) -> String {
        Sha256::digest(&self.certificate).iter().map(|b| format!("{b:02x}")).collect()
    }

    /// The certificate in PEM (RFC 7468), line by line.
    pub fn pem(&self) -> Vec<String> {
        let text = STANDARD.encode(&self.certificate);
        // Base64 is ASCII, so no character is cut.
        let lines = text.as_bytes().chunks(64).map(|l| String::from_utf8_lossy(l).into_owned());
        let (begin, end) = ("-----BEGIN CERTIFICATE-----", "-----END CERTIFICATE-----");
        [begin.to_owned()].into_iter().chain(lines).chain([end.to_owned()]).collect()
    }
}
