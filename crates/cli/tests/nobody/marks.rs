//! What must not be found, and where it is looked for.

use std::collections::BTreeSet;
use std::fs;
use std::path::Path;

use aho_corasick::AhoCorasick;
use base64::Engine as _;
use base64::engine::general_purpose::{STANDARD_NO_PAD, URL_SAFE_NO_PAD};

/// What was sent by clients or belongs to one of them, by name, in every shape that it may be
/// written in.
#[derive(Default)]
pub struct Marks(Vec<(String, Vec<u8>)>);

impl Marks {
    /// A text: as it is, and in capitals.
    pub fn text(&mut self, name: &str, text: &str) {
        assert!(text.len() >= 6, "{name}: {text} would be found by chance");
        self.0.push((name.to_owned(), text.as_bytes().to_vec()));
        self.0.push((name.to_owned(), text.to_uppercase().into_bytes()));
    }

    /// At least 8 bytes: as they are, turned round, and as text in the usual alphabets.
    pub fn bytes(&mut self, name: &str, bytes: &[u8]) {
        assert!(bytes.len() >= 8, "{name}: it would be found by chance");
        self.0.push((name.to_owned(), bytes.to_vec()));
        self.0.push((name.to_owned(), bytes.iter().rev().copied().collect()));
        let hex: String = bytes.iter().map(|b| format!("{b:02x}")).collect();
        self.text(name, &hex);
        // Without the last digits, which hold bits of what follows.
        let whole = &bytes[..bytes.len() / 3 * 3];
        self.0.push((name.to_owned(), STANDARD_NO_PAD.encode(whole).into_bytes()));
        self.0.push((name.to_owned(), URL_SAFE_NO_PAD.encode(whole).into_bytes()));
    }

    /// How many of them there are.
    pub fn count(&self) -> usize {
        self.0.len()
    }

    /// What looks for all of them at once.
    pub fn search(self) -> Search {
        let (names, marks): (Vec<String>, Vec<Vec<u8>>) = self.0.into_iter().unzip();
        Search { names, marks: AhoCorasick::new(marks).unwrap() }
    }
}

/// All marks, ready to be looked for.
pub struct Search {
    names: Vec<String>,
    marks: AhoCorasick,
}

impl Search {
    /// The names of those that bytes hold.
    pub fn found_in(&self, bytes: &[u8]) -> BTreeSet<&str> {
        let found = self.marks.find_overlapping_iter(bytes);
        found.map(|found| self.names[found.pattern().as_usize()].as_str()).collect()
    }
}

/// Whether bytes hold others.
pub fn holds(bytes: &[u8], mark: &[u8]) -> bool {
    AhoCorasick::new([mark]).unwrap().is_match(bytes)
}

/// How often bytes look like one of the clients' addresses, `127.77.66.1` to `127.77.66.120` and
/// the same in `127.78.`: in both orders. By chance that is so once in about 8 million bytes.
pub fn addresses_in(bytes: &[u8]) -> usize {
    let is_address = |window: &[u8]| {
        let forward = matches!(window, [127, 77 | 78, 66, 1..=120]);
        forward || matches!(window, [1..=120, 66, 77 | 78, 127])
    };
    bytes.windows(4).filter(|window| is_address(window)).count()
}

/// Every file under a directory.
pub fn files(dir: &Path) -> Vec<(String, Vec<u8>)> {
    let mut all = Vec::new();
    for entry in fs::read_dir(dir).unwrap() {
        let path = entry.unwrap().path();
        match path.is_dir() {
            true => all.extend(files(&path)),
            false => all.push((path.display().to_string(), fs::read(&path).unwrap())),
        }
    }
    all
}

#[test]
fn what_is_looked_for_is_found_in_every_shape() {
    let mut marks = Marks::default();
    marks.bytes("token", b"0123456789abcdef");
    marks.text("name", "somebody");
    let marks = marks.search();
    for text in ["MDEyMzQ1Njc4OWFiY2Rl", "30313233343536373839616263646566", "fedcba9876543210"] {
        assert_eq!(marks.found_in(format!("x{text}y").as_bytes()), ["token"].into(), "{text}");
    }
    assert_eq!(marks.found_in(b"xxsosomebody"), ["name"].into());
    assert_eq!(marks.found_in(b"0123456789abcde"), [].into());
    assert_eq!(addresses_in(&[0, 127, 77, 66, 9, 66, 78, 127, 78, 66, 121]), 2);
}
