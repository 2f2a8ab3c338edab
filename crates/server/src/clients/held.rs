//! What is held of invitations and clients.

use damm_assign::trust::{Level, Rate, Trust};
use damm_fleet::{PopulationName, Timestamp};
use serde::{Deserialize, Serialize};

/// What is held of an invitation, beside its code's hash.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Invitation {
    /// The population that it lets into.
    pub population: PopulationName,
    /// How far its clients are trusted at first.
    pub level: Level,
    /// How many more it lets in.
    pub left: u32,
    /// When it was made.
    pub made_at: Timestamp,
    /// Until when it lets anybody in.
    pub expires_at: Timestamp,
    /// Whether the operator took it back.
    pub revoked: bool,
    /// What is used of its hourly rate.
    pub rate: Rate,
}

/// What is held of a client, beside what it proves itself with.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Client {
    /// Its population.
    pub population: PopulationName,
    /// How far it is trusted. The moment in it is the day's first.
    pub trust: Trust,
    /// The day of its enrolment, in days since 1970.
    pub day: u64,
    /// The hash of the code that it came with.
    pub invitation: String,
}

const DAY: i64 = 24 * 60 * 60 * 1_000;

impl Invitation {
    /// Whether it lets anybody in at a moment.
    pub fn holds(&self, now: Timestamp) -> bool {
        !self.revoked && self.left > 0 && now < self.expires_at
    }
}

impl Client {
    /// The first moment of the day of its enrolment.
    pub fn day(&self) -> Timestamp {
        Timestamp::from_millis(i64::try_from(self.day).map_or(i64::MAX, |d| d.saturating_mul(DAY)))
    }

    /// A client that enrols now. The hour is not kept: it could be told from traffic who it was.
    pub(super) fn new(invitation: &Invitation, hash: String, now: Timestamp) -> Self {
        let day = now.as_millis().div_euclid(DAY);
        let trust = Trust::enrolled(invitation.level, None, Timestamp::from_millis(day * DAY));
        let population = invitation.population.clone();
        Self { population, trust, day: day.unsigned_abs(), invitation: hash }
    }
}
