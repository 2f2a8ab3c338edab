//! Load balancers (ELBv2): the topology's balancer is a target group by that name, and a node's
//! target is its machine, or its machine's private address where the group asks for addresses.

use std::collections::BTreeMap;
use std::net::IpAddr;

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{Balancer, BalancerTarget};
use damm_fleet::{BalancerName, FailureClass, NodeId, Subject};

use super::Aws;
use super::instance::Instance;
use super::service::Query;
use super::xml::Element;

/// A target group.
struct Group {
    arn: String,
    by_address: bool,
}

/// A target, as the group has it.
#[derive(Debug, Clone, PartialEq, Eq)]
struct Member {
    id: String,
    port: u16,
    /// Whether new connections come to it.
    serves: bool,
}

/// A draining target leaves the group by itself when the group's `deregistration_delay` is over,
/// and keeps its connections until then: so it counts as taken out.
#[async_trait]
impl Balancer for Aws {
    async fn put_target(
        &self,
        balancer: &BalancerName,
        node: NodeId,
        target: &BalancerTarget,
    ) -> Result<()> {
        let operation = "put a target";
        if target.draining {
            return self.take_out(operation, balancer, node).await;
        }
        let group = self.group(operation, balancer).await?;
        let machine = self.machine_of(operation, node).await?;
        let none =
            || self.elb.refused(operation, FailureClass::Busy, "the node has no machine yet");
        let id = machine.and_then(|m| group.id(&m)).ok_or_else(none)?;
        let members = self.members(operation, &group).await?;
        let wanted = Member { id, port: target.port, serves: true };
        if !members.contains(&wanted) {
            let query = self.of_target(operation, "RegisterTargets", &group, &wanted);
            self.elb.call(&query).await?;
        }
        let stale = members.iter().filter(|m| m.id == wanted.id && m.port != wanted.port);
        self.deregister(operation, &group, stale.filter(|m| m.serves)).await
    }

    async fn remove_target(&self, balancer: &BalancerName, node: NodeId) -> Result<()> {
        self.take_out("remove a target", balancer, node).await
    }

    async fn list_targets(
        &self,
        balancer: &BalancerName,
    ) -> Result<BTreeMap<NodeId, BalancerTarget>> {
        let operation = "list targets";
        let group = self.group(operation, balancer).await?;
        let members = self.members(operation, &group).await?;
        let machines = self.instances_of(operation, &self.fleet).await?;
        let target = |machine: &Instance| {
            let (node, id) = (node_of(machine)?, group.id(machine)?);
            let member = members.iter().find(|m| m.serves && m.id == id)?;
            let address = machine.public.or_else(|| inner(machine))?;
            Some((node, BalancerTarget { address, port: member.port, draining: false }))
        };
        Ok(machines.iter().filter_map(target).collect())
    }
}

impl Aws {
    async fn group(&self, operation: &'static str, name: &BalancerName) -> Result<Group> {
        let query = self.elb(operation, "DescribeTargetGroups");
        let query = query.with("Names.member.1", name.as_str());
        let answer = self.elb.call(&query).await?;
        let list = answer.at(&["DescribeTargetGroupsResult", "TargetGroups"]);
        let found = list.and_then(|list| list.child("member"));
        let group = found.and_then(|group| {
            let kind = group.text(&["TargetType"]).unwrap_or("instance");
            Some((group.text(&["TargetGroupArn"])?.to_owned(), kind.to_owned()))
        });
        let refused = |words: &str| Err(self.elb.refused(operation, FailureClass::Rejected, words));
        match group {
            Some((arn, kind)) if kind == "instance" => Ok(Group { arn, by_address: false }),
            Some((arn, kind)) if kind == "ip" => Ok(Group { arn, by_address: true }),
            Some(_) => refused("the target group takes neither machines nor addresses"),
            None => refused("there is no target group of the balancer's name"),
        }
    }

    async fn members(&self, operation: &'static str, group: &Group) -> Result<Vec<Member>> {
        let query = self.elb(operation, "DescribeTargetHealth").with("TargetGroupArn", &group.arn);
        let answer = self.elb.call(&query).await?;
        let all = answer.at(&["DescribeTargetHealthResult", "TargetHealthDescriptions"]);
        let members = all.map(|all| all.all("member").map(member).collect::<Option<Vec<_>>>());
        members.flatten().ok_or_else(|| self.elb.lacking(&query))
    }

    async fn machine_of(&self, operation: &'static str, node: NodeId) -> Result<Option<Instance>> {
        let machines = self.instances_of(operation, &self.fleet).await?;
        Ok(machines.into_iter().find(|m| !m.is_gone() && node_of(m) == Some(node)))
    }

    /// Takes a node's target out. A node without a machine has none: the group lets go of machines
    /// that end.
    async fn take_out(
        &self,
        operation: &'static str,
        balancer: &BalancerName,
        node: NodeId,
    ) -> Result<()> {
        let group = self.group(operation, balancer).await?;
        let Some(machine) = self.machine_of(operation, node).await? else {
            return Ok(());
        };
        let members = self.members(operation, &group).await?;
        let id = group.id(&machine);
        let own = members.iter().filter(|m| m.serves && Some(&m.id) == id.as_ref());
        self.deregister(operation, &group, own).await
    }

    async fn deregister(
        &self,
        operation: &'static str,
        group: &Group,
        members: impl Iterator<Item = &Member>,
    ) -> Result<()> {
        let query = self.elb(operation, "DeregisterTargets").with("TargetGroupArn", &group.arn);
        let (mut query, mut count) = (query, 0);
        for member in members {
            count += 1;
            query = named(query, count, member);
        }
        match count {
            0 => Ok(()),
            _ => self.elb.call(&query).await.map(drop),
        }
    }

    fn of_target(
        &self,
        operation: &'static str,
        action: &'static str,
        group: &Group,
        member: &Member,
    ) -> Query {
        named(self.elb(operation, action).with("TargetGroupArn", &group.arn), 1, member)
    }
}

impl Group {
    /// What the group calls a machine.
    fn id(&self, machine: &Instance) -> Option<String> {
        match self.by_address {
            false => Some(machine.id.clone()),
            true => inner(machine).map(|a| a.to_string()),
        }
    }
}

fn named(query: Query, number: usize, member: &Member) -> Query {
    let at = format!("Targets.member.{number}");
    query.with(format!("{at}.Id"), &member.id).with(format!("{at}.Port"), member.port.to_string())
}

/// The private address that the machine's own public one leads to.
fn inner(machine: &Instance) -> Option<IpAddr> {
    machine.privates.iter().find(|p| p.primary).map(|p| p.address)
}

fn node_of(machine: &Instance) -> Option<NodeId> {
    match machine.tag.as_ref()?.subject {
        Subject::Node(node) => Some(node),
        _ => None,
    }
}

fn member(item: &Element) -> Option<Member> {
    Some(Member {
        id: item.text(&["Target", "Id"])?.to_owned(),
        port: item.text(&["Target", "Port"])?.parse().ok()?,
        serves: item.text(&["TargetHealth", "State"]) != Some("draining"),
    })
}
