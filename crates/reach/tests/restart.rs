//! A room goes on after a restart as if nothing had been.

#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod stage;

use damm_fleet::Span;
use damm_reach::{BadSnapshot, Outcome, Probe, Reach};
use proptest::prelude::*;
use stage::{Stage, settings};

/// One thing that happens.
#[derive(Debug, Clone)]
enum Event {
    Report { door: usize, network: usize, who: u64, outcome: Outcome },
    Probe { door: usize, network: usize, through: bool },
    Beat { door: usize, answered: bool },
    Minutes(u64),
}

fn event() -> impl Strategy<Value = Event> {
    let outcome = prop_oneof![
        3 => Just(Outcome::Verified),
        4 => Just(Outcome::Failed),
        1 => (0..100_000u64).prop_map(|received| Outcome::Stalled { received }),
        1 => Just(Outcome::Offline),
    ];
    prop_oneof![
        20 => (0..2usize, 0..9usize, 0..48u64, outcome)
            .prop_map(|(door, network, who, outcome)| {
                Event::Report { door, network, who, outcome }
            }),
        1 => (0..2usize, 0..9usize, any::<bool>())
            .prop_map(|(door, network, through)| Event::Probe { door, network, through }),
        1 => (0..2usize, any::<bool>()).prop_map(|(door, answered)| Event::Beat { door, answered }),
        3 => (1..40u64).prop_map(Event::Minutes),
    ]
}

fn play(s: &mut Stage, events: &[Event]) -> String {
    let mut told = String::new();
    for event in events {
        match *event {
            Event::Report { door, network, who, outcome } => s.tell(door, network, who, outcome),
            Event::Probe { door, network, through } => {
                let (door, network) = (s.doors[door], s.networks[network]);
                s.room.probe(s.now, &Probe { door, network, through });
            }
            Event::Beat { door, answered } => s.room.heartbeat(s.now, s.doors[door], answered),
            Event::Minutes(n) => {
                s.now = s.now + Span::from_mins(n);
                told += &format!("{:?}\n", s.room.tick(s.now));
            }
        }
    }
    told + &format!("{:?}\n{:?}", s.room.verdicts(), s.room.findings())
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 64, ..ProptestConfig::default() })]

    #[test]
    fn a_snapshot_and_a_replay_give_the_same_verdicts_to_the_byte(
        before in proptest::collection::vec(event(), 0..600),
        after in proptest::collection::vec(event(), 0..300),
    ) {
        let mut s = Stage::new(1);
        play(&mut s, &before);
        let bytes = s.room.snapshot();
        let mut again = Stage::new(1);
        again.room = Reach::restore(settings(), &bytes).unwrap();
        again.now = s.now;
        prop_assert_eq!(&bytes, &again.room.snapshot());
        prop_assert_eq!(play(&mut s, &after), play(&mut again, &after));
        prop_assert_eq!(s.room.snapshot(), again.room.snapshot());
    }

    #[test]
    fn damaged_bytes_are_refused_and_do_no_harm(
        events in proptest::collection::vec(event(), 0..100),
        at in any::<prop::sample::Index>(),
        byte in any::<u8>(),
    ) {
        let mut s = Stage::new(1);
        play(&mut s, &events);
        let mut bytes = s.room.snapshot();
        let cut = at.index(bytes.len());
        prop_assert!(Reach::restore(settings(), &bytes[..cut]).is_err());
        bytes[cut] = byte;
        // Whatever number was changed, the room that comes of it works.
        if let Ok(room) = Reach::restore(settings(), &bytes) {
            s.room = room;
            play(&mut s, &events);
        }
    }
}

#[test]
fn what_is_no_snapshot_is_called_so() {
    assert_eq!(Reach::restore(settings(), b"{}").unwrap_err(), BadSnapshot::Foreign);
    assert_eq!(Reach::restore(settings(), b"dammrch4").unwrap_err(), BadSnapshot::Damaged);
}

#[test]
fn the_room_after_a_busy_day_is_restored_to_the_same_verdicts() {
    let mut s = Stage::new(3);
    s.warm();
    let script = |t: &stage::Try| Some(if t.door == 1 && t.network < 4 { 0.9 } else { 0.15 });
    s.run(300, &script);
    let mut again = Stage::new(3);
    again.room = Reach::restore(settings(), &s.room.snapshot()).unwrap();
    assert_eq!(format!("{:?}", s.room.verdicts()), format!("{:?}", again.room.verdicts()));
}
