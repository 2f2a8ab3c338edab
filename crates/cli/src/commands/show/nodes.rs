//! `damm show nodes`

use std::net::IpAddr;

use damm_fleet::{Duty, Node, NodeId, Phase, Role, Stage, Timestamp, Usd};
use serde::Serialize;

use super::{print, stage};
use crate::exit::Result;
use crate::output::Output;
use crate::picture::Picture;
use crate::render::{Line, Page, Style, Table, when};

/// A node as `--json` tells it.
#[derive(Debug, Serialize)]
pub struct Row<'a> {
    id: NodeId,
    role: Role,
    region: &'a str,
    provider: &'a str,
    profile: &'a str,
    machine: &'a str,
    duty: Duty,
    stage: &'a str,
    phase: Option<Phase>,
    address: Option<IpAddr>,
    addresses: usize,
    sessions: u64,
    created_at: Timestamp,
    usd_per_month: Usd,
}

/// A node's row.
pub fn row<'a>(node: &'a Node, picture: &Picture) -> Row<'a> {
    let resource = picture.resources.get(&node.id.into());
    Row {
        id: node.id,
        role: node.role,
        region: node.region.as_str(),
        provider: node.provider.as_str(),
        profile: node.profile.as_str(),
        machine: &node.machine,
        duty: node.duty,
        stage: node.stage.name(),
        phase: resource.map(|r| r.phase),
        address: resource.and_then(|r| r.address),
        addresses: node.frontdoors.len() + node.egress_ips.len(),
        sessions: picture.sessions(node),
        created_at: node.created_at,
        usd_per_month: node.monthly(),
    }
}

/// Lists all nodes, by region and role.
pub fn list(picture: &Picture, output: &Output, page: &mut Page) -> Result<()> {
    let mut nodes: Vec<&Node> = picture.target.nodes.values().collect();
    nodes.sort_by_key(|n| (&n.region, n.role, &n.provider, n.id));
    let mut table = Table::new(&["id", "pool", "provider", "state", ">age", ">addr", ">sessions"]);
    for node in &nodes {
        table.row(vec![
            Line::of(Style::Accent, node.id.to_string()),
            Line::plain(format!("{} {}", node.region, node.role)),
            Line::plain(node.provider.as_str()),
            condition(node, picture),
            Line::of(Style::Dim, when::short(picture.now.since(node.created_at))),
            Line::plain((node.frontdoors.len() + node.egress_ips.len()).to_string()),
            Line::plain(picture.sessions(node).to_string()),
        ]);
    }
    let rows: Vec<_> = nodes.iter().map(|n| row(n, picture)).collect();
    print("nodes", &rows, table, output, page);
    Ok(())
}

/// What a node is: its duty once it is live, else its stage, with what was observed.
pub fn condition(node: &Node, picture: &Picture) -> Line {
    let phase = picture.resources.get(&node.id.into()).map(|r| r.phase);
    match (&node.stage, phase) {
        (Stage::Live { .. }, Some(Phase::Ready)) | (Stage::Live { .. }, None) => match node.duty {
            Duty::Serve => stage(&node.stage),
            duty => Line::of(Style::Good, duty.to_string()),
        },
        (Stage::Live { .. }, Some(phase)) => Line::of(Style::Bad, format!("live, {phase}")),
        (other, Some(phase)) if !matches!(phase, Phase::Ready | Phase::Present) => {
            stage(other).put(Style::Dim, format!(", {phase}"))
        }
        (other, _) => stage(other),
    }
}
