//! What could not be sent is kept as long as it is heard, and no longer.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod scene;

use std::os::unix::fs::PermissionsExt as _;

use damm_client::Unsent;
use damm_fleet::{Asn, FrontdoorId, Network, Span, Timestamp};
use damm_protocol::CredentialId;
use damm_protocol::evidence::{Attempt, Ending, Entry, Epoch, Phase, Report, ReporterKey, VERSION};
use scene::{NOW, Scene};

/// The scene's client's own.
fn key() -> ReporterKey {
    ReporterKey::new([8; 32])
}

fn epoch(later: u32) -> Epoch {
    Epoch::new(Epoch::at(NOW).number() + later)
}

fn report(epoch: Epoch) -> Report {
    let (net, door) = (Network::new("IR", Asn(58_224)).unwrap(), FrontdoorId::from_raw(1));
    let entry = Entry {
        ep: door,
        epoch,
        tok: key().token(&Attempt { door, epoch, network: net }),
        rcpt: None,
        age: 5,
        phase: Phase::Connection,
        ending: Ending::TimedOut,
        elapsed_time: None,
        rx: None,
        ctl: None,
    };
    Report { v: VERSION, by: CredentialId::new(7).unwrap(), net, entries: vec![entry] }
}

fn kept(epochs: impl IntoIterator<Item = u32>, at: Timestamp) -> Unsent {
    let mut unsent = Unsent::default();
    epochs.into_iter().for_each(|n| unsent.keep(epoch(n), report(epoch(n)), at));
    unsent
}

fn in_order(mut unsent: Unsent) -> Vec<Epoch> {
    let next = || {
        let (epoch, _) = unsent.next(NOW)?;
        unsent.sent(epoch);
        Some(epoch)
    };
    std::iter::from_fn(next).collect()
}

#[test]
fn the_newest_four_are_kept_one_for_each_half_hour_and_the_oldest_goes_first() {
    let unsent = kept([5, 0, 3, 1, 4, 3, 2], NOW);
    assert!(unsent.holds(epoch(2)) && !unsent.holds(epoch(1)));
    assert_eq!(in_order(unsent), [2, 3, 4, 5].map(epoch));
}

#[test]
fn what_is_sent_later_is_longer_ago() {
    let unsent = kept([0], NOW);
    let (_, first) = unsent.next(NOW).unwrap();
    let (_, later) = unsent.next(NOW + Span::from_mins(4)).unwrap();
    // 245 seconds, cut.
    assert_eq!((first.entries[0].age, later.entries[0].age), (5, 200));
    assert_eq!(first.entries[0].tok, later.entries[0].tok);
}

#[test]
fn what_nobody_would_hear_any_more_is_dropped() {
    let scene = Scene::new();
    let last = key().due(epoch(0)) + Epoch::GRACE;
    let mut unsent = kept([0, 1], NOW);
    unsent.drop_late(&scene.profile, last).unwrap();
    assert!(unsent.holds(epoch(0)));
    unsent.drop_late(&scene.profile, last + Span::from_millis(1)).unwrap();
    assert!(!unsent.holds(epoch(0)));
}

#[test]
fn the_file_is_its_owners_alone_and_gone_with_the_last_report() {
    let dir = tempfile::tempdir().unwrap();
    let path = Unsent::beside(&dir.path().join("client.json"));
    assert_eq!(path.file_name().unwrap(), "client.json.unsent");
    assert_eq!(Unsent::load(&path), Unsent::default());
    let mut unsent = kept([0, 1], NOW);
    unsent.save(&path).unwrap();
    assert_eq!(std::fs::metadata(&path).unwrap().permissions().mode() & 0o777, 0o600);
    assert_eq!(Unsent::load(&path), unsent);
    [0, 1].into_iter().for_each(|n| unsent.sent(epoch(n)));
    unsent.save(&path).unwrap();
    assert_eq!(std::fs::read_dir(&dir).unwrap().count(), 0);
    unsent.save(&path).unwrap();
    std::fs::write(&path, "[{").unwrap();
    assert_eq!(Unsent::load(&path), Unsent::default());
}
