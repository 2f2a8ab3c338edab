//! Clients report over real HTTP, and the fleet is told.
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod guests;

use damm_assign::path_of;
use damm_clouds::NodeReport;
use damm_fleet::{Asn, Inventory, Network, Span, State};
use damm_protocol::Assignment;
use damm_protocol::evidence::{
    Attempt, Ending, Entry, Epoch, MAX_BYTES, Phase as Came, Report, ReporterKey, VERSION,
    WitnessKey,
};
use guests::*;

fn home() -> Network {
    Network::new("IR", Asn(58_224)).unwrap()
}

/// What a client says of all doors.
fn report(world: &World, client: &Assignment, fails: bool) -> Report {
    let epoch = Epoch::at(damm_clouds::Clock::now(&world.clock));
    let key = ReporterKey::new(*client.reporter.as_bytes());
    let entries = world.doors.iter().map(|door| {
        let tok = key.token(&Attempt { door: *door, epoch, network: home() });
        let fails = fails && *door == world.doors[0];
        let witness = WitnessKey::new(world.keys.secret().witness(world.node));
        Entry {
            ep: *door,
            epoch,
            tok,
            rcpt: (!fails).then(|| witness.receipt(*door, epoch, &tok)),
            age: 0,
            phase: Came::Connection,
            ending: if fails { Ending::TimedOut } else { Ending::Ok },
            elapsed_time: None,
            rx: None,
            ctl: None,
        }
    });
    Report { v: VERSION, by: client.number, net: home(), entries: entries.collect() }
}

/// The controller's look at its fleet.
async fn look(world: &World) -> bool {
    let heard_at = damm_clouds::Clock::now(&world.clock);
    let word = NodeReport { heard_at, healthy: true, ..NodeReport::default() };
    let words = [(world.node, word)].into();
    let target = world.store.target().await.unwrap();
    world.watch.look(&target, &Inventory::default(), &words).await.unwrap()
}

/// Enrols so many clients, who are all told of all doors.
async fn crowd(world: &World, size: u8) -> Vec<Assignment> {
    let code = world.invite(4, |i| i.left = size.into()).await;
    let mut all = Vec::new();
    for n in 0..size {
        let asked = world.enrol(&code, n + 1).await;
        all.push(asked.assignment());
        world.clock.advance(Span::from_mins(3));
    }
    let assign = world.keys.secret().assign_key();
    let told = all.iter().flat_map(|client| {
        let bucket = path_of(&assign, &client.population, 4, client.number.number())[0];
        let told = world.doors.iter().map(move |d| (*d, client.population.clone(), bucket));
        told.collect::<Vec<_>>()
    });
    world.store.learn(&told.collect::<Vec<_>>()).await.unwrap();
    look(world).await;
    all
}

#[tokio::test]
async fn a_block_that_clients_report_over_http_becomes_a_verdict() {
    let world = World::new().await;
    let clients = crowd(&world, 40).await;
    world.clock.advance(Span::from_days(8));
    look(&world).await;
    for half_hour in 0..6 {
        for _ in 0..30 {
            let now = damm_clouds::Clock::now(&world.clock);
            let due = |client: &&Assignment| {
                let due = ReporterKey::new(*client.reporter.as_bytes()).due(Epoch::at(now));
                due <= now && now < due + Span::from_mins(1)
            };
            for client in clients.iter().filter(due) {
                let report = report(&world, client, half_hour >= 4);
                let json = [("content-type", "application/json")];
                let answer = match client.number.number() % 2 {
                    0 => world.ask("POST", Report::PATH, &[], report.to_cbor()).await,
                    _ => world.ask("POST", Report::PATH, &json, report.to_json()).await,
                };
                assert_eq!((answer.status, answer.body.len()), (202, 0));
            }
            world.clock.advance(Span::from_mins(1));
            look(&world).await;
        }
        let state = world.store.verdicts().await.unwrap().state(world.doors[0], home());
        match half_hour {
            3 => assert_eq!(state, State::Reachable),
            5 => assert_eq!(state, State::Blocked),
            _ => {}
        }
    }
}

#[tokio::test]
async fn what_counts_of_a_report_does_not_show_in_the_answer() {
    let world = World::new().await;
    let clients = crowd(&world, 2).await;
    let genuine = report(&world, &clients[0], false);
    let forged = Report { by: clients[1].number, ..genuine.clone() };
    let nobody = Report { by: damm_protocol::CredentialId::new(999).unwrap(), ..genuine.clone() };
    let mut answers = Vec::new();
    // The genuine one twice: its tokens are spent then.
    for report in [&genuine, &genuine, &forged, &nobody] {
        let Answer { status, headers, body } =
            world.ask("POST", Report::PATH, &[], report.to_cbor()).await;
        let headers: Vec<_> = headers.into_iter().filter(|(n, _)| n != "date").collect();
        answers.push((status, headers, body));
    }
    assert_eq!(answers[0].0, 202);
    assert!(answers.iter().all(|a| *a == answers[0]), "{answers:?}");
}

#[tokio::test]
async fn what_is_no_report_is_refused_with_words() {
    let world = World::new().await;
    let answer = world.ask("POST", Report::PATH, &[], "no report").await;
    assert_eq!(answer.status, 400);
    assert!(answer.text().contains("this is no report"), "{}", answer.text());
    let json = [("content-type", "application/json")];
    let old = r#"{"v":9,"by":0,"net":"IR/AS58224","entries":[]}"#;
    let answer = world.ask("POST", Report::PATH, &json, old).await;
    assert_eq!(answer.status, 400, "{}", answer.text());
    assert!(answer.text().contains("version"), "{}", answer.text());
    let long = vec![0; MAX_BYTES + 1];
    assert_eq!(world.ask("POST", Report::PATH, &[], long).await.status, 404);
    assert_eq!(world.get(Report::PATH).await.status, 404);
}
