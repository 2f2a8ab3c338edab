//! ELBv2's target groups.

use std::net::IpAddr;

use damm_fleet::{Span, Timestamp};

use super::Account;
use super::form::{Form, No, Said, no};

/// How long a target that was taken out keeps its connections, unless told otherwise.
const DEREGISTRATION: Span = Span::from_mins(5);

/// From a target's coming to its being healthy.
const CHECKS: Span = Span::from_secs(30);

/// A target group.
#[derive(Debug, Clone)]
pub struct Group {
    pub name: String,
    pub arn: String,
    /// Whether its targets are addresses.
    pub by_address: bool,
    /// The targets.
    pub targets: Vec<Target>,
}

/// A target.
#[derive(Debug, Clone)]
pub struct Target {
    pub id: String,
    pub port: u16,
    since: Timestamp,
    gone_at: Option<Timestamp>,
}

impl Account {
    pub(super) fn describe_groups(&self, form: &Form) -> Said {
        form.only(&["Names.*"])?;
        let names = form.list("Names.member");
        let unknown = |n: &&&str| self.groups.iter().all(|g| g.name != **n);
        if names.iter().find(unknown).is_some() {
            return no("TargetGroupNotFound", "One or more target groups not found");
        }
        let shown = self.groups.iter().filter(|g| names.is_empty() || names.contains(&&*g.name));
        let members = shown.map(|g| {
            let kind = if g.by_address { "ip" } else { "instance" };
            format!(
                "<member><TargetGroupArn>{}</TargetGroupArn><TargetGroupName>{}</TargetGroupName>\
                 <TargetType>{kind}</TargetType></member>",
                g.arn, g.name
            )
        });
        Ok(format!("<TargetGroups>{}</TargetGroups>", members.collect::<String>()))
    }

    fn group(&mut self, form: &Form) -> Result<&mut Group, No> {
        let arn = form.need("TargetGroupArn")?;
        let found = self.groups.iter_mut().find(|g| g.arn == arn);
        found.ok_or_else(|| No(400, "TargetGroupNotFound", "Target group not found".to_owned()))
    }

    pub(super) fn register(&mut self, form: &Form, now: Timestamp) -> Said {
        form.only(&["TargetGroupArn", "Targets.*"])?;
        let targets = targets(form)?;
        let by_address = self.group(form)?.by_address;
        for (id, _) in &targets {
            let fit = match by_address {
                true => id.parse().is_ok_and(is_inner),
                false => self.machines.get(id).is_some_and(|m| m.state(now).1 == "running"),
            };
            if !fit {
                let words = format!("The following targets cannot be registered: '{id}'");
                return no("InvalidTarget", words);
            }
        }
        let group = self.group(form)?;
        for (id, port) in targets {
            group.targets.retain(|t| t.id != id || Some(t.port) != port);
            let port = port.unwrap_or(80);
            group.targets.push(Target { id, port, since: now, gone_at: None });
        }
        Ok(String::new())
    }

    pub(super) fn deregister(&mut self, form: &Form, now: Timestamp) -> Said {
        form.only(&["TargetGroupArn", "Targets.*"])?;
        let targets = targets(form)?;
        for target in &mut self.group(form)?.targets {
            let named = |(id, port): &(String, Option<u16>)| {
                *id == target.id && port.is_none_or(|p| p == target.port)
            };
            if targets.iter().any(named) {
                target.gone_at.get_or_insert(now + DEREGISTRATION);
            }
        }
        Ok(String::new())
    }

    pub(super) fn describe_health(&mut self, form: &Form, now: Timestamp) -> Said {
        form.only(&["TargetGroupArn"])?;
        let group = self.group(form)?;
        group.targets.retain(|t| t.gone_at.is_none_or(|at| at > now));
        let members = group.targets.iter().map(|t| {
            let state = match t.gone_at {
                Some(_) => "draining",
                None if now.since(t.since) < CHECKS => "initial",
                None => "healthy",
            };
            format!(
                "<member><Target><Id>{}</Id><Port>{}</Port></Target><TargetHealth>\
                 <State>{state}</State></TargetHealth></member>",
                t.id, t.port
            )
        });
        let members = members.collect::<String>();
        Ok(format!("<TargetHealthDescriptions>{members}</TargetHealthDescriptions>"))
    }
}

fn targets(form: &Form) -> Result<Vec<(String, Option<u16>)>, No> {
    let target = |n| {
        let id = form.get(&format!("Targets.member.{n}.Id"))?;
        let port = form.get(&format!("Targets.member.{n}.Port"));
        Some((id.to_owned(), port.and_then(|p| p.parse().ok())))
    };
    let found: Vec<_> = (1..).map_while(target).collect();
    match found.is_empty() {
        true => Err(No(400, "ValidationError", "At least one target has to be named".to_owned())),
        false => Ok(found),
    }
}

/// Whether an address can be a target: those of the network are, public ones are not.
fn is_inner(address: IpAddr) -> bool {
    matches!(address, IpAddr::V4(a) if a.is_private())
}
