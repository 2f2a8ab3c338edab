//! What is called a block, and what is not.

#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod stage;

use damm_fleet::{Span, State};
use damm_reach::{Aspect, Ignored, Outcome, Place, Probe, Reach, Step, Taken};
use stage::{Stage, Try, settings, well};

const SEEDS: [u64; 3] = [1, 2, 3];

fn all(state: State) -> Vec<State> {
    vec![state; 9]
}

#[test]
fn what_works_is_reachable_everywhere() {
    for seed in SEEDS {
        let mut s = Stage::new(seed);
        s.warm();
        s.run(600, &well);
        for door in 0..6 {
            assert_eq!(s.states(door), all(State::Reachable), "seed {seed}, door {door}");
        }
    }
}

#[test]
fn a_block_in_one_network_is_noticed_there_and_nowhere_else() {
    for seed in SEEDS {
        let mut s = Stage::new(seed);
        s.warm();
        s.run(20, &|t| Some(if t.door == 2 && t.network == 4 { 0.98 } else { 0.1 }));
        let mut expected = all(State::Reachable);
        expected[4] = State::Blocked;
        assert_eq!(s.states(2), expected, "seed {seed}");
        assert_eq!(s.states(3), all(State::Reachable), "seed {seed}");
        let finding = &s.room.findings()[&s.doors[2]];
        let of = finding.iter().find(|f| f.place == Place::Network(s.networks[4])).unwrap();
        assert_eq!((of.state, of.step), (State::Blocked, Step::Withdraw));
        assert!(of.evidence.score >= of.evidence.threshold, "{:?}", of.evidence);
        let verdicts = s.room.verdicts();
        assert_eq!(verdicts.state(s.doors[2], s.networks[4]), State::Blocked);
        assert_eq!(verdicts.state(s.doors[2], s.networks[3]), State::Reachable);
    }
}

#[test]
fn the_end_of_a_block_is_noticed() {
    for seed in SEEDS {
        let mut s = Stage::new(seed);
        s.warm();
        let blocked = |t: &Try| Some(if t.door == 0 && t.network < 3 { 0.98 } else { 0.1 });
        s.run(120, &blocked);
        assert_eq!(s.states(0)[..3], [State::Blocked; 3], "seed {seed}");
        s.run(30, &well);
        assert_eq!(s.states(0), all(State::Reachable), "seed {seed}");
        s.run(300, &well);
        assert_eq!(s.states(0), all(State::Reachable), "it flaps, seed {seed}");
    }
}

#[test]
fn a_few_canaries_are_enough_to_notice_the_end_of_a_block() {
    let mut s = Stage::new(5);
    s.warm();
    s.run(60, &|t| Some(if t.door == 0 && t.network < 3 { 0.98 } else { 0.1 }));
    assert_eq!(s.states(0)[0], State::Blocked);
    // From here on one client in 50 tries: one report in 25 minutes of each cell.
    let canaries = |t: &Try| (t.door != 0 || t.network >= 3 || t.who == 7).then_some(0.1);
    s.run(600, &canaries);
    assert!(s.states(0)[..3].iter().all(|st| *st != State::Blocked), "{:?}", s.states(0));
}

#[test]
fn a_node_outage_is_down_and_never_a_block() {
    for (beats, seed) in [(true, 1), (true, 2), (false, 1), (false, 2), (false, 3)] {
        let mut s = Stage::new(seed);
        s.beats = beats;
        s.warm();
        for minute in 0..60 {
            s.minute(&|t| Some(if t.door == 1 { 0.97 } else { 0.1 }), &|d| d != 1);
            let states = s.states(1);
            assert!(!states.contains(&State::Blocked), "minute {minute}, seed {seed}, {states:?}");
        }
        assert_eq!(s.states(1), all(State::Down), "seed {seed}, heartbeats {beats}");
        s.run(60, &well);
        assert_eq!(s.states(1), all(State::Reachable), "seed {seed}, heartbeats {beats}");
    }
}

#[test]
fn a_brownout_of_an_isp_blocks_nothing() {
    for seed in SEEDS {
        let mut s = Stage::new(seed);
        s.warm();
        for minute in 0..90 {
            s.minute(&|t| Some(if t.network == 5 { 0.65 } else { 0.1 }), &|_| true);
            for door in 0..6 {
                let state = s.states(door)[5];
                assert_ne!(state, State::Blocked, "door {door}, minute {minute}, seed {seed}");
            }
        }
    }
}

#[test]
fn a_network_that_falls_silent_is_dark_and_blocks_nothing() {
    let mut s = Stage::new(4);
    s.warm();
    s.run(60, &|t| (t.network != 5).then_some(0.1));
    assert_eq!(s.room.dark(s.now), [s.networks[5]]);
    assert!((0..6).all(|door| s.states(door)[5] != State::Blocked));
}

#[test]
fn a_door_that_falls_silent_in_one_network_is_blocked_there() {
    let mut s = Stage::new(4);
    s.warm();
    s.run(40, &|t| (t.network != 5 || t.door != 2).then_some(0.1));
    assert_eq!(s.states(2)[5], State::Blocked);
    assert_eq!(s.states(2)[4], State::Reachable);
    // Unless its clients were told of other doors.
    let mut s = Stage::new(4);
    s.warm();
    s.room.reassigned(s.doors[2], s.now);
    s.run(40, &|t| (t.network != 5 || t.door != 2).then_some(0.1));
    assert_ne!(s.states(2)[5], State::Blocked);
}

#[test]
fn a_door_that_one_country_is_told_of_no_longer_is_not_silent_there() {
    let mut s = Stage::new(5);
    s.pace = 4;
    s.run(1_200, &well);
    // Its clients' catalogs expire within six hours; those of other countries stay as they are.
    s.room.reassigned(s.doors[2], s.now);
    s.run(360, &|t| (t.network > 2 || t.door != 2 || t.who % 2 == 0).then_some(0.1));
    for hour in 0..48 {
        s.run(60, &|t| (t.network > 2 || t.door != 2).then_some(0.1));
        let states = s.states(2);
        assert!(!states.contains(&State::Blocked), "hour {hour}: {states:?}");
    }
    // And who falls silent later is noticed.
    s.run(40, &|t| (t.network != 5 || t.door != 2).then_some(0.1));
    assert_eq!(s.states(2)[5], State::Blocked);
}

#[test]
fn many_reports_between_two_ticks_are_no_silence() {
    let mut s = Stage::new(12);
    s.pace = 60;
    for minute in 0..90 {
        s.minute(&well, &|_| true);
        for door in 0..6 {
            assert!(!s.states(door).contains(&State::Blocked), "door {door}, minute {minute}");
        }
    }
}

#[test]
fn failures_are_heard_where_successes_stay_away() {
    // Too few fail for a block; those that would have come and failed elsewhere are not missing.
    for seed in SEEDS {
        let mut s = Stage::new(seed);
        s.warm();
        for minute in 0..240 {
            let tried = |t: &Try| t.door != 2 || t.network != 5 || t.who < 42;
            let fails = |t: &Try| t.door == 2 && t.network == 5 && t.who < 14;
            s.minute(&|t| tried(t).then_some(if fails(t) { 1.0 } else { 0.1 }), &|_| true);
            assert_ne!(s.states(2)[5], State::Blocked, "minute {minute}, seed {seed}");
        }
    }
}

#[test]
fn a_door_that_is_overloaded_everywhere_is_blocked_nowhere() {
    for seed in SEEDS {
        let mut s = Stage::new(seed);
        s.warm();
        for minute in 0..240 {
            s.minute(&|t| Some(if t.door == 3 { 0.45 } else { 0.1 }), &|_| true);
            let states = s.states(3);
            assert!(!states.contains(&State::Blocked), "minute {minute}, seed {seed}: {states:?}");
        }
        // A block on top of it is still seen.
        s.run(40, &|t| match (t.door, t.network) {
            (3, 4) => Some(0.98),
            (3, _) => Some(0.45),
            _ => Some(0.1),
        });
        assert_eq!(s.states(3)[4], State::Blocked, "seed {seed}");
    }
}

#[test]
fn an_outage_during_which_a_heartbeat_gets_through_is_no_block() {
    for seed in SEEDS {
        let mut s = Stage::new(seed);
        s.pace = 8;
        s.warm();
        for minute in 0..20 {
            // The first three beats are answered by chance.
            let up = |door| door != 1 || minute < 3;
            s.minute(&|t| Some(if t.door == 1 { 0.97 } else { 0.1 }), &up);
            let states = s.states(1);
            assert!(!states.contains(&State::Blocked), "minute {minute}, seed {seed}, {states:?}");
        }
        assert_eq!(s.states(1), all(State::Down), "seed {seed}");
    }
}

/// Fourteen of 48 clients lie, and each speaks five times as often as the others.
fn with_loud(s: &mut Stage, lying: bool) {
    let is_lie = |door, who| lying && door == 0 && who < 14;
    for door in 0..6 {
        for network in 0..9 {
            for _ in 0..8 {
                let who = (s.chance() * 48.0) as u64;
                let failed = s.chance() < 0.1 || is_lie(door, who);
                if who < 14 {
                    let outcome = if failed { Outcome::Failed } else { Outcome::Verified };
                    s.tell(door, network, who, outcome);
                }
            }
        }
    }
    s.minute(&|t| Some(if is_lie(t.door, t.who) { 1.0 } else { 0.1 }), &|_| true);
}

#[test]
fn a_third_that_lies_blocks_nothing_though_it_speaks_five_times_as_often() {
    for seed in SEEDS {
        let mut s = Stage::new(seed);
        (0..240).for_each(|_| with_loud(&mut s, false));
        for minute in 0..240 {
            with_loud(&mut s, true);
            let states = s.states(0);
            assert!(!states.contains(&State::Blocked), "minute {minute}, seed {seed}: {states:?}");
        }
    }
}

#[test]
fn saying_that_all_is_well_hides_nothing() {
    let mut s = Stage::new(6);
    s.warm();
    for _ in 0..20 {
        s.minute(&|t| Some(if t.door == 0 && t.network == 0 { 0.98 } else { 0.1 }), &|_| true);
        (0..40).for_each(|who| s.tell(0, 0, who, Outcome::Claimed));
    }
    assert_eq!(s.states(0)[0], State::Blocked);
}

#[test]
fn a_freeze_after_16_kb_is_a_block_and_a_late_stall_is_not() {
    for (received, expected) in [(16_384, State::Blocked), (900_000, State::Degraded)] {
        let mut s = Stage::new(7);
        s.warm();
        for _ in 0..40 {
            s.minute(&|t| (t.door != 0 || t.network != 0).then_some(0.1), &|_| true);
            s.room.reassigned(s.doors[0], s.now);
            for _ in 0..2 {
                let who = (s.chance() * 48.0) as u64;
                s.tell(0, 0, who, Outcome::Stalled { received });
            }
        }
        assert_eq!(s.states(0)[0], expected, "{received} bytes");
    }
}

#[test]
fn a_block_of_a_whole_transport_is_no_bad_weather() {
    let mut s = Stage::new(8);
    s.warm();
    s.run(30, &|t| Some(if t.door % 2 == 1 && t.network < 3 { 0.98 } else { 0.1 }));
    for door in [1, 3, 5] {
        assert_eq!(s.states(door)[..3], [State::Blocked; 3], "door {door}");
    }
    s.run(180, &|t| Some(if t.door % 2 == 1 && t.network < 3 { 0.98 } else { 0.1 }));
    let ground = s.room.ground(s.now);
    let trojan = ground[&(Aspect::Transport, "trojan", s.networks[0])];
    let other = ground[&(Aspect::Transport, "shadowsocks", s.networks[0])];
    assert!(trojan.share() < 0.6 && other.share() > 0.9, "{trojan:?} {other:?}");
}

#[test]
fn a_probe_hastens_a_block_and_clears_none() {
    let minutes = |failing: Option<bool>| {
        let mut s = Stage::new(9);
        s.warm();
        s.pace = 1;
        (1..60).find(|_| {
            s.minute(&|t| Some(if t.door == 0 && t.network == 0 { 0.98 } else { 0.1 }), &|_| true);
            if let Some(through) = failing.map(|f| !f) {
                let (door, network) = (s.doors[0], s.networks[0]);
                s.room.probe(s.now, &Probe { door, network, through });
            }
            s.room.tick(s.now);
            s.states(0)[0] == State::Blocked
        })
    };
    let (none, hastened, contradicted) = (minutes(None), minutes(Some(true)), minutes(Some(false)));
    assert!(hastened.unwrap() < none.unwrap(), "{hastened:?} {none:?}");
    assert_eq!(contradicted, none);
}

#[test]
fn what_is_known_of_too_few_reporters_stays_inside() {
    let mut s = Stage::new(10);
    // Only 12 reporters in the first network.
    s.run(240, &|t| (t.network != 0 || t.who < 12).then_some(0.1));
    s.run(60, &|t| {
        let p = if t.door == 0 && t.network == 0 { 0.98 } else { 0.1 };
        (t.network != 0 || t.who < 12).then_some(p)
    });
    assert_eq!(s.states(0)[0], State::Unknown);
    for finding in s.room.findings().values().flatten() {
        assert_ne!(finding.place, Place::Network(s.networks[0]));
        assert!(finding.evidence.reporters.get() >= 20);
    }
    assert!(s.room.verdicts().0.values().all(|of| !of.contains_key(&s.networks[0])));
    // When its country is blocked, so is the cell.
    s.run(30, &|t| {
        let p = if t.door == 0 && t.network < 3 { 0.98 } else { 0.1 };
        (t.network != 0 || t.who < 12).then_some(p)
    });
    assert_eq!(s.states(0)[0], State::Blocked);
}

#[test]
fn what_is_written_down_is_nothing_of_few_but_what_everybody_may_know() {
    let mut s = Stage::new(12);
    let few = s.networks[0];
    let blocked = |t: &Try| {
        let p = if t.door == 0 && t.network < 3 { 0.98 } else { 0.1 };
        (t.network != 0 || t.who < 12).then_some(p)
    };
    s.run(240, &|t| (t.network != 0 || t.who < 12).then_some(0.1));
    s.run(60, &blocked);
    assert_eq!(s.states(0)[..3], [State::Blocked; 3]);
    let written = |room: &Reach| room.snapshot().windows(6).any(|w| *w == *b"IR\x01\0\0\0");
    assert!(written(&s.room), "it is not looked for as it is written");
    let all = s.room.without_few(|_| true);
    assert_eq!(all.snapshot(), s.room.snapshot());
    let mut open = s.room.without_few(|network| network != few);
    assert!(!written(&open));
    assert!(open.verdicts().0.values().all(|of| !of.contains_key(&few)));
    assert!(open.ground(s.now).keys().all(|(_, _, network)| *network != few));
    for network in &s.networks[1..] {
        assert_eq!(open.state(s.doors[0], *network), s.room.state(s.doors[0], *network));
    }
    // It goes on from what was written, and learns of those few again.
    open = Reach::restore(settings(), &open.snapshot()).unwrap();
    s.room = open;
    s.run(60, &blocked);
    assert_eq!(s.states(0)[..3], [State::Blocked; 3]);
}

#[test]
fn reports_that_say_nothing_are_told_apart() {
    let mut s = Stage::new(11);
    s.warm();
    let mut report = damm_reach::Report {
        door: s.doors[0],
        network: s.networks[0],
        reporter: damm_reach::Reporter(1),
        age: damm_reach::Age::New,
        outcome: Outcome::Claimed,
        ago: Span::ZERO,
    };
    let told = |s: &mut Stage, r: &damm_reach::Report| s.room.report(s.now, r);
    assert_eq!(told(&mut s, &report), Taken::Ignored(Ignored::Unverified));
    report.outcome = Outcome::Offline;
    assert_eq!(told(&mut s, &report), Taken::ForTheNetwork);
    report.outcome = Outcome::Failed;
    assert_eq!(told(&mut s, &report), Taken::Counted);
    report.ago = Span::from_hours(3);
    assert_eq!(told(&mut s, &report), Taken::Ignored(Ignored::Stale));
    let door = s.doors[0];
    s.room.forget(door);
    report.ago = Span::ZERO;
    assert_eq!(told(&mut s, &report), Taken::Ignored(Ignored::UnknownDoor));
    assert_eq!(s.states(5), all(State::Reachable), "the door that took its place is another");
}
