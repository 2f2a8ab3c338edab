//! Reports: what is said, and when.

use damm_fleet::{Network, Timestamp};
use damm_protocol::evidence::{
    Around, Ending, Entry, Epoch, MAX_ENTRIES, Report, ReporterKey, VERSION, coarse,
};

use crate::error::Error;
use crate::profile::Profile;
use crate::trial::Trial;

/// The client's next moment to report: its own in this half hour, or in the next one where that is
/// over, or it has reported already.
///
/// # Errors
///
/// [`Error::NotEnrolled`].
pub fn due(profile: &Profile, now: Timestamp) -> Result<Timestamp, Error> {
    let key = ReporterKey::new(*profile.assignment()?.reporter.as_bytes());
    let said = |epoch: Epoch| profile.reported.is_some_and(|last| last >= epoch);
    let this = Epoch::at(now);
    // The moment of the one before may have been its last.
    let first = this.number().saturating_sub(1);
    let epochs = (0..=3).map(|n| Epoch::new(first.saturating_add(n)));
    let open = |epoch: &Epoch| !said(*epoch) && key.due(*epoch) + Epoch::GRACE > now;
    let next = { epochs }.find(open).unwrap_or(this);
    Ok(key.due(next))
}

/// Whether it is time to try all doors and report, and for which half hour. Whoever reports then
/// calls [`Profile::has_reported`].
///
/// # Errors
///
/// [`Error::NotEnrolled`].
pub fn is_time(profile: &Profile, now: Timestamp) -> Result<Option<Epoch>, Error> {
    let due = due(profile, now)?;
    // Not to the last minute, so that it gets there in time.
    let until = due + Epoch::GRACE.scale(0.8);
    Ok((due <= now && now < until).then(|| Epoch::at(due)))
}

/// What trials say, as it is sent.
///
/// # Errors
///
/// [`Error::NotEnrolled`].
pub fn report(
    profile: &Profile,
    home: Network,
    trials: &[Trial],
    in_country_ok: bool,
    now: Timestamp,
) -> Result<Report, Error> {
    let by = profile.assignment()?.number;
    let works = trials.iter().filter(|t| t.met.works()).count();
    let entry = |trial: &Trial| {
        let other_ep_ok = works > usize::from(trial.met.works());
        entry(trial, Around { other_ep_ok, in_country_ok }, now)
    };
    let entries = trials.iter().take(MAX_ENTRIES).map(entry).collect();
    Ok(Report { v: VERSION, by, net: home, entries })
}

fn entry(trial: &Trial, around: Around, now: Timestamp) -> Entry {
    let Trial { door, question, at, met } = trial;
    let seconds = now.since(*at).as_millis() / 1_000;
    let short = |number: u64| u32::try_from(coarse(number)).unwrap_or(u32::MAX);
    Entry {
        ep: door.id,
        epoch: question.epoch,
        tok: question.token,
        rcpt: met.receipt,
        age: short(seconds),
        phase: met.phase,
        ending: met.ending,
        elapsed_time: Some(short(met.elapsed.as_millis())),
        rx: (met.ending != Ending::Ok).then(|| coarse(met.received)),
        ctl: Some(around),
    }
}

impl Profile {
    /// Notes that the client has reported in a half hour: it says nothing more in it.
    pub fn has_reported(&mut self, epoch: Epoch) {
        self.reported = Some(epoch);
    }
}
