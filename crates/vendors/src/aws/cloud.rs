//! Machines.

use async_trait::async_trait;
use base64::Engine;
use base64::prelude::BASE64_STANDARD;
use damm_clouds::traits::Result;
use damm_clouds::{AddressOrder, Cloud, ListedAddress, ListedMachine, MachineOrder};
use damm_fleet::FailureClass;
use sha2::{Digest, Sha256};

use super::images::Image;
use super::instance::{Instance, instances};
use super::service::Query;
use super::{Aws, sign, tags};
use crate::names;

/// Things on one page; the most that the vendor gives.
const PAGE: &str = "1000";

/// The states of machines that are still to be seen. The others are gone, and shown for an hour.
const SEEN: [&str; 5] = ["pending", "running", "shutting-down", "stopping", "stopped"];

#[async_trait]
impl Cloud for Aws {
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine> {
        self.has_user_data(order)?;
        let image = self.image(&order.machine).await?;
        let rooms = self.rooms(&order.machine).await?;
        let query = self.run(order, &image, rooms);
        let answer = self.ec2.call(&query).await?;
        let made = answer.items("instancesSet", "item").find_map(Instance::read);
        let made = made.ok_or_else(|| self.ec2.lacking(&query))?;
        made.listed(&self.origins, self.ec2.now()).ok_or_else(|| {
            let words = "the machine that this order made is gone already";
            self.ec2.refused("create a machine", FailureClass::Gone, words)
        })
    }

    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>> {
        let found = self.instances_of("list machines", fleet).await?;
        let now = self.ec2.now();
        Ok(found.iter().filter_map(|i| i.listed(&self.origins, now)).collect())
    }

    async fn delete_machine(&self, provider_ref: &str) -> Result<()> {
        let query = self.ec2("delete a machine", "TerminateInstances");
        let answer = self.ec2.call(&query.clone().with("InstanceId.1", provider_ref)).await?;
        let change = answer.items("instancesSet", "item").next();
        let change = change.ok_or_else(|| self.ec2.lacking(&query))?;
        match change.text(&["previousState", "name"]) {
            Some("terminated") => {
                let words = "the machine is gone";
                Err(self.ec2.refused("delete a machine", FailureClass::Gone, words))
            }
            _ => Ok(()),
        }
    }

    async fn allocate_address(&self, order: &AddressOrder) -> Result<ListedAddress> {
        self.allocate(order).await
    }

    async fn list_addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>> {
        self.elastic(fleet).await
    }

    async fn attach_address(&self, address_ref: &str, machine_ref: &str) -> Result<()> {
        self.attach(address_ref, machine_ref).await
    }

    async fn detach_address(&self, address_ref: &str) -> Result<()> {
        self.detach(address_ref).await
    }

    async fn release_address(&self, address_ref: &str) -> Result<()> {
        self.release(address_ref).await
    }
}

impl Aws {
    /// All machines of a fleet that are still to be seen.
    pub(super) async fn instances_of(
        &self,
        operation: &'static str,
        fleet: &str,
    ) -> Result<Vec<Instance>> {
        let query = self.ec2(operation, "DescribeInstances").with("MaxResults", PAGE);
        let query = query.filter(1, &tags::fleet_filter(), &[fleet]);
        let pages = self.ec2.pages(&query.filter(2, "instance-state-name", &SEEN)).await?;
        Ok(pages.iter().flat_map(instances).collect())
    }

    /// A machine that is there, by its name.
    pub(super) async fn instance(&self, operation: &'static str, id: &str) -> Result<Instance> {
        let query = self.ec2(operation, "DescribeInstances").with("InstanceId.1", id);
        let answer = self.ec2.call(&query).await?;
        let found = instances(&answer).find(|i| i.id == id && !i.is_gone());
        found.ok_or_else(|| self.ec2.refused(operation, FailureClass::Gone, "the machine is gone"))
    }

    /// The vendor would take an empty text, and the machine would never join.
    fn has_user_data(&self, order: &MachineOrder) -> Result<()> {
        let limit = self.user_data_limit;
        let words = match order.user_data.len() {
            0 => "the order has no user data".to_owned(),
            n if n > limit => format!("user data of {n} bytes is more than the {limit} allowed"),
            _ => return Ok(()),
        };
        Err(self.ec2.refused("create a machine", FailureClass::Rejected, &words))
    }

    /// Private addresses, beside the first, that a machine of a size is made with: one for each
    /// elastic address that it may come to hold, so that attaching is one call, and the machine
    /// sets them up when it boots.
    async fn rooms(&self, machine: &str) -> Result<u32> {
        let operation = "look for the size of machine";
        let query = self.ec2(operation, "DescribeInstanceTypes").with("InstanceType.1", machine);
        let answer = self.ec2.call(&query).await?;
        let size = answer.items("instanceTypeSet", "item").next();
        let most = size.and_then(|s| s.text(&["networkInfo", "ipv4AddressesPerInterface"]));
        let most: Option<u32> = most.and_then(|n| n.parse().ok());
        let none = || {
            let words = format!("there is no size `{machine}` in the region");
            self.ec2.refused(operation, FailureClass::Rejected, &words)
        };
        Ok(most.ok_or_else(none)?.saturating_sub(1).min(self.max_addresses))
    }

    fn run(&self, order: &MachineOrder, image: &Image, rooms: u32) -> Query {
        let data = BASE64_STANDARD.encode(&order.user_data);
        let query = self
            .ec2("create a machine", "RunInstances")
            .with("ImageId", &image.id)
            .with("InstanceType", &order.machine)
            .with("MinCount", "1")
            .with("MaxCount", "1")
            .with("ClientToken", token(order))
            .with("UserData", &data)
            // Programs on the machine that fetch what strangers name get no join token from it.
            .with("MetadataOptions.HttpTokens", "required")
            .private(&order.user_data)
            .private(data);
        let query = self.network(query, order, rooms);
        let query = match &image.outliving {
            Some((device, snapshot)) => query
                .with("BlockDeviceMapping.1.DeviceName", device)
                .with("BlockDeviceMapping.1.Ebs.SnapshotId", snapshot)
                .with("BlockDeviceMapping.1.Ebs.DeleteOnTermination", "true"),
            None => query,
        };
        let kinds = ["instance", "volume", "network-interface"];
        let name = names::attempt(&order.tag, &order.idempotency_key);
        // The same call has to be made of the same parameters, so there is no time in it.
        tags::mark(query, &kinds, &order.tag, &name, None)
    }

    fn network(&self, query: Query, order: &MachineOrder, rooms: u32) -> Query {
        let rooms = (rooms > 0).then(|| rooms.to_string());
        let zone = Some(order.location.as_str()).filter(|place| *place != self.region);
        query
            .maybe("Placement.AvailabilityZone", zone)
            .with("NetworkInterface.1.DeviceIndex", "0")
            .with("NetworkInterface.1.AssociatePublicIpAddress", "true")
            .with("NetworkInterface.1.DeleteOnTermination", "true")
            .maybe("NetworkInterface.1.SecondaryPrivateIpAddressCount", rooms.as_deref())
            .maybe("NetworkInterface.1.SubnetId", self.subnet.as_deref())
            .maybe("NetworkInterface.1.SecurityGroupId.1", self.security_group.as_deref())
    }
}

/// The same for the same attempt: 64 symbols, the most that the vendor takes.
fn token(order: &MachineOrder) -> String {
    sign::hex(&Sha256::digest(format!("{}\n{}", order.tag, order.idempotency_key)))
}
