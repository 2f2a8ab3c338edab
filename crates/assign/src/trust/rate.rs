//! How fast clients may enrol: per invitation, and per population.

use damm_fleet::{Span, Timestamp};
use serde::{Deserialize, Serialize};

use super::Level;

/// Enrolments an hour with one invitation, by its level.
const BY_INVITATION: [u32; 5] = [2, 4, 8, 16, 64];
/// Enrolments an hour into one population, however small it is.
const LEAST: u32 = 60;
/// And the hundredth part of its clients: it doubles in three days at the fastest.
const PART: usize = 100;
/// What of a population's rate invitations of each level may use up, in eighths. So strangers who
/// come in hosts don't shut out those who were invited by somebody that is trusted.
const EIGHTHS: [u32; 5] = [2, 4, 6, 7, 8];

const HOUR: Span = Span::from_hours(1);

/// What has been used of a rate: a single moment, by the generic cell rate algorithm (ITU-T I.371,
/// annex A). As much as an hour's worth may come at once.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Rate(Option<Timestamp>);

/// It is too early: this many have come within the hour.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("too many have enrolled within the hour; try again after {until}")]
pub struct Refused {
    /// When it may be tried again.
    pub until: Timestamp,
}

impl Rate {
    /// Takes one of `an_hour`; `spare` of them are left untouched.
    fn take(self, an_hour: u32, spare: u32, now: Timestamp) -> Result<Self, Refused> {
        let each = Span::from_millis(HOUR.as_millis().div_ceil(u64::from(an_hour.max(1))));
        let spared = Span::from_millis(each.as_millis() * u64::from(spare));
        // All that was used is given back by then.
        let empty = self.0.map_or(now, |at| at.max(now)) + each;
        let until = empty + spared - HOUR.max(each);
        match until <= now {
            true => Ok(Self(Some(empty))),
            false => Err(Refused { until }),
        }
    }
}

/// Whether one more client may enrol now, and what is used of both rates then.
///
/// `level` is the invitation's; `clients` are those of the population already.
///
/// # Errors
///
/// [`Refused`], with when to try again; nothing is used then.
pub fn admit(
    level: Level,
    clients: usize,
    by_invitation: Rate,
    by_population: Rate,
    now: Timestamp,
) -> Result<(Rate, Rate), Refused> {
    let hourly = LEAST.max(u32::try_from(clients / PART).unwrap_or(u32::MAX));
    let spare = (u64::from(hourly) * u64::from(8 - EIGHTHS[level.index()]) / 8) as u32;
    let of_population = by_population.take(hourly, spare, now)?;
    let of_invitation = by_invitation.take(BY_INVITATION[level.index()], 0, now)?;
    Ok((of_invitation, of_population))
}

#[cfg(test)]
mod tests {
    use super::*;

    const START: Timestamp = Timestamp::from_millis(1_700_000_000_000);

    fn level(n: u8) -> Level {
        Level::new(n).unwrap()
    }

    /// How many of these come in at one moment, each with an invitation of its own.
    fn crowd(level: Level, clients: usize, mut population: Rate, now: Timestamp) -> (u32, Rate) {
        let mut let_in = 0;
        while let Ok((_, rate)) = admit(level, clients, Rate::default(), population, now) {
            population = rate;
            let_in += 1;
        }
        (let_in, population)
    }

    #[test]
    fn an_invitation_lets_in_as_many_an_hour_as_its_level_says() {
        for (n, most) in BY_INVITATION.into_iter().enumerate() {
            let (mut mine, mut let_in) = (Rate::default(), 0);
            // Half a day, a try each second, and a population that has room.
            for second in 0..43_200 {
                let now = START + Span::from_secs(second);
                let asked = admit(level(n as u8), 10_000_000, mine, Rate::default(), now);
                if let Ok((rate, _)) = asked {
                    mine = rate;
                    let_in += 1;
                }
            }
            // An hour's worth at once, and then as it comes back.
            assert!((12 * most..=13 * most).contains(&let_in), "{let_in} at level {n}");
        }
    }

    #[test]
    fn strangers_in_hosts_leave_room_for_those_who_were_invited_by_the_trusted() {
        let (strangers, rate) = crowd(Level::NONE, 0, Rate::default(), START);
        assert_eq!(strangers, 15);
        let (friends, rate) = crowd(level(4), 0, rate, START);
        assert_eq!(friends, 45);
        assert_eq!(crowd(level(4), 0, rate, START).0, 0);
        let later = START + Span::from_hours(1);
        assert_eq!(crowd(Level::NONE, 0, rate, later).0, 15);
    }

    #[test]
    fn a_large_population_takes_in_a_hundredth_an_hour() {
        assert_eq!(crowd(level(4), 1_000_000, Rate::default(), START).0, 10_000);
    }

    #[test]
    fn who_is_refused_is_told_when_to_come_again_and_is_let_in_then() {
        let (_, rate) = crowd(level(4), 0, Rate::default(), START);
        let refused = admit(level(4), 0, Rate::default(), rate, START).unwrap_err();
        assert!(refused.until > START);
        let early = refused.until - Span::from_millis(1);
        assert!(admit(level(4), 0, Rate::default(), rate, early).is_err());
        assert!(admit(level(4), 0, Rate::default(), rate, refused.until).is_ok());
    }

    #[test]
    fn a_clock_that_was_set_back_lets_nobody_in_twice() {
        let (_, rate) = crowd(level(4), 0, Rate::default(), START);
        assert!(admit(level(4), 0, Rate::default(), rate, START - Span::from_hours(2)).is_err());
    }
}
