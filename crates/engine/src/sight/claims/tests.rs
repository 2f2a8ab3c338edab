use damm_clouds::ListedAddress;
use damm_fleet::resource::Before;
use damm_fleet::{Asn, Phase, Resource, Seed, Span, Subject};

use super::super::{Answer, Evidence, Listing, Look, look};
use crate::due::Rows;
use crate::patience::{CALL_TIMEOUT, CLOCKS_DIFFER, LISTING_GAP};
use crate::scene::{at, provider};

const LAG: Span = Span::from_secs(60);
/// When creations began.
const BEGUN: i64 = 10_000;

fn shown(name: &str, made: i64) -> ListedAddress {
    ListedAddress {
        provider_ref: name.to_owned(),
        tag: None,
        address: name.parse().unwrap(),
        asn: Asn(64_500),
        attached_to: None,
        inner: None,
        created_at: at(made),
    }
}

/// An account whose addresses carry no tags, with so many doors.
struct Account(Rows);

fn door(n: u64) -> Subject {
    Seed::from_number(n).frontdoor().into()
}

impl Account {
    fn new(phases: &[Phase]) -> Self {
        let row = |(phase, n)| {
            let mut row = Resource::wanted(door(n), Seed::from_number(n).node(), provider(), at(0));
            (row.phase, row.since) = (phase, at(BEGUN));
            row.before = Some(Before { at: at(BEGUN), shown: ["192.0.2.1".to_owned()].into() });
            (row.subject, row)
        };
        Self(phases.iter().copied().zip(1..).map(row).collect())
    }

    fn look(&mut self, s: i64, addresses: &[ListedAddress]) -> Look {
        let listing = Listing {
            provider: provider(),
            asked_at: at(s),
            machines: None,
            addresses: Some(addresses.to_vec()),
        };
        let evidence = Evidence {
            rows: &self.0,
            reports: None,
            fleet: "example",
            tagged: false,
            list_lag: LAG,
            dead_after: Span::from_mins(10),
        };
        let look = look(&listing, &evidence).unwrap();
        self.0.extend(look.changed.clone());
        look
    }

    fn row(&mut self, n: u64) -> &mut Resource {
        self.0.get_mut(&door(n)).unwrap()
    }

    fn holding(mut self, n: u64, name: &str) -> Self {
        let row = self.row(n);
        row.provider_ref = Some(name.to_owned());
        row.address = Some(name.parse().unwrap());
        self
    }
}

#[test]
fn what_is_new_since_the_only_open_creation_began_is_what_it_made() {
    let mut account = Account::new(&[Phase::Unknown, Phase::Present]).holding(2, "192.0.2.2");
    let all = [shown("192.0.2.1", 0), shown("192.0.2.2", BEGUN), shown("192.0.2.3", BEGUN + 1)];
    let look = account.look(BEGUN + 2, &all);
    assert_eq!(look.answers, [(door(1), Answer::Found)].into());
    let row = account.row(1);
    assert_eq!(row.provider_ref.as_deref(), Some("192.0.2.3"));
    assert_eq!((row.phase, &row.before), (Phase::Present, &None));
    let strays: Vec<_> = look.strays.iter().map(|s| (s.provider_ref.as_str(), &s.tag)).collect();
    assert_eq!(strays, [("192.0.2.1", &None)], "what was there before is nobody's");
    assert_eq!(look.unheld.unwrap().len(), 2, "as seen before it was found");
}

#[test]
fn nothing_new_in_two_looks_past_timeout_and_lag_means_that_it_was_not_made() {
    let mut account = Account::new(&[Phase::Unknown]);
    let late = BEGUN + ((CALL_TIMEOUT.as_millis() + LAG.as_millis()) / 1_000) as i64;
    let gap = (LISTING_GAP.as_millis() / 1_000) as i64;
    for early in [BEGUN + 1, BEGUN + 50, late - 1, late] {
        account.look(early, &[shown("192.0.2.1", 0)]);
        assert_eq!(account.row(1).phase, Phase::Unknown, "{early}");
    }
    account.look(late + gap, &[shown("192.0.2.1", 0)]);
    assert_eq!(account.row(1).phase, Phase::Wanted);
}

#[test]
fn of_two_that_are_new_none_is_touched_until_one_is_left() {
    let mut account = Account::new(&[Phase::Unknown]);
    let two = [shown("192.0.2.3", BEGUN + 1), shown("192.0.2.4", BEGUN + 1)];
    let look = account.look(BEGUN + 2, &two);
    assert_eq!(look.answers, [(door(1), Answer::Ambiguous)].into());
    assert_eq!(look.strays, []);
    account.look(BEGUN + 500, &two);
    assert_eq!(account.row(1).phase, Phase::Ambiguous);
    account.look(BEGUN + 600, &two[1..]);
    assert_eq!(account.row(1).provider_ref.as_deref(), Some("192.0.2.4"));
}

#[test]
fn what_is_attached_or_older_than_the_creation_is_not_taken_for_what_it_made() {
    let old = BEGUN - (CLOCKS_DIFFER.as_millis() / 1_000) as i64 - 1;
    let held = ListedAddress { attached_to: Some("m-9".to_owned()), ..shown("192.0.2.3", BEGUN) };
    for other in [shown("192.0.2.3", old), held] {
        let mut account = Account::new(&[Phase::Unknown]);
        let look = account.look(BEGUN + 1, &[other]);
        assert_eq!(account.row(1).phase, Phase::Unknown);
        assert_eq!((look.strays.len(), &look.strays[0].tag), (1, &None));
    }
}

#[test]
fn what_is_new_while_two_creations_are_open_is_the_operators_to_tell() {
    let mut account = Account::new(&[Phase::Unknown, Phase::Unknown]);
    let new = [shown("192.0.2.3", BEGUN + 1)];
    account.look(BEGUN + 2, &new);
    assert_eq!(account.row(1).phase, Phase::Unknown, "the other may show up yet");
    account.look(BEGUN + 500, &new);
    let phases = [account.row(1).phase, account.row(2).phase];
    assert!(phases.contains(&Phase::Ambiguous), "{phases:?}");
    assert!(phases.iter().all(|p| *p != Phase::Present), "{phases:?}");
}

#[test]
fn without_a_note_of_what_was_there_before_nothing_is_taken_for_new() {
    let mut account = Account::new(&[Phase::Unknown]);
    account.row(1).before = None;
    account.look(BEGUN + 500, &[shown("192.0.2.3", BEGUN + 1)]);
    assert_eq!(account.row(1).phase, Phase::Ambiguous);
}

#[test]
fn what_a_row_held_and_comes_back_is_known_by_being_older_than_the_rows_end() {
    let mut account = Account::new(&[Phase::Gone]).holding(1, "192.0.2.3");
    let look = account.look(BEGUN + 1, &[shown("192.0.2.3", BEGUN - 500)]);
    assert_eq!(look.strays[0].tag.as_ref().unwrap().subject, door(1));
    let look = account.look(BEGUN + 1, &[shown("192.0.2.3", BEGUN + 1)]);
    assert_eq!(look.strays[0].tag, None, "the vendor gave it to somebody anew");
}

#[test]
fn what_is_being_given_back_is_nobody_elses_while_it_is_shown() {
    let mut account = Account::new(&[Phase::Unknown, Phase::Deleting]).holding(2, "192.0.2.2");
    let look = account.look(BEGUN + 1, &[shown("192.0.2.2", BEGUN)]);
    assert_eq!((look.strays.len(), account.row(1).phase), (0, Phase::Unknown));
    assert_eq!(account.row(2).phase, Phase::Deleting);
}
