//! What lies in a public channel: a catalog that only its bucket's clients can open, of a length
//! that tells little.

use damm_age::{Entropy, Identity, Recipient};

/// The least that a sealed catalog holds, in bytes. A catalog of three doors takes about 1.2 KiB,
/// so most of a fleet's catalogs have the same length.
const LEAST: usize = 2 * 1024;

/// How long the length is that stands in front of a catalog.
const HEAD: usize = 4;

/// Seals a catalog for who holds a key. It is filled up with zeros to 2, 4, 8 KiB and so on.
///
/// The same catalog, key and entropy give the same bytes, so writing it again changes nothing.
pub fn seal(catalog: &[u8], recipient: &Recipient, entropy: &Entropy) -> Vec<u8> {
    let mut text = (catalog.len() as u32).to_be_bytes().to_vec();
    text.extend_from_slice(catalog);
    text.resize(text.len().next_power_of_two().max(LEAST), 0);
    damm_age::seal(&text, &[*recipient], entropy)
}

/// The catalog in a sealed file.
///
/// # Errors
///
/// As [`damm_age::open`]; `Damaged` too when there is no catalog in it.
pub fn open(file: &[u8], identity: &Identity) -> Result<Vec<u8>, damm_age::Error> {
    let text = damm_age::open(file, identity)?;
    let (head, rest) = text.split_first_chunk::<HEAD>().ok_or(damm_age::Error::Damaged)?;
    let length = u32::from_be_bytes(*head) as usize;
    rest.get(..length).map(<[u8]>::to_vec).ok_or(damm_age::Error::Damaged)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sealed(catalog: &[u8]) -> Vec<u8> {
        seal(catalog, &Identity::new([1; 32]).recipient(), &Entropy::new([2; 32]))
    }

    #[test]
    fn a_catalog_is_for_its_bucket_alone_and_comes_back_as_it_was() {
        for length in [0, 1, 700, 2_044, 2_045, 5_000, 70_000] {
            let catalog = vec![7; length];
            let file = sealed(&catalog);
            assert_eq!(open(&file, &Identity::new([1; 32])), Ok(catalog), "{length}");
            assert_eq!(open(&file, &Identity::new([3; 32])), Err(damm_age::Error::NotForUs));
        }
    }

    #[test]
    fn lengths_tell_a_class_and_no_more() {
        let classes = [
            [0, 1, 900, 1_700, 2_044].as_slice(),
            [2_045, 3_000, 4_092].as_slice(),
            [4_093, 8_188].as_slice(),
        ];
        let mut lengths = Vec::new();
        for class in classes {
            let all: Vec<_> = class.iter().map(|n| sealed(&vec![0; *n]).len()).collect();
            assert!(all.iter().all(|n| *n == all[0]), "{class:?}: {all:?}");
            lengths.push(all[0]);
        }
        assert!(lengths.is_sorted() && lengths[0] < lengths[1] && lengths[1] < lengths[2]);
    }

    #[test]
    fn the_same_catalog_gives_the_same_bytes_and_another_gives_others() {
        assert_eq!(sealed(b"a"), sealed(b"a"));
        assert_ne!(sealed(b"a"), sealed(b"b"));
    }

    #[test]
    fn what_holds_no_catalog_is_refused() {
        let identity = Identity::new([1; 32]);
        for text in [&b""[..], &[0, 0], &[0, 0, 0, 5, 1, 2]] {
            let file = damm_age::seal(text, &[identity.recipient()], &Entropy::new([2; 32]));
            assert_eq!(open(&file, &identity), Err(damm_age::Error::Damaged), "{text:?}");
        }
    }
}
