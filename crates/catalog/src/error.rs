//! What can go wrong: when catalogs are made, and when they are read.

use damm_fleet::{FrontdoorId, PopulationName, RegionName, Subject, Timestamp};

use crate::key::KeyId;

/// Why a catalog, a root or a key can't be made.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Error {
    /// Rule 1: a front door has an egress address.
    #[error(
        "rule 1 (no client is told an egress address): front door {door} has the address of \
         {egress}; nothing is published until `damm show frontdoors {door}` shows another"
    )]
    EgressAddress {
        /// The door.
        door: FrontdoorId,
        /// What has the same address.
        egress: Subject,
    },
    /// There is no door to tell of; publishing would cut clients off.
    #[error(
        "{population} has no live front door in {region} whose address is known: what was \
         published before is left as it is"
    )]
    NoFronts {
        /// The region.
        region: RegionName,
        /// The population.
        population: PopulationName,
    },
    /// The region does not serve the population, or there is no such bucket.
    #[error("{region} has no bucket {bucket} of {population}: see `populations` and `catalog`")]
    NoBucket {
        /// The region.
        region: RegionName,
        /// The population.
        population: PopulationName,
        /// The bucket.
        bucket: u32,
    },
    /// The version does not fit into JSON's numbers.
    #[error("version {0} is beyond the largest that a catalog can have, 9007199254740991")]
    Version(u64),
    /// The catalog would expire before it holds.
    #[error("a catalog can't expire at {expires}, before it holds from {not_before} on")]
    Times {
        /// From when it would hold.
        not_before: Timestamp,
        /// When it would expire.
        expires: Timestamp,
    },
    /// A root's roles don't work.
    #[error("the root can't be made: {0}")]
    Root(&'static str),
    /// The text is not a key.
    #[error(
        "this is not an Ed25519 key: a PEM block of PKCS#8 (secret) or SPKI (public) is wanted"
    )]
    Key,
    /// The text is not a fleet's secret.
    #[error("this is not a fleet's secret: one line that starts with `damm-fleet-secret-1:`")]
    Secret,
}

/// Why a client does not take a catalog or a root.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[non_exhaustive]
pub enum Refusal {
    /// More bytes than any catalog has.
    #[error("it has {size} bytes, more than the {limit} that are read: it is not a catalog")]
    TooLarge {
        /// Its size in bytes.
        size: usize,
        /// What is read at most.
        limit: usize,
    },
    /// Not an envelope, or its contents are not what they should be.
    #[error("it is damaged or not a catalog: {0}")]
    Malformed(&'static str),
    /// An envelope around something else.
    #[error("it holds `{found}`, not `{wanted}`")]
    PayloadType {
        /// What is wanted.
        wanted: &'static str,
        /// What the envelope says.
        found: String,
    },
    /// A key that is trusted did not sign these bytes: they were changed afterwards.
    #[error("it was changed after {key} signed it: fetch it again, from another channel")]
    BadSignature {
        /// The key.
        key: KeyId,
    },
    /// Only keys signed it that the root never named for this.
    #[error(
        "nobody whom the root (version {root}) names signed it, but `{key}` did: update the root"
    )]
    UnknownKey {
        /// The key's id as it stands in the envelope.
        key: String,
        /// The trusted root's version.
        root: u64,
    },
    /// Only keys signed it that were taken out of the root.
    #[error("it was signed by {key}, which has been revoked: fetch it again")]
    RevokedKey {
        /// The key.
        key: KeyId,
    },
    /// Some keys that count signed it, but not enough.
    #[error("{have} of the keys that count signed it, and {want} are wanted")]
    TooFewSignatures {
        /// How many did.
        have: u32,
        /// How many should have.
        want: u32,
    },
    /// The bytes are not the canonical ones of what they say.
    #[error("its bytes are not the canonical form of its contents")]
    NotCanonical,
    /// It is written for newer readers.
    #[error("it has schema {0}, which this version can't read: update damm")]
    Schema(u64),
    /// It is another fleet's.
    #[error("it is for the fleet `{found}`, not `{wanted}`")]
    WrongFleet {
        /// The client's.
        wanted: String,
        /// The catalog's.
        found: String,
    },
    /// It is another region's.
    #[error("it is for the region `{found}`, not `{wanted}`")]
    WrongRegion {
        /// The client's.
        wanted: RegionName,
        /// The catalog's.
        found: RegionName,
    },
    /// It is another bucket's: a mirror mixed them up.
    #[error("it is meant for another bucket of clients: fetch it again, from another channel")]
    WrongAudience,
    /// It no longer holds; a mirror may be holding newer ones back.
    #[error("it expired at {expired}: fetch it again, from another channel if it stays so")]
    Expired {
        /// When.
        expired: Timestamp,
    },
    /// It does not hold yet.
    #[error("it holds from {from} on, and it is {now} here: is the clock right?")]
    NotYetValid {
        /// From when.
        from: Timestamp,
        /// The client's time.
        now: Timestamp,
    },
    /// An older one than the client has already seen.
    #[error("it is version {found}, and version {seen} was seen before: fetch it again")]
    Rollback {
        /// Its version.
        found: u64,
        /// The version that was seen.
        seen: u64,
    },
    /// Two different catalogs with one version: a key is misused.
    #[error("it is another version {version} than the one seen before: its key may be stolen")]
    Equivocation {
        /// The version.
        version: u64,
    },
    /// The trusted root has expired.
    #[error("the root of trust expired at {expired}: update it first")]
    RootExpired {
        /// When.
        expired: Timestamp,
    },
    /// A new root has to follow the trusted one directly.
    #[error("it is root version {found}, and version {wanted} has to come next")]
    RootOutOfOrder {
        /// Its version.
        found: u64,
        /// The version that has to come next.
        wanted: u64,
    },
}
