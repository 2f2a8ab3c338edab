//! A catalog that the client took, and whether it takes another in its place.

use damm_catalog::{Catalog, Envelope, Expected, Refusal, Seen, Verifier};
use damm_fleet::{RegionName, Timestamp};
use damm_protocol::Assignment;
use serde::{Deserialize, Serialize};

/// A catalog as it was signed, and what is kept to refuse older ones.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Held {
    /// The envelope, a JSON text.
    signed: String,
    seen: Seen,
    /// The bucket that it is of, by its place among the client's own.
    pub(crate) leaf: usize,
}

impl Held {
    /// The envelope, byte for byte.
    pub const fn signed(&self) -> &[u8] {
        self.signed.as_bytes()
    }

    /// The catalog; it was verified when it was taken. `None` when the file was changed since.
    pub fn catalog(&self) -> Option<Catalog> {
        let envelope = Envelope::from_bytes(self.signed()).ok()?;
        let catalog = Catalog::from_bytes(&envelope.payload).ok()?;
        (catalog.seen() == self.seen).then_some(catalog)
    }

    /// Takes an envelope: when the fleet's keys signed it, it is for one of the client's buckets in
    /// a region, it holds now, and it is no older than what is held.
    ///
    /// # Errors
    ///
    /// Why not; what is held stays.
    pub(crate) fn take(
        assignment: &Assignment,
        region: &RegionName,
        before: Option<&Self>,
        signed: &[u8],
        now: Timestamp,
    ) -> Result<Self, Refusal> {
        let expected =
            Expected { region: Some(region.clone()), ..Expected::fleet(&assignment.fleet) };
        let verifier = Verifier::trust(assignment.root.as_bytes(), expected)?;
        let catalog = verifier.verify(signed, now, None)?;
        let own = assignment.audiences.get(region).into_iter().flatten();
        let mut own = own.enumerate();
        let leaf = own.find(|(_, mine)| *mine == catalog.audience.as_str());
        let Some((leaf, _)) = leaf else { return Err(Refusal::WrongAudience) };
        if let Some(before) = before {
            before.allows(&verifier, &catalog, signed, now)?;
        }
        let signed = String::from_utf8_lossy(signed).into_owned();
        Ok(Self { signed, seen: catalog.seen(), leaf })
    }

    /// In the same bucket its version must not be lower. A bucket that is split, or merged again,
    /// counts versions of its own: there what was made earlier is older.
    fn allows(
        &self,
        verifier: &Verifier,
        new: &Catalog,
        signed: &[u8],
        now: Timestamp,
    ) -> Result<(), Refusal> {
        if new.audience == self.seen.audience {
            return verifier.verify(signed, now, Some(&self.seen)).map(drop);
        }
        let made = self.catalog().map_or(Timestamp::EPOCH, |c| c.not_before);
        match new.not_before > made {
            true => Ok(()),
            false => Err(Refusal::Rollback { found: new.version, seen: self.seen.version }),
        }
    }

    /// Whether another is newer than this.
    pub(crate) fn is_older_than(&self, other: &Self) -> bool {
        match self.seen.audience == other.seen.audience {
            true => self.seen.version < other.seen.version,
            false => made(self) < made(other),
        }
    }
}

fn made(held: &Held) -> Option<Timestamp> {
    held.catalog().map(|c| c.not_before)
}
