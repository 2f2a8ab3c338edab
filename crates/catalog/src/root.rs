//! Roots of trust: which keys may sign catalogs, said by keys that are kept offline.
//!
//! After the root role of The Update Framework 1.0 (section 4.3), with two roles instead of four.

use std::collections::{BTreeMap, BTreeSet};

use damm_fleet::{Timestamp, name};
use serde::{Deserialize, Serialize};

use crate::canon::canonical;
use crate::contents::{MAX_VERSION, SCHEMA, readable};
use crate::envelope::Envelope;
use crate::error::{Error, Refusal};
use crate::key::{KeyId, PublicKey, SecretKey};

/// Which keys may sign catalogs, and which may say so.
///
/// A key is revoked by leaving it out of the next version.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Root {
    /// How to read it.
    pub schema: u64,
    /// The fleet.
    pub fleet: String,
    /// One more than that of the root before it; the first has 1.
    pub version: u64,
    /// After this, nothing is believed on its word.
    pub expires: Timestamp,
    /// All keys, by their short names.
    pub keys: BTreeMap<KeyId, PublicKey>,
    /// Who may do what.
    pub roles: Roles,
}

/// Who may do what.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Roles {
    /// May sign roots.
    pub root: Role,
    /// May sign catalogs.
    pub catalog: Role,
}

/// Keys that may do something, and how many of them it takes.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Role {
    /// The keys.
    pub keyids: BTreeSet<KeyId>,
    /// How many of them have to sign; at least 1.
    pub threshold: u32,
}

impl Role {
    /// A role of these keys.
    pub fn new(keys: &[PublicKey], threshold: u32) -> Self {
        Self { keyids: keys.iter().map(PublicKey::id).collect(), threshold }
    }
}

impl Root {
    /// What a root's envelope says that it holds.
    pub const PAYLOAD_TYPE: &'static str = "application/vnd.damm.root+json";

    /// A root. `root` and `catalog` are the keys of each role and how many of them have to sign.
    ///
    /// # Errors
    ///
    /// [`Error::Root`] when a threshold is 0 or beyond the role's keys, a key serves in both
    /// roles, or the fleet or the version is none.
    pub fn new(
        fleet: &str,
        version: u64,
        expires: Timestamp,
        root: (&[PublicKey], u32),
        catalog: (&[PublicKey], u32),
    ) -> Result<Self, Error> {
        let keys = root.0.iter().chain(catalog.0);
        let new = Self {
            schema: SCHEMA,
            fleet: fleet.to_owned(),
            version,
            expires,
            keys: keys.map(|k| (k.id(), *k)).collect(),
            roles: Roles {
                root: Role::new(root.0, root.1),
                catalog: Role::new(catalog.0, catalog.1),
            },
        };
        new.fault().map_or(Ok(new), |what| Err(Error::Root(what)))
    }

    /// The root in an envelope that these keys signed. More may sign the envelope later.
    pub fn seal(&self, keys: &[&SecretKey]) -> Envelope {
        Envelope::seal(Self::PAYLOAD_TYPE, canonical(self), keys)
    }

    /// The root of some canonical bytes; nothing is said about who wrote them.
    ///
    /// # Errors
    ///
    /// [`Refusal::Malformed`], [`Refusal::Schema`] or [`Refusal::NotCanonical`].
    pub fn from_bytes(bytes: &[u8]) -> Result<Self, Refusal> {
        let value: serde_json::Value = serde_json::from_slice(bytes)
            .map_err(|_| Refusal::Malformed("its contents are no JSON object"))?;
        readable(value.get("schema"))?;
        let root: Self = serde_json::from_value(value).map_err(|_| {
            Refusal::Malformed("a field is missing, unknown or not what it should be")
        })?;
        if let Some(what) = root.fault() {
            return Err(Refusal::Malformed(what));
        }
        match canonical(&root) == bytes {
            true => Ok(root),
            false => Err(Refusal::NotCanonical),
        }
    }

    /// What keeps it from being a root that works.
    fn fault(&self) -> Option<&'static str> {
        let Roles { root, catalog } = &self.roles;
        let named: BTreeSet<_> = root.keyids.union(&catalog.keyids).copied().collect();
        let enough = |r: &Role| r.threshold >= 1 && r.threshold as usize <= r.keyids.len();
        let faults = [
            (name::is_name(&self.fleet), "the fleet's name is no name"),
            (
                (1..=MAX_VERSION).contains(&self.version),
                "versions count from 1, and stay below 2^53",
            ),
            (
                enough(root) && enough(catalog),
                "a threshold has to be 1 or more, and no more than the role's keys",
            ),
            (
                // The online key could make itself root.
                root.keyids.is_disjoint(&catalog.keyids),
                "no key may serve in both roles",
            ),
            (
                named == self.keys.keys().copied().collect(),
                "its keys are not the ones that its roles name",
            ),
            (self.keys.iter().all(|(id, key)| *id == key.id()), "a key does not have its own id"),
        ];
        faults.iter().find(|(holds, _)| !holds).map(|(_, what)| *what)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn keys() -> [PublicKey; 3] {
        [1, 2, 3].map(|n| SecretKey::new(&[n; 32]).public())
    }

    fn root(roots: &[PublicKey], threshold: u32, catalogs: &[PublicKey]) -> Result<Root, Error> {
        let expires = Timestamp::from_millis(1_000);
        Root::new("example", 1, expires, (roots, threshold), (catalogs, 1))
    }

    #[test]
    fn a_root_reads_back_as_it_was_written() {
        let [a, b, c] = keys();
        let root = root(&[a, b], 2, &[c]).unwrap();
        assert_eq!(Root::from_bytes(&canonical(&root)), Ok(root));
    }

    #[test]
    fn a_root_that_can_not_work_is_refused() {
        let [a, b, c] = keys();
        assert!(root(&[a, b], 3, &[c]).is_err(), "a threshold beyond its keys");
        assert!(root(&[a, a], 2, &[c]).is_err(), "one key twice");
        assert!(root(&[a, b], 0, &[c]).is_err(), "a threshold of nothing");
        assert!(root(&[a, b], 1, &[]).is_err(), "nobody signs catalogs");
        assert!(root(&[a, b], 1, &[b]).is_err(), "an online key that can make roots");
    }

    #[test]
    fn a_key_under_another_keys_name_is_refused() {
        let [a, b, c] = keys();
        let mut root = root(&[a, b], 1, &[c]).unwrap();
        root.keys.insert(a.id(), b);
        let refusal = Root::from_bytes(&canonical(&root)).unwrap_err();
        assert_eq!(refusal, Refusal::Malformed("a key does not have its own id"));
    }
}
