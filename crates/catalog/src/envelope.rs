//! Signed bytes: the Dead Simple Signing Envelope (<https://github.com/secure-systems-lab/dsse>).

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use serde::{Deserialize, Serialize};

use crate::canon::canonical;
use crate::error::Refusal;
use crate::key::SecretKey;

/// The most bytes that are read as an envelope. A catalog of 16 doors takes about 3 KiB.
pub const MAX_ENVELOPE: usize = 64 * 1024;

/// Some bytes, what they are, and who signed them.
///
/// Nothing in it is to be believed before a [`Verifier`](crate::Verifier) has taken it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Envelope {
    /// What the payload is.
    pub payload_type: String,
    /// The signed bytes.
    pub payload: Vec<u8>,
    /// Who signed them.
    pub signatures: Vec<Signature>,
}

/// One signature, over [`pae`] of the payload's type and the payload.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Signature {
    /// The short name of the key; a hint, as other tools may write others.
    pub keyid: String,
    /// The signature's bytes.
    pub sig: Vec<u8>,
}

/// DSSE's pre-authentication encoding: what is signed.
///
/// `"DSSEv1" SP LEN(type) SP type SP LEN(body) SP body`, lengths in decimal, in bytes.
pub fn pae(payload_type: &str, body: &[u8]) -> Vec<u8> {
    let head = format!("DSSEv1 {} {payload_type} {} ", payload_type.len(), body.len());
    [head.as_bytes(), body].concat()
}

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "camelCase")]
struct Wire {
    payload: String,
    payload_type: String,
    signatures: Vec<WireSignature>,
}

#[derive(Serialize, Deserialize)]
struct WireSignature {
    keyid: String,
    sig: String,
}

impl Envelope {
    /// An envelope that these keys signed.
    pub fn seal(payload_type: &str, payload: Vec<u8>, keys: &[&SecretKey]) -> Self {
        let mut envelope =
            Self { payload_type: payload_type.to_owned(), payload, signatures: Vec::new() };
        keys.iter().for_each(|key| envelope.sign(key));
        envelope
    }

    /// Adds a key's signature, or renews it: key holders may sign one after the other, each at a
    /// place of their own.
    pub fn sign(&mut self, key: &SecretKey) {
        let keyid = key.public().id().to_string();
        let sig = key.sign(&self.signed_bytes()).to_vec();
        self.signatures.retain(|s| s.keyid != keyid);
        self.signatures.push(Signature { keyid, sig });
    }

    /// What its signatures are over.
    pub fn signed_bytes(&self) -> Vec<u8> {
        pae(&self.payload_type, &self.payload)
    }

    /// The envelope as JSON, in canonical form.
    pub fn to_bytes(&self) -> Vec<u8> {
        let signature =
            |s: &Signature| WireSignature { keyid: s.keyid.clone(), sig: STANDARD.encode(&s.sig) };
        canonical(&Wire {
            payload: STANDARD.encode(&self.payload),
            payload_type: self.payload_type.clone(),
            signatures: self.signatures.iter().map(signature).collect(),
        })
    }

    /// The envelope from JSON. What DSSE does not name is passed over, as it demands.
    ///
    /// # Errors
    ///
    /// [`Refusal::TooLarge`] or [`Refusal::Malformed`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        if bytes.len() > MAX_ENVELOPE {
            return Err(Refusal::TooLarge { size: bytes.len(), limit: MAX_ENVELOPE });
        }
        let wire: Wire = serde_json::from_slice(bytes)
            .map_err(|_| Refusal::Malformed("it is no signed envelope"))?;
        let decode = |text: &str| {
            let decoded = STANDARD.decode(text);
            decoded.map_err(|_| Refusal::Malformed("its base 64 is damaged"))
        };
        let signature = |s: WireSignature| {
            let sig = decode(&s.sig)?;
            Ok(Signature { keyid: s.keyid, sig })
        };
        Ok(Self {
            payload: decode(&wire.payload)?,
            payload_type: wire.payload_type,
            signatures: wire.signatures.into_iter().map(signature).collect::<Result<_, _>>()?,
        })
    }

    /// Refuses an envelope around anything else.
    ///
    /// # Errors
    ///
    /// [`Refusal::PayloadType`].
    pub fn holds(&self, wanted: &'static str) -> Result<(), Refusal> {
        match self.payload_type == wanted {
            true => Ok(()),
            false => Err(Refusal::PayloadType {
                wanted,
                // It may be long, and it is not to be believed.
                found: self.payload_type.escape_default().take(80).collect(),
            }),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_encoding_is_the_one_of_the_specification() {
        // The test vector of DSSE's protocol.md.
        let bytes = pae("http://example.com/HelloWorld", b"hello world");
        assert_eq!(bytes, b"DSSEv1 29 http://example.com/HelloWorld 11 hello world");
    }

    #[test]
    fn an_envelope_reads_back_as_it_was_written() {
        let keys = [SecretKey::new(&[1; 32]), SecretKey::new(&[2; 32])];
        let envelope = Envelope::seal("text/plain", b"a".to_vec(), &[&keys[0], &keys[1]]);
        assert_eq!(Envelope::from_bytes(&envelope.to_bytes()), Ok(envelope));
    }

    #[test]
    fn a_key_that_signs_again_still_counts_once() {
        let key = SecretKey::new(&[1; 32]);
        let mut envelope = Envelope::seal("text/plain", b"a".to_vec(), &[&key]);
        let once = envelope.clone();
        envelope.sign(&key);
        assert_eq!(envelope, once);
    }

    #[test]
    fn more_bytes_than_any_catalog_has_are_not_read() {
        let refusal = Envelope::from_bytes(&vec![b' '; MAX_ENVELOPE + 1]).unwrap_err();
        assert!(matches!(refusal, Refusal::TooLarge { size: 65_537, .. }));
    }
}
