//! Load balancers. Their targets are servers, without a port: the port is the balancer's service's.

use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{Balancer, BalancerTarget, Tag};
use damm_fleet::{BalancerName, FailureClass, NodeId, Subject};
use serde_json::{Value, json};

use super::wire::{LoadBalancer, Server};
use super::{Hetzner, TAG, said, tag};
use crate::http::Ask;

const PUT: &str = "put a target";
const REMOVE: &str = "remove a target";

impl Hetzner {
    async fn load_balancer(
        &self,
        operation: &'static str,
        name: &BalancerName,
    ) -> Result<LoadBalancer> {
        let ask = Ask::get(operation, "/load_balancers").query("name", name);
        let all: Vec<LoadBalancer> = self.all(ask.clone()).await?;
        all.into_iter().find(|b| b.name == name.as_str()).ok_or_else(|| {
            let words = format!("there is no load balancer `{name}` in the project: make one");
            self.refuse(&ask, FailureClass::Rejected, &words)
        })
    }

    /// The servers that carry a node's tag: one, but for a creation that was called too often.
    async fn servers_of(&self, operation: &'static str, node: NodeId) -> Result<Vec<Server>> {
        let tag = Tag { fleet: self.fleet.clone(), subject: Subject::Node(node) };
        let ask = Ask::get(operation, "/servers").query("label_selector", format!("{TAG}={tag}"));
        let mut found: Vec<Server> = self.all(ask).await?;
        found.retain(|s| s.labels.get(TAG) == Some(&tag.to_string()));
        Ok(found)
    }

    async fn add(&self, balancer: &LoadBalancer, server: u64) -> Result<()> {
        let path = format!("/load_balancers/{}/actions/add_target", balancer.id);
        let mut body = target(server);
        body["use_private_ip"] = Value::Bool(false);
        let ask = Ask::post(PUT, path, &body);
        let reply = self.http.send(ask.clone()).await?;
        let defined = said::code(&reply).as_deref() == Some("target_already_defined");
        match reply.is_success() || defined {
            true => Ok(()),
            false => Err(self.http.refusal(&ask, &reply, &said::Said)),
        }
    }

    async fn take_out(
        &self,
        operation: &'static str,
        name: &BalancerName,
        node: NodeId,
    ) -> Result<()> {
        let balancer = self.load_balancer(operation, name).await?;
        let targets = ids(&balancer);
        let path = format!("/load_balancers/{}/actions/remove_target", balancer.id);
        for server in self.servers_of(operation, node).await? {
            if targets.contains(&server.id) {
                self.act(Ask::post(operation, path.as_str(), &target(server.id))).await?;
            }
        }
        Ok(())
    }
}

/// A server as the body of a target's action.
fn target(server: u64) -> Value {
    json!({ "type": "server", "server": { "id": server } })
}

fn ids(balancer: &LoadBalancer) -> BTreeSet<u64> {
    balancer.targets.iter().filter_map(|t| t.server.as_ref()).map(|s| s.id).collect()
}

#[async_trait]
impl Balancer for Hetzner {
    async fn put_target(
        &self,
        balancer: &BalancerName,
        node: NodeId,
        target: &BalancerTarget,
    ) -> Result<()> {
        if target.draining {
            return self.take_out(PUT, balancer, node).await;
        }
        let found = self.load_balancer(PUT, balancer).await?;
        let ask = Ask::get(PUT, "/servers");
        if !found.services.iter().any(|s| s.destination_port == target.port) {
            let port = target.port;
            let words =
                format!("no service of `{balancer}` has the destination port {port}: add one");
            return Err(self.refuse(&ask, FailureClass::Rejected, &words));
        }
        let servers = self.servers_of(PUT, node).await?;
        let Some(server) = servers.iter().find(|s| s.address() == Some(target.address)) else {
            let address = target.address;
            let words = format!("no server of {node} has the address {address} in this project");
            return Err(self.refuse(&ask, FailureClass::Gone, &words));
        };
        match ids(&found).contains(&server.id) {
            true => Ok(()),
            false => self.add(&found, server.id).await,
        }
    }

    async fn remove_target(&self, balancer: &BalancerName, node: NodeId) -> Result<()> {
        self.take_out(REMOVE, balancer, node).await
    }

    /// The port is that of the balancer's first service: a target has none of its own.
    async fn list_targets(
        &self,
        balancer: &BalancerName,
    ) -> Result<BTreeMap<NodeId, BalancerTarget>> {
        const OPERATION: &str = "list targets";
        let found = self.load_balancer(OPERATION, balancer).await?;
        let targets = ids(&found);
        let port = found.services.first().map_or(0, |s| s.destination_port);
        let servers = self.servers(OPERATION, &self.fleet).await?;
        let shown = servers.iter().filter(|s| targets.contains(&s.id)).filter_map(|server| {
            let Subject::Node(node) = tag(&server.labels)?.subject else {
                return None;
            };
            Some((node, BalancerTarget { address: server.address()?, port, draining: false }))
        });
        Ok(shown.collect())
    }
}
