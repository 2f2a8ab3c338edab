//! Canonical JSON (RFC 8785), hashes and their spelling.

use serde::Serialize;
use serde_json::{Map, Value};
use sha2::{Digest, Sha256};

/// The JSON object of a value that serializes to one.
pub(crate) fn object<T: Serialize>(value: &T) -> Map<String, Value> {
    match serde_json::to_value(value) {
        Ok(Value::Object(fields)) => fields,
        // Only this crate's structs with fields of text and numbers come here: never reached.
        _ => Map::new(),
    }
}

/// The canonical bytes of a value.
pub(crate) fn canonical<T: Serialize>(value: &T) -> Vec<u8> {
    // It fails only for keys that are not text and for numbers that are not finite; this crate has
    // neither. Empty bytes would be refused by every reader.
    serde_json_canonicalizer::to_vec(value).unwrap_or_default()
}

/// SHA-256 in lower-case hex.
pub(crate) fn sha256_hex(bytes: &[u8]) -> String {
    hex(&Sha256::digest(bytes))
}

/// Lower-case hex.
pub(crate) fn hex(bytes: &[u8]) -> String {
    const DIGITS: &[u8; 16] = b"0123456789abcdef";
    let digits = bytes.iter().flat_map(|b| [b >> 4, b & 15]);
    digits.map(|d| char::from(DIGITS[usize::from(d)])).collect()
}

/// Exactly `N` bytes from lower-case hex.
pub(crate) fn unhex<const N: usize>(text: &str) -> Option<[u8; N]> {
    let digit = |b: &u8| match b {
        b'0'..=b'9' => Some(b - b'0'),
        b'a'..=b'f' => Some(b - b'a' + 10),
        _ => None,
    };
    if text.len() != 2 * N {
        return None;
    }
    let mut bytes = [0; N];
    for (byte, pair) in bytes.iter_mut().zip(text.as_bytes().chunks_exact(2)) {
        *byte = digit(&pair[0])? << 4 | digit(&pair[1])?;
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hex_reads_back_as_it_was_written() {
        let bytes: [u8; 256] = std::array::from_fn(|i| i as u8);
        assert_eq!(unhex(&hex(&bytes)), Some(bytes));
        for bad in ["0", "0G", "0A", "é", "000"] {
            assert_eq!(unhex::<1>(bad), None, "{bad:?} was taken");
        }
    }
}
