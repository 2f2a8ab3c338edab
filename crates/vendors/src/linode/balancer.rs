//! NodeBalancers. A target is the machine's private address and a port, under one of the ports that
//! the NodeBalancer listens on: the one of the same number, or the only one.

use std::collections::BTreeMap;
use std::net::{IpAddr, SocketAddr};

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{Balancer, BalancerTarget, Tag};
use damm_fleet::{BalancerName, FailureClass, NodeId, Subject};
use serde_json::json;
use sha2::{Digest, Sha256};

use super::wire::{Config, Instance, Node, NodeBalancer};
use super::{Linode, rather, tag};
use crate::http::{Ask, Method};

const PUT: &str = "put a target";
const REMOVE: &str = "remove a target";
const LIST: &str = "list targets";

/// One NodeBalancer with its ports and its targets.
struct Board {
    id: u64,
    configs: Vec<Config>,
    nodes: Vec<Node>,
}

impl Board {
    fn path(&self, node: &Node) -> String {
        format!("/nodebalancers/{}/configs/{}/nodes/{}", self.id, node.config_id, node.id)
    }

    /// The port that a target belongs under.
    fn config(&self, port: u16) -> Option<&Config> {
        let only = self.configs.first().filter(|_| self.configs.len() == 1);
        self.configs.iter().find(|c| c.port == port).or(only)
    }
}

impl Linode {
    /// The end of our targets' labels: the fleet's name is too long for them.
    fn mark(&self) -> String {
        let digest = Sha256::digest(self.fleet.as_bytes());
        digest.iter().take(4).map(|b| format!("{b:02x}")).collect()
    }

    fn label(&self, node: NodeId) -> String {
        format!("{node}.{}", self.mark())
    }

    fn node(&self, label: &str) -> Option<NodeId> {
        let (node, mark) = label.split_once('.')?;
        (mark == self.mark()).then(|| node.parse().ok())?
    }

    async fn board(&self, operation: &'static str, name: &BalancerName) -> Result<Board> {
        let filter = Some(json!({ "label": name.as_str() }));
        let all: Vec<NodeBalancer> = self.all(operation, "/nodebalancers", filter).await?;
        let Some(found) = all.into_iter().find(|b| b.label == name.as_str()) else {
            let words = format!("there is no NodeBalancer `{name}` in the account: make one");
            return Err(self.refuse(operation, FailureClass::Rejected, &words));
        };
        let path = format!("/nodebalancers/{}/configs", found.id);
        let configs: Vec<Config> = self.all(operation, &path, None).await?;
        let mut nodes = Vec::new();
        for config in &configs {
            let path = format!("{path}/{}/nodes", config.id);
            nodes.extend(self.all::<Node>(operation, &path, None).await?);
        }
        Ok(Board { id: found.id, configs, nodes })
    }

    /// Where a node's machine takes what the NodeBalancer sends.
    async fn inside(&self, node: NodeId, target: &BalancerTarget) -> Result<String> {
        let own = Tag { fleet: self.fleet.clone(), subject: Subject::Node(node) };
        let mut instances = self.instances(PUT, &self.fleet).await?;
        instances.retain(|i| tag(&i.tags).as_ref() == Some(&own));
        let holds = |i: &&Instance| i.ipv4.iter().any(|a| IpAddr::V4(*a) == target.address);
        let Some(instance) = instances.iter().find(holds) else {
            let address = target.address;
            let words = format!("no machine of {node} has the address {address} in this account");
            return Err(self.refuse(PUT, FailureClass::Gone, &words));
        };
        let private = instance.private().ok_or_else(|| {
            let words = format!("machine {} has no private address: give it one", instance.id);
            self.refuse(PUT, FailureClass::Rejected, &words)
        })?;
        Ok(format!("{private}:{}", target.port))
    }

    async fn take_out(&self, operation: &'static str, board: &Board, node: &Node) -> Result<()> {
        let done = self.act(Ask::delete(operation, board.path(node))).await;
        done.or_else(|e| match e.class {
            FailureClass::Gone => Ok(()),
            _ => Err(e),
        })
    }
}

#[async_trait]
impl Balancer for Linode {
    async fn put_target(
        &self,
        balancer: &BalancerName,
        node: NodeId,
        target: &BalancerTarget,
    ) -> Result<()> {
        let board = self.board(PUT, balancer).await?;
        let Some(config) = board.config(target.port) else {
            let words = format!(
                "`{balancer}` listens on none or several ports: let one be {}",
                target.port
            );
            return Err(self.refuse(PUT, FailureClass::Rejected, &words));
        };
        let label = self.label(node);
        let address = self.inside(node, target).await?;
        let mode = if target.draining { "drain" } else { "accept" };
        let body = json!({ "label": label, "address": address, "mode": mode });
        let mut ours = board.nodes.iter().filter(|n| n.label == label);
        let (here, elsewhere): (Vec<_>, Vec<_>) =
            ours.by_ref().partition(|n| n.config_id == config.id);
        match here.first() {
            Some(n) if n.address == address && n.mode == mode => {}
            Some(n) => {
                let put = self.act(Ask::new(PUT, Method::PUT, board.path(n)).json(&body)).await;
                put.map_err(|e| rather(e, FailureClass::Gone, FailureClass::Busy))?;
            }
            None => {
                let path = format!("/nodebalancers/{}/configs/{}/nodes", board.id, config.id);
                let put = self.act(Ask::post(PUT, path, &body)).await;
                put.map_err(|e| rather(e, FailureClass::Gone, FailureClass::Busy))?;
            }
        }
        // What stands under another port, or twice, is of before.
        for old in here.into_iter().skip(1).chain(elsewhere) {
            self.take_out(PUT, &board, old).await?;
        }
        Ok(())
    }

    /// By its label alone: the machine may be gone by now.
    async fn remove_target(&self, balancer: &BalancerName, node: NodeId) -> Result<()> {
        let board = self.board(REMOVE, balancer).await?;
        let label = self.label(node);
        for old in board.nodes.iter().filter(|n| n.label == label) {
            self.take_out(REMOVE, &board, old).await?;
        }
        Ok(())
    }

    /// A target whose machine is gone is shown by its private address.
    async fn list_targets(
        &self,
        balancer: &BalancerName,
    ) -> Result<BTreeMap<NodeId, BalancerTarget>> {
        let board = self.board(LIST, balancer).await?;
        let instances = self.instances(LIST, &self.fleet).await?;
        let reserved = self.reserved_beside(LIST, &instances).await?;
        let outside = |inside: IpAddr| {
            let same = |i: &&Instance| i.private().map(IpAddr::V4) == Some(inside);
            instances.iter().find(same).and_then(|i| i.own(&reserved)).unwrap_or(inside)
        };
        let shown = board.nodes.iter().filter_map(|n| {
            let inside: SocketAddr = n.address.parse().ok()?;
            let (address, port) = (outside(inside.ip()), inside.port());
            Some((
                self.node(&n.label)?,
                BalancerTarget { address, port, draining: n.mode != "accept" },
            ))
        });
        Ok(shown.collect())
    }
}
