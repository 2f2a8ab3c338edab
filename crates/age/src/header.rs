//! A file's header: its key, wrapped for each recipient, and a proof that nobody changed it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD_NO_PAD;
use chacha20poly1305::aead::Aead as _;
use chacha20poly1305::{ChaCha20Poly1305, Key, KeyInit as _, Nonce};
use hkdf::Hkdf;
use sha2::Sha256;
use subtle::ConstantTimeEq as _;
use x25519_dalek::{PublicKey, StaticSecret};
use zeroize::Zeroizing;

use crate::derive::derive;
use crate::error::Error;
use crate::key::{Identity, Recipient, shared};

const VERSION: &str = "age-encryption.org/v1";
const TYPE: &str = "X25519";
const INFO: &[u8] = b"age-encryption.org/v1/X25519";

/// Symbols of a stanza's body on a line; the last line has fewer.
const COLUMNS: usize = 64;

/// More than any header has: a file for a thousand recipients fits.
const LONGEST: usize = 128 * 1024;

pub(crate) type FileKey = Zeroizing<[u8; 16]>;

/// The file's key for one recipient.
pub(crate) struct Stanza {
    share: [u8; 32],
    /// The file's key under a key that only the recipient can find; none where it could not be
    /// wrapped, or is another type's.
    wrapped: Vec<u8>,
}

pub(crate) struct Header {
    pub stanzas: Vec<Stanza>,
}

/// What a header's proof is over, and the proof.
pub(crate) struct Proof<'a> {
    over: &'a [u8],
    mac: Vec<u8>,
}

impl Stanza {
    /// A nonce of zeros is right: the key is used for this alone.
    const NONCE: [u8; 12] = [0; 12];

    pub fn wrap(file_key: &FileKey, to: &Recipient, ephemeral: StaticSecret) -> Self {
        let share = PublicKey::from(&ephemeral).to_bytes();
        let wrapped = shared(&ephemeral, to.as_bytes()).and_then(|shared| {
            let cipher = cipher(&shared, &share, to.as_bytes());
            cipher.encrypt(&Nonce::from(Self::NONCE), file_key.as_slice()).ok()
        });
        // A recipient of no worth gets a stanza that opens nothing.
        Self { share, wrapped: wrapped.unwrap_or_else(|| vec![0; 32]) }
    }

    pub fn unwrap_with(&self, identity: &Identity) -> Option<FileKey> {
        let shared = identity.shared(&self.share)?;
        let cipher = cipher(&shared, &self.share, identity.recipient().as_bytes());
        let key = cipher.decrypt(&Nonce::from(Self::NONCE), self.wrapped.as_slice()).ok()?;
        Zeroizing::new(key).as_slice().try_into().ok().map(Zeroizing::new)
    }

    fn to_text(&self) -> String {
        let [share, wrapped] = [&self.share[..], &self.wrapped].map(|b| STANDARD_NO_PAD.encode(b));
        format!("-> {TYPE} {share}\n{wrapped}\n")
    }
}

fn cipher(shared: &[u8; 32], share: &[u8; 32], recipient: &[u8; 32]) -> ChaCha20Poly1305 {
    let salt = [share.as_slice(), recipient].concat();
    ChaCha20Poly1305::new(&Key::from(*derive::<32>(shared, &salt, INFO)))
}

impl Header {
    pub fn to_bytes(&self, file_key: &FileKey) -> Vec<u8> {
        let stanzas: String = self.stanzas.iter().map(Stanza::to_text).collect();
        let over = format!("{VERSION}\n{stanzas}---");
        let mac = STANDARD_NO_PAD.encode(mac(over.as_bytes(), file_key));
        format!("{over} {mac}\n").into_bytes()
    }

    /// The header of a file, its proof, and what follows it.
    pub fn read(file: &[u8]) -> Result<(Self, Proof<'_>, &[u8]), Error> {
        let mut lines = Lines { file, at: 0 };
        if lines.next() != Some(VERSION) {
            return Err(Error::NotAge);
        }
        let mut stanzas = Vec::new();
        loop {
            let start = lines.at;
            let line = lines.next().ok_or(Error::NotAge)?;
            if let Some(mac) = line.strip_prefix("--- ") {
                let mac = decode(mac).filter(|mac| mac.len() == 32).ok_or(Error::NotAge)?;
                let proof = Proof { over: &file[..start + 3], mac };
                return Ok((Self { stanzas }, proof, &file[lines.at..]));
            }
            let args = line.strip_prefix("-> ").ok_or(Error::NotAge)?;
            stanzas.extend(stanza(args, lines.body().ok_or(Error::NotAge)?)?);
        }
    }
}

/// A stanza of a type that is read here; none when it is another's.
fn stanza(args: &str, wrapped: Vec<u8>) -> Result<Option<Stanza>, Error> {
    let args: Vec<_> = args.split(' ').collect();
    let well_formed = |arg: &&str| !arg.is_empty() && arg.bytes().all(|b| b.is_ascii_graphic());
    if !args.iter().all(well_formed) {
        return Err(Error::NotAge);
    }
    match args[..] {
        [TYPE, share] => {
            let share = decode(share).and_then(|share| share.try_into().ok());
            let sound = share.filter(|_| wrapped.len() == 32).ok_or(Error::NotAge)?;
            Ok(Some(Stanza { share: sound, wrapped }))
        }
        [TYPE, ..] => Err(Error::NotAge),
        _ => Ok(None),
    }
}

/// Checks that nobody without the file's key changed the header.
pub(crate) fn check(proof: &Proof<'_>, file_key: &FileKey) -> Result<(), Error> {
    let same = mac(proof.over, file_key).as_slice().ct_eq(&proof.mac);
    if same.into() { Ok(()) } else { Err(Error::Damaged) }
}

/// HMAC-SHA-256, which is what HKDF calls extracting (RFC 5869, section 2.2).
fn mac(over: &[u8], file_key: &FileKey) -> [u8; 32] {
    let key = derive::<32>(file_key.as_slice(), &[], b"header");
    Hkdf::<Sha256>::extract(Some(key.as_slice()), over).0.into()
}

/// Base 64 without padding, in its one right form.
fn decode(text: &str) -> Option<Vec<u8>> {
    STANDARD_NO_PAD.decode(text).ok()
}

struct Lines<'a> {
    file: &'a [u8],
    at: usize,
}

impl<'a> Lines<'a> {
    /// The next line, without its end.
    fn next(&mut self) -> Option<&'a str> {
        let rest = self.file.get(self.at..self.file.len().min(LONGEST))?;
        let length = rest.iter().position(|b| *b == b'\n')?;
        self.at += length + 1;
        str::from_utf8(&rest[..length]).ok()
    }

    /// A stanza's body: full lines, then one that is not full, and may be empty.
    fn body(&mut self) -> Option<Vec<u8>> {
        let mut text = String::new();
        loop {
            let line = self.next().filter(|line| line.len() <= COLUMNS)?;
            text.push_str(line);
            if line.len() < COLUMNS {
                return decode(&text);
            }
        }
    }
}
