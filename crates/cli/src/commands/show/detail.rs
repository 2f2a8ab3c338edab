//! `damm show … ID`: one thing with all that is known of it.

use damm_fleet::{Subject, Timestamp};
use serde_json::json;

use super::{addresses, nodes, subject};
use crate::exit::{Failure, Result};
use crate::output::Output;
use crate::picture::Picture;
use crate::render::{Line, Page, Style, Table, when};

/// Shows the node, front door or egress address of an id.
pub fn show(id: &str, picture: &Picture, output: &Output, page: &mut Page) -> Result<()> {
    let subject = subject(id)?;
    let missing = || {
        Failure::error(format!("there is no {subject} in the target"))
            .help(format!("`damm explain {subject}` tells of what is gone, too"))
    };
    let node = picture.node_of(subject).ok_or_else(missing)?;
    let resource = picture.resources.get(&subject);
    let mut facts = Facts::new();
    facts.add("id", subject.to_string());
    facts.add("pool", format!("{} {}", node.region, node.role));
    facts.add("provider", format!("{} in {}", node.provider, node.location));
    let row = match subject {
        Subject::Node(_) => {
            facts.add("runs", format!("{} on {}", node.profile, node.machine));
            facts.line("state", nodes::condition(node, picture));
            facts.at("made", node.created_at, picture.now);
            facts.add("because", node.reason.to_string());
            facts.add("costs", format!("{} a month with its addresses", node.monthly()));
            json!({ "node": nodes::row(node, picture), "observed": resource })
        }
        Subject::Frontdoor(id) => {
            let door = node.frontdoors.get(&id).ok_or_else(missing)?;
            facts.add("node", node.id.to_string());
            facts.add("transport", format!("{} on {}", door.transport.kind, door.transport.port));
            facts.line("state", addresses::told(node, door, picture));
            facts.at("made", door.created_at, picture.now);
            facts.add("because", door.reason.to_string());
            json!({ "frontdoor": addresses::door(node, door, picture), "observed": resource })
        }
        Subject::EgressIp(id) => {
            let ip = node.egress_ips.get(&id).ok_or_else(missing)?;
            facts.add("node", node.id.to_string());
            facts.line("state", super::stage(&ip.stage));
            facts.at("made", ip.created_at, picture.now);
            facts.add("because", ip.reason.to_string());
            json!({ "egress_ip": addresses::ip(node, ip, picture), "observed": resource })
        }
    };
    if let Some(r) = resource {
        facts.add("address", addresses::endpoint(r.address, None));
        facts.at(&format!("{} since", r.phase), r.since, picture.now);
        facts.add("theirs", r.provider_ref.clone().unwrap_or_default());
        if let Some(f) = &r.failure {
            facts.line("failure", Line::of(Style::Bad, format!("{}: {}", f.class, f.message)));
        }
    }
    for member in members(subject, picture) {
        facts.add("holds", member);
    }
    facts.draw(page);
    output.result("detail", row, page);
    Ok(())
}

/// The addresses of a node.
fn members(subject: Subject, picture: &Picture) -> Vec<String> {
    let Some(node) = picture.node_of(subject).filter(|n| subject == n.id.into()) else {
        return Vec::new();
    };
    let doors = node.frontdoors.values().map(|d| {
        let at = addresses::endpoint(picture.address(d.id), Some(d.transport.port));
        format!("{}  {at} {}", d.id, d.stage.name())
    });
    let ips = node.egress_ips.values().map(|e| {
        let at = addresses::endpoint(picture.address(e.id), None);
        format!("{}  {at} {}", e.id, e.stage.name())
    });
    doors.chain(ips).collect()
}

/// Names and values, aligned.
pub struct Facts(Table);

impl Facts {
    /// None yet.
    pub fn new() -> Self {
        Self(Table::new(&["", ""]))
    }

    /// Adds one, unless it is empty.
    pub fn add(&mut self, name: &str, value: impl Into<String>) {
        let value = value.into();
        if !value.is_empty() {
            self.line(name, Line::plain(value));
        }
    }

    /// Adds one with its style.
    pub fn line(&mut self, name: &str, value: Line) {
        self.0.row(vec![Line::of(Style::Dim, name), value]);
    }

    /// Adds a moment.
    pub fn at(&mut self, name: &str, at: Timestamp, now: Timestamp) {
        self.add(name, format!("{} ({})", when::minute(at), when::relative(at, now)));
    }

    /// Writes them on a page.
    pub fn draw(self, page: &mut Page) {
        self.0.draw(page);
    }
}
