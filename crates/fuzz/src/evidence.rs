//! Reports as bytes, and the tokens and receipts in them.

use damm_fleet::{Asn, FrontdoorId, Network};
use damm_protocol::CredentialId;
use damm_protocol::evidence::{
    Around, Attempt, Ending, Entry, Epoch, MAX_ENTRIES, NodeSaw, Phase, Receipt, Report,
    ReporterKey, Token, VERSION, WitnessKey, coarse,
};

use crate::change::Parts;

/// What is read as a report reads back from its own bytes, in both notations.
pub fn report(data: &[u8]) {
    for report in [Report::from_cbor(data), Report::from_json(data)].into_iter().flatten() {
        assert!(report.entries.len() <= MAX_ENTRIES && report.v == VERSION);
        assert_eq!(Report::from_cbor(&report.to_cbor()).as_ref(), Ok(&report));
        assert_eq!(Report::from_json(report.to_json().as_bytes()).as_ref(), Ok(&report));
        for size in report.entries.iter().filter_map(|e| e.rx) {
            let cut = coarse(size);
            assert!(cut <= size && coarse(cut) == cut, "{size} is cut to {cut}");
        }
    }
}

/// A token is one client's, for one attempt; a receipt is one node's, for one token. Whatever is
/// changed, it is neither.
pub fn token(data: &[u8]) {
    let mut parts = Parts(data);
    let (key, witness) = (parts.take(), parts.take());
    let (attempt, other) = (attempt(&mut parts), attempt(&mut parts));
    let (key_by, tag_by): ([u8; 32], [u8; 16]) = (parts.take(), parts.take());
    let entry = entry(&ReporterKey::new(key), &WitnessKey::new(witness), &attempt);
    let is_by = |entry: &Entry, key, network| entry.is_by(&ReporterKey::new(key), network);
    assert!(is_by(&entry, key, attempt.network));
    assert_eq!(entry.seen_by(&WitnessKey::new(witness)), NodeSaw::Through);

    assert_eq!(is_by(&entry, with(key, key_by), attempt.network), key_by == [0; 32]);
    assert_eq!(is_by(&entry, key, other.network), other.network == attempt.network);
    let moved = Entry { ep: other.door, epoch: other.epoch, ..entry.clone() };
    let same = (other.door, other.epoch) == (attempt.door, attempt.epoch);
    assert_eq!(is_by(&moved, key, attempt.network), same);
    assert_eq!(moved.seen_by(&WitnessKey::new(witness)) == NodeSaw::Through, same);

    let forged: Token = hex(&with(*entry.tok.as_bytes(), tag_by)).parse().unwrap();
    let forged = Entry { tok: forged, ..entry.clone() };
    assert_eq!(is_by(&forged, key, attempt.network), tag_by == [0; 16]);
    assert_eq!(forged.seen_by(&WitnessKey::new(witness)) == NodeSaw::Through, tag_by == [0; 16]);
    let receipt: Receipt = hex(&with(*entry.rcpt.unwrap().as_bytes(), tag_by)).parse().unwrap();
    let forged = Entry { rcpt: Some(receipt), ..entry.clone() };
    assert_eq!(forged.seen_by(&WitnessKey::new(witness)) == NodeSaw::Through, tag_by == [0; 16]);
    let other_node = WitnessKey::new(with(witness, key_by));
    assert_eq!(entry.seen_by(&other_node) == NodeSaw::Through, key_by == [0; 32]);
}

fn with<const N: usize>(mut bytes: [u8; N], changes: [u8; N]) -> [u8; N] {
    bytes.iter_mut().zip(changes).for_each(|(byte, change)| *byte ^= change);
    bytes
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|b| format!("{b:02x}")).collect()
}

fn attempt(parts: &mut Parts<'_>) -> Attempt {
    Attempt {
        door: FrontdoorId::from_raw(u64::from_be_bytes(parts.take())),
        epoch: Epoch::new(u32::from_be_bytes(parts.take())),
        network: Network { country: parts.take(), asn: Asn(u32::from_be_bytes(parts.take())) },
    }
}

/// An entry as an honest client makes it that reached the node.
pub fn entry(key: &ReporterKey, witness: &WitnessKey, attempt: &Attempt) -> Entry {
    let tok = key.token(attempt);
    Entry {
        ep: attempt.door,
        epoch: attempt.epoch,
        tok,
        rcpt: Some(witness.receipt(attempt.door, attempt.epoch, &tok)),
        age: 60,
        phase: Phase::Transfer,
        ending: Ending::Ok,
        elapsed_time: Some(200),
        rx: Some(16_384),
        ctl: Some(Around { other_ep_ok: true, in_country_ok: true }),
    }
}

fn sample() -> Report {
    let network = Network::new("IR", Asn(197_207)).unwrap();
    let attempt =
        |door| Attempt { door: FrontdoorId::from_raw(door), epoch: Epoch::new(997_222), network };
    let (key, witness) = (ReporterKey::new([7; 32]), WitnessKey::new([1; 32]));
    let whole = entry(&key, &witness, &attempt(1));
    let bare = Entry {
        rcpt: None,
        phase: Phase::Connection,
        ending: Ending::TimedOut,
        elapsed_time: None,
        rx: None,
        ctl: None,
        ..entry(&key, &witness, &attempt(2))
    };
    let by = CredentialId::new(5).unwrap();
    Report { v: VERSION, by, net: network, entries: vec![whole, bare] }
}

/// A report in both notations, and one of nothing.
pub fn report_seeds() -> Vec<Vec<u8>> {
    let sample = sample();
    let empty = Report { entries: Vec::new(), ..sample.clone() };
    vec![sample.to_cbor(), sample.to_json().into_bytes(), empty.to_cbor()]
}

/// A token, unchanged, and changed in its tag.
pub fn token_seeds() -> Vec<Vec<u8>> {
    let attempt = [&[0, 0, 0, 0, 0, 0, 0, 7][..], &[0, 15, 55, 102], b"IR", &[0, 3, 2, 87]];
    let plain = [vec![7; 32], vec![1; 32], attempt.concat(), attempt.concat()].concat();
    let changed = [plain.clone(), vec![0; 32], vec![1; 16]].concat();
    vec![plain, changed]
}
