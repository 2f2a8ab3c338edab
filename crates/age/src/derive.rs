//! Keys from keys.

use hkdf::Hkdf;
use sha2::Sha256;
use zeroize::Zeroizing;

/// HKDF-SHA-256 (RFC 5869).
pub(crate) fn derive<const N: usize>(
    secret: &[u8],
    salt: &[u8],
    info: &[u8],
) -> Zeroizing<[u8; N]> {
    let mut out = Zeroizing::new([0; N]);
    let expanded = Hkdf::<Sha256>::new(Some(salt), secret).expand(info, &mut *out);
    // It gives up to 8,160 bytes; 32 are the most that anyone asks for.
    debug_assert!(expanded.is_ok());
    out
}
