//! The fleet's secret, and what follows from it: who is told what, and where it lies.

use std::fmt;

use damm_assign::{AssignKey, keyed_hash};
use damm_fleet::{NodeId, PopulationName, RegionName};
use zeroize::{Zeroize, Zeroizing};

use crate::audience::ObjectName;
use crate::canon::{hex, unhex};
use crate::error::Error;
use crate::subscriber::SubscriberKey;

/// What the text of a fleet's secret starts with.
const LABEL: &str = "damm-fleet-secret-1:";

/// 32 random bytes of the operator's, from which assignment and object names follow.
///
/// It never leaves the controller. Clients are handed their object names, not this.
pub struct FleetSecret([u8; 32]);

impl FleetSecret {
    /// A secret from 32 random bytes.
    pub const fn new(bytes: [u8; 32]) -> Self {
        Self(bytes)
    }

    /// The secret as one line of text, to be kept in a file that only the operator can read.
    pub fn to_text(&self) -> Zeroizing<String> {
        let digits = Zeroizing::new(hex(&self.0));
        Zeroizing::new(format!("{LABEL}{}\n", *digits))
    }

    /// The secret from its text.
    ///
    /// # Errors
    ///
    /// [`Error::Secret`] when the text is not one that [`Self::to_text`] wrote.
    pub fn from_text(text: &str) -> Result<Self, Error> {
        let digits = text.trim_end().strip_prefix(LABEL).ok_or(Error::Secret)?;
        unhex(digits).map(Self).ok_or(Error::Secret)
    }

    /// The key that decides which bucket is told of which doors.
    pub fn assign_key(&self) -> AssignKey {
        AssignKey::new(keyed_hash(&self.0, "assign", &[]))
    }

    /// The key that clients' subscription paths follow from.
    pub fn subscribers(&self) -> SubscriberKey {
        SubscriberKey::new(keyed_hash(&self.0, "subscribers", &[]))
    }

    /// The secret of one channel, by a name that is stable over the channel's life, such as its
    /// kind and place. Two channels of one fleet share no object name.
    pub fn channel(&self, name: &str) -> ChannelSecret {
        ChannelSecret(keyed_hash(&self.0, "channel", &[name.as_bytes()]))
    }

    /// What a client makes the tokens of its reports with, by its credential's number. It gets it
    /// at enrolment.
    pub fn reporter(&self, credential: u32) -> [u8; 32] {
        keyed_hash(&self.0, "reporter", &[&credential.to_be_bytes()])
    }

    /// What a node signs receipts with. It gets it with its orders.
    pub fn witness(&self, node: NodeId) -> [u8; 32] {
        keyed_hash(&self.0, "witness", &[&node.raw().to_be_bytes()])
    }
}

impl FleetSecret {
    /// The key that opens what a bucket is told in public channels, the same in all regions and
    /// channels: 32 bytes, a secret key of age's. A client is given those of its own buckets.
    pub fn bucket_identity(&self, population: &PopulationName, bucket: u32) -> Zeroizing<[u8; 32]> {
        let parts: [&[u8]; 2] = [population.as_str().as_bytes(), &bucket.to_be_bytes()];
        Zeroizing::new(keyed_hash(&self.0, "age identity", &parts))
    }
}

/// The secret that object names in one channel follow from.
pub struct ChannelSecret([u8; 32]);

impl ChannelSecret {
    /// The name of a bucket's object: the same for all versions of its catalog, and beyond
    /// guessing for whoever lacks the secret.
    pub fn object_name(
        &self,
        region: &RegionName,
        population: &PopulationName,
        bucket: u32,
    ) -> ObjectName {
        let (region, population) = (region.as_str(), population.as_str());
        let parts: [&[u8]; 3] = [region.as_bytes(), population.as_bytes(), &bucket.to_be_bytes()];
        ObjectName::from_hash(&keyed_hash(&self.0, "object", &parts))
    }

    /// What makes the sealing of these bytes under this name unlike any other: only the same bytes
    /// under the same name in the same channel share it, so that sealing them again changes
    /// nothing.
    pub fn entropy(&self, name: &str, bytes: &[u8]) -> [u8; 32] {
        keyed_hash(&self.0, "entropy", &[name.as_bytes(), bytes])
    }
}

macro_rules! kept {
    ($name:ident) => {
        impl Drop for $name {
            fn drop(&mut self) {
                self.0.zeroize();
            }
        }

        impl fmt::Debug for $name {
            fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str(concat!(stringify!($name), "(..)"))
            }
        }
    };
}

kept!(FleetSecret);
kept!(ChannelSecret);

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    #[test]
    fn a_secret_reads_back_as_it_was_written() {
        let text = FleetSecret::new([9; 32]).to_text();
        assert_eq!(FleetSecret::from_text(&text).unwrap().0, [9; 32]);
        for bad in ["", "damm-fleet-secret-1:", &text[1..], &text[..60], &text.to_uppercase()] {
            assert!(FleetSecret::from_text(bad).is_err(), "{bad:?} was taken");
        }
    }

    #[test]
    fn every_bucket_of_every_channel_has_a_name_of_its_own() {
        let secret = FleetSecret::new([9; 32]);
        let mut names = BTreeSet::new();
        for channel in ["directory:a", "directory:b"].map(|c| secret.channel(c)) {
            for region in ["eu", "us"].map(|r| RegionName::new(r).unwrap()) {
                for population in ["ir", "tm"].map(|p| PopulationName::new(p).unwrap()) {
                    let name = |b| channel.object_name(&region, &population, b);
                    names.extend((0..100).map(name));
                }
            }
        }
        assert_eq!(names.len(), 800);
    }

    #[test]
    fn every_bucket_has_a_key_of_its_own_and_every_sealing_an_entropy() {
        let secret = FleetSecret::new([9; 32]);
        let populations = ["ir", "tm"].map(|p| PopulationName::new(p).unwrap());
        let keys = populations.iter().flat_map(|p| (0..100).map(move |b| (p, b)));
        let keys: BTreeSet<_> = keys.map(|(p, b)| *secret.bucket_identity(p, b)).collect();
        assert_eq!(keys.len(), 200);
        let (one, two) = (secret.channel("a"), secret.channel("b"));
        let all = [one.entropy("x", b"1"), one.entropy("x", b"2"), one.entropy("y", b"1")];
        let all: BTreeSet<_> = all.into_iter().chain([two.entropy("x", b"1")]).collect();
        assert_eq!(all.len(), 4);
        assert_eq!(one.entropy("x", b"1"), secret.channel("a").entropy("x", b"1"));
    }

    #[test]
    fn a_secret_does_not_show_itself() {
        let secret = FleetSecret::new([0xab; 32]);
        assert_eq!(format!("{secret:?}"), "FleetSecret(..)");
        assert_eq!(format!("{:?}", secret.channel("a")), "ChannelSecret(..)");
    }
}
