//! Load balancers. Their targets are droplets, found by the node's tag, and they can't be drained:
//! a target that is taken out keeps the connections that it has.

use std::collections::BTreeMap;

use async_trait::async_trait;
use damm_clouds::traits::Result;
use damm_clouds::{Balancer, BalancerTarget};
use damm_fleet::{BalancerName, FailureClass, NodeId, Subject};
use serde_json::json;

use super::wire::{Droplet, LoadBalancer};
use super::{DigitalOcean, Words, read};
use crate::http::{Ask, Method};

impl DigitalOcean {
    /// The load balancer of a name.
    async fn find(&self, operation: &'static str, name: &BalancerName) -> Result<LoadBalancer> {
        let ask = Ask::get(operation, "/load_balancers");
        let all: Vec<LoadBalancer> = self.all(ask, "load_balancers").await?;
        let mut named = all.into_iter().filter(|b| b.name == name.as_str());
        match (named.next(), named.next()) {
            (Some(one), None) => Ok(one),
            (found, _) => {
                let words = match found {
                    Some(_) => format!("several load balancers are named `{name}`"),
                    None => format!("no load balancer is named `{name}`: make it first"),
                };
                Err(self.failed(operation, FailureClass::Rejected, &words))
            }
        }
    }

    /// The node that a droplet is, if it is one of the fleet's.
    fn node(&self, droplet: &Droplet) -> Option<NodeId> {
        match read(&droplet.tags) {
            Some(tag) if tag.fleet == self.fleet => match tag.subject {
                Subject::Node(node) => Some(node),
                _ => None,
            },
            _ => None,
        }
    }

    /// The droplets that are a node: more than one, while a spare one is not yet deleted.
    async fn droplets_of(&self, operation: &'static str, node: NodeId) -> Result<Vec<Droplet>> {
        let mut all = self.droplets(operation).await?;
        all.retain(|d| self.node(d) == Some(node));
        Ok(all)
    }

    /// Adds droplets to a load balancer or takes them out.
    async fn change(
        &self,
        operation: &'static str,
        method: Method,
        balancer: &LoadBalancer,
        ids: &[u64],
    ) -> Result<()> {
        let path = format!("/load_balancers/{}/droplets", balancer.id);
        let ask = Ask::new(operation, method, path).json(&json!({ "droplet_ids": ids }));
        self.http.call(ask, &Words).await.map(drop)
    }

    async fn take_out(
        &self,
        operation: &'static str,
        name: &BalancerName,
        node: NodeId,
    ) -> Result<()> {
        let balancer = self.find(operation, name).await?;
        let droplets = self.droplets_of(operation, node).await?;
        let there = |id: &u64| balancer.droplet_ids.contains(id);
        let ids: Vec<u64> = droplets.iter().map(|d| d.id).filter(there).collect();
        match ids.is_empty() {
            // What is gone was taken out with its droplet.
            true => Ok(()),
            false => self.change(operation, Method::DELETE, &balancer, &ids).await,
        }
    }
}

#[async_trait]
impl Balancer for DigitalOcean {
    async fn put_target(
        &self,
        balancer: &BalancerName,
        node: NodeId,
        target: &BalancerTarget,
    ) -> Result<()> {
        const OPERATION: &str = "put a target";
        if target.draining {
            return self.take_out(OPERATION, balancer, node).await;
        }
        let found = self.find(OPERATION, balancer).await?;
        let droplets = self.droplets_of(OPERATION, node).await?;
        let meant = droplets.iter().find(|d| d.public().any(|a| a == target.address));
        let Some(droplet) = meant.or(droplets.first()) else {
            let words = format!("no droplet that is {node} is listed yet");
            return Err(self.failed(OPERATION, FailureClass::Busy, &words));
        };
        match found.droplet_ids.contains(&droplet.id) {
            true => Ok(()),
            false => self.change(OPERATION, Method::POST, &found, &[droplet.id]).await,
        }
    }

    async fn remove_target(&self, balancer: &BalancerName, node: NodeId) -> Result<()> {
        self.take_out("remove a target", balancer, node).await
    }

    /// The targets' ports are those of the first forwarding rule: droplets have none of their own.
    async fn list_targets(
        &self,
        balancer: &BalancerName,
    ) -> Result<BTreeMap<NodeId, BalancerTarget>> {
        const OPERATION: &str = "list targets";
        let found = self.find(OPERATION, balancer).await?;
        let port = found.forwarding_rules.first().map_or(0, |r| r.target_port);
        let droplets = self.droplets(OPERATION).await?;
        let there = droplets.iter().filter(|d| found.droplet_ids.contains(&d.id));
        let target = |address| BalancerTarget { address, port, draining: false };
        Ok(there.filter_map(|d| Some((self.node(d)?, target(d.address()?)))).collect())
    }
}
