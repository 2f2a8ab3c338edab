//! Every format as its readers get it, to be looked at when it changes.

#![allow(clippy::unwrap_used)]

mod world;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use damm_catalog::Catalog;
use damm_formats::{Document, Format};
use world::{catalog, every_kind, front, plainly, shadowsocks};

/// Headers, then the text.
fn shown(document: &Document) -> String {
    let headers = document.headers.iter().map(|(name, value)| format!("{name}: {value}\n"));
    let headers: String = headers.collect();
    format!("content-type: {}\n{headers}\n{}", document.media_type, document.text())
}

fn of(catalog: &Catalog, format: Format) -> String {
    shown(&plainly(catalog, format).unwrap())
}

#[test]
fn a_profile_for_sing_box() {
    insta::assert_snapshot!(of(&every_kind(), Format::SingBox));
}

#[test]
fn a_config_for_mihomo() {
    insta::assert_snapshot!(of(&every_kind(), Format::Mihomo));
}

#[test]
fn a_key_for_outline() {
    insta::assert_snapshot!(of(&every_kind(), Format::Outline));
}

#[test]
fn outline_is_told_when_there_is_no_door_for_it() {
    let only = catalog(vec![front(1, "203.0.113.7", 443, "shadowsocks", shadowsocks())]);
    insta::assert_snapshot!(of(&only, Format::Outline));
}

#[test]
fn an_online_config_of_shadowsocks() {
    insta::assert_snapshot!(of(&every_kind(), Format::Sip008));
}

#[test]
fn a_list_of_links() {
    let document = plainly(&every_kind(), Format::Links).unwrap();
    let links = String::from_utf8(STANDARD.decode(document.text().trim_end()).unwrap()).unwrap();
    insta::assert_snapshot!(format!("{}\n== in base64:\n{links}", shown(&document)));
}

#[test]
fn a_config_for_wireguard() {
    insta::assert_snapshot!(of(&every_kind(), Format::Wireguard));
}

#[test]
fn the_signed_catalog() {
    let document = plainly(&every_kind(), Format::Damm).unwrap();
    assert_eq!(document.bytes, world::sealed(&every_kind()));
    let headers = shown(&document).split("\n\n").next().unwrap().to_owned();
    insta::assert_snapshot!(headers);
}
