//! How far a client is trusted, and how fast new ones are let in. Pure: time is an argument.
//!
//! Five levels, as in Lox (Tulloch and Goldberg, PETS 2023): the numbers are those of its
//! implementation (`lox-library` 0.3, `level_up.rs`, `trust_promotion.rs`, `migration_table.rs`). A
//! level is earned by time without blocks, so that a censor's agents have to work for months before
//! they are worth more than strangers; Salmon (Douglas et al., PETS 2016, section 3) found the same
//! rule to cut off three times fewer users than rBridge does.

mod rate;

use std::fmt;

use damm_fleet::{Span, Timestamp};
use serde::{Deserialize, Serialize};

pub use rate::{Rate, Refused, admit};

/// A level of trust, 0 to 4.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize)]
#[serde(transparent)]
pub struct Level(u8);

/// Why a number is not a level.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("{0} is not a level of trust: give 0 (a stranger) to 4 (known for months, or in person)")]
pub struct NoLevel(pub u8);

impl Level {
    /// A stranger.
    pub const NONE: Self = Self(0);
    /// Trusted most.
    pub const MOST: Self = Self(4);

    /// The level of a number.
    ///
    /// # Errors
    ///
    /// [`NoLevel`] above 4.
    pub const fn new(level: u8) -> Result<Self, NoLevel> {
        match level <= Self::MOST.0 {
            true => Ok(Self(level)),
            false => Err(NoLevel(level)),
        }
    }

    /// The level's number.
    pub const fn number(self) -> u8 {
        self.0
    }

    const fn index(self) -> usize {
        self.0 as usize
    }
}

impl fmt::Display for Level {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<'de> Deserialize<'de> for Level {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        Self::new(u8::deserialize(d)?).map_err(serde::de::Error::custom)
    }
}

/// Days at a level before the next: 30 at the first, then 14, 28 and 56.
const DAYS: [u64; 4] = [30, 14, 28, 56];
/// Blocks that one may have been near to and still rise from a level.
const MAX_BLOCKS: [u8; 4] = [4, 4, 3, 2];
/// Levels that a block costs those whose bucket was split for it.
const FALL: u8 = 2;
/// Invitations that a client of each level may give out.
const INVITATIONS: [u32; 5] = [0, 2, 4, 6, 8];

/// What is held of one client's trust.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct Trust {
    /// The level.
    pub level: Level,
    /// Since when.
    pub since: Timestamp,
    /// Splits of its bucket, ever: it was among those who may have given a door away.
    pub blocks: u8,
}

impl Trust {
    /// At enrolment: one level below that of who was invited, never above what the invitation says.
    ///
    /// `invited` is the invitation's level, `inviter` that of the client that gave it out; `None`
    /// when the operator did.
    pub fn enrolled(invited: Level, inviter: Option<Level>, now: Timestamp) -> Self {
        let most = inviter.map_or(Level::MOST, |l| Level(l.0.saturating_sub(1)));
        Self { level: invited.min(most), since: now, blocks: 0 }
    }

    /// What it has risen to by now. Asking later, or more often, gives the same.
    pub fn at(mut self, now: Timestamp) -> Self {
        while let Some(next) = self.rises_at().filter(|at| *at <= now) {
            self.level = Level(self.level.0 + 1);
            self.since = next;
        }
        self
    }

    /// When it rises by one level, if nothing happens until then.
    pub fn rises_at(self) -> Option<Timestamp> {
        let days = DAYS.get(self.level.index())?;
        let clean = self.blocks <= MAX_BLOCKS[self.level.index()];
        clean.then(|| self.since + Span::from_days(*days))
    }

    /// After its bucket was split for a block: two levels down, and the time at the new one begins.
    pub fn split(self, now: Timestamp) -> Self {
        let risen = self.at(now);
        let level = Level(risen.level.0.saturating_sub(FALL));
        Self { level, since: now, blocks: risen.blocks.saturating_add(1) }
    }

    /// After it came out alone: a stranger, for good.
    pub const fn alone(self, now: Timestamp) -> Self {
        Self { level: Level::NONE, since: now, blocks: u8::MAX }
    }

    /// How many invitations a client of this level may give out.
    pub const fn invitations(self) -> u32 {
        INVITATIONS[self.level.index()]
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::EPOCH;

    fn after(days: u64) -> Timestamp {
        START + Span::from_days(days)
    }

    fn level(n: u8) -> Level {
        Level::new(n).unwrap()
    }

    #[test]
    fn it_takes_a_stranger_128_days_to_the_top() {
        let trust = Trust::enrolled(Level::NONE, None, START);
        let levels =
            [0, 29, 30, 43, 44, 71, 72, 127, 128, 4_000].map(|d| trust.at(after(d)).level.0);
        assert_eq!(levels, [0, 0, 1, 1, 2, 2, 3, 3, 4, 4]);
        assert_eq!(trust.at(after(128)).rises_at(), None);
    }

    #[test]
    fn asking_in_between_changes_nothing() {
        let trust = Trust::enrolled(Level::NONE, None, START);
        let often = (0..200).fold(trust, |t, day| t.at(after(day)));
        assert_eq!(often, trust.at(after(199)));
    }

    #[test]
    fn a_split_costs_two_levels_and_the_time_begins_again() {
        let trust = Trust::enrolled(level(4), None, START).split(after(10));
        assert_eq!((trust.level, trust.since, trust.blocks), (level(2), after(10), 1));
        assert_eq!(trust.at(after(37)).level, level(2));
        assert_eq!(trust.at(after(38)).level, level(3));
        assert_eq!(trust.split(after(11)).split(after(12)).level, Level::NONE);
    }

    #[test]
    fn who_was_near_too_many_blocks_stays_where_it_is() {
        let mut trust = Trust::enrolled(level(1), None, START);
        for _ in 0..5 {
            trust = trust.split(START);
        }
        assert_eq!(trust.at(after(10_000)).level, Level::NONE);
        assert_eq!(trust.rises_at(), None);
    }

    #[test]
    fn who_came_out_alone_never_rises() {
        let trust = Trust::enrolled(level(4), None, START).alone(START);
        assert_eq!((trust.at(after(10_000)).level, trust.invitations()), (Level::NONE, 0));
    }

    #[test]
    fn nobody_is_trusted_more_than_one_below_who_invited_them() {
        let of = |invited, inviter| Trust::enrolled(level(invited), inviter, START).level.0;
        assert_eq!(of(4, None), 4);
        assert_eq!(of(4, Some(level(4))), 3);
        assert_eq!(of(1, Some(level(4))), 1);
        assert_eq!(of(4, Some(Level::NONE)), 0);
    }

    #[test]
    fn a_level_above_4_is_refused_wherever_it_comes_from() {
        assert_eq!(Level::new(5), Err(NoLevel(5)));
        assert!(serde_json::from_str::<Level>("5").is_err());
        assert_eq!(serde_json::from_str::<Level>("3").unwrap(), level(3));
        assert_eq!(serde_json::to_string(&level(3)).unwrap(), "3");
    }
}
