//! Shadowsocks' online config.

use damm_catalog::Catalog;
use sha2::{Digest as _, Sha256};

use crate::door::{Door, Shadowsocks, Way};
use crate::tree::{Tree, list, map};

/// The config of the doors that speak Shadowsocks.
pub(crate) fn config(catalog: &Catalog, doors: &[(&Door, &Shadowsocks)]) -> String {
    let servers = doors.iter().map(|(door, way)| server(catalog, door, way));
    map([("version", 1_u16.into()), ("servers", list(servers))]).to_json()
}

/// What a door says when it speaks Shadowsocks.
pub(crate) fn can_go(door: &Door) -> Option<&Shadowsocks> {
    match &door.way {
        Way::Shadowsocks(way) => Some(way),
        _ => None,
    }
}

fn server(catalog: &Catalog, door: &Door, way: &Shadowsocks) -> Tree {
    map([
        ("id", id(catalog, &door.name).into()),
        ("remarks", (&door.name).into()),
        ("server", door.address.to_string().into()),
        ("server_port", door.port.into()),
        ("password", (&way.password).into()),
        ("method", way.method.into()),
    ])
}

/// A UUID (RFC 9562, version 8) for a place in a region's catalogs. It is the same for all clients
/// and all versions, so it tells nothing, and apps change the address of a place in place.
fn id(catalog: &Catalog, name: &str) -> String {
    let place = format!("damm sip008 1\0{}\0{}\0{name}", catalog.fleet, catalog.region);
    let hash = Sha256::digest(place.as_bytes());
    let mut bytes: [u8; 16] = std::array::from_fn(|i| hash[i]);
    bytes[6] = bytes[6] & 0x0f | 0x80;
    bytes[8] = bytes[8] & 0x3f | 0x80;
    let digits: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
    let [a, b, c, d, e] = [0..8, 8..12, 12..16, 16..20, 20..32].map(|part| &digits[part]);
    format!("{a}-{b}-{c}-{d}-{e}")
}
