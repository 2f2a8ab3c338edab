//! Numbers that stand for clients, for half a day.

use damm_assign::keyed_hash;
use damm_fleet::{FrontdoorId, Span, Timestamp};
use damm_protocol::CredentialId;
use damm_reach::Reporter;
use zeroize::Zeroizing;

/// For so long a client has the same number: a period of the detector.
pub(crate) const PERIOD: Span = Span::from_hours(12);

/// Makes numbers that nobody without the key can trace back. The key lives in memory alone.
#[derive(Clone)]
pub(crate) struct Numbers(Zeroizing<[u8; 32]>);

impl Numbers {
    pub(crate) fn new(key: [u8; 32]) -> Self {
        Self(Zeroizing::new(key))
    }

    /// The client's number in the period that holds a moment.
    pub(crate) fn reporter(&self, credential: CredentialId, now: Timestamp) -> Reporter {
        let period = now.as_millis().max(0) / PERIOD.as_millis() as i64;
        let parts: [&[u8]; 2] = [&period.to_be_bytes(), &credential.number().to_be_bytes()];
        Reporter(first(keyed_hash(&self.0, "reporter", &parts)))
    }

    /// What stands for a client's one word on a door in an epoch.
    pub(crate) fn word(&self, credential: CredentialId, door: FrontdoorId) -> u64 {
        let parts: [&[u8]; 2] = [&credential.number().to_be_bytes(), &door.raw().to_be_bytes()];
        first(keyed_hash(&self.0, "word", &parts))
    }
}

fn first(hash: [u8; 32]) -> u64 {
    // The first 8 of 32 bytes, so this always fits.
    u64::from_be_bytes(std::array::from_fn(|i| hash[i]))
}
