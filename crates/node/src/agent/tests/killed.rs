//! `kill -9`, at every step of an agent's life: a real process, from its first start to its second
//! config. The test starts itself again as that process.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};

use async_trait::async_trait;
use damm_fleet::Timestamp;
use damm_protocol::Problem;

use super::hands::{brisk, is_well, seat, until};
use super::*;
use crate::agent::{Agent, Works};
use crate::dataplane::Observation;
use crate::desk::Desk;
use crate::home::{self, Home, PublicParams, Tripwire};

/// Where the agent works; its presence makes the test below the agent.
const PLACE: &str = "DAMM_TEST_AGENT";
/// The step at which it dies.
const DIES_AT: &str = "DAMM_TEST_DIES_AT";

/// Works that take two steps, and can be found between them.
struct TwoSteps {
    file: PathBuf,
    tripwire: Tripwire,
}

#[async_trait]
impl Works for TwoSteps {
    async fn apply(&mut self, config: &NodeConfig) -> Result<(), Problem> {
        std::fs::write(&self.file, "half").unwrap();
        self.tripwire.pass("apply", "half done");
        std::fs::write(&self.file, config.generation.to_string()).unwrap();
        Ok(())
    }

    async fn observe(&mut self) -> Observation {
        Observation::default()
    }

    fn listening(&self) -> BTreeSet<String> {
        BTreeSet::new()
    }

    fn transports(&self) -> PublicParams {
        PublicParams::new()
    }
}

/// Not a test of its own: the process that the test below kills.
#[test]
fn the_agent_that_is_killed() {
    let Some(dir) = std::env::var_os(PLACE).map(PathBuf::from) else { return };
    let dies_at = std::env::var(DIES_AT).ok().and_then(|n| n.parse().ok());
    // One thread: nothing goes on beside the step that is died at.
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    runtime.unwrap().block_on(live(&dir, dies_at));
}

async fn live(dir: &Path, dies_at: Option<usize>) {
    let passed = AtomicUsize::new(0);
    let tripwire = Tripwire::new(move |_| {
        if Some(passed.fetch_add(1, Ordering::Relaxed)) == dies_at {
            let me = std::process::id().to_string();
            drop(Command::new("kill").args(["-9", &me]).status());
        }
    });
    let seat = home::seat(&dir.join("node.json")).unwrap();
    let home = Home::open(&dir.join("state"), seat.node, tripwire.clone()).unwrap();
    let works = TwoSteps { file: dir.join("server"), tripwire: tripwire.clone() };
    let now = Timestamp::from_millis(1);
    let agent = Agent::begin((seat, home), works, (brisk(), 1), tripwire, now).unwrap();
    agent.run(std::future::pending()).await.unwrap();
}

/// A running agent; it is killed when it is dropped.
struct Process(Child);

impl Process {
    fn start(dir: &Path, dies_at: Option<usize>) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        let name = "agent::tests::killed::the_agent_that_is_killed";
        command.args([name, "--exact", "--nocapture"]).env(PLACE, dir).stdout(Stdio::null());
        command.envs(dies_at.map(|n| (DIES_AT, n.to_string())));
        Self(command.spawn().unwrap())
    }

    fn is_dead(&mut self) -> bool {
        self.0.try_wait().unwrap().is_some()
    }
}

impl Drop for Process {
    fn drop(&mut self) {
        drop(self.0.kill());
        drop(self.0.wait());
    }
}

/// Sends the second config once the first was applied.
fn lead(desk: &Desk) -> bool {
    if desk.look(|b| is_well(b, 1)) {
        desk.change(|b| b.config = Some(plain(2)));
    }
    desk.look(|b| is_well(b, 2))
}

/// One life that ends at a step, and what comes after it; whether it came to that step.
async fn dies_and_rises(step: usize) -> bool {
    let (desk, dir) = (Desk::open("once").await, tempfile::tempdir().unwrap());
    let text = serde_json::to_string(&seat(&desk, "once")).unwrap();
    std::fs::write(dir.path().join("node.json"), text).unwrap();
    desk.change(|b| b.config = Some(plain(1)));
    let mut first = Process::start(dir.path(), Some(step));
    until("its death or its end", || lead(&desk) || first.is_dead()).await;
    let died = first.is_dead();
    drop(first);

    let state = dir.path().join("state");
    let memory = Home::open(&state, NODE, Tripwire::default()).unwrap().recall().unwrap();
    assert_eq!(memory.problems, [], "something is damaged, at step {step}");
    let held = memory.held.map_or(0, |c| c.generation);
    let applied = memory.applied.map_or(0, |c| c.generation);
    assert!(applied <= held && held <= 2, "{applied} of {held}, at step {step}");

    desk.change(|b| b.syncs.clear());
    let _second = Process::start(dir.path(), None);
    until("its recovery", || lead(&desk)).await;
    let server = std::fs::read_to_string(dir.path().join("server")).unwrap();
    assert_eq!(server, "2", "at step {step}");
    desk.look(|b| assert!(b.joins.iter().all(|j| j.identity == b.joins[0].identity)));
    died
}

#[tokio::test]
async fn an_agent_that_is_killed_at_any_step_goes_on_where_it_was() {
    let mut steps = 0;
    while dies_and_rises(steps).await {
        steps += 1;
    }
    // Keys, numbers, a join, two configs held, applied and written down: each in several steps.
    assert!(steps >= 40, "only {steps} steps were passed");
}
