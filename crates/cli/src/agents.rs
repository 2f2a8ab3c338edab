//! Serving nodes' agents while a command works.

use std::net::{Ipv4Addr, Ipv6Addr, SocketAddr};
use std::sync::Arc;

use damm_clouds::{Clock, Providers};
use damm_engine::Keys;
use damm_fleet::{Span, Topology};
use damm_server::{AgentsEndpoint, MixedAgents, Parts, Served, ServerError, controller_port};
use damm_store::Store;

use crate::args::AgentsAt;
use crate::exit::{Failure, Result};
use crate::failures::chain;
use crate::progress::Progress;
use crate::render::{Line, Style};
use crate::workbench::Workbench;

/// Agents that lost their controller come back within this time: they look for it every ten seconds
/// at least, and those that found it out of order every minute.
const RETURN: Span = Span::from_secs(90);

impl From<ServerError> for Failure {
    fn from(error: ServerError) -> Self {
        match error {
            ServerError::Store(error) => error.into(),
            other => Self::error(chain(&other)),
        }
    }
}

/// The agents of a topology whose machines run some; others' are played. Nobody is answered yet.
///
/// # Errors
///
/// Failures of the store, and a topology whose overlay can't be laid out.
pub async fn open(
    topology: &Topology,
    store: &Store,
    keys: &Arc<Keys>,
    clock: &Arc<dyn Clock>,
    providers: &mut Providers,
) -> Result<Option<Arc<AgentsEndpoint>>> {
    if !topology.providers.values().any(|p| p.kind.has_agents()) {
        return Ok(None);
    }
    let parts = Parts {
        store: store.clone(),
        topology: topology.clone(),
        keys: keys.clone(),
        clock: clock.clone(),
    };
    let real = AgentsEndpoint::open(parts).await?;
    let played = providers.agents.clone();
    providers.agents = Arc::new(MixedAgents { played, real: real.clone() });
    Ok(Some(real))
}

/// Listens for the agents, where the fleet has some, and waits for those that were known before.
///
/// # Errors
///
/// When the address can't be listened on.
pub async fn serve(
    bench: &Workbench,
    at: &AgentsAt,
    progress: &Progress,
) -> Result<Option<Served>> {
    let Some(endpoint) = &bench.agents else {
        return Ok(None);
    };
    allow_connections();
    let served = listen(endpoint, at, &bench.engine.topology().backbone.controller).await?;
    progress.say(&note(format!("agents are served at {}", served.address())));
    match endpoint.missing() {
        0 => {}
        missing => progress.say(&note(format!("waiting for {missing} agents to come back"))),
    }
    let missing = tokio::select! {
        missing = endpoint.gather(RETURN) => missing,
        () = bench.stop.stopped() => 0,
    };
    if missing > 0 {
        let text = format!("{missing} agents have not come back within {RETURN}");
        progress.say(&Line::of(Style::Warn, "! ").put(Style::Plain, text));
    }
    Ok(Some(served))
}

async fn listen(endpoint: &Arc<AgentsEndpoint>, at: &AgentsAt, controller: &str) -> Result<Served> {
    if let Some(address) = at.agents {
        return Ok(endpoint.serve(address).await?);
    }
    let Some(port) = controller_port(controller) else {
        let text = format!("backbone.controller names no port: {controller}");
        return Err(Failure::error(text).help("write it as https://HOST:PORT, or use --agents"));
    };
    // Both families at once, where the system has IPv6.
    match endpoint.serve(SocketAddr::from((Ipv6Addr::UNSPECIFIED, port))).await {
        Ok(served) => Ok(served),
        Err(_) => Ok(endpoint.serve(SocketAddr::from((Ipv4Addr::UNSPECIFIED, port))).await?),
    }
}

fn note(text: String) -> Line {
    Line::of(Style::Dim, "… ").put(Style::Dim, text)
}

/// Each agent holds a connection open: as many files as the system allows may be open. Where it
/// allows fewer than there are agents, some are answered less often.
fn allow_connections() {
    use rustix::process::{Resource, getrlimit, setrlimit};
    let mut limit = getrlimit(Resource::Nofile);
    limit.current = limit.maximum;
    // A refusal leaves the limit as it is, which is said above.
    let _ = setrlimit(Resource::Nofile, limit);
}
