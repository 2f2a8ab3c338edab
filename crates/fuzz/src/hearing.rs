//! Reports that are heard: which count, and which never.

use damm_fleet::{Asn, FrontdoorId, Network, ProviderName, Span, Timestamp};
use damm_hearing::{Hearing, Member, Roll, Sender};
use damm_protocol::CredentialId;
use damm_protocol::evidence::{Attempt, Entry, Epoch, Report, ReporterKey, VERSION, WitnessKey};
use damm_reach::{Reach, Settings, Standing};

use crate::change::Parts;
use crate::evidence;

const NOW: Timestamp = Timestamp::from_millis(1_795_000_000_000);
const HOME: Asn = Asn(197_207);

/// Clients below 1,000, half of them new; all were told of doors 1 to 4.
struct Village;

impl Roll for Village {
    fn member(&self, credential: CredentialId) -> Option<Member> {
        let age = if credential.number().is_multiple_of(2) { 100 } else { 0 };
        let enrolled = NOW - Span::from_days(age);
        (credential.number() < 1_000).then_some(Member { country: *b"IR", enrolled })
    }

    fn is_home(&self, _: CredentialId, network: Network) -> bool {
        network.country == *b"IR" && network.asn == HOME
    }

    fn reporter_key(&self, credential: CredentialId) -> ReporterKey {
        ReporterKey::new([credential.number() as u8; 32])
    }

    fn was_told(&self, _: CredentialId, door: FrontdoorId) -> bool {
        (1..=4).contains(&door.raw())
    }

    fn witness_key(&self, door: FrontdoorId) -> Option<WitnessKey> {
        (door.raw() < 4).then(|| WitnessKey::new([door.raw() as u8; 32]))
    }
}

/// Whatever a report says, only entries with the client's own token, of now, for a door that it was
/// told of, are listened to; and no entry is listened to twice.
///
/// The first byte says how many of the entries get a token that is right, and what is seen of the
/// sender.
pub fn hearing(data: &[u8]) {
    let mut parts = Parts(data);
    let how = parts.byte();
    let read = [Report::from_cbor(parts.rest()), Report::from_json(parts.rest())];
    let Some(mut report) = read.into_iter().find_map(Result::ok) else { return };
    stamp(&mut report, usize::from(how & 7));
    let sender = match how & 8 {
        0 => Sender::Unseen,
        _ => Sender::Seen(Network { country: *b"IR", asn: Asn(44_244) }),
    };
    let genuine = |entry: &&Entry| {
        Village.member(report.by).is_some()
            && entry.is_by(&Village.reporter_key(report.by), report.net)
            && Village.was_told(report.by, entry.ep)
            && entry.epoch.is_taken(NOW)
    };
    let genuine = report.entries.iter().filter(genuine).count();
    let (mut hearing, mut reach) = (Hearing::new([9; 32]), reach());
    let heard = hearing.hear(NOW, &report, sender, &Village, &mut reach);
    let listened = (heard.counted + heard.idle + heard.paced) as usize;
    assert_eq!(listened + heard.refused as usize, report.entries.len());
    assert!(listened <= genuine, "{listened} entries of {genuine} were listened to");
    let again = hearing.hear(NOW, &report, sender, &Village, &mut reach);
    assert_eq!(again.refused as usize, report.entries.len(), "some were heard twice");
    hearing.sweep(NOW);
    reach.tick(NOW + Span::from_mins(1));
}

fn stamp(report: &mut Report, first: usize) {
    let key = Village.reporter_key(report.by);
    for entry in report.entries.iter_mut().take(first) {
        entry.tok = key.token(&entry.attempt(report.net));
    }
}

fn reach() -> Reach {
    let mut reach = Reach::new(Settings::default());
    let provider = ProviderName::new("helsinki").unwrap();
    let standing = Standing { provider, transport: "wireguard".to_owned() };
    (1..=3).for_each(|n| reach.stand(FrontdoorId::from_raw(n), &standing));
    reach
}

/// Reports of an old client and of a new one, whose tokens are right.
pub fn seeds() -> Vec<Vec<u8>> {
    let network = Network { country: *b"IR", asn: HOME };
    let entry = |by: CredentialId, door| {
        let door = FrontdoorId::from_raw(door);
        let attempt = Attempt { door, epoch: Epoch::at(NOW), network };
        let witness = Village.witness_key(door).unwrap_or(WitnessKey::new([0; 32]));
        evidence::entry(&Village.reporter_key(by), &witness, &attempt)
    };
    let report = |by| {
        let by = CredentialId::new(by).unwrap();
        let entries = (1..=5).map(|door| entry(by, door)).collect();
        Report { v: VERSION, by, net: network, entries }
    };
    let seed = |how: u8, by| [vec![how], report(by).to_cbor()].concat();
    vec![seed(0, 2), seed(7, 3), seed(8, 2), seed(0, 5_000)]
}
