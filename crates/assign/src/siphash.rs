//! SipHash-2-4 of one 64-bit word, as its authors define it
//! (<https://www.aumasson.jp/siphash/siphash.pdf>).

/// The state that a 128-bit key starts from.
#[derive(Clone, Copy)]
pub(crate) struct SipKey([u64; 4]);

impl SipKey {
    /// A key from 16 bytes, read as the paper does: little-endian.
    pub(crate) fn new(bytes: [u8; 16]) -> Self {
        let k = u128::from_le_bytes(bytes);
        let (k0, k1) = (k as u64, (k >> 64) as u64);
        Self([
            k0 ^ 0x736f_6d65_7073_6575,
            k1 ^ 0x646f_7261_6e64_6f6d,
            k0 ^ 0x6c79_6765_6e65_7261,
            k1 ^ 0x7465_6462_7974_6573,
        ])
    }

    /// The hash of the word's eight little-endian bytes.
    #[inline(always)]
    pub(crate) fn hash(self, word: u64) -> u64 {
        // The last block holds the message's length in its highest byte.
        let last = 8u64 << 56;
        let state = absorb(absorb(self.0, word), last);
        let [a, b, c, d] = [state[0], state[1], state[2] ^ 0xff, state[3]];
        let end = (0..4).fold([a, b, c, d], |v, _| round(v));
        end[0] ^ end[1] ^ end[2] ^ end[3]
    }
}

#[inline(always)]
const fn absorb(mut v: [u64; 4], block: u64) -> [u64; 4] {
    v[3] ^= block;
    v = round(round(v));
    v[0] ^= block;
    v
}

#[inline(always)]
const fn round([mut a, mut b, mut c, mut d]: [u64; 4]) -> [u64; 4] {
    a = a.wrapping_add(b);
    b = b.rotate_left(13) ^ a;
    a = a.rotate_left(32);
    c = c.wrapping_add(d);
    d = d.rotate_left(16) ^ c;
    a = a.wrapping_add(d);
    d = d.rotate_left(21) ^ a;
    c = c.wrapping_add(b);
    b = b.rotate_left(17) ^ c;
    c = c.rotate_left(32);
    [a, b, c, d]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_vector_of_the_authors_holds() {
        // The reference implementation's vector for the message 00 01 .. 07 under 00 01 .. 0f.
        let key = SipKey::new(std::array::from_fn(|i| i as u8));
        let word = u64::from_le_bytes(std::array::from_fn(|i| i as u8));
        assert_eq!(key.hash(word), 0x93f5_f579_9a93_2462);
    }

    #[test]
    #[allow(deprecated)]
    fn the_standard_library_agrees() {
        use std::hash::{Hasher, SipHasher};
        for n in 0..1_000u64 {
            let (k0, k1) = (n.wrapping_mul(0x9e37_79b9_7f4a_7c15), n ^ 0x5555);
            let mut theirs = SipHasher::new_with_keys(k0, k1);
            theirs.write(&(!n).to_le_bytes());
            let key = (u128::from(k1) << 64 | u128::from(k0)).to_le_bytes();
            assert_eq!(SipKey::new(key).hash(!n), theirs.finish(), "word {n}");
        }
    }
}
