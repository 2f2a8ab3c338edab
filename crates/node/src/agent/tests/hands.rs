//! The agent with hands, against a controller in the test's own process. Addresses are those of
//! the loopback interface, from all of which one can connect.

use std::collections::BTreeSet;
use std::path::Path;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use async_trait::async_trait;
use damm_fleet::{Span, Timestamp};
use damm_protocol::{Pin, Problem, Refusal, Seat};
use tempfile::TempDir;
use tokio::sync::oneshot;
use tokio::task::JoinHandle;

use super::*;
use crate::agent::{Agent, AgentError, Pace, Works};
use crate::dataplane::Observation;
use crate::desk::{Books, Desk};
use crate::home::{Home, PublicParams, Status, Tripwire};

/// As fast as a test wants it.
pub fn brisk() -> Pace {
    let short = Span::from_millis(20);
    Pace {
        quiet: Span::from_millis(400),
        soon: short,
        gap: short,
        interrupt: short,
        retry: (short, Span::from_millis(100)),
        knock: (short, Span::from_millis(100)),
        refused: (short, Span::from_millis(200)),
        look: (short, short),
        ..Pace::default()
    }
}

pub fn seat(desk: &Desk, token: &str) -> Seat {
    Seat {
        fleet: "example".to_owned(),
        node: NODE,
        role: Role::Egress,
        controller: desk.place(),
        pin: desk.pin(),
        join_token: token.to_owned(),
    }
}

/// Works that only remember.
#[derive(Clone, Default)]
struct Notebook(Arc<Mutex<Vec<u64>>>);

#[async_trait]
impl Works for Notebook {
    async fn apply(&mut self, config: &NodeConfig) -> Result<(), Problem> {
        self.0.lock().unwrap().push(config.generation);
        Ok(())
    }

    async fn observe(&mut self) -> Observation {
        Observation::default()
    }

    fn listening(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }

    fn transports(&self) -> PublicParams {
        let params = BTreeMap::from([("key".to_owned(), "k".to_owned())]);
        BTreeMap::from([("wireguard".to_owned(), params)])
    }
}

/// An agent that runs until it is stopped.
struct Running {
    stop: oneshot::Sender<()>,
    task: JoinHandle<Result<(), AgentError>>,
    applied: Arc<Mutex<Vec<u64>>>,
}

impl Running {
    fn start(dir: &Path, seat: Seat) -> Self {
        let home = Home::open(dir, NODE, Tripwire::default()).unwrap();
        let (notebook, now) = (Notebook::default(), Timestamp::from_millis(1));
        let applied = Arc::clone(&notebook.0);
        let pace = (brisk(), 1);
        let agent = Agent::begin((seat, home), notebook, pace, Tripwire::default(), now).unwrap();
        let (stop, stopped) = oneshot::channel();
        let task = tokio::spawn(agent.run(async move { drop(stopped.await) }));
        Self { stop, task, applied }
    }

    async fn stop(self) -> Vec<u64> {
        self.stop.send(()).unwrap();
        self.task.await.unwrap().unwrap();
        Arc::try_unwrap(self.applied)
            .map_or_else(|a| a.lock().unwrap().clone(), |m| m.into_inner().unwrap())
    }
}

/// Waits for something that has to come; the limit is only there to end a broken test.
pub async fn until(what: &str, mut come: impl FnMut() -> bool) {
    let waiting = async {
        while !come() {
            tokio::time::sleep(Duration::from_millis(5)).await;
        }
    };
    let came = tokio::time::timeout(Duration::from_secs(60), waiting).await;
    assert!(came.is_ok(), "it never came: {what}");
}

/// Whether the controller was told last that a generation is applied, without a problem.
pub fn is_well(books: &Books, generation: u64) -> bool {
    let last = books.syncs.iter().rev().find_map(|s| s.report.as_ref());
    last.is_some_and(|r| r.applied == generation && r.problems.is_empty())
}

fn problem(dir: &TempDir) -> Option<String> {
    let status = Status::read(dir.path()).unwrap()?;
    status.report.problems.first().map(|p| p.message.clone())
}

#[tokio::test]
async fn a_server_joins_does_as_it_is_told_and_proves_its_addresses() {
    let (desk, dir) = (Desk::open("once").await, tempfile::tempdir().unwrap());
    let address = IpAddr::from([127, 0, 0, 3]);
    desk.change(|b| b.config = Some(egress(1, &[(address, Receiving::Active)])));
    let agent = Running::start(dir.path(), seat(&desk, "once"));
    until("a verified address", || {
        desk.look(|b| b.syncs.iter().flat_map(|s| &s.report).any(|r| r.verified.len() == 1))
    })
    .await;
    desk.change(|b| b.config = Some(plain(2)));
    until("generation 2", || desk.look(|b| is_well(b, 2))).await;
    assert_eq!(agent.stop().await[..2], [1, 2]);
    desk.look(|b| {
        assert_eq!((b.joins.len(), &b.refused), (1, &Vec::new()));
        assert_eq!(b.joins[0].transports["wireguard"]["key"], "k");
        assert!(b.syncs.is_sorted_by(|a, b| a.sequence < b.sequence));
        assert!(b.syncs.iter().all(|s| s.transports.is_none()), "told twice");
    });
}

#[tokio::test]
async fn a_restart_without_the_controller_serves_what_was_held() {
    let (mut desk, dir) = (Desk::open("once").await, tempfile::tempdir().unwrap());
    desk.change(|b| b.config = Some(plain(3)));
    let agent = Running::start(dir.path(), seat(&desk, "once"));
    until("generation 3", || desk.look(|b| is_well(b, 3))).await;
    agent.stop().await;
    desk.stop().await;
    let agent = Running::start(dir.path(), seat(&desk, "once"));
    let applied = Arc::clone(&agent.applied);
    until("generation 3 again", || applied.lock().unwrap().contains(&3)).await;
    desk.change(|b| b.config = Some(plain(4)));
    desk.start().await;
    until("generation 4", || desk.look(|b| is_well(b, 4))).await;
    agent.stop().await;
    assert_eq!(desk.look(|b| b.joins.len()), 1);
}

#[tokio::test]
async fn a_controller_with_another_key_is_told_nothing_and_serving_goes_on() {
    let (desk, dir) = (Desk::open("once").await, tempfile::tempdir().unwrap());
    let wrong = Seat { pin: Pin::of(b"another"), ..seat(&desk, "once") };
    let agent = Running::start(dir.path(), wrong);
    until("a word of it", || problem(&dir).is_some_and(|p| p.contains("another key"))).await;
    agent.stop().await;
    assert_eq!(desk.look(|b| (b.joins.len(), b.refused.len())), (0, 0));
}

#[tokio::test]
async fn an_expired_token_is_said_and_a_server_that_may_join_later_does() {
    let (desk, dir) = (Desk::open("once").await, tempfile::tempdir().unwrap());
    desk.change(|b| {
        b.closed = Some(Refusal::Expired);
        b.config = Some(plain(1));
    });
    let agent = Running::start(dir.path(), seat(&desk, "once"));
    until("a word of it", || problem(&dir).is_some_and(|p| p.contains("expired"))).await;
    desk.change(|b| b.closed = None);
    until("generation 1", || desk.look(|b| is_well(b, 1))).await;
    agent.stop().await;
}

#[tokio::test]
async fn a_token_that_another_key_has_used_lets_nobody_in() {
    let (desk, dir) = (Desk::open("once").await, tempfile::tempdir().unwrap());
    desk.change(|b| b.config = Some(plain(1)));
    let first = Running::start(dir.path(), seat(&desk, "once"));
    until("generation 1", || desk.look(|b| is_well(b, 1))).await;
    first.stop().await;
    let thief = tempfile::tempdir().unwrap();
    let second = Running::start(thief.path(), seat(&desk, "once"));
    until("a word of it", || problem(&thief).is_some_and(|p| p.contains("another key"))).await;
    assert_eq!(second.stop().await, Vec::<u64>::new());
    assert_eq!(desk.look(|b| b.joins.len()), 1);
}

#[tokio::test]
async fn a_join_is_repeated_with_the_same_key_when_its_mark_is_lost() {
    let (desk, dir) = (Desk::open("once").await, tempfile::tempdir().unwrap());
    desk.change(|b| b.config = Some(plain(1)));
    for joins in 1..=2 {
        desk.change(|b| b.syncs.clear());
        let agent = Running::start(dir.path(), seat(&desk, "once"));
        until("a join", || desk.look(|b| b.joins.len() == joins && is_well(b, 1))).await;
        agent.stop().await;
        std::fs::remove_file(dir.path().join("joined")).unwrap();
    }
    desk.look(|b| assert_eq!(b.joins[0].identity, b.joins[1].identity));
}

#[tokio::test]
async fn a_half_written_config_is_recognised_told_and_fetched_again() {
    let (desk, dir) = (Desk::open("once").await, tempfile::tempdir().unwrap());
    for generation in 1..=2 {
        desk.change(|b| b.config = Some(plain(generation)));
        let agent = Running::start(dir.path(), seat(&desk, "once"));
        until("a config", || desk.look(|b| is_well(b, generation))).await;
        agent.stop().await;
    }
    for name in ["held", "applied"] {
        let path = dir.path().join(name);
        let whole = std::fs::read(&path).unwrap();
        std::fs::write(&path, &whole[..whole.len() / 2]).unwrap();
    }
    desk.change(|b| b.syncs.clear());
    let agent = Running::start(dir.path(), seat(&desk, "once"));
    let applied = Arc::clone(&agent.applied);
    until("generation 2", || applied.lock().unwrap().contains(&2)).await;
    agent.stop().await;
    desk.look(|b| {
        assert_eq!(b.syncs[0].have, 1, "the one before it is taken");
        let reports = b.syncs.iter().flat_map(|s| &s.report);
        let mut problems = reports.flat_map(|r| &r.problems);
        assert!(problems.any(|p| p.part == "disk" && p.message.contains("held")));
    });
}

#[tokio::test]
async fn numbers_that_were_lost_are_found_again_with_the_controllers_help() {
    let (desk, dir) = (Desk::open("once").await, tempfile::tempdir().unwrap());
    desk.change(|b| b.config = Some(plain(1)));
    let agent = Running::start(dir.path(), seat(&desk, "once"));
    until("generation 1", || desk.look(|b| is_well(b, 1))).await;
    agent.stop().await;
    drop(std::fs::remove_file(dir.path().join("sequence")));
    drop(std::fs::remove_file(dir.path().join("sequence.old")));
    desk.change(|b| {
        b.sequence += 1_000_000;
        b.config = Some(plain(2));
    });
    let agent = Running::start(dir.path(), seat(&desk, "once"));
    until("generation 2", || desk.look(|b| is_well(b, 2))).await;
    agent.stop().await;
    assert_eq!(desk.look(|b| b.refused.len()), 1);
}

#[tokio::test]
async fn a_stranger_cannot_play_a_request_again() {
    let (desk, dir) = (Desk::open("once").await, tempfile::tempdir().unwrap());
    desk.change(|b| b.config = Some(plain(1)));
    let agent = Running::start(dir.path(), seat(&desk, "once"));
    until("generation 1", || desk.look(|b| is_well(b, 1))).await;
    agent.stop().await;
    let key = Home::open(dir.path(), NODE, Tripwire::default()).unwrap().keys().identity();
    let seen = desk.look(|b| b.syncs[0].clone());
    let again = desk.link().sync(&key, &seen).await.unwrap_err();
    let above = desk.look(|b| b.sequence);
    assert_eq!(again, crate::link::LinkError::Refused(Refusal::Replayed { above }));
}
