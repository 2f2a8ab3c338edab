//! What is signed, and what is sealed.

use std::sync::LazyLock;

use damm_age::{Entropy, Identity, Recipient};
use damm_catalog::{Catalog, Envelope, Expected, Root, SecretKey, Verifier};
use damm_channels::sealed as channel;
use damm_fleet::Span;

use crate::change::{Parts, changed};
use crate::world::{NOW, every_kind};

/// A fleet's roots, and a catalog that the second one's key signed.
struct Signed {
    first: Vec<u8>,
    second: Vec<u8>,
    catalog: Vec<u8>,
}

fn online() -> SecretKey {
    SecretKey::new(&[4; 32])
}

static SIGNED: LazyLock<Signed> = LazyLock::new(|| {
    let (offline, year) = (SecretKey::new(&[101; 32]), NOW + Span::from_days(365));
    let root = |version| {
        let (root, catalog) = ([offline.public()], [online().public()]);
        let root = Root::new("example", version, year, (&root, 1), (&catalog, 1)).unwrap();
        root.seal(&[&offline]).to_bytes()
    };
    let catalog = every_kind().seal(&[&online()]).to_bytes();
    Signed { first: root(1), second: root(2), catalog }
});

fn verifier() -> Verifier {
    Verifier::trust(&SIGNED.first, Expected::fleet("example")).unwrap()
}

/// Bytes are taken only when what they hold is what we signed. The first byte says whether they are
/// taken as they are, as changes to a catalog, to a root or to its successor, or as what a key of
/// ours signs.
pub fn catalog(data: &[u8]) {
    let mut parts = Parts(data);
    match parts.byte() % 5 {
        0 => as_it_is(parts.rest()),
        1 => {
            let bytes = changed(&SIGNED.catalog, parts.rest());
            if let Ok(taken) = verifier().verify(&bytes, NOW, None) {
                assert_eq!(taken, every_kind());
                assert_eq!(payload(&bytes), payload(&SIGNED.catalog));
            }
        }
        2 => {
            let bytes = changed(&SIGNED.first, parts.rest());
            if Verifier::trust(&bytes, Expected::fleet("example")).is_ok() {
                assert_eq!(payload(&bytes), payload(&SIGNED.first));
            }
        }
        3 => {
            let bytes = changed(&SIGNED.second, parts.rest());
            let mut verifier = verifier();
            if verifier.update_root(&bytes).is_ok() {
                assert_eq!(payload(&bytes), payload(&SIGNED.second));
                assert_eq!(verifier.root().version, 2);
            }
        }
        _ => by_us(parts.rest()),
    }
}

fn payload(bytes: &[u8]) -> Vec<u8> {
    Envelope::from_bytes(bytes).unwrap().payload
}

fn as_it_is(bytes: &[u8]) {
    if let Ok(envelope) = Envelope::from_bytes(bytes) {
        assert_eq!(Envelope::from_bytes(&envelope.to_bytes()).as_ref(), Ok(&envelope));
    }
    if let Ok(taken) = verifier().verify(bytes, NOW, None) {
        assert_eq!((taken, payload(bytes)), (every_kind(), payload(&SIGNED.catalog)));
    }
    // Anybody can sign a root with keys of its own: who trusts it has it from elsewhere.
    if let Ok(verifier) = Verifier::trust(bytes, Expected::fleet("example")) {
        assert_eq!(verifier.root().fleet, "example");
    }
    if let Ok(catalog) = Catalog::from_bytes(bytes) {
        assert_eq!(catalog.to_bytes(), bytes);
    }
    if let Ok(root) = Root::from_bytes(bytes) {
        assert_eq!(root.seal(&[]).payload, bytes);
    }
}

/// What we signed, but never meant: a catalog is one only in its canonical form.
fn by_us(payload: &[u8]) {
    let signed = Envelope::seal(Catalog::PAYLOAD_TYPE, payload.to_vec(), &[&online()]).to_bytes();
    if let Ok(taken) = verifier().verify(&signed, NOW, None) {
        assert_eq!(taken.to_bytes(), payload);
        let again = verifier().verify(&signed, NOW, Some(&taken.seen()));
        assert_eq!(again, Ok(taken));
    }
}

/// A catalog, a root and its successor, unchanged and as they are.
pub fn catalog_seeds() -> Vec<Vec<u8>> {
    let Signed { first, second, catalog } = &*SIGNED;
    let whole = [catalog, first, second, &payload(catalog), &payload(first)];
    let whole = whole.map(|bytes| [&[0][..], bytes].concat());
    let by_us = [&[4][..], &payload(catalog)].concat();
    let changed = [1, 2, 3].map(|how| vec![how, 0, 0, 40, 1]);
    whole.into_iter().chain([by_us, vec![1], vec![2], vec![3]]).chain(changed).collect()
}

static SEALED: LazyLock<[Vec<u8>; 2]> = LazyLock::new(|| {
    let (to, entropy) = (ours().recipient(), Entropy::new([9; 32]));
    let other = Identity::new([8; 32]).recipient();
    [
        damm_age::seal(b"told to two", &[other, to], &entropy),
        channel::seal(b"told to one", &to, &Entropy::new([10; 32])),
    ]
});

fn ours() -> Identity {
    Identity::new([7; 32])
}

/// A sealed file opens as it was sealed or not at all, and keys read back from their one form.
///
/// The first byte says whether bytes are taken as they are, or as changes to a file.
pub fn sealed(data: &[u8]) {
    let mut parts = Parts(data);
    let how = parts.byte() % 4;
    let rest = parts.rest();
    match how {
        0 => opened(rest, false),
        1 => opened(&changed(&SEALED[0], rest), true),
        2 => opened(&changed(&SEALED[1], rest), true),
        _ => keys(&String::from_utf8_lossy(rest)),
    }
}

fn opened(file: &[u8], changed: bool) {
    let text = damm_age::open(file, &ours());
    // Whoever knows our public key can seal for us: only changes to a file must show.
    assert!(!changed || text.is_err() || SEALED.iter().any(|f| f == file), "a change was taken");
    if let (Ok(catalog), Ok(text)) = (channel::open(file, &ours()), text) {
        assert_eq!(text[4..4 + catalog.len()], catalog);
    }
}

fn keys(text: &str) {
    if let Ok(recipient) = text.parse::<Recipient>() {
        assert_eq!(recipient.to_string(), text);
    }
    if let Ok(identity) = text.parse::<Identity>() {
        assert_eq!(*identity.to_text(), text.to_ascii_uppercase());
    }
}

/// Files and keys.
pub fn sealed_seeds() -> Vec<Vec<u8>> {
    let files = SEALED.iter().map(|file| [&[0][..], file].concat());
    let keys = [ours().recipient().to_string(), ours().to_text().to_string()];
    let keys = keys.map(|key| [&[3][..], key.as_bytes()].concat());
    let changed = [1, 2].map(|how| vec![how, 0, 0, 80, 1]);
    files.chain(keys).chain(changed).chain([vec![1], vec![2]]).collect()
}
