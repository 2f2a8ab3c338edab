//! A data plane in a process of its own, told what to do over a socket.

use std::io::{BufRead as _, BufReader, Write as _};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Instant;

use anyhow::{Context as _, Result};
use damm_node::dataplane::conntrack::{self, Mask, Tally};
use damm_node::dataplane::{Dataplane, Local, Observation, overlay_mode};
use damm_protocol::{NodeConfig, Secret32};
use serde::{Deserialize, Serialize};

use crate::wireguard::WireguardGo;

/// Where the socket is; set for a process that is to be a machine.
pub(crate) const SOCKET: &str = "DAMM_TESTBED_SOCKET";
/// Where the machine keeps its state.
pub(crate) const HOME: &str = "DAMM_TESTBED_HOME";
/// The user of a machine's proxies.
pub const PROXY_UID: u32 = 60_710;

/// What a machine is told to do.
#[derive(Debug, Serialize, Deserialize)]
pub enum Order {
    /// Apply a config.
    Apply(Box<NodeConfig>, Secret32),
    /// Say what is going on.
    Observe,
    /// Count sessions once, all of them exactly or as agents do.
    Count {
        /// Exactly.
        all: bool,
    },
}

/// What a machine answers.
#[derive(Debug, Default, Serialize, Deserialize)]
pub struct Answer {
    /// Why it failed.
    pub error: Option<String>,
    /// How often the server was changed for it.
    pub changes: u64,
    /// How long it took, in microseconds.
    pub micros: u64,
    /// Of that on a CPU, in microseconds, in this process: what programs do is not in it.
    pub cpu: u64,
    /// On a CPU in the programs that it ran, in microseconds; the kernel tells it to the 10,000.
    pub programs: u64,
    /// What is going on, when that was asked.
    pub observation: Option<Observation>,
    /// Sessions by mark, when they were to be counted.
    pub tally: Tally,
}

/// Becomes a machine when the environment says so, and never comes back from that.
pub fn serve_if_asked() {
    let (Some(socket), Some(home)) = (std::env::var_os(SOCKET), std::env::var_os(HOME)) else {
        return;
    };
    let code = match serve(socket.into(), home.into()) {
        Ok(()) => 0,
        Err(e) => {
            eprintln!("machine: {e:#}");
            1
        }
    };
    std::process::exit(code);
}

fn serve(socket: PathBuf, home: PathBuf) -> Result<()> {
    let mut stream = UnixStream::connect(&socket).context("the test is gone")?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    let mode = runtime.block_on(overlay_mode())?;
    let local = Local {
        uplink: "w0".to_owned(),
        proxy_uid: PROXY_UID,
        resolver_uid: 60_711,
        mode,
        starter: Arc::new(WireguardGo),
    };
    let mut dataplane = Dataplane::open(&home, local)?;
    for line in BufReader::new(stream.try_clone()?).lines() {
        let order: Order = serde_json::from_str(&line?)?;
        let answer = runtime.block_on(obey(&mut dataplane, order));
        writeln!(stream, "{}", serde_json::to_string(&answer)?)?;
    }
    Ok(())
}

async fn obey(dataplane: &mut Dataplane, order: Order) -> Answer {
    let (before, began) = (dataplane.changes(), Instant::now());
    let (cpu, programs) = (on_cpu(), of_programs());
    let mut tally = Tally::new();
    let result = match order {
        Order::Apply(config, key) => {
            dataplane.apply(&config, &key).await.map(|()| None).map_err(|e| e.to_string())
        }
        Order::Observe => dataplane.observe().await.map(Some).map_err(|e| e.to_string()),
        Order::Count { all } => {
            let counted = count(all).map_err(|e| e.to_string());
            counted.map(|counted| {
                tally = counted;
                None
            })
        }
    };
    let mut answer = Answer {
        changes: dataplane.changes() - before,
        micros: began.elapsed().as_micros() as u64,
        cpu: on_cpu().saturating_sub(cpu),
        programs: of_programs().saturating_sub(programs),
        tally,
        ..Answer::default()
    };
    match result {
        Ok(observation) => answer.observation = observation,
        Err(error) => answer.error = Some(error),
    }
    answer
}

/// Counts as an agent does while one address drains.
fn count(all: bool) -> std::io::Result<Tally> {
    let draining = [Mask { mark: 7, mask: 0xffff }];
    let tally = if all { conntrack::tally_all()? } else { conntrack::tally(&draining)? };
    if tally.is_empty() {
        return Err(std::io::Error::other("there is nothing to count"));
    }
    Ok(tally)
}

/// How long this thread was on a CPU, in microseconds.
fn on_cpu() -> u64 {
    let text = std::fs::read_to_string("/proc/thread-self/schedstat").unwrap_or_default();
    text.split(' ').next().and_then(|ns| ns.parse::<u64>().ok()).unwrap_or(0) / 1_000
}

/// How long programs that this process ran were on a CPU, in microseconds.
fn of_programs() -> u64 {
    let text = std::fs::read_to_string("/proc/self/stat").unwrap_or_default();
    // After the program's name in brackets: user and system time of those that have ended.
    let fields = text.rsplit(')').next().unwrap_or_default().split_whitespace();
    fields.skip(13).take(2).filter_map(|ticks| ticks.parse::<u64>().ok()).sum::<u64>() * 10_000
}
