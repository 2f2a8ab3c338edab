//! Files that only the holders of some keys can read, as the tool age has them. Pure.
//!
//! This is version 1 of the format <https://age-encryption.org/v1>, with recipients of the type
//! X25519 alone: neither passwords nor plugins; armour is put on and not taken off. The package
//! `age` has all of it, with forty packages for languages and curves that nothing here needs, and
//! draws its own randomness; here that is an argument.
//!
//! # Guarantees
//!
//! - What is sealed can be opened by age, and by all that read its files, mihomo for one.
//! - The same text, recipients and entropy give the same bytes.
//! - Opening takes a file whole or not at all, and never panics, whatever the bytes.
//!
//! # Assumptions
//!
//! Entropy is 32 bytes of the operating system's, and no two files share it. A file tells its
//! length and how many recipients it has; who minds fills it up first.
//!
//! # Example
//!
//! ```
//! use damm_age::{Entropy, Identity, open, seal};
//!
//! let identity = Identity::new([7; 32]);
//! let file = seal(b"told to one", &[identity.recipient()], &Entropy::new([9; 32]));
//! assert_eq!(open(&file, &identity)?, b"told to one");
//! assert!(open(&file, &Identity::new([8; 32])).is_err());
//! # Ok::<(), damm_age::Error>(())
//! ```

mod armor;
mod bech32;
mod derive;
mod error;
mod header;
mod key;
mod payload;

pub use armor::armor;
pub use error::{Error, NotAKey};
pub use key::{Entropy, Identity, Recipient};

use header::Header;

/// A file that each of the recipients can open. Without any, nobody can.
pub fn seal(text: &[u8], recipients: &[Recipient], entropy: &Entropy) -> Vec<u8> {
    let file_key = entropy.file_key();
    let stanzas = recipients.iter().zip(0..).map(|(recipient, number)| {
        header::Stanza::wrap(&file_key, recipient, entropy.ephemeral(number))
    });
    let mut file = Header { stanzas: stanzas.collect() }.to_bytes(&file_key);
    payload::seal(&mut file, text, &file_key, entropy.nonce());
    file
}

/// The text of a file.
///
/// # Errors
///
/// [`Error::NotAge`] when it is no file of age's, [`Error::NotForUs`] when it was sealed for
/// others, and [`Error::Damaged`] when it is not as it was sealed.
pub fn open(file: &[u8], identity: &Identity) -> Result<Vec<u8>, Error> {
    let (header, proof, payload) = Header::read(file)?;
    let file_key = header.stanzas.iter().find_map(|s| s.unwrap_with(identity));
    let file_key = file_key.ok_or(Error::NotForUs)?;
    header::check(&proof, &file_key)?;
    payload::open(payload, &file_key)
}
