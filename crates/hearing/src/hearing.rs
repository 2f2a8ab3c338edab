//! Where reports come in.

use damm_fleet::{Network, Span, Timestamp};
use damm_protocol::CredentialId;
use damm_protocol::evidence::{Entry, Epoch, NodeSaw, Report, ReporterKey};
use damm_reach::{Age, Outcome, Reach, Taken};

use crate::meaning::outcome;
use crate::numbers::Numbers;
use crate::roll::{Member, NOBODY, Roll, Sender};
use crate::rush::Rush;
use crate::spent::Spent;

/// How many entries of a report counted. For metrics over all reports alone: who sends one is
/// answered the same whatever counted, so that nobody can try out tokens.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Heard {
    /// They moved a score.
    pub counted: u32,
    /// They were in order and moved none: claims, what was overtaken, doors that are gone.
    pub idle: u32,
    /// Their token was not the client's, not of now, or spent; or the client is not known.
    pub refused: u32,
    /// They were failures of newcomers beyond the pace.
    pub paced: u32,
}

/// Checks reports and hands on what counts.
pub struct Hearing {
    numbers: Numbers,
    spent: Spent,
    rush: Rush,
}

/// Who says it, and from where.
struct Speaker {
    credential: CredentialId,
    member: Member,
    key: ReporterKey,
    network: Network,
    age: Age,
}

/// What became of an entry.
enum Fate {
    Counted,
    Idle,
    Refused,
    Paced,
}

impl Hearing {
    /// A hearing with a key of 32 random bytes, drawn at start and kept nowhere.
    pub fn new(key: [u8; 32]) -> Self {
        Self { numbers: Numbers::new(key), spent: Spent::default(), rush: Rush::default() }
    }

    /// Hears a report, and hands on to `reach` what counts of it.
    pub fn hear(
        &mut self,
        now: Timestamp,
        report: &Report,
        sender: Sender,
        roll: &impl Roll,
        reach: &mut Reach,
    ) -> Heard {
        let mut heard = Heard::default();
        let Some(member) = roll.member(report.by) else {
            heard.refused = report.entries.len() as u32;
            return heard;
        };
        let speaker = Speaker {
            credential: report.by,
            member,
            key: roll.reporter_key(report.by),
            network: network(report, sender, &member, roll),
            age: Age::of(now.since(member.enrolled)),
        };
        for entry in &report.entries {
            let counter = match self.entry(now, report.net, entry, &speaker, roll, reach) {
                Fate::Counted => &mut heard.counted,
                Fate::Idle => &mut heard.idle,
                Fate::Refused => &mut heard.refused,
                Fate::Paced => &mut heard.paced,
            };
            *counter += 1;
        }
        heard
    }

    /// Forgets what need not be remembered; due every few minutes.
    pub fn sweep(&mut self, now: Timestamp) {
        self.rush.sweep(now);
    }

    /// How many spent tokens are remembered.
    pub fn remembered(&self) -> usize {
        self.spent.len()
    }

    fn entry(
        &mut self,
        now: Timestamp,
        claimed: Network,
        entry: &Entry,
        speaker: &Speaker,
        roll: &impl Roll,
        reach: &mut Reach,
    ) -> Fate {
        let (by, door) = (speaker.credential, entry.ep);
        // The token is bound to what the client claims: it can't know what will be seen of it.
        let genuine = entry.is_by(&speaker.key, claimed) && roll.was_told(by, door);
        let due = Epoch::is_heard(roll.due(by, entry.epoch), now);
        if !genuine || !due || !self.spent.spend(entry.epoch, self.numbers.word(by, door), now) {
            return Fate::Refused;
        }
        let saw = roll.witness_key(door).map_or(NodeSaw::Nothing, |key| entry.seen_by(&key));
        let Some(outcome) = outcome(entry, saw) else { return Fate::Idle };
        if !self.admits(now, entry, speaker, outcome) {
            return Fate::Paced;
        }
        let report = damm_reach::Report {
            door,
            network: speaker.network,
            reporter: self.numbers.reporter(by, now),
            age: speaker.age,
            outcome,
            ago: Span::from_secs(entry.age.into()),
        };
        match reach.report(now, &report) {
            Taken::Counted | Taken::ForTheNetwork => Fate::Counted,
            Taken::Ignored(_) => Fate::Idle,
        }
    }

    fn admits(&mut self, now: Timestamp, entry: &Entry, by: &Speaker, outcome: Outcome) -> bool {
        let (door, country) = (entry.ep, by.member.country);
        match outcome {
            // None of these says anything against the door.
            Outcome::Claimed | Outcome::Verified | Outcome::Offline => true,
            _ if by.age == Age::New => self.rush.admits(door, country, now),
            _ => {
                self.rush.heard(door, country, now);
                true
            }
        }
    }
}

/// The network that a report counts for.
fn network(report: &Report, sender: Sender, member: &Member, roll: &impl Roll) -> Network {
    match sender {
        Sender::Seen(network) => network,
        Sender::Unseen if roll.is_home(report.by, report.net) => report.net,
        Sender::Unseen => Network { country: member.country, asn: NOBODY },
    }
}
