//! Load balancers (Octavia). A target is a member of a pool, named by our mark, and drains with
//! weight 0: members with that weight get nothing new and keep what they have.

use std::collections::BTreeMap;
use std::net::IpAddr;

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{Balancer, BalancerTarget, Tag};
use damm_fleet::{BalancerName, FailureClass, NodeId, Subject};
use serde_json::{Value, json};

use super::OpenStack;
use super::catalog::Service;
use super::wire::{Listener, LoadBalancer, Member, Port};
use crate::http::{Ask, Method};

const PUT: &str = "put a target";
const REMOVE: &str = "remove a target";
const LIST: &str = "list targets";

/// One load balancer, with the pools of its own and their members.
struct Board {
    status: String,
    listeners: Vec<Listener>,
    pools: Vec<(String, Vec<Member>)>,
}

impl Board {
    /// The pool that a target belongs to: the one behind the port of the same number, or the only
    /// one.
    fn pool(&self, port: u16) -> Option<&(String, Vec<Member>)> {
        let listener = self.listeners.iter().find(|l| l.protocol_port == port);
        let behind = listener.and_then(|l| l.default_pool_id.as_ref());
        let named = behind.and_then(|id| self.pools.iter().find(|(pool, _)| pool == id));
        named.or(self.pools.first().filter(|_| self.pools.len() == 1))
    }

    /// The members of a name, each with its place.
    fn of<'a>(&'a self, name: &'a str) -> impl Iterator<Item = (String, &'a Member)> {
        let all = self.pools.iter().flat_map(|(p, members)| members.iter().map(move |m| (p, m)));
        let ours = all.filter(move |(_, m)| m.name.as_deref() == Some(name));
        ours.map(|(pool, m)| (format!("/lbaas/pools/{pool}/members/{}", m.id), m))
    }
}

/// A target's weight among others.
const fn weight(target: &BalancerTarget) -> u32 {
    if target.draining { 0 } else { 1 }
}

impl OpenStack {
    fn name(&self, node: NodeId) -> String {
        Tag { fleet: self.fleet.clone(), subject: Subject::Node(node) }.to_string()
    }

    async fn board(&self, operation: &'static str, name: &BalancerName) -> Result<Board> {
        let ask = |path: &str| Ask::get(operation, path);
        let mut named: Vec<LoadBalancer> =
            self.all(Service::Balancer, ask("/lbaas/loadbalancers").query("name", name)).await?;
        named.retain(|b| b.name == name.as_str());
        let words = match <[LoadBalancer; 1]>::try_from(named) {
            Ok([found]) => return self.open_board(operation, found).await,
            Err(none) if none.is_empty() => {
                format!("there is no load balancer `{name}` in the project: make one")
            }
            Err(_) => format!("several load balancers are called `{name}`: let one be"),
        };
        Err(self.refuse(operation, FailureClass::Rejected, &words))
    }

    /// What it listens on is asked for only where it decides between pools.
    async fn open_board(&self, operation: &'static str, found: LoadBalancer) -> Result<Board> {
        let listeners = match found.pools.len() {
            0 | 1 => Vec::new(),
            _ => {
                let ask = Ask::get(operation, "/lbaas/listeners");
                let ask = ask.query("loadbalancer_id", &found.id);
                self.all(Service::Balancer, ask).await?
            }
        };
        let mut pools = Vec::new();
        for pool in found.pools {
            let ask = Ask::get(operation, format!("/lbaas/pools/{}/members", pool.id));
            pools.push((pool.id, self.all(Service::Balancer, ask).await?));
        }
        Ok(Board { status: found.provisioning_status, listeners, pools })
    }

    /// Changes a load balancer. One that is being changed takes nothing else meanwhile.
    async fn write(&self, board: &Board, ask: Ask) -> Result<()> {
        if board.status.starts_with("PENDING_") {
            let words = "the load balancer is still being changed";
            return Err(self.refuse(ask.operation, FailureClass::Busy, words));
        }
        let done = self.keystone.call(Service::Balancer, ask).await.map(drop);
        // What was there when we looked has changed since: the next look tells.
        done.map_err(|e| super::rather(e, FailureClass::Gone, FailureClass::Busy))
    }

    /// The subnet that an address of this project stands in; none where it is elsewhere, and the
    /// load balancer finds it by its own routes.
    async fn subnet(&self, address: IpAddr) -> Result<Option<String>> {
        let ask = Ask::get(PUT, "/ports").query("fixed_ips", format!("ip_address={address}"));
        let ports: Vec<Port> = self.all(Service::Network, ask).await?;
        let mut fixed = ports.into_iter().flat_map(|p| p.fixed_ips);
        Ok(fixed.find(|f| f.ip_address == address).map(|f| f.subnet_id))
    }

    async fn add(
        &self,
        board: &Board,
        pool: &str,
        name: &str,
        target: &BalancerTarget,
    ) -> Result<()> {
        let mut member = json!({
            "name": name, "address": target.address, "protocol_port": target.port,
            "weight": weight(target),
        });
        if let Some(subnet) = self.subnet(target.address).await? {
            member["subnet_id"] = Value::from(subnet);
        }
        let path = format!("/lbaas/pools/{pool}/members");
        self.write(board, Ask::post(PUT, path, &json!({ "member": member }))).await
    }
}

#[async_trait]
impl Balancer for OpenStack {
    /// Where two writes are needed, because a node's address changed, the second is `Busy` until
    /// the first is done, and made when this is called again.
    async fn put_target(
        &self,
        balancer: &BalancerName,
        node: NodeId,
        target: &BalancerTarget,
    ) -> Result<()> {
        let (board, name) = (self.board(PUT, balancer).await?, self.name(node));
        let Some((pool, _)) = board.pool(target.port) else {
            let port = target.port;
            let words = format!("`{balancer}` has no pool behind its port {port}: give it one");
            return Err(self.refuse(PUT, FailureClass::Rejected, &words));
        };
        let place = format!("/lbaas/pools/{pool}/");
        let same = |path: &str, m: &Member| {
            let here = path.starts_with(&place);
            here && m.address == target.address && m.protocol_port == target.port
        };
        let (right, stale): (Vec<_>, Vec<_>) = board.of(&name).partition(|(p, m)| same(p, m));
        match right.first() {
            Some((_, member)) if member.weight.min(1) == weight(target) => {}
            Some((path, _)) => {
                let body = json!({ "member": { "weight": weight(target) } });
                self.write(&board, Ask::new(PUT, Method::PUT, path.as_str()).json(&body)).await?;
            }
            None => self.add(&board, pool, &name, target).await?,
        }
        for (path, _) in stale {
            self.write(&board, Ask::delete(PUT, path)).await?;
        }
        Ok(())
    }

    /// By its name alone: the machine may be gone by now.
    async fn remove_target(&self, balancer: &BalancerName, node: NodeId) -> Result<()> {
        let (board, name) = (self.board(REMOVE, balancer).await?, self.name(node));
        for (path, _) in board.of(&name) {
            self.write(&board, Ask::delete(REMOVE, path)).await?;
        }
        Ok(())
    }

    async fn list_targets(
        &self,
        balancer: &BalancerName,
    ) -> Result<BTreeMap<NodeId, BalancerTarget>> {
        let board = self.board(LIST, balancer).await?;
        let members = board.pools.iter().flat_map(|(_, members)| members);
        let shown = members.filter_map(|m| {
            let tag: Tag = m.name.as_deref()?.parse().ok()?;
            let Subject::Node(node) = tag.subject else {
                return None;
            };
            let (address, port) = (m.address, m.protocol_port);
            let target = BalancerTarget { address, port, draining: m.weight == 0 };
            (tag.fleet == self.fleet).then_some((node, target))
        });
        Ok(shown.collect())
    }
}
