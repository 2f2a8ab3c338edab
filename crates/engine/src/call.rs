//! From a step to the trait that carries it out.

use std::future::Future;

use damm_clouds::{
    AddressOrder, BalancerTarget, Error as CloudError, ListedAddress, ListedMachine, MachineOrder,
    Tag,
};
use damm_fleet::{FailureClass, Node, ProviderName, Resource, Subject};

use crate::bootstrap::{self, Stamp, Template};
use crate::engine::Engine;
use crate::error::Error;
use crate::family::wants_v6;
use crate::patience::CALL_TIMEOUT;
use crate::step::{Call, Step};

/// What a call answered.
#[derive(Debug)]
pub(crate) enum Answer {
    Machine(ListedMachine),
    Address(ListedAddress),
    Nothing,
}

type Called<T> = Result<T, CloudError>;

impl Engine {
    /// Makes a step's call once. The outer error is the state's; the inner one the provider's.
    pub(crate) async fn call(
        &self,
        step: &Step,
        row: Option<&Resource>,
    ) -> Result<Called<Answer>, Error> {
        let answer = match &step.call {
            Call::Publish { region, serial } => {
                let published = self.publish(region, *serial).await?;
                published.map_err(|e| own(step, FailureClass::Busy, e.to_string()))
            }
            Call::Withdraw { region } => {
                let withdrawn = self.withdraw(region).await?;
                withdrawn.map_err(|e| own(step, FailureClass::Busy, e.to_string()))
            }
            Call::CatchUp { channel, region } => {
                // Its words name the channel, as the step does.
                self.catch_up(channel, region).await?
            }
            Call::Order { node, orders, .. } => {
                in_time(step, self.providers.agents.order(*node, orders)).await
            }
            Call::PutRecords { .. } | Call::PutTarget { .. } | Call::RemoveTarget { .. } => {
                in_time(step, self.call_edge(step)).await
            }
            _ => return Ok(in_time(step, self.call_cloud(step, row)).await),
        };
        Ok(answer.map(|()| Answer::Nothing))
    }

    async fn call_edge(&self, step: &Step) -> Called<()> {
        let fleet = &self.topology.fleet;
        let account = step.provider.as_ref();
        let dns = account.and_then(|p| self.providers.dns.get(p));
        let balancer = account.and_then(|p| self.providers.balancers.get(p));
        match (&step.call, dns, balancer) {
            (Call::PutRecords { key, set }, Some(dns), _) => {
                dns.put_records(fleet, &key.zone, &key.name, set).await
            }
            (Call::PutTarget { key, target }, _, Some(balancer)) => {
                let target = BalancerTarget {
                    address: target.address,
                    port: target.port,
                    draining: target.draining,
                };
                balancer.put_target(&key.balancer, key.node, &target).await
            }
            (Call::RemoveTarget { key }, _, Some(balancer)) => {
                balancer.remove_target(&key.balancer, key.node).await
            }
            _ => Err(nobody(step)),
        }
    }

    async fn call_cloud(&self, step: &Step, row: Option<&Resource>) -> Called<Answer> {
        let account = step.provider.as_ref();
        let Some(cloud) = account.and_then(|p| self.providers.clouds.get(p)) else {
            return Err(nobody(step));
        };
        let done = match &step.call {
            Call::CreateMachine { node } => {
                let order = self.machine_order(step, *node, row)?;
                return cloud.create_machine(&order).await.map(Answer::Machine);
            }
            Call::Allocate { node } => {
                let order = self.address_order(step, *node)?;
                return cloud.allocate_address(&order).await.map(Answer::Address);
            }
            Call::DeleteMachine { machine, .. } => cloud.delete_machine(machine).await,
            Call::Attach { address, machine } => cloud.attach_address(address, machine).await,
            Call::Detach { address } => cloud.detach_address(address).await,
            Call::Release { address } => cloud.release_address(address).await,
            Call::DestroyStray { machine: true, provider_ref, .. } => {
                cloud.delete_machine(provider_ref).await
            }
            Call::DestroyStray { provider_ref, detach, .. } => match detach {
                true => cloud.detach_address(provider_ref).await,
                false => cloud.release_address(provider_ref).await,
            },
            _ => Err(nobody(step)),
        };
        done.map(|()| Answer::Nothing)
    }

    fn tag(&self, subject: impl Into<Subject>) -> Tag {
        Tag { fleet: self.topology.fleet.clone(), subject: subject.into() }
    }

    fn node(&self, step: &Step, node: damm_fleet::NodeId) -> Called<Node> {
        let node = self.world().blueprint.nodes.get(&node).cloned();
        node.ok_or_else(|| nobody(step))
    }

    fn machine_order(
        &self,
        step: &Step,
        node: damm_fleet::NodeId,
        row: Option<&Resource>,
    ) -> Called<MachineOrder> {
        let node = self.node(step, node)?;
        let attempt = row.map_or(0, |r| r.attempt);
        let user_data = self.user_data(&node, attempt);
        let user_data = user_data.map_err(|why| own(step, FailureClass::Rejected, why))?;
        Ok(MachineOrder {
            tag: self.tag(node.id),
            idempotency_key: step.key.clone(),
            machine: node.machine,
            location: node.location,
            user_data,
        })
    }

    fn address_order(&self, step: &Step, node: damm_fleet::NodeId) -> Called<AddressOrder> {
        let node = self.node(step, node)?;
        let subject = step.subject.ok_or_else(|| nobody(step))?;
        Ok(AddressOrder {
            tag: self.tag(subject),
            idempotency_key: step.key.clone(),
            prefer_v6: match subject {
                Subject::EgressIp(id) => wants_v6(&node, &self.world().rows, id),
                _ => false,
            },
            location: node.location,
        })
    }

    /// Cloud-init user data with the node's one-time join token. The same for the same attempt.
    fn user_data(&self, node: &Node, attempt: u32) -> Result<String, String> {
        let fleet = &self.topology.fleet;
        let token = self.keys.join().token(fleet, node.id, attempt);
        let own = self.templates.get(&node.profile);
        let template =
            own.map_or(Template::built_in(node.role), |(name, text)| Template { name, text });
        let stamp = Stamp {
            fleet,
            node,
            generation: self.world().blueprint.generation,
            backbone: &self.topology.backbone,
            pin: self.keys.controller().pin(),
            token: &token,
        };
        let offer = self.offers.get(&node.provider);
        let limit = offer.map_or(usize::MAX, |o| o.capabilities.user_data_limit);
        let rendered = bootstrap::render(&stamp, &template, limit);
        rendered.map(|d| d.into_text()).map_err(|e| e.to_string())
    }
}

/// Gives a call up after a while: its outcome is unknown then.
async fn in_time<T>(step: &Step, call: impl Future<Output = Called<T>>) -> Called<T> {
    let timeout = tokio::time::timeout(CALL_TIMEOUT.to_std(), call).await;
    timeout.unwrap_or_else(|_| {
        let message = format!("no answer within {CALL_TIMEOUT}");
        Err(own(step, FailureClass::Unknown, message))
    })
}

/// A failure on our own side.
fn own(step: &Step, class: FailureClass, message: String) -> CloudError {
    let provider = step.provider.as_ref().map(ProviderName::to_string);
    CloudError {
        class,
        provider: provider.unwrap_or_default(),
        operation: step.call.name(),
        message,
        retry_after: None,
    }
}

fn nobody(step: &Step) -> CloudError {
    let message = "the topology no longer names who could do it".to_owned();
    own(step, FailureClass::Rejected, message)
}
