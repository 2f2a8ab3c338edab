//! What a client does with bytes that it was handed: it takes them, or says why not.

use std::collections::BTreeSet;

use damm_fleet::{RegionName, Span, Timestamp};
use serde::{Deserialize, Serialize};

use crate::audience::Audience;
use crate::contents::Catalog;
use crate::envelope::Envelope;
use crate::error::Refusal;
use crate::key::KeyId;
use crate::root::{Role, Root};

/// How far a client's clock may be behind. It is granted only to a catalog that holds soon, never
/// to one that has expired: an address is given up once all catalogs that name it have.
pub const SKEW: Span = Span::from_mins(5);

/// What a client keeps of the catalog that it took last.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Seen {
    /// Whom it was for.
    pub audience: Audience,
    /// Its version.
    pub version: u64,
    /// SHA-256 of its canonical bytes, in hex.
    pub digest: String,
}

/// What a client wants to be told.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Expected {
    /// The fleet.
    pub fleet: String,
    /// The region, when it asked for one.
    pub region: Option<RegionName>,
    /// Its own audience, when it was told so at enrolment. Else the first one seen is its own.
    pub audience: Option<Audience>,
}

impl Expected {
    /// Any region and audience of a fleet.
    pub fn fleet(fleet: &str) -> Self {
        Self { fleet: fleet.to_owned(), region: None, audience: None }
    }
}

/// What a new root changed.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RootChange {
    /// The new root's version.
    pub version: u64,
    /// The keys that no longer count. When one of them signed catalogs, the caller forgets what it
    /// has [`Seen`]: whoever stole the key may have signed a version that nothing can follow
    /// (TUF 1.0, section 5.3.11).
    pub revoked: BTreeSet<KeyId>,
    /// Whether the caller has to forget what it has [`Seen`].
    pub forget_seen: bool,
}

/// Takes catalogs that the trusted root's keys signed, and refuses all others.
#[derive(Debug, Clone)]
pub struct Verifier {
    root: Root,
    revoked: BTreeSet<KeyId>,
    expected: Expected,
}

impl Verifier {
    /// Trusts a root that came with the client, or at enrolment.
    ///
    /// # Errors
    ///
    /// A [`Refusal`] when it is damaged, its own keys did not sign it, or it is another fleet's.
    pub fn trust(envelope: &[u8], expected: Expected) -> Result<Self, Refusal> {
        let (envelope, root) = open_root(envelope)?;
        signed_by(&envelope, &root, &root.roles.root, &BTreeSet::new())?;
        of_fleet(&root.fleet, &expected.fleet)?;
        Ok(Self { root, revoked: BTreeSet::new(), expected })
    }

    /// The trusted root.
    pub const fn root(&self) -> &Root {
        &self.root
    }

    /// Follows a new root, which enough keys of the trusted one and enough of its own have signed.
    ///
    /// Roots are followed one by one, without a gap, so that no revocation is missed; one that has
    /// expired may still lead to its successor (TUF 1.0, section 5.3).
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; the root that was trusted so far stays.
    pub fn update_root(&mut self, envelope: &[u8]) -> Result<RootChange, Refusal> {
        let (envelope, new) = open_root(envelope)?;
        signed_by(&envelope, &self.root, &self.root.roles.root, &self.revoked)?;
        signed_by(&envelope, &new, &new.roles.root, &BTreeSet::new())?;
        of_fleet(&new.fleet, &self.expected.fleet)?;
        if new.version != self.root.version + 1 {
            return Err(Refusal::RootOutOfOrder {
                found: new.version,
                wanted: self.root.version + 1,
            });
        }
        let old = std::mem::replace(&mut self.root, new);
        Ok(self.note_change(&old))
    }

    fn note_change(&mut self, old: &Root) -> RootChange {
        let kept = |id: &KeyId| self.root.keys.contains_key(id);
        let revoked: BTreeSet<_> = old.keys.keys().filter(|id| !kept(id)).copied().collect();
        let catalog_keys = &self.root.roles.catalog.keyids;
        let forget_seen = !old.roles.catalog.keyids.is_subset(catalog_keys);
        self.revoked.extend(&revoked);
        self.revoked.retain(|id| !self.root.keys.contains_key(id));
        RootChange { version: self.root.version, revoked, forget_seen }
    }

    /// Takes a catalog, or says why not. `now` is the client's time, `last_seen` what it kept of
    /// the one that it took last.
    ///
    /// # Errors
    ///
    /// A [`Refusal`]; the client goes on with the catalog that it has.
    pub fn verify(
        &self,
        envelope: &[u8],
        now: Timestamp,
        last_seen: Option<&Seen>,
    ) -> Result<Catalog, Refusal> {
        let envelope = Envelope::from_bytes(envelope)?;
        envelope.holds(Catalog::PAYLOAD_TYPE)?;
        if now >= self.root.expires {
            return Err(Refusal::RootExpired { expired: self.root.expires });
        }
        signed_by(&envelope, &self.root, &self.root.roles.catalog, &self.revoked)?;
        let catalog = Catalog::from_bytes(&envelope.payload)?;
        self.is_ours(&catalog, last_seen)?;
        in_time(&catalog, now)?;
        last_seen.map_or(Ok(()), |seen| not_older(&catalog, seen))?;
        Ok(catalog)
    }

    fn is_ours(&self, catalog: &Catalog, last_seen: Option<&Seen>) -> Result<(), Refusal> {
        of_fleet(&catalog.fleet, &self.expected.fleet)?;
        let region = self.expected.region.as_ref();
        if let Some(wanted) = region.filter(|r| **r != catalog.region) {
            return Err(Refusal::WrongRegion {
                wanted: wanted.clone(),
                found: catalog.region.clone(),
            });
        }
        let known = self.expected.audience.as_ref();
        match known.or(last_seen.map(|s| &s.audience)) {
            Some(mine) if *mine != catalog.audience => Err(Refusal::WrongAudience),
            _ => Ok(()),
        }
    }
}

fn open_root(bytes: &[u8]) -> Result<(Envelope, Root), Refusal> {
    let envelope = Envelope::from_bytes(bytes)?;
    envelope.holds(Root::PAYLOAD_TYPE)?;
    let root = Root::from_bytes(&envelope.payload)?;
    Ok((envelope, root))
}

fn of_fleet(found: &str, wanted: &str) -> Result<(), Refusal> {
    match found == wanted {
        true => Ok(()),
        false => Err(Refusal::WrongFleet { wanted: wanted.to_owned(), found: found.to_owned() }),
    }
}

fn in_time(catalog: &Catalog, now: Timestamp) -> Result<(), Refusal> {
    if now >= catalog.expires {
        return Err(Refusal::Expired { expired: catalog.expires });
    }
    match now + SKEW < catalog.not_before {
        true => Err(Refusal::NotYetValid { from: catalog.not_before, now }),
        false => Ok(()),
    }
}

fn not_older(catalog: &Catalog, seen: &Seen) -> Result<(), Refusal> {
    if catalog.version < seen.version {
        return Err(Refusal::Rollback { found: catalog.version, seen: seen.version });
    }
    match catalog.version == seen.version && catalog.seen().digest != seen.digest {
        true => Err(Refusal::Equivocation { version: catalog.version }),
        false => Ok(()),
    }
}

/// Refuses an envelope that too few of a role's keys signed, or that one of them did not sign
/// although it says so: something was changed, and nothing of it is to be believed.
fn signed_by(
    envelope: &Envelope,
    root: &Root,
    role: &Role,
    revoked: &BTreeSet<KeyId>,
) -> Result<(), Refusal> {
    let bytes = envelope.signed_bytes();
    let mut counted = BTreeSet::new();
    let mut stranger = None;
    for signature in &envelope.signatures {
        let id = signature.keyid.parse::<KeyId>().ok();
        let Some(id) = id.filter(|id| role.keyids.contains(id)) else {
            stranger.get_or_insert(&signature.keyid);
            continue;
        };
        if !counted.insert(id) {
            return Err(Refusal::Malformed("a key signed it twice"));
        }
        // A role's keys are among the root's: it is refused otherwise.
        if !root.keys.get(&id).is_some_and(|k| k.signed(&bytes, &signature.sig)) {
            return Err(Refusal::BadSignature { key: id });
        }
    }
    let (have, want) = (counted.len() as u32, role.threshold);
    match (have >= want, stranger) {
        (true, _) => Ok(()),
        (false, Some(keyid)) if have == 0 => Err(stranger_refusal(keyid, root, revoked)),
        (false, _) => Err(Refusal::TooFewSignatures { have, want }),
    }
}

fn stranger_refusal(keyid: &str, root: &Root, revoked: &BTreeSet<KeyId>) -> Refusal {
    match keyid.parse() {
        Ok(key) if revoked.contains(&key) => Refusal::RevokedKey { key },
        _ => Refusal::UnknownKey {
            key: keyid.escape_default().take(40).collect(),
            root: root.version,
        },
    }
}
