//! A file's text, in pieces, the last of which is marked: none can be cut off or put elsewhere
//! (STREAM, <https://eprint.iacr.org/2015/189>).

use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit as _, Nonce};

use crate::derive::derive;
use crate::error::Error;
use crate::header::FileKey;

/// Bytes of text in a piece.
const PIECE: usize = 64 * 1024;
const TAG: usize = 16;
const NONCE: usize = 16;

/// Appends the text to what is there of the file.
pub(crate) fn seal(file: &mut Vec<u8>, text: &[u8], file_key: &FileKey, nonce: [u8; NONCE]) {
    file.extend(nonce);
    let cipher = cipher(file_key, &nonce);
    let pieces = pieces(text, PIECE);
    let last = pieces.len() - 1;
    for (number, piece) in pieces.into_iter().enumerate() {
        let sealed = cipher.encrypt(&numbered(number, number == last), piece);
        // It fails only for texts of more than 256 GiB.
        file.extend(sealed.unwrap_or_default());
    }
}

/// The text of what follows a header.
pub(crate) fn open(payload: &[u8], file_key: &FileKey) -> Result<Vec<u8>, Error> {
    let (nonce, sealed) = payload.split_first_chunk::<NONCE>().ok_or(Error::Damaged)?;
    let cipher = cipher(file_key, nonce);
    let pieces = pieces(sealed, PIECE + TAG);
    let last = pieces.len() - 1;
    let mut text = Vec::with_capacity(sealed.len());
    for (number, piece) in pieces.into_iter().enumerate() {
        let opened = cipher.decrypt(&numbered(number, number == last), piece);
        let opened = opened.map_err(|_| Error::Damaged)?;
        // Only a text of nothing has a piece of nothing.
        if opened.is_empty() && number > 0 {
            return Err(Error::Damaged);
        }
        text.extend(opened);
    }
    Ok(text)
}

/// At least one.
fn pieces(bytes: &[u8], size: usize) -> Vec<&[u8]> {
    match bytes.is_empty() {
        true => vec![bytes],
        false => bytes.chunks(size).collect(),
    }
}

fn cipher(file_key: &FileKey, nonce: &[u8; NONCE]) -> ChaCha20Poly1305 {
    ChaCha20Poly1305::new(&Key::from(*derive::<32>(file_key.as_slice(), nonce, b"payload")))
}

/// Eleven bytes count, and the twelfth marks the last.
fn numbered(number: usize, last: bool) -> Nonce {
    let mut nonce = [0; 12];
    nonce[3..11].copy_from_slice(&(number as u64).to_be_bytes());
    nonce[11] = u8::from(last);
    Nonce::from(nonce)
}
