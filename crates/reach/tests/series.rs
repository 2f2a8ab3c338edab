//! Real series of measurements, replayed. They are no part of the project: the variable
//! `DAMM_REACHABILITY_DATA` names the folder that holds them.
//!
//! Each series is of one door in one network, so there is no country to pool, and nobody to compare
//! with. The threshold is `ln 10,000`, and each measurement is a reporter of its own: none repeats.

#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

use std::path::PathBuf;

use damm_fleet::{Asn, Network, Seed, Span, State, Timestamp};
use damm_reach::{Age, Outcome, Reach, Report, Reporter, Settings, Standing};

/// A measurement: when, and whether it failed.
type Series = Vec<(Timestamp, bool)>;

fn folder() -> Option<PathBuf> {
    let folder = std::env::var_os("DAMM_REACHABILITY_DATA").map(PathBuf::from);
    if folder.is_none() {
        eprintln!("skipped: DAMM_REACHABILITY_DATA does not name a folder of real series");
    }
    folder
}

fn time(text: &str) -> Timestamp {
    let text = text.trim_end_matches(" UTC").trim_end_matches('Z').replace(' ', "T");
    format!("{text}Z").parse().unwrap()
}

fn lines(folder: &std::path::Path, name: &str) -> Vec<String> {
    let text = std::fs::read_to_string(folder.join(name)).unwrap();
    text.lines().skip(1).map(str::to_owned).collect()
}

fn sorted(mut series: Series) -> Series {
    series.sort_by_key(|(at, _)| *at);
    series
}

/// When it was called blocked and when no longer, each with the measurement's number from 1.
fn replay(series: &Series) -> Vec<(State, usize, String)> {
    let (reports_a_day, false_alarms) = (1.0, 1e-4);
    let settings =
        Settings { reports_a_day, false_alarms, k: 1, repeat: 1.0, ..Settings::default() };
    let mut room = Reach::new(settings);
    let door = Seed::from_number(1).frontdoor();
    let network = Network::new("UG", Asn(1)).unwrap();
    let provider = "one".parse().unwrap();
    room.stand(door, &Standing { provider, transport: "https".to_owned() });
    let (mut told, mut was) = (Vec::new(), State::Unknown);
    for (n, (at, failed)) in series.iter().enumerate() {
        let outcome = if *failed { Outcome::Failed } else { Outcome::Verified };
        let reporter = Reporter(n as u64);
        let (age, ago) = (Age::Settled, Span::ZERO);
        room.heartbeat(*at, door, true);
        room.heartbeat(*at, door, true);
        room.report(*at, &Report { door, network, reporter, age, outcome, ago });
        room.tick(*at);
        let state = room.state(door, network);
        if (state == State::Blocked) != (was == State::Blocked) {
            told.push((state, n + 1, at.to_string()));
        }
        was = state;
    }
    told
}

fn turkmenistan(folder: &std::path::Path, name: &str) -> Series {
    let of = |line: &String| {
        let start = line.split(',').nth(4).unwrap();
        (time(start), line.contains("\"Get \"\""))
    };
    sorted(lines(folder, name).iter().map(of).collect())
}

#[test]
fn turkmenistan_is_called_blocked_after_nine_and_open_after_five() {
    let Some(folder) = folder() else { return };
    let series = turkmenistan(&folder, "censoredplanet-tm-AS20661-https.csv");
    let fails = series.iter().filter(|(_, failed)| *failed).count();
    assert_eq!((series.len(), fails), (770, 396));
    let told = replay(&series);
    println!("{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].0 == State::Blocked && told[0].1 <= 9, "{told:?}");
    assert!(told[1].1 <= fails + 5, "{told:?}");
    let http = turkmenistan(&folder, "censoredplanet-tm-AS20661-http.csv");
    assert_eq!((http.len(), replay(&http)), (478, Vec::new()));
}

#[test]
fn uganda_is_called_blocked_during_the_election_and_at_no_other_time() {
    let Some(folder) = folder() else { return };
    let of = |line: &String| {
        let cells: Vec<&str> = line.split(',').collect();
        let blocked = |at: usize| cells[at].parse::<f64>().unwrap() >= 0.5;
        (time(cells[0]), blocked(5) || blocked(8) || blocked(11))
    };
    let series = sorted(lines(&folder, "ooni-ug-twitter.csv").iter().map(of).collect());
    let told = replay(&series);
    println!("{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
    let (from, until) = (&told[0].2, &told[1].2);
    assert!(("2026-01-18"..="2026-01-18T12:21:59").contains(&from.as_str()), "{told:?}");
    assert!(("2026-01-23"..="2026-01-24T20:27").contains(&until.as_str()), "{told:?}");
}

#[test]
fn ethiopia_is_called_blocked_from_few_measurements() {
    let Some(folder) = folder() else { return };
    let of = |line: &String| {
        let cells: Vec<&str> = line.split(',').collect();
        (time(cells[0]), cells[1] == "blocked" || cells[2] == "blocked")
    };
    let series = lines(&folder, "ooni-et-whatsapp-AS24757-2019.csv").iter().map(of).collect();
    let told = replay(&sorted(series));
    println!("{told:?}");
    assert_eq!(told.len(), 2, "{told:?}");
    assert!(told[0].2.as_str() <= "2019-06-15T21:50", "{told:?}");
    let until = told[1].2.as_str();
    assert!(("2019-06-17T10:10"..="2019-06-17T17:05").contains(&until), "{told:?}");
}

#[test]
fn evenings_of_interference_in_jordan_are_no_block() {
    let Some(folder) = folder() else { return };
    let all = lines(&folder, "ooni-jo-facebook-2018.csv");
    let mine = all.iter().filter(|line| line.split(',').nth(1) == Some("48832"));
    let series = mine.map(|line| {
        let cells: Vec<&str> = line.split(',').collect();
        (time(cells[0]), cells[2] == "1")
    });
    let told = replay(&series.collect());
    assert!(told.is_empty(), "{told:?}");
}
