//! Bytes as changes to something valid, and as the parts of something made.

/// Something valid with changes made to it, four bytes each: what is done, where (two bytes), and
/// with what.
pub fn changed(valid: &[u8], changes: &[u8]) -> Vec<u8> {
    let mut bytes = valid.to_vec();
    for change in changes.as_chunks::<4>().0.iter().take(32) {
        let [what, high, low, with] = *change;
        let at = usize::from(u16::from_be_bytes([high, low])) % (bytes.len() + 1);
        match what % 5 {
            0 if at < bytes.len() => bytes[at] ^= with,
            1 if at < bytes.len() => bytes[at] = with,
            2 => bytes.insert(at, with),
            3 => drop(bytes.drain(at..bytes.len().min(at + usize::from(with)))),
            4 => bytes.extend_from_within(at..bytes.len().min(at + usize::from(with))),
            _ => {}
        }
    }
    bytes
}

/// Bytes that are taken from the front; zeros when there are none left.
#[derive(Debug, Clone, Copy)]
pub struct Parts<'a>(pub &'a [u8]);

impl<'a> Parts<'a> {
    /// The next bytes.
    pub fn take<const N: usize>(&mut self) -> [u8; N] {
        let (now, rest) = self.0.split_at(self.0.len().min(N));
        self.0 = rest;
        std::array::from_fn(|i| now.get(i).copied().unwrap_or(0))
    }

    /// The next byte.
    pub fn byte(&mut self) -> u8 {
        let [byte] = self.take();
        byte
    }

    /// All that is left.
    pub const fn rest(self) -> &'a [u8] {
        self.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn changes_reach_every_place_and_none_beyond() {
        assert_eq!(changed(b"abc", &[]), b"abc");
        assert_eq!(changed(b"abc", &[0, 0, 1, 3]), b"aac");
        assert_eq!(changed(b"abc", &[1, 0, 2, b'x']), b"abx");
        assert_eq!(changed(b"abc", &[2, 0, 3, b'x']), b"abcx");
        assert_eq!(changed(b"abc", &[3, 0, 1, 200]), b"a");
        assert_eq!(changed(b"abc", &[4, 0, 1, 200]), b"abcbc");
        assert_eq!(changed(b"abc", &[1, 0, 3, b'x']), b"abc");
    }

    #[test]
    fn parts_come_one_after_the_other_and_then_zeros() {
        let mut parts = Parts(b"abcde");
        assert_eq!(parts.take(), *b"abc");
        assert_eq!((parts.byte(), parts.rest()), (b'd', &b"e"[..]));
        assert_eq!(parts.take(), [b'e', 0, 0]);
    }
}
