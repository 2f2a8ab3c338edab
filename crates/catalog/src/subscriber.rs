//! From a client's number to its secret path and back, so that paths need not be stored, and one
//! that was guessed is refused before anything is looked up.

use std::fmt;

use damm_assign::keyed_hash;
use zeroize::Zeroize;

use crate::audience::SubscriptionPath;

/// What subscription paths follow from. It never leaves the controller.
///
/// A path is a tag of 128 bits over the client's number, and the number under a mask that follows
/// from the tag: a synthetic initialisation vector, as in RFC 5297. Without the key, paths are as
/// good as random, and a made-up one is right once in 2^128.
pub struct SubscriberKey([u8; 32]);

impl SubscriberKey {
    pub(crate) const fn new(key: [u8; 32]) -> Self {
        Self(key)
    }

    /// The path of the client with this number; always the same.
    pub fn path(&self, number: u32) -> SubscriptionPath {
        let tag = self.tag(number);
        let mut bytes = [0; 20];
        bytes[..16].copy_from_slice(&tag);
        bytes[16..].copy_from_slice(&(number ^ self.mask(&tag)).to_be_bytes());
        SubscriptionPath::from_bytes(bytes)
    }

    /// Whose path it is; `None` for one that this key never made.
    pub fn number(&self, path: &SubscriptionPath) -> Option<u32> {
        let bytes = path.to_bytes();
        let (tag, masked) = bytes.split_first_chunk::<16>()?;
        let number = u32::from_be_bytes(masked.try_into().ok()?) ^ self.mask(tag);
        // All of it is compared in any case: how long it takes tells nothing of where it differs.
        let differs = tag.iter().zip(self.tag(number)).fold(0, |d, (a, b)| d | (a ^ b));
        (differs == 0).then_some(number)
    }

    fn tag(&self, number: u32) -> [u8; 16] {
        let hash = keyed_hash(&self.0, "tag", &[&number.to_be_bytes()]);
        std::array::from_fn(|i| hash[i])
    }

    fn mask(&self, tag: &[u8; 16]) -> u32 {
        let hash = keyed_hash(&self.0, "mask", &[tag]);
        u32::from_be_bytes([hash[0], hash[1], hash[2], hash[3]])
    }
}

impl Drop for SubscriberKey {
    fn drop(&mut self) {
        self.0.zeroize();
    }
}

impl fmt::Debug for SubscriberKey {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SubscriberKey(..)")
    }
}

#[cfg(test)]
mod tests {
    use proptest::prelude::*;

    use super::*;

    proptest! {
        #[test]
        fn every_number_has_a_path_that_leads_back_to_it(number: u32, key: [u8; 32]) {
            let key = SubscriberKey::new(key);
            prop_assert_eq!(key.number(&key.path(number)), Some(number));
        }

        #[test]
        fn a_path_that_was_changed_in_any_place_is_nobodys(
            number: u32, place in 0usize..32, by in 1usize..32,
        ) {
            let key = SubscriberKey::new([3; 32]);
            let mut symbols = key.path(number).as_str().as_bytes().to_vec();
            let alphabet = b"abcdefghijklmnopqrstuvwxyz234567";
            let at = alphabet.iter().position(|a| *a == symbols[place]).unwrap();
            symbols[place] = alphabet[(at + by) % 32];
            let changed = String::from_utf8(symbols).unwrap().parse().unwrap();
            prop_assert_eq!(key.number(&changed), None);
        }

        #[test]
        fn paths_of_another_key_are_nobodys(number: u32) {
            let path = SubscriberKey::new([1; 32]).path(number);
            prop_assert_eq!(SubscriberKey::new([2; 32]).number(&path), None);
        }
    }
}
