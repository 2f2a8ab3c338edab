//! What names a file's pieces in DNS.
#![cfg_attr(not(feature = "remote"), allow(dead_code, reason = "who only reads makes no heads"))]

use std::fmt;
use std::str::FromStr;

use sha2::{Digest, Sha256};

/// The longest string of a TXT record (RFC 1035, section 3.3.14).
pub const STRING: usize = 255;

/// Symbols of one piece: four strings.
pub const PIECE: usize = 4 * STRING;

/// More pieces than any file has.
const MOST: usize = 100;

/// The first word of a head.
const WORD: &str = "damm1";

/// One state of a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edition {
    /// The first 16 digits of its SHA-256.
    pub id: String,
    /// How many pieces it has.
    pub pieces: usize,
}

/// Which pieces make up a file, and which made it up before.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Head {
    /// What it is now.
    pub now: Edition,
    /// What it was before.
    pub before: Option<Edition>,
}

/// A text that is no head.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct NoHead;

impl Edition {
    /// A piece's name below the file's.
    pub fn piece(&self, number: usize) -> String {
        format!("{number}.{}", self.id)
    }
}

impl Head {
    /// The head of a new edition. Writing the same again changes nothing.
    pub fn after(standing: Option<&Self>, now: Edition) -> Self {
        let before = match standing {
            Some(standing) if standing.now.id == now.id => standing.before.clone(),
            Some(standing) => Some(standing.now.clone()),
            None => None,
        };
        Self { now, before }
    }

    /// All editions that it names.
    pub fn editions(&self) -> impl Iterator<Item = &Edition> {
        [Some(&self.now), self.before.as_ref()].into_iter().flatten()
    }

    /// Whether it names an edition.
    pub fn names(&self, edition: &Edition) -> bool {
        self.editions().any(|e| e.id == edition.id)
    }
}

impl fmt::Display for Head {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(WORD)?;
        self.editions().try_for_each(|e| write!(f, " {} {}", e.id, e.pieces))
    }
}

impl FromStr for Head {
    type Err = NoHead;

    fn from_str(text: &str) -> Result<Self, NoHead> {
        let words: Vec<&str> = text.split(' ').collect();
        match words[..] {
            [WORD, id, pieces] => Ok(Self { now: parse(id, pieces)?, before: None }),
            [WORD, id, pieces, old, its] => {
                Ok(Self { now: parse(id, pieces)?, before: Some(parse(old, its)?) })
            }
            _ => Err(NoHead),
        }
    }
}

/// What tells a state of a file from all others.
pub fn edition(bytes: &[u8]) -> String {
    Sha256::digest(bytes).iter().take(8).map(|b| format!("{b:02x}")).collect()
}

fn parse(id: &str, pieces: &str) -> Result<Edition, NoHead> {
    let digit = |b: u8| b.is_ascii_digit() || (b'a'..=b'f').contains(&b);
    let pieces = pieces.parse().ok().filter(|n| (1..=MOST).contains(n)).ok_or(NoHead)?;
    match id.len() == 16 && id.bytes().all(digit) {
        true => Ok(Edition { id: id.to_owned(), pieces }),
        false => Err(NoHead),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(digit: &str, pieces: usize) -> Edition {
        Edition { id: digit.repeat(16), pieces }
    }

    #[test]
    fn a_head_names_what_is_and_what_was_and_reads_back() {
        let first = Head::after(None, of("a", 3));
        let second = Head::after(Some(&first), of("b", 4));
        assert_eq!(second.before, Some(of("a", 3)));
        // The same again leaves the edition before where it is.
        assert_eq!(Head::after(Some(&second), of("b", 4)), second);
        let third = Head::after(Some(&second), of("c", 1));
        assert!(third.names(&of("b", 4)) && !third.names(&of("a", 3)));
        for head in [first, second, third] {
            assert_eq!(head.to_string().parse(), Ok(head));
        }
    }

    #[test]
    fn any_other_text_is_no_head() {
        let id = "a".repeat(16);
        for text in [
            "".to_owned(),
            "damm1".to_owned(),
            format!("damm1 {id}"),
            format!("damm1 {id} 0"),
            format!("damm1 {id} 101"),
            format!("damm1 {id} -1"),
            format!("damm1 {} 1", &id[1..]),
            format!("damm1 {} 1", id.to_uppercase()),
            format!("damm1 ../{} 1", &id[3..]),
            format!("damm1 {id} 1 {id}"),
            format!("damm2 {id} 1"),
        ] {
            assert_eq!(text.parse::<Head>(), Err(NoHead), "{text}");
        }
    }
}
