use damm_fleet::{Asn, EgressIpId, Seed};

use super::*;
use crate::scene::{address, at, provider};

const LAG: i64 = 60;
const CALL: i64 = 60;

fn node() -> NodeId {
    Seed::from_number(1).node()
}

fn door() -> Subject {
    Seed::from_number(1).frontdoor().into()
}

fn tag(subject: Subject) -> Option<Tag> {
    let fleet = "example".to_owned();
    Some(Tag { fleet, subject })
}

fn listed(provider_ref: &str, state: MachineState) -> ListedMachine {
    ListedMachine {
        provider_ref: provider_ref.to_owned(),
        tag: tag(node().into()),
        state,
        address: Some(address()),
        asn: Some(Asn(64_500)),
        created_at: at(0),
    }
}

fn listed_address(attached_to: Option<&str>) -> ListedAddress {
    ListedAddress {
        provider_ref: "a-1".to_owned(),
        tag: tag(door()),
        address: address(),
        asn: Asn(64_500),
        attached_to: attached_to.map(str::to_owned),
        inner: None,
        created_at: at(0),
    }
}

/// One machine and one address with what is known of them.
struct Sky {
    rows: Rows,
    reports: Option<BTreeMap<NodeId, NodeReport>>,
}

impl Sky {
    /// Both in a phase since moment 0, named `m-1` and `a-1` where they can have a name.
    fn new(phase: Phase) -> Self {
        let row = |subject, name: &str| {
            let mut row = Resource::wanted(subject, node(), provider(), at(0));
            row.phase = phase;
            let named = !matches!(phase, Phase::Wanted | Phase::Creating | Phase::Unknown);
            row.provider_ref = named.then(|| name.to_owned());
            (subject, row)
        };
        Self {
            rows: [row(node().into(), "m-1"), row(door(), "a-1")].into(),
            reports: Some(BTreeMap::new()),
        }
    }

    fn heard(mut self, s: i64, verified: bool) -> Self {
        let report = NodeReport {
            heard_at: at(s),
            healthy: true,
            verified: verified.then(door).into_iter().collect(),
            ..NodeReport::default()
        };
        self.reports = Some([(node(), report)].into());
        self
    }

    /// Looks at a moment, and takes over what the look has changed.
    fn look(&mut self, s: i64, machines: &[ListedMachine], addresses: &[ListedAddress]) -> Look {
        let listing = Listing {
            provider: provider(),
            asked_at: at(s),
            machines: Some(machines.to_vec()),
            addresses: Some(addresses.to_vec()),
        };
        let evidence = Evidence {
            rows: &self.rows,
            reports: self.reports.as_ref(),
            fleet: "example",
            tagged: true,
            list_lag: Span::from_secs(LAG as u64),
            dead_after: Span::from_mins(10),
        };
        let look = look(&listing, &evidence).unwrap();
        self.rows.extend(look.changed.clone());
        look
    }

    fn machine(&self) -> &Resource {
        &self.rows[&Subject::Node(node())]
    }

    fn address(&self) -> &Resource {
        &self.rows[&door()]
    }
}

fn running() -> [ListedMachine; 1] {
    [listed("m-1", MachineState::Running)]
}

#[test]
fn what_may_have_been_made_and_is_shown_is_adopted() {
    for phase in [Phase::Creating, Phase::Unknown, Phase::Ambiguous] {
        let mut sky = Sky::new(phase);
        let look = sky.look(1, &running(), &[listed_address(None)]);
        assert_eq!(look.answers[&Subject::Node(node())], Answer::Found);
        assert_eq!(sky.machine().phase, Phase::Present);
        assert_eq!(sky.machine().provider_ref.as_deref(), Some("m-1"));
        assert_eq!(sky.address().address, Some(address()));
    }
}

#[test]
fn what_may_have_been_made_is_not_believed_absent_before_it_could_be_shown() {
    let mut sky = Sky::new(Phase::Unknown);
    let early = LAG + CALL - 1;
    sky.look(early - 20, &[], &[]);
    sky.look(early, &[], &[]);
    assert_eq!(sky.machine().phase, Phase::Unknown);
    assert_eq!(sky.machine().missing_since, None, "a look that came too early counts for nothing");
}

#[test]
fn absence_takes_two_looks() {
    let mut sky = Sky::new(Phase::Unknown);
    let first = LAG + CALL;
    sky.look(first, &[], &[]);
    sky.look(first + 4, &[], &[]);
    assert_eq!(sky.machine().phase, Phase::Unknown, "both looks may be one cached answer");
    let look = sky.look(first + 5, &[], &[]);
    assert_eq!(look.answers[&Subject::Node(node())], Answer::Absent);
    assert_eq!(sky.machine().phase, Phase::Wanted);
    assert_eq!(sky.machine().missing_since, None);
}

#[test]
fn two_with_one_tag_are_ambiguous_and_one_of_them_alone_is_not() {
    for phase in [Phase::Unknown, Phase::Present, Phase::Ready] {
        let mut sky = Sky::new(phase);
        let twins = [listed("m-1", MachineState::Running), listed("m-2", MachineState::Running)];
        sky.look(1, &twins, &[listed_address(None)]);
        assert_eq!(sky.machine().phase, Phase::Ambiguous, "{phase}");
        sky.look(500, &twins[1..], &[listed_address(None)]);
        assert_eq!(sky.machine().phase, Phase::Present);
        assert_eq!(sky.machine().provider_ref.as_deref(), Some("m-2"));
    }
}

#[test]
fn what_shows_up_after_it_was_believed_absent_is_adopted_without_a_call() {
    let mut sky = Sky::new(Phase::Wanted);
    sky.look(1_000, &running(), &[]);
    assert_eq!(sky.machine().phase, Phase::Present);
    assert_eq!(sky.machine().attempt, 0);
}

#[test]
fn what_was_just_made_is_not_mistaken_for_an_older_one_with_its_tag() {
    let mut sky = Sky::new(Phase::Present);
    sky.look(1, &[listed("m-0", MachineState::Running)], &[listed_address(None)]);
    assert_eq!(sky.machine().provider_ref.as_deref(), Some("m-1"));
}

#[test]
fn a_machine_is_ready_when_it_runs_and_its_agent_is_well() {
    let mut sky = Sky::new(Phase::Present).heard(1, false);
    sky.look(1, &[listed("m-1", MachineState::Starting)], &[listed_address(None)]);
    assert_eq!(sky.machine().phase, Phase::Present);
    sky.look(2, &running(), &[listed_address(None)]);
    assert_eq!(sky.machine().phase, Phase::Ready);
    sky.look(2 + 601, &running(), &[listed_address(None)]);
    assert_eq!(sky.machine().phase, Phase::Present, "its agent fell silent");
}

#[test]
fn an_address_is_ready_when_it_is_attached_and_probed() {
    let mut sky = Sky::new(Phase::Present).heard(1, false);
    sky.look(1, &running(), &[listed_address(Some("m-1"))]);
    assert!(sky.address().attached);
    assert_eq!(sky.address().phase, Phase::Present);
    let mut sky = sky.heard(2, true);
    sky.look(2, &running(), &[listed_address(Some("m-1"))]);
    assert_eq!(sky.address().phase, Phase::Ready);
    sky.look(3, &running(), &[listed_address(None)]);
    assert_eq!((sky.address().phase, sky.address().attached), (Phase::Present, false));
}

#[test]
fn an_address_that_is_attached_to_something_else_is_noted() {
    let mut sky = Sky::new(Phase::Present).heard(1, true);
    let look = sky.look(1, &running(), &[listed_address(Some("m-9"))]);
    assert!(look.elsewhere.contains(&door()));
    assert!(!sky.address().attached);
}

#[test]
fn reports_that_could_not_be_read_change_nothing() {
    let mut sky = Sky::new(Phase::Ready);
    sky.reports = None;
    sky.look(5_000, &running(), &[listed_address(Some("m-1"))]);
    assert_eq!(sky.machine().phase, Phase::Ready);
    assert_eq!(sky.address().phase, Phase::Ready);
}

#[test]
fn what_is_shown_no_longer_is_gone_after_two_looks() {
    for phase in [Phase::Ready, Phase::Deleting] {
        let mut sky = Sky::new(phase);
        sky.look(LAG - 1, &[], &[]);
        sky.look(LAG, &[], &[]);
        assert_eq!(sky.machine().phase, phase);
        sky.look(LAG + 5, &[], &[]);
        assert_eq!(sky.machine().phase, Phase::Gone);
    }
}

#[test]
fn what_is_heard_of_is_not_lost_whatever_a_listing_says() {
    let mut sky = Sky::new(Phase::Ready).heard(LAG + 300, true);
    for s in [0, 5, 10, 100] {
        sky.look(LAG + s, &[], &[]);
    }
    assert_ne!(sky.machine().phase, Phase::Gone);
    assert_ne!(sky.address().phase, Phase::Gone);
}

#[test]
fn what_is_shown_again_was_not_missing() {
    let mut sky = Sky::new(Phase::Ready);
    sky.look(LAG, &[], &[]);
    sky.look(LAG + 10, &running(), &[listed_address(Some("m-1"))]);
    sky.look(LAG + 20, &[], &[]);
    assert_ne!(sky.machine().phase, Phase::Gone);
}

#[test]
fn a_delete_is_confirmed_by_its_own_things_absence() {
    let mut sky = Sky::new(Phase::Deleting);
    let twin = [listed("m-2", MachineState::Running)];
    sky.look(LAG, &twin, &[]);
    sky.look(LAG + 5, &twin, &[]);
    assert_eq!(sky.machine().phase, Phase::Gone);
    let look = sky.look(LAG + 10, &twin, &[]);
    assert_eq!(look.strays[0].provider_ref, "m-2");
}

#[test]
fn what_is_gone_and_shows_up_again_is_a_stray() {
    let mut sky = Sky::new(Phase::Gone);
    let look = sky.look(9, &running(), &[listed_address(Some("m-1"))]);
    assert_eq!(look.strays.len(), 2);
    assert_eq!(look.changed, Rows::new());
    assert!(look.strays[1].attached);
}

#[test]
fn what_no_row_knows_is_a_stray_and_what_has_no_tag_of_ours_is_nobodys_business() {
    let mut sky = Sky::new(Phase::Ready).heard(1, true);
    let mut stranger = listed_address(None);
    stranger.tag = tag(EgressIpId::from_raw(5).into());
    let mut untagged = listed("m-3", MachineState::Running);
    untagged.tag = None;
    let machines = [running()[0].clone(), untagged];
    let look = sky.look(1, &machines, &[listed_address(Some("m-1")), stranger]);
    assert_eq!(look.strays.len(), 1);
}

#[test]
fn a_listing_that_failed_concludes_nothing() {
    let sky = Sky::new(Phase::Ready);
    let listing =
        Listing { provider: provider(), asked_at: at(10_000), machines: None, addresses: None };
    let evidence = Evidence {
        rows: &sky.rows,
        reports: None,
        fleet: "example",
        tagged: true,
        list_lag: Span::ZERO,
        dead_after: Span::from_mins(10),
    };
    assert_eq!(look(&listing, &evidence), Ok(Look::default()));
}

#[test]
fn a_machine_that_will_not_come_up_is_noted_as_a_refusal() {
    let mut sky = Sky::new(Phase::Present);
    let look = sky.look(1, &[listed("m-1", MachineState::Failed)], &[listed_address(None)]);
    assert!(look.failed.contains(&node()));
    let failure = sky.machine().failure.as_ref().unwrap();
    assert_eq!(failure.class, FailureClass::Rejected);
}

#[test]
fn what_stands_for_an_address_is_what_its_own_machine_sees_it_as() {
    let mut sky = Sky::new(Phase::Ready).heard(1, true);
    let (first, second) = ("172.31.0.7".parse().ok(), "172.31.0.8".parse().ok());
    let shown = |to, inner| ListedAddress { inner, ..listed_address(to) };
    sky.look(1, &running(), &[shown(Some("m-1"), first)]);
    assert_eq!(sky.address().inner, first);
    for elsewhere in [shown(Some("m-9"), second), shown(None, None)] {
        sky.look(2, &running(), &[elsewhere]);
        assert_eq!((sky.address().inner, sky.address().attached), (first, false));
    }
    sky.look(3, &running(), &[shown(Some("m-1"), second)]);
    assert_eq!(sky.address().inner, second);
}
