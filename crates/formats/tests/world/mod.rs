//! A client, and catalogs with doors of every kind.

// Each test binary uses a part of this.
#![allow(dead_code, clippy::unwrap_used)]

use std::collections::BTreeMap;
use std::net::IpAddr;

use damm_catalog::{Catalog, Front, SCHEMA, SecretKey};
use damm_fleet::{FrontdoorId, RegionName, Span, Timestamp};
use damm_formats::{Document, Error, Format, Identity, Settings, Subscription, Wanted};
use damm_protocol::{ClientSecret, CredentialId, Secret32};

pub const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

/// The base 64 of a certificate for `front.example`, whose key nobody has.
pub const CERTIFICATE: &str = "\
    MIIBnzCCAUWgAwIBAgIUFzoaCRyLXiE3LX6wFR/2OeuN60EwCgYIKoZIzj0EAwIwGDEWMBQGA1UEAwwNZnJvbn\
    QuZXhhbXBsZTAeFw0yNjExMjIxOTU1MjBaFw0zNjExMTkxOTU1MjBaMBgxFjAUBgNVBAMMDWZyb250LmV4YW1w\
    bGUwWTATBgcqhkjOPQIBBggqhkjOPQMBBwNCAAQW7B5UseL02xMh8vr+bNKP1ly3kpycSD9pPsRUmTEwwsP+BM\
    x7NKnklXKHYM3I072qy5+l8FJ6Ju2iazfZZfmqo20wazAdBgNVHQ4EFgQUFjGoc8kuExrNJIUF7STQ7RPIEC8w\
    HwYDVR0jBBgwFoAUFjGoc8kuExrNJIUF7STQ7RPIEC8wDwYDVR0TAQH/BAUwAwEB/zAYBgNVHREEETAPgg1mcm\
    9udC5leGFtcGxlMAoGCCqGSM49BAMCA0gAMEUCIQDhsy12S2w743B+8ey62r1N0u3bZJFmxQVicjoB7pTtZgIg\
    EAPTgjQWHSTX1rUP2K3imqI8OLyQkrVFmSoLWRSw9Nc=";

pub const SERVER_KEY: [u8; 32] = [1; 32];
pub const TUNNEL_KEY: [u8; 32] = [2; 32];

pub fn params<const N: usize>(params: [(&str, String); N]) -> BTreeMap<String, String> {
    params.map(|(name, value)| (name.to_owned(), value)).into()
}

/// As the node's agent tells them.
pub fn shadowsocks() -> BTreeMap<String, String> {
    let server_key = Secret32::new(SERVER_KEY).expose();
    params([("server_key", server_key), ("method", "2022-blake3-aes-256-gcm".into())])
}

pub fn trojan() -> BTreeMap<String, String> {
    params([("server_name", "front.example".into()), ("certificate", CERTIFICATE.into())])
}

pub fn wireguard() -> BTreeMap<String, String> {
    params([
        ("public_key", Secret32::new(TUNNEL_KEY).wireguard_public().to_string()),
        ("mtu", "1340".into()),
        ("resolver", "100.64.0.2,fd5d:616d:6c00::2".into()),
    ])
}

/// A transport of an operator's own, such as Outline's server.
pub fn outline() -> BTreeMap<String, String> {
    params([("speaks", "shadowsocks".into()), ("method", "chacha20-ietf-poly1305".into())])
}

pub fn front(
    n: u64,
    address: &str,
    port: u16,
    kind: &str,
    params: BTreeMap<String, String>,
) -> Front {
    let address: IpAddr = address.parse().unwrap();
    let id = FrontdoorId::from_raw(n);
    Front { id, address, port, transport: kind.to_owned(), params }
}

pub fn catalog(fronts: Vec<Front>) -> Catalog {
    Catalog {
        schema: SCHEMA,
        fleet: "example".to_owned(),
        region: RegionName::new("eu-north").unwrap(),
        audience: "mfrggzdfmztwq2lknnwg23tpobyxe43u".parse().unwrap(),
        version: 7,
        not_before: NOW,
        expires: NOW + Span::from_hours(6),
        fronts,
    }
}

/// Doors of every kind, in both families, and some that can't be told.
pub fn every_kind() -> Catalog {
    let unreadable = params([("server_key", "AAAA".into()), ("method", "none".into())]);
    catalog(vec![
        front(0x51, "203.0.113.7", 443, "shadowsocks", shadowsocks()),
        front(0x52, "2001:db8:7::1", 443, "trojan", trojan()),
        front(0x53, "198.51.100.9", 51_820, "wireguard", wireguard()),
        front(0x54, "192.0.2.33", 8443, "outline", outline()),
        front(0x55, "192.0.2.34", 443, "shadowsocks", unreadable),
        front(0x56, "192.0.2.35", 443, "obfs4", params([("cert", "x".into())])),
        front(0x57, "2001:db8:8::2", 8388, "shadowsocks", shadowsocks()),
        front(0x58, "203.0.113.8", 443, "trojan", trojan()),
        front(0x59, "2001:db8:9::3", 443, "wireguard", wireguard()),
    ])
}

pub fn client(n: u8) -> ClientSecret {
    ClientSecret::new(Secret32::new([n; 32]))
}

pub fn identity(n: u8) -> Identity {
    Identity::of_client(&client(n), CredentialId::new(n.into()).unwrap())
}

pub fn sealed(catalog: &Catalog) -> Vec<u8> {
    catalog.seal(&[&SecretKey::new(&[4; 32])]).to_bytes()
}

pub fn render(catalog: &Catalog, wanted: Wanted, settings: &Settings) -> Result<Document, Error> {
    // Signing takes its time, and is of use to one format alone.
    let signed = if wanted.format == Format::Damm { sealed(catalog) } else { Vec::new() };
    let identity = identity(5);
    Subscription { catalog, signed: &signed, identity: &identity, settings }.render(wanted, NOW)
}

/// As most are asked for.
pub fn plainly(catalog: &Catalog, format: Format) -> Result<Document, Error> {
    render(catalog, Wanted::first(format), &Settings::default())
}
