//! `damm node …`: what runs on servers.

use std::path::Path;
use std::sync::Arc;

use damm_fleet::{Role, Span};
use damm_node::agent::{Agent, AgentError, Machinery, Pace, uplink};
use damm_node::dataplane::{Dataplane, Local};
use damm_node::home::{Home, HomeError, Status, Tripwire, seat};
use damm_node::service::{PROXY_UID, Places, RESOLVER_UID, Services, Supervisor};
use damm_node::transport::{relay, shadowsocks};
use damm_node::wireguard::{self, Starter};
use damm_node::witness;

use crate::args::{Node, NodeRun, NodeState, Supervisor as Who};
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;
use crate::render::{Line, Page, Style, Table, when};
use crate::{clock, interrupt, logs};

/// Serves until it is told to end, or prints how the agent is.
pub async fn run(command: &Node, output: &Output) -> Result<Exit> {
    match command {
        Node::Run(args) => return agent(args, output).await,
        Node::Status(args) => return status(args, output),
        Node::Wireguard(args) => wireguard::serve(&args.interface).await.map_err(Failure::error)?,
        Node::Shadowsocks(args) => {
            shadowsocks::serve(&args.config).await.map_err(Failure::error)?;
        }
        Node::Relay(args) => relay::serve(&args.config).await.map_err(Failure::error)?,
        Node::Witness(args) => witness::serve(&args.config).await.map_err(Failure::error)?,
    }
    Ok(Exit::Done)
}

async fn agent(args: &NodeRun, output: &Output) -> Result<Exit> {
    logs::to_stderr(output.verbose + 1);
    let (seat, dir) = (seat(&args.config).map_err(failure)?, Path::new(&args.state.dir));
    let tripwire = Tripwire::default();
    let home = Home::open(dir, seat.node, tripwire.clone()).map_err(failure)?;
    let machinery = machinery(args, &home).await?;
    let seed = clock::random()?;
    let seed = u64::from_be_bytes(std::array::from_fn(|i| seed[i]));
    tracing::info!("{} of the fleet {}, {}", seat.node, seat.fleet, seat.role);
    let pace = (Pace::default(), seed);
    let agent = Agent::begin((seat, home), machinery, pace, tripwire, clock::now());
    let ended = agent.map_err(failure)?.run(interrupt::signalled()).await;
    ended.map_err(failure::<AgentError>)?;
    Ok(Exit::Done)
}

async fn machinery(args: &NodeRun, home: &Home) -> Result<Machinery> {
    let supervisor = match args.supervisor {
        Who::Systemd => Supervisor::Systemd,
        Who::Direct => Supervisor::Direct,
    };
    let uplink = args.uplink.clone().or_else(uplink).ok_or_else(|| {
        let none = Failure::error("this server has no default route");
        none.help("name the interface towards the internet with --uplink")
    })?;
    let places = Places::usual(home.dir()).map_err(Failure::error)?;
    let starter = Starter::open(&places, supervisor).map_err(failure)?;
    let local = Local {
        uplink,
        proxy_uid: PROXY_UID,
        resolver_uid: RESOLVER_UID,
        mode: starter.mode().await,
        starter: Arc::new(starter),
    };
    let dataplane = Dataplane::open(home.dir(), local).map_err(failure)?;
    let services = Services::open(places, supervisor).await.map_err(failure)?;
    Ok(Machinery::new(dataplane, services, home.keys().overlay().clone()))
}

/// With the errors behind it, which say what the system answered.
fn failure<E: std::error::Error>(error: E) -> Failure {
    let mut message = error.to_string();
    let mut source = error.source();
    while let Some(cause) = source {
        message = format!("{message}: {cause}");
        source = cause.source();
    }
    Failure::error(message)
}

fn status(args: &NodeState, output: &Output) -> Result<Exit> {
    let dir = Path::new(&args.dir);
    let Some(status) = Status::read(dir).map_err(failure::<HomeError>)? else {
        let none = Failure::error(format!("no agent has run with the state {}", dir.display()));
        return Err(
            none.help("see `systemctl status damm-node`, or name its directory with --state")
        );
    };
    let mut page = output.page();
    draw(&mut page, &status);
    output.result("node", &status, &page);
    Ok(Exit::Done)
}

fn draw(page: &mut Page, status: &Status) {
    let said = when::relative(status.at, clock::now());
    page.line(
        Line::of(Style::Bold, status.node.to_string())
            .put(Style::Dim, format!("  {} of {}, {said}", status.role, status.fleet)),
    );
    page.line(controller(status.joined, status.alone_for));
    page.line(config(status));
    for problem in &status.report.problems {
        let line = Line::of(Style::Bad, "✗ ");
        page.line(line.put(Style::Plain, format!("{}: {}", problem.part, problem.message)));
    }
    let report = &status.report;
    if report.unbegun > 0 {
        page.wrapped(Line::of(Style::Warn, "! "), unbegun(status.role, report.unbegun));
    }
    page.gap();
    let mut table = Table::new(&["address", "state", ">sessions", ">begun", ">up", ">down"]);
    let of = report.sessions.keys().chain(report.verified.iter()).chain(report.counters.keys());
    for subject in of.collect::<std::collections::BTreeSet<_>>() {
        let (state, style) = match report.verified.contains(subject) {
            true => ("verified", Style::Good),
            false => ("not verified", Style::Warn),
        };
        let counters = report.counters.get(subject).copied().unwrap_or_default();
        let sessions = report.sessions.get(subject).copied().unwrap_or_default();
        let numbers = [sessions, counters.sessions, counters.up, counters.down];
        let mut row = vec![Line::plain(subject.to_string()), Line::of(style, state)];
        row.extend(numbers.map(|n| Line::plain(n.to_string())));
        table.row(row);
    }
    table.draw(page);
}

fn unbegun(role: Role, count: u64) -> Line {
    let text = format!("{count} connections could not be begun since the server booted");
    let text = match role {
        Role::Egress => format!("{text}: its addresses had no port free, more of them are needed"),
        Role::Ingress => text,
    };
    Line::plain(text)
}

fn controller(joined: bool, alone_for: Option<Span>) -> Line {
    match (joined, alone_for) {
        (true, None) => Line::of(Style::Good, "✓ ").put(Style::Plain, "the controller answers"),
        (false, None) => Line::of(Style::Warn, "… ").put(Style::Plain, "joining"),
        (_, Some(span)) => {
            let text = format!("without the controller for {}", when::short(span));
            Line::of(Style::Warn, "! ").put(Style::Plain, text)
        }
    }
}

fn config(status: &Status) -> Line {
    let (held, applied) = (status.held, status.report.applied);
    match (held, applied) {
        (0, _) => Line::of(Style::Warn, "… ").put(Style::Plain, "nothing to do yet"),
        (held, applied) if held == applied => {
            let text = format!("generation {applied} is applied");
            Line::of(Style::Good, "✓ ").put(Style::Plain, text)
        }
        (held, applied) => {
            let text = format!("generation {held} is held, {applied} is applied");
            Line::of(Style::Warn, "! ").put(Style::Plain, text)
        }
    }
}
