//! `damm show frontdoors`, `damm show egress-ips`

use std::net::IpAddr;

use damm_fleet::{
    Asn, EgressIp, EgressIpId, Frontdoor, FrontdoorId, Node, NodeId, Phase, State, Timestamp,
};
use serde::Serialize;

use super::{print, stage};
use crate::exit::Result;
use crate::output::Output;
use crate::picture::Picture;
use crate::render::{Line, Page, Style, Table, when};

/// A front door as `--json` tells it.
#[derive(Debug, Serialize)]
pub struct Door<'a> {
    id: FrontdoorId,
    node: NodeId,
    region: &'a str,
    provider: &'a str,
    address: Option<IpAddr>,
    asn: Option<Asn>,
    port: u16,
    transport: &'a str,
    stage: &'a str,
    told: bool,
    withheld_from: Vec<&'a str>,
    phase: Option<Phase>,
    sessions: u64,
    blocked_in: usize,
    created_at: Timestamp,
    named_until: Option<Timestamp>,
}

/// A front door's row.
pub fn door<'a>(node: &'a Node, door: &'a Frontdoor, picture: &Picture) -> Door<'a> {
    let resource = picture.resources.get(&door.id.into());
    Door {
        id: door.id,
        node: node.id,
        region: node.region.as_str(),
        provider: node.provider.as_str(),
        address: resource.and_then(|r| r.address),
        asn: resource.and_then(|r| r.asn),
        port: door.transport.port,
        transport: &door.transport.kind,
        stage: door.stage.name(),
        told: node.serves() && door.stage.is_live(),
        withheld_from: door.withheld_from.iter().map(|p| p.as_str()).collect(),
        phase: resource.map(|r| r.phase),
        sessions: picture.sessions_of(node.id, door.id.into()),
        blocked_in: picture.networks_in(door.id, State::Blocked),
        created_at: door.created_at,
        named_until: picture.exposures.get(&door.id).and_then(|e| e.named_until),
    }
}

/// Lists all front doors, by region and provider.
pub fn frontdoors(picture: &Picture, output: &Output, page: &mut Page) -> Result<()> {
    let mut doors: Vec<(&Node, &Frontdoor)> = picture
        .target
        .nodes
        .values()
        .flat_map(|n| n.frontdoors.values().map(move |d| (n, d)))
        .collect();
    doors.sort_by_key(|(n, d)| (&n.region, &n.provider, n.id, d.id));
    let mut table = Table::new(&["id", "region", "address", "transport", "state", ">sess"]);
    for (node, d) in &doors {
        table.row(vec![
            Line::of(Style::Accent, d.id.to_string()),
            Line::plain(node.region.as_str()),
            Line::plain(endpoint(picture.address(d.id), Some(d.transport.port))),
            Line::plain(d.transport.kind.clone()),
            told(node, d, picture),
            Line::plain(picture.sessions_of(node.id, d.id.into()).to_string()),
        ]);
    }
    let rows: Vec<_> = doors.iter().map(|(n, d)| door(n, d, picture)).collect();
    print("frontdoors", &rows, table, output, page);
    Ok(())
}

/// A door's stage, with what keeps it from clients.
pub fn told(node: &Node, door: &Frontdoor, picture: &Picture) -> Line {
    let blocked = picture.networks_in(door.id, State::Blocked);
    let line = match door.stage.is_live() && node.stage.is_live() && !node.serves() {
        true => Line::of(Style::Dim, node.duty.to_string()),
        false => stage(if door.stage.is_live() { &node.stage } else { &door.stage }),
    };
    match blocked {
        0 => line,
        n => line.put(Style::Bad, format!(", blocked in {n}")),
    }
}

/// `198.51.100.7:443`, or a dash before the provider gave one.
pub fn endpoint(address: Option<IpAddr>, port: Option<u16>) -> String {
    match (address, port) {
        (Some(a), Some(port)) => std::net::SocketAddr::new(a, port).to_string(),
        (Some(a), None) => a.to_string(),
        (None, _) => "-".to_owned(),
    }
}

/// An egress address as `--json` tells it.
#[derive(Debug, Serialize)]
pub struct Ip<'a> {
    id: EgressIpId,
    node: NodeId,
    region: &'a str,
    provider: &'a str,
    address: Option<IpAddr>,
    asn: Option<Asn>,
    stage: &'a str,
    phase: Option<Phase>,
    sessions: u64,
    created_at: Timestamp,
}

/// An egress address's row.
pub fn ip<'a>(node: &'a Node, ip: &'a EgressIp, picture: &Picture) -> Ip<'a> {
    let resource = picture.resources.get(&ip.id.into());
    Ip {
        id: ip.id,
        node: node.id,
        region: node.region.as_str(),
        provider: node.provider.as_str(),
        address: resource.and_then(|r| r.address),
        asn: resource.and_then(|r| r.asn),
        stage: ip.stage.name(),
        phase: resource.map(|r| r.phase),
        sessions: picture.sessions_of(node.id, ip.id.into()),
        created_at: ip.created_at,
    }
}

/// Lists all egress addresses, by region and provider.
pub fn egress_ips(picture: &Picture, output: &Output, page: &mut Page) -> Result<()> {
    let mut ips: Vec<(&Node, &EgressIp)> = picture
        .target
        .nodes
        .values()
        .flat_map(|n| n.egress_ips.values().map(move |e| (n, e)))
        .collect();
    ips.sort_by_key(|(n, e)| (&n.region, &n.provider, n.id, e.id));
    let mut table = Table::new(&["id", "region", "address", "asn", "state", ">age", ">sess"]);
    for (node, e) in &ips {
        let resource = picture.resources.get(&e.id.into());
        let asn = resource.and_then(|r| r.asn).map_or_else(String::new, |a| a.to_string());
        table.row(vec![
            Line::of(Style::Accent, e.id.to_string()),
            Line::plain(node.region.as_str()),
            Line::plain(endpoint(picture.address(e.id), None)),
            Line::plain(asn),
            stage(&e.stage),
            Line::of(Style::Dim, when::short(picture.now.since(e.created_at))),
            Line::plain(picture.sessions_of(node.id, e.id.into()).to_string()),
        ]);
    }
    let rows: Vec<_> = ips.iter().map(|(n, e)| ip(n, e, picture)).collect();
    print("egress_ips", &rows, table, output, page);
    Ok(())
}
