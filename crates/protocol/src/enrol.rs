//! Enrolment: a client shows its invitation and what it will prove itself with, and is told where
//! its catalogs lie.
//!
//! ```text
//! client                                               controller
//!   │ POST /c/enrol            Enrol                        │  once in a client's life
//!   │ <─────────────────────── Assignment                   │
//!   │ GET  /c/PATH             (its catalog, in any format) │
//!   │ GET  /c/PATH/assignment  Assignment                   │  should it be lost, or grow old
//! ```

use std::collections::BTreeMap;
use std::fmt;
use std::str::FromStr;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use damm_fleet::{PopulationName, RegionName};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};
use zeroize::{Zeroize, ZeroizeOnDrop, Zeroizing};

use crate::credential::{ClientSecret, Credential, CredentialId, Password};
use crate::secret::{Secret32, WireguardKey};

/// What lets a client enrol: 128 random bits, written as 22 symbols of base64url. Never shown in
/// debug output.
#[derive(Clone, PartialEq, Eq, ZeroizeOnDrop)]
pub struct InvitationCode([u8; 16]);

/// A text is no code of an invitation.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("an invitation is 22 letters, digits, `-` and `_`, as `damm invitations new` prints it")]
pub struct NotAnInvitation;

impl InvitationCode {
    /// A code of bytes that the caller drew from the operating system.
    pub const fn new(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The text, for whoever is invited.
    pub fn expose(&self) -> Zeroizing<String> {
        Zeroizing::new(URL_SAFE_NO_PAD.encode(self.0))
    }

    /// What the controller keeps of it: the SHA-256 of a label and the code, in hex. No salt: the
    /// code is uniform, so nobody can try them all.
    pub fn hash(&self) -> String {
        hex(Sha256::new().chain_update(b"damm invitation v1").chain_update(self.0))
    }
}

impl fmt::Debug for InvitationCode {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("InvitationCode(…)")
    }
}

impl FromStr for InvitationCode {
    type Err = NotAnInvitation;

    fn from_str(text: &str) -> Result<Self, NotAnInvitation> {
        let mut bytes = URL_SAFE_NO_PAD.decode(text.trim()).map_err(|_| NotAnInvitation)?;
        let code = <[u8; 16]>::try_from(&*bytes).map(Self).map_err(|_| NotAnInvitation);
        bytes.zeroize();
        code
    }
}

impl Serialize for InvitationCode {
    fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        s.serialize_str(&self.expose())
    }
}

impl<'de> Deserialize<'de> for InvitationCode {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        let text = Zeroizing::new(String::deserialize(d)?);
        text.parse().map_err(serde::de::Error::custom)
    }
}

/// The server's half of a credential that has no number yet.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct NewCredential {
    /// WireGuard: the client's public key.
    pub wireguard: WireguardKey,
    /// Shadowsocks 2022: the user's pre-shared key.
    pub shadowsocks: Secret32,
    /// For transports that ask for a password.
    pub password: Password,
}

impl NewCredential {
    /// What follows from a client's secret, which stays with the client.
    pub fn of(secret: &ClientSecret) -> Self {
        Self {
            wireguard: secret.wireguard().wireguard_public(),
            shadowsocks: secret.shadowsocks(),
            password: secret.password(),
        }
    }

    /// The credential, once it has a number.
    pub fn numbered(self, id: CredentialId) -> Credential {
        let Self { wireguard, shadowsocks, password } = self;
        Credential { id, wireguard, shadowsocks, password }
    }
}

/// What a client sends to enrol.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Enrol {
    /// What lets it in.
    pub invitation: InvitationCode,
    /// What it will prove itself with.
    pub credential: NewCredential,
}

impl Enrol {
    /// Where it is sent, below the controller's address.
    pub const PATH: &'static str = "/c/enrol";

    /// What finds the client again that enrols with the same once more, its answer being lost: a
    /// hash of all that it showed, in hex.
    pub fn mark(&self) -> String {
        let shown = &self.credential;
        let hash = Sha256::new().chain_update(b"damm enrolment v1");
        let hash = hash.chain_update(self.invitation.0).chain_update(shown.wireguard.as_bytes());
        let hash = hash.chain_update(shown.shadowsocks.as_bytes());
        hex(hash.chain_update(shown.password.expose()))
    }
}

/// All that a client is told of itself: where its catalogs lie, and what opens them. It holds
/// secrets, and stays the same over every rotation of servers and addresses.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Assignment {
    /// The credential's number.
    pub number: CredentialId,
    /// The fleet that its catalogs are of.
    pub fleet: String,
    /// Its population.
    pub population: PopulationName,
    /// Which keys sign catalogs: `root.json`, as it was signed.
    pub root: String,
    /// Its secret path at the controller: `/c/PATH`.
    pub path: SecretText,
    /// The regions whose catalogs are for it, the first to be tried first.
    pub regions: Vec<RegionName>,
    /// Places where its catalogs lie, besides the controller.
    pub places: Vec<Place>,
    /// For each region, whom its catalogs are for: one name for each bucket that the client can
    /// ever be in, its base bucket's first. It believes no other's.
    pub audiences: BTreeMap<RegionName, Vec<String>>,
    /// What opens sealed catalogs: one key for each bucket that it can ever be in, as `age` writes
    /// its own, its base bucket's first.
    pub identities: Vec<SecretText>,
    /// What its reports are made with.
    pub reporter: Secret32,
}

/// A place where a client finds its catalogs.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Place {
    /// How it is asked.
    pub at: At,
    /// Whether what lies there is sealed: the object at a place in `objects` is opened with the
    /// identity at the same place in [`Assignment::identities`].
    pub sealed: bool,
    /// For each region, one name for each bucket that the client can ever be in, its base bucket's
    /// first. The one that is found last in this order is its own.
    pub objects: BTreeMap<RegionName, Vec<String>>,
}

/// How a place is asked.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "kind", rename_all = "lowercase")]
pub enum At {
    /// Files below an address, fetched over HTTP: `URL` and then the object's name. A public
    /// S3-compatible store is read so.
    Files {
        /// The address, with its last slash.
        url: String,
    },
    /// Files in a directory that the client can read: a stick, or a share.
    Directory {
        /// The directory.
        path: String,
    },
    /// TXT records below a zone, asked of any resolver: the object's name, a dot, and the zone.
    Names {
        /// The zone, with no last dot.
        zone: String,
    },
}

/// A text that is a secret: never shown in debug output, and wiped when it is dropped.
#[derive(Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct SecretText(Zeroizing<String>);

impl SecretText {
    /// A secret text.
    pub fn new(text: impl Into<String>) -> Self {
        Self(Zeroizing::new(text.into()))
    }

    /// The text, for the one place that needs it.
    pub fn expose(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for SecretText {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("SecretText(…)")
    }
}

fn hex(hash: Sha256) -> String {
    hash.finalize().iter().map(|b| format!("{b:02x}")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn enrol(code: u8, client: u8) -> Enrol {
        let secret = ClientSecret::new(Secret32::new([client; 32]));
        let credential = NewCredential::of(&secret);
        Enrol { invitation: InvitationCode::new([code; 16]), credential }
    }

    #[test]
    fn a_code_reads_back_and_does_not_show_itself() {
        let code = InvitationCode::new([0xfb; 16]);
        assert_eq!(code.expose().len(), 22);
        assert_eq!(code.expose().parse(), Ok(code.clone()));
        assert_eq!(format!("{code:?}"), "InvitationCode(…)");
        for bad in ["", "AAAA", &"A".repeat(23), "AAAAAAAAAAAAAAAAAAAAA!"] {
            assert_eq!(bad.parse::<InvitationCode>(), Err(NotAnInvitation), "{bad}");
        }
    }

    #[test]
    fn whoever_shows_anything_else_has_another_mark() {
        let marks = [enrol(1, 1), enrol(1, 2), enrol(2, 1)].map(|e| e.mark());
        assert_eq!(marks[0], enrol(1, 1).mark());
        assert!(marks[0] != marks[1] && marks[0] != marks[2] && marks[1] != marks[2]);
        assert_ne!(InvitationCode::new([1; 16]).hash(), InvitationCode::new([2; 16]).hash());
    }

    #[test]
    fn what_a_client_sends_reads_back_and_shows_no_secret() {
        let sent = enrol(1, 1);
        let text = serde_json::to_string(&sent).unwrap();
        assert_eq!(serde_json::from_str::<Enrol>(&text).unwrap(), sent);
        let shown = format!("{sent:?}");
        assert!(!shown.contains(&sent.credential.shadowsocks.expose()), "{shown}");
        assert!(!shown.contains(sent.credential.password.expose()), "{shown}");
    }
}
