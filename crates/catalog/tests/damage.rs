//! Damaged, truncated, spliced and made-up bytes: never taken, never a panic.

#![allow(clippy::unwrap_used)]

use damm_catalog::{
    Audience, Catalog, Envelope, Expected, Front, Root, SCHEMA, SecretKey, Verifier,
};
use damm_fleet::{FrontdoorId, RegionName, Span, Timestamp};
use proptest::prelude::*;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);

fn online() -> SecretKey {
    SecretKey::new(&[4; 32])
}

fn first_root() -> Vec<u8> {
    let offline = SecretKey::new(&[101; 32]);
    let (year, keys) = (NOW + Span::from_days(365), [offline.public()]);
    let root = Root::new("example", 1, year, (&keys, 1), (&[online().public()], 1)).unwrap();
    root.seal(&[&offline]).to_bytes()
}

fn verifier() -> Verifier {
    Verifier::trust(&first_root(), Expected::fleet("example")).unwrap()
}

fn smallest() -> Catalog {
    Catalog {
        schema: SCHEMA,
        fleet: "example".to_owned(),
        region: RegionName::new("eu").unwrap(),
        audience: "a".repeat(32).parse::<Audience>().unwrap(),
        version: 1,
        not_before: NOW,
        expires: NOW + Span::from_hours(6),
        fronts: vec![Front {
            id: FrontdoorId::from_raw(1),
            address: [203, 0, 113, 1].into(),
            port: 443,
            transport: "shadowsocks".to_owned(),
            params: [].into(),
        }],
    }
}

fn sealed() -> Vec<u8> {
    smallest().seal(&[&online()]).to_bytes()
}

#[test]
fn any_single_flipped_bit_of_a_catalog_is_refused() {
    let (good, verifier) = (sealed(), verifier());
    assert!(verifier.verify(&good, NOW, None).is_ok());
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        assert!(verifier.verify(&bad, NOW, None).is_err(), "bit {bit} was taken");
    }
}

#[test]
fn any_single_flipped_bit_of_a_root_is_refused() {
    let good = first_root();
    for bit in 0..good.len() * 8 {
        let mut bad = good.clone();
        bad[bit / 8] ^= 1 << (bit % 8);
        let trusted = Verifier::trust(&bad, Expected::fleet("example"));
        assert!(trusted.is_err(), "bit {bit} was taken");
    }
}

#[test]
fn a_catalog_cut_off_anywhere_is_refused() {
    let (good, verifier) = (sealed(), verifier());
    for end in 0..good.len() {
        assert!(verifier.verify(&good[..end], NOW, None).is_err(), "{end} bytes were taken");
    }
}

#[test]
fn deeply_nested_bytes_are_refused() {
    for open in ["[", "{\"payload\":"] {
        assert!(verifier().verify(open.repeat(5_000).as_bytes(), NOW, None).is_err());
    }
    let payload = "[".repeat(30_000).into_bytes();
    let nested = Envelope::seal(Catalog::PAYLOAD_TYPE, payload, &[&online()]);
    assert!(verifier().verify(&nested.to_bytes(), NOW, None).is_err());
}

fn json() -> impl Strategy<Value = serde_json::Value> {
    use serde_json::Value;
    let leaf = prop_oneof![
        Just(Value::Null),
        any::<bool>().prop_map(Value::from),
        any::<u64>().prop_map(Value::from),
        any::<f64>().prop_map(Value::from),
        ".{0,12}".prop_map(Value::from),
    ];
    leaf.prop_recursive(3, 24, 4, |inner| {
        prop_oneof![
            prop::collection::vec(inner.clone(), 0..4).prop_map(Value::from),
            prop::collection::btree_map("[a-z_]{1,8}", inner, 0..4)
                .prop_map(|m| Value::Object(m.into_iter().collect())),
        ]
    })
}

fn fields() -> [&'static str; 9] {
    ["schema", "fleet", "region", "audience", "version", "not_before", "expires", "fronts", "pad"]
}

/// As many cases as `PROPTEST_CASES` asks for, and 1,000 at least.
fn cases() -> ProptestConfig {
    let asked = ProptestConfig::default();
    ProptestConfig { cases: asked.cases.max(1_000), ..asked }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn made_up_bytes_are_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        prop_assert!(verifier().verify(&bytes, NOW, None).is_err());
        prop_assert!(verifier().update_root(&bytes).is_err());
    }

    #[test]
    fn made_up_json_is_refused(value in json()) {
        let bytes = value.to_string().into_bytes();
        prop_assert!(verifier().verify(&bytes, NOW, None).is_err());
        prop_assert!(Root::from_bytes(&bytes).is_err());
        prop_assert!(Catalog::from_bytes(&bytes).is_err());
    }

    #[test]
    fn a_spliced_catalog_is_refused(
        at in any::<prop::sample::Index>(), cut in 0..9usize,
        new in prop::collection::vec(any::<u8>(), 0..9),
    ) {
        let good = sealed();
        let at = at.index(good.len());
        let mut bad = good.clone();
        bad.splice(at..(at + cut).min(good.len()), new);
        // White space between tokens is nobody's business; all else is.
        let taken = verifier().verify(&bad, NOW, None);
        prop_assert!(taken.is_err() || taken == Ok(smallest()));
    }

    #[test]
    fn made_up_contents_are_refused_even_when_signed(
        field in prop::sample::select(fields().to_vec()), value in json(),
    ) {
        let good: serde_json::Value = serde_json::from_slice(&smallest().to_bytes()).unwrap();
        let mut made_up = good.clone();
        made_up[field] = value;
        let payload = serde_json_canonicalizer::to_vec(&made_up).unwrap();
        let bytes = Envelope::seal(Catalog::PAYLOAD_TYPE, payload.clone(), &[&online()]).to_bytes();
        if let Ok(taken) = verifier().verify(&bytes, NOW, None) {
            prop_assert_eq!(taken.to_bytes(), payload);
        }
    }
}
