//! What thousands of waiting agents cost, measured by hand:
//!
//! ```text
//! ulimit -n 10000; cargo test --release -p damm-server --test many -- --ignored --nocapture
//! ```
#![allow(clippy::unwrap_used, reason = "what does not work here fails the test")]

mod world;

use std::io::{BufRead, BufReader};
use std::process::{Command, Stdio};
use std::time::Duration;

use damm_fleet::{Role, Seed, Span};
use damm_protocol::Refusal;
use world::agent::Agent;
use world::*;

const AGENTS: u64 = 2_000;
/// Tells the process that plays the agents where to connect.
const PLAY: &str = "DAMM_TEST_AGENTS";
const NAME: &str = "thousands_of_agents_wait_in_little_memory";

/// Resident memory of this process, in KiB (proc(5)).
fn resident() -> u64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find(|l| l.starts_with("VmRSS:")).unwrap();
    line.split_whitespace().nth(1).unwrap().parse().unwrap()
}

/// All connections are one node's: each request has a number of its own, and waits.
async fn play(told: &str) {
    let words: Vec<&str> = told.split(' ').collect();
    let (address, pin) = (words[0].parse().unwrap(), words[1].parse().unwrap());
    let (node, token) = (words[2].parse().unwrap(), words[3].to_owned());
    Agent::connect(address, pin, node, 1, token.clone()).await.unwrap().join().await.unwrap();
    let mut waiting = Vec::new();
    for number in 1..=AGENTS {
        let mut agent = Agent::connect(address, pin, node, 1, token.clone()).await.unwrap();
        waiting.push(tokio::spawn(async move {
            let mut number = number;
            // Their requests overtake each other.
            while let Err((_, Some(Refusal::Replayed { above }))) =
                agent.sync(|r| (r.sequence, r.wait) = (number, Span::from_mins(1))).await
            {
                number = above + 1;
            }
        }));
        // Numbers have to come in their order.
        tokio::task::yield_now().await;
    }
    println!("waiting");
    for agent in waiting {
        drop(agent.await);
    }
}

#[tokio::test]
#[ignore = "a measurement, and it needs 4,000 open files"]
async fn thousands_of_agents_wait_in_little_memory() {
    if let Ok(told) = std::env::var(PLAY) {
        return play(&told).await;
    }
    let mut seed = Seed::from_number(1);
    let node = node(&mut seed, Role::Ingress);
    let world = World::new(std::slice::from_ref(&node), seed).await;
    let before = resident();
    let pin = world.keys.controller().pin();
    let told = format!("{} {pin} {} {}", world.served.address(), node.id, world.token(node.id, 1));
    let mut played = Command::new(std::env::current_exe().unwrap())
        .args([NAME, "--exact", "--ignored", "--nocapture"])
        .env(PLAY, told)
        .stdout(Stdio::piped())
        .spawn()
        .unwrap();
    let lines = BufReader::new(played.stdout.take().unwrap()).lines();
    tokio::task::spawn_blocking(move || {
        assert!(lines.map(Result::unwrap).any(|l| l.contains("waiting")));
    })
    .await
    .unwrap();
    tokio::time::sleep(Duration::from_secs(2)).await;
    let each = (resident() - before) as f64 / AGENTS as f64;
    println!("{AGENTS} waiting agents: {each:.1} KiB each");
    played.kill().unwrap();
    played.wait().unwrap();
}
