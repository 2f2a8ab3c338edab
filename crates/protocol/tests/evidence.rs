//! Tokens, receipts and reports.

// A fixture that is wrong should stop the test at once.
#![allow(clippy::unwrap_used)]

use damm_fleet::{Asn, FrontdoorId, Network, Span, Timestamp};
use damm_protocol::CredentialId;
use damm_protocol::evidence::{
    Around, Attempt, BadReport, Ending, Entry, Epoch, MAX_BYTES, MAX_ENTRIES, NodeSaw, Phase,
    Report, ReporterKey, VERSION, WitnessKey,
};
use proptest::prelude::*;

fn network(asn: u32) -> Network {
    Network::new("IR", Asn(asn)).unwrap()
}

fn entry(key: &ReporterKey, door: u64, epoch: u32, asn: u32) -> Entry {
    let (ep, epoch) = (FrontdoorId::from_raw(door), Epoch::new(epoch));
    let attempt = Attempt { door: ep, epoch, network: network(asn) };
    Entry {
        ep,
        epoch,
        tok: key.token(&attempt),
        rcpt: None,
        age: 60,
        phase: Phase::Transfer,
        ending: Ending::TimedOut,
        elapsed_time: Some(5_000),
        rx: Some(10_000),
        ctl: Some(Around { other_ep_ok: true, in_country_ok: true }),
    }
}

fn report(entries: Vec<Entry>) -> Report {
    Report { v: VERSION, by: CredentialId::new(7).unwrap(), net: network(58_224), entries }
}

#[test]
fn a_token_speaks_of_one_door_one_epoch_and_one_network_by_one_client() {
    let (key, other) = (ReporterKey::new([1; 32]), ReporterKey::new([2; 32]));
    let said = entry(&key, 7, 1_000, 58_224);
    assert!(said.is_by(&key, network(58_224)));
    assert!(!said.is_by(&other, network(58_224)));
    assert!(!said.is_by(&key, network(58_225)));
    let elsewhere = Entry { ep: FrontdoorId::from_raw(8), ..said.clone() };
    let later = Entry { epoch: Epoch::new(1_001), ..said };
    assert!(![elsewhere, later].iter().any(|e| e.is_by(&key, network(58_224))));
}

#[test]
fn only_the_doors_own_node_can_have_seen_a_client() {
    let (key, node) = (ReporterKey::new([1; 32]), WitnessKey::new([3; 32]));
    let mut said = entry(&key, 7, 1_000, 58_224);
    assert_eq!(said.seen_by(&node), NodeSaw::Nothing);
    said.rcpt = Some(node.receipt(said.ep, said.epoch, &said.tok));
    assert_eq!(said.seen_by(&node), NodeSaw::Through);
    assert_eq!(said.seen_by(&WitnessKey::new([4; 32])), NodeSaw::Nothing);
    let elsewhere = Entry { ep: FrontdoorId::from_raw(8), ..said.clone() };
    assert_eq!(elsewhere.seen_by(&node), NodeSaw::Nothing);
    let others = entry(&ReporterKey::new([9; 32]), 7, 1_000, 58_224);
    assert_eq!(Entry { rcpt: said.rcpt, ..others }.seen_by(&node), NodeSaw::Nothing);
}

#[test]
fn an_epoch_is_taken_until_the_end_of_the_next() {
    let epoch = Epoch::new(1_000);
    let begins = epoch.begins();
    assert_eq!(Epoch::at(begins), epoch);
    assert_eq!(Epoch::at(begins - Span::from_secs(1)), Epoch::new(999));
    for (after, taken) in [(-31, false), (-29, true), (0, true), (59, true), (60, false)] {
        let now = Timestamp::from_millis(begins.as_millis() + after * 60_000);
        assert_eq!(epoch.is_taken(now), taken, "{after} minutes after it began");
    }
}

#[test]
fn the_names_on_the_wire_stay_as_they_are() {
    let key = ReporterKey::new([1; 32]);
    let text = report(vec![entry(&key, 7, 1_000, 58_224)]).to_json();
    let value: serde_json::Value = serde_json::from_str(&text).unwrap();
    let expected = serde_json::json!({
        "v": 1,
        "by": 7,
        "net": "IR/AS58224",
        "entries": [{
            "ep": "door-000000000007",
            "epoch": 1_000,
            // HMAC-SHA-256 as `keyed_hash` has it, computed with Python's hmac.
            "tok": "3dc8e3fa036325fb5472640ba6903691",
            "age": 60,
            "phase": "transfer",
            "type": "tcp.timed_out",
            "elapsed_time": 5_000,
            "rx": 10_000,
            "ctl": { "other_ep_ok": true, "in_country_ok": true },
        }],
    });
    assert_eq!(value, expected);
}

#[test]
fn an_entry_takes_about_a_hundred_bytes() {
    let key = ReporterKey::new([1; 32]);
    let of = |n: u64| {
        report((0..n).map(|door| entry(&key, door, 900_000, 58_224)).collect()).to_cbor().len()
    };
    let each = (of(60) - of(10)) / 50;
    assert!((90..=180).contains(&each), "{each} bytes an entry");
}

#[test]
fn what_is_too_long_or_too_new_is_refused() {
    let key = ReporterKey::new([1; 32]);
    let one = entry(&key, 7, 1_000, 58_224);
    let many = report(vec![one.clone(); MAX_ENTRIES + 1]);
    assert_eq!(Report::from_cbor(&many.to_cbor()), Err(BadReport::TooMany(MAX_ENTRIES + 1)));
    let newer = Report { v: 2, ..report(vec![one]) };
    assert_eq!(Report::from_cbor(&newer.to_cbor()), Err(BadReport::Version(2)));
    let long = vec![0; MAX_BYTES + 1];
    assert_eq!(Report::from_cbor(&long), Err(BadReport::TooLong(MAX_BYTES + 1)));
    assert_eq!(Report::from_json(&long), Err(BadReport::TooLong(MAX_BYTES + 1)));
}

#[test]
fn tokens_and_keys_do_not_show_themselves() {
    let key = ReporterKey::new([0xab; 32]);
    let said = entry(&key, 7, 1_000, 58_224);
    let shown = format!("{key:?} {said:?}");
    assert!(!shown.contains(&said.tok.to_string()) && !shown.contains("171"), "{shown}");
}

proptest! {
    #[test]
    fn a_report_reads_back_as_it_was_written(
        doors in prop::collection::vec((any::<u64>(), any::<u32>(), any::<Option<u64>>()), 0..20),
        asn in 1..u32::MAX,
    ) {
        let (key, node) = (ReporterKey::new([1; 32]), WitnessKey::new([3; 32]));
        let entries = doors.iter().map(|(door, epoch, rx)| {
            let said = entry(&key, *door, *epoch, asn);
            let rcpt = rx.map(|_| node.receipt(said.ep, said.epoch, &said.tok));
            Entry { rcpt, rx: *rx, ..said }
        });
        let report = report(entries.collect());
        prop_assert_eq!(Report::from_cbor(&report.to_cbor()).unwrap(), report.clone());
        prop_assert_eq!(Report::from_json(report.to_json().as_bytes()).unwrap(), report);
    }

    #[test]
    fn any_bytes_are_read_or_refused(bytes in prop::collection::vec(any::<u8>(), 0..400)) {
        let _ = Report::from_cbor(&bytes);
        let _ = Report::from_json(&bytes);
    }

    #[test]
    fn a_report_that_was_cut_or_changed_is_refused_or_is_another(
        at in any::<prop::sample::Index>(),
        change in 1u8..,
    ) {
        let key = ReporterKey::new([1; 32]);
        let whole = report(vec![entry(&key, 7, 1_000, 58_224), entry(&key, 8, 1_000, 58_224)]);
        let bytes = whole.to_cbor();
        let at = at.index(bytes.len());
        prop_assert_eq!(Report::from_cbor(&bytes[..at]), Err(BadReport::Unread));
        let mut other = bytes.clone();
        other[at] ^= change;
        if let Ok(other) = Report::from_cbor(&other) {
            prop_assert_ne!(other, whole);
        }
    }
}
