//! Which reports count.

// A fixture that is wrong should stop the test at once.
#![allow(clippy::unwrap_used)]

use std::collections::BTreeSet;

use damm_fleet::{Asn, FrontdoorId, Network, ProviderName, Span, State, Timestamp};
use damm_hearing::{Heard, Hearing, Member, Roll, Sender, rush};
use damm_protocol::CredentialId;
use damm_protocol::evidence::{
    Around, Ending, Entry, Epoch, Phase, Report, ReporterKey, VERSION, WitnessKey,
};
use damm_reach::{Reach, Settings, Standing};

const MCI: Asn = Asn(197_207);

fn iran(asn: Asn) -> Network {
    Network::new("IR", asn).unwrap()
}

fn door(n: u64) -> FrontdoorId {
    FrontdoorId::from_raw(n)
}

fn client(n: u32) -> CredentialId {
    CredentialId::new(n).unwrap()
}

/// Clients below 10,000 are old, the others were enrolled today; all were told of doors 1 to 4.
struct Village {
    now: Timestamp,
}

impl Roll for Village {
    fn member(&self, credential: CredentialId) -> Option<Member> {
        let age = if credential.number() < 10_000 { 100 } else { 0 };
        let known = credential.number() < 1_000_000;
        let enrolled = self.now - Span::from_days(age);
        known.then_some(Member { country: *b"IR", enrolled })
    }

    fn is_home(&self, _: CredentialId, network: Network) -> bool {
        network == iran(MCI)
    }

    fn reporter_key(&self, credential: CredentialId) -> ReporterKey {
        let mut bytes = [7; 32];
        bytes[..4].copy_from_slice(&credential.number().to_be_bytes());
        ReporterKey::new(bytes)
    }

    /// Each is heard whenever it speaks, but for 9,999.
    fn due(&self, credential: CredentialId, epoch: Epoch) -> Timestamp {
        match credential.number() {
            9_999 => self.reporter_key(credential).due(epoch),
            _ if epoch == Epoch::at(self.now) => self.now,
            _ => Timestamp::EPOCH,
        }
    }

    fn was_told(&self, _: CredentialId, door: FrontdoorId) -> bool {
        (1..=4).contains(&door.raw())
    }

    fn witness_key(&self, door: FrontdoorId) -> Option<WitnessKey> {
        Some(WitnessKey::new([door.raw() as u8; 32]))
    }
}

/// A controller's ear, at a moment.
struct Ear {
    hearing: Hearing,
    reach: Reach,
    roll: Village,
    now: Timestamp,
}

impl Ear {
    fn new() -> Self {
        let now = Timestamp::from_millis(1_795_000_000_000);
        let mut reach = Reach::new(Settings::default());
        let provider = ProviderName::new("helsinki").unwrap();
        let standing = Standing { provider, transport: "wireguard".to_owned() };
        (1..=5).for_each(|n| reach.stand(door(n), &standing));
        Self { hearing: Hearing::new([9; 32]), reach, roll: Village { now }, now }
    }

    /// An entry as an honest client makes it.
    fn entry(&self, by: u32, at: u64, ending: Ending) -> Entry {
        let blank = Entry {
            ep: door(at),
            epoch: Epoch::at(self.now),
            tok: "0".repeat(32).parse().unwrap(),
            rcpt: None,
            age: 0,
            phase: Phase::Connection,
            ending,
            elapsed_time: None,
            rx: None,
            ctl: None,
        };
        let key = self.roll.reporter_key(client(by));
        Entry { tok: key.token(&blank.attempt(iran(MCI))), ..blank }
    }

    /// One that the door's node has seen.
    fn seen(&self, by: u32, at: u64) -> Entry {
        let entry = self.entry(by, at, Ending::Ok);
        let node = self.roll.witness_key(door(at)).unwrap();
        Entry { rcpt: Some(node.receipt(entry.ep, entry.epoch, &entry.tok)), ..entry }
    }

    fn hear(&mut self, by: u32, entries: Vec<Entry>) -> Heard {
        let report = Report { v: VERSION, by: client(by), net: iran(MCI), entries };
        self.hear_from(Sender::Unseen, &report)
    }

    fn hear_from(&mut self, sender: Sender, report: &Report) -> Heard {
        self.hearing.hear(self.now, report, sender, &self.roll, &mut self.reach)
    }

    fn fails(&mut self, by: u32, at: u64) -> Heard {
        let entry = self.entry(by, at, Ending::TimedOut);
        self.hear(by, vec![entry])
    }

    /// Minutes go by, in which the doors answer a heartbeat.
    fn minutes(&mut self, n: u64) {
        for _ in 0..n {
            self.now = self.now + Span::from_mins(1);
            self.roll.now = self.now;
            (1..=5).for_each(|n| self.reach.heartbeat(self.now, door(n), true));
            self.reach.tick(self.now);
        }
    }

    fn state(&self, at: u64) -> State {
        self.reach.state(door(at), iran(MCI))
    }
}

const COUNTED: Heard = Heard { counted: 1, idle: 0, refused: 0, paced: 0 };
const IDLE: Heard = Heard { counted: 0, idle: 1, refused: 0, paced: 0 };
const REFUSED: Heard = Heard { counted: 0, idle: 0, refused: 1, paced: 0 };
const PACED: Heard = Heard { counted: 0, idle: 0, refused: 0, paced: 1 };

#[test]
fn a_clients_word_on_a_door_counts_once_in_each_epoch() {
    let mut ear = Ear::new();
    assert_eq!(ear.fails(1, 1), COUNTED);
    assert_eq!(ear.fails(1, 1), REFUSED);
    assert_eq!(ear.fails(1, 2), COUNTED);
    assert_eq!(ear.fails(2, 1), COUNTED);
    let success = ear.seen(1, 1);
    assert_eq!(ear.hear(1, vec![success]), REFUSED, "another word on the same door");
    ear.minutes(30);
    assert_eq!(ear.fails(1, 1), COUNTED);
}

#[test]
fn a_client_is_heard_at_its_own_moment_of_an_epoch_and_at_no_other() {
    let mut ear = Ear::new();
    let key = ear.roll.reporter_key(client(9_999));
    let mut heard = Vec::new();
    for _ in 0..240 {
        ear.minutes(1);
        if ear.fails(9_999, 1) == COUNTED {
            heard.push(ear.now);
        }
    }
    // Once in each half hour, early in the twelve minutes that are its own.
    assert!((7..=9).contains(&heard.len()), "{heard:?}");
    for at in &heard {
        let due = key.due(Epoch::at(*at));
        assert!(Epoch::is_heard(due, *at), "{at} for {due}");
    }
    // Moments are spread evenly over an epoch.
    let epoch = Epoch::at(ear.now);
    let due = (0..3_000).map(|n| ear.roll.reporter_key(client(n)).due(epoch).since(epoch.begins()));
    let first = due.filter(|after| *after < Span::from_mins(10)).count();
    assert!((900..1_100).contains(&first), "{first}");
}

#[test]
fn who_is_unknown_or_was_not_told_or_borrows_a_token_is_not_heard() {
    let mut ear = Ear::new();
    assert_eq!(ear.fails(2_000_000, 1), REFUSED, "no such client");
    assert_eq!(ear.fails(1, 5), REFUSED, "not told of the door");
    let others = ear.entry(2, 1, Ending::TimedOut);
    assert_eq!(ear.hear(1, vec![others]), REFUSED, "another client's token");
    let late = Entry { epoch: Epoch::new(1), ..ear.entry(1, 1, Ending::TimedOut) };
    assert_eq!(ear.hear(1, vec![late]), REFUSED, "another epoch's token");
    let entry = ear.entry(1, 1, Ending::TimedOut);
    let net = iran(Asn(1));
    let moved = Report { v: VERSION, by: client(1), net, entries: vec![entry] };
    assert_eq!(ear.hear_from(Sender::Unseen, &moved), REFUSED, "another network's token");
    assert_eq!(ear.fails(1, 1), COUNTED, "what was refused spent nothing");
}

#[test]
fn a_success_counts_only_with_the_nodes_receipt() {
    let mut ear = Ear::new();
    let claimed = ear.entry(1, 1, Ending::Ok);
    assert_eq!(ear.hear(1, vec![claimed]), IDLE);
    let seen = ear.seen(2, 1);
    assert_eq!(ear.hear(2, vec![seen]), COUNTED);
    let of_another = Entry { rcpt: ear.seen(3, 2).rcpt, ..ear.entry(3, 1, Ending::Ok) };
    assert_eq!(ear.hear(3, vec![of_another]), IDLE);
}

#[test]
fn who_was_offline_says_nothing_against_a_door() {
    let mut ear = Ear::new();
    ear.minutes(5);
    let around = Some(Around { other_ep_ok: false, in_country_ok: false });
    for by in 0..400 {
        let entry = Entry { ctl: around, ..ear.entry(by, 1, Ending::TimedOut) };
        assert_eq!(ear.hear(by, vec![entry]), COUNTED);
    }
    ear.minutes(5);
    assert_ne!(ear.state(1), State::Blocked);
}

#[test]
fn a_transfer_that_freezes_after_sixteen_kilobytes_counts_as_blocked_though_the_node_saw_it() {
    let mut ear = Ear::new();
    calm(&mut ear);
    for by in 0..60 {
        let froze = Entry {
            phase: Phase::Transfer,
            ending: Ending::TimedOut,
            rx: Some(10_000),
            ..ear.seen(by, 1)
        };
        ear.hear(by, vec![froze]);
    }
    ear.minutes(2);
    assert_eq!(ear.state(1), State::Blocked);
    assert_ne!(ear.state(2), State::Blocked);
}

#[test]
fn where_the_sender_was_seen_counts_and_not_what_it_claims() {
    let mut ear = Ear::new();
    calm(&mut ear);
    let elsewhere = Network::new("DE", Asn(3_320)).unwrap();
    for by in 0..200 {
        let entries = vec![ear.entry(by, 1, Ending::TimedOut)];
        let report = Report { v: VERSION, by: client(by), net: iran(MCI), entries };
        assert_eq!(ear.hear_from(Sender::Seen(elsewhere), &report), COUNTED);
    }
    ear.minutes(2);
    assert_ne!(ear.state(1), State::Blocked);
}

/// An afternoon in which a hundred old clients get through everywhere.
fn calm(ear: &mut Ear) {
    for _ in 0..6 {
        for by in 0..100 {
            let entries = (1..=4).map(|at| ear.seen(by, at)).collect();
            ear.hear(by, entries);
        }
        ear.minutes(30);
    }
}

#[test]
fn a_block_is_noticed_by_what_clients_say() {
    let mut ear = Ear::new();
    calm(&mut ear);
    for by in 0..60 {
        assert_eq!(ear.fails(by, 1), COUNTED);
        let seen = ear.seen(by, 2);
        assert_eq!(ear.hear(by, vec![seen]), COUNTED);
    }
    // A node that died would look the same: it is asked first.
    ear.minutes(1);
    assert_ne!(ear.state(1), State::Blocked);
    ear.minutes(1);
    assert_eq!((ear.state(1), ear.state(2)), (State::Blocked, State::Reachable));
}

#[test]
fn a_thousand_clients_enrolled_today_convict_no_door() {
    let mut ear = Ear::new();
    calm(&mut ear);
    let heard: Vec<Heard> = (0..1_000).map(|n| ear.fails(20_000 + n, 1)).collect();
    let counted = heard.iter().filter(|h| **h == COUNTED).count();
    assert_eq!(counted as f64, rush::AT_ONCE);
    assert!(heard[counted..].iter().all(|h| *h == PACED));
    ear.minutes(1);
    assert_ne!(ear.state(1), State::Blocked);
    // They go on at their best for two hours, while old clients get through.
    for minute in 0..120 {
        for n in (0..1_000).filter(|n| n % 30 == minute % 30) {
            ear.fails(20_000 + n, 1);
        }
        for by in (0..100).filter(|n| n % 30 == minute % 30) {
            let seen = ear.seen(by, 1);
            ear.hear(by, vec![seen]);
        }
        ear.minutes(1);
        assert_ne!(ear.state(1), State::Blocked, "in minute {minute}");
    }
}

#[test]
fn a_fleet_of_new_clients_alone_notices_a_block_within_the_hour() {
    let mut ear = Ear::new();
    for _ in 0..6 {
        for n in 0..100 {
            let entries = (1..=4).map(|at| ear.seen(20_000 + n, at)).collect();
            ear.hear(20_000 + n, entries);
        }
        ear.minutes(30);
    }
    let mut minutes = 0;
    while ear.state(1) != State::Blocked {
        // Each speaks once in half an hour, each at a time of its own.
        for n in (0..100).filter(|n| n % 30 == minutes % 30) {
            ear.fails(20_000 + n, 1);
            let seen = ear.seen(20_000 + n, 2);
            ear.hear(20_000 + n, vec![seen]);
        }
        ear.minutes(1);
        minutes += 1;
        assert!(minutes <= 60, "not noticed");
    }
    assert_ne!(ear.state(2), State::Blocked);
}

#[test]
fn nothing_is_remembered_of_epochs_that_are_over() {
    let mut ear = Ear::new();
    calm(&mut ear);
    assert_eq!(ear.hearing.remembered(), 800, "the last epoch and the one before it");
    ear.minutes(120);
    ear.fails(1, 1);
    ear.hearing.sweep(ear.now);
    assert_eq!(ear.hearing.remembered(), 1);
}

#[test]
fn what_is_kept_names_no_client() {
    // A client's number is written as four bytes, and its key as 32; neither may stand in what the
    // detector writes down.
    let mut ear = Ear::new();
    let marked: Vec<u32> = (0..50).map(|n| 0x000a_5a00 + n).collect();
    for by in &marked {
        ear.fails(*by, 1);
    }
    ear.minutes(1);
    let bytes = ear.reach.snapshot();
    let found = |needle: &[u8]| bytes.windows(needle.len()).any(|w| w == needle);
    let numbers: BTreeSet<&u32> =
        marked.iter().filter(|n| found(&n.to_be_bytes()) || found(&n.to_le_bytes())).collect();
    assert!(numbers.is_empty(), "{numbers:?}");
}
