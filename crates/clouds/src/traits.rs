//! The traits between the engine and the vendors.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::net::IpAddr;
use std::str::FromStr;

use async_trait::async_trait;
use damm_fleet::blueprint::RecordSet;
use damm_fleet::{Asn, BalancerName, EgressIpId, FrontdoorId, NodeId, Subject, Timestamp};
use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::error::Error;

/// The result of one call.
pub type Result<T> = std::result::Result<T, Error>;

/// Our mark on a thing at a provider: the fleet and what it is. Written `damm.<fleet>.<id>`: 63
/// symbols at most, so it fits where label values, resource names and host names are limited. Where
/// a vendor takes no dots (tags of DigitalOcean, labels of Google), its adapter writes `:` or `_`
/// for them, which never occur in the parts.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct Tag {
    /// The fleet's name.
    pub fleet: String,
    /// The node, front door or egress address.
    pub subject: Subject,
}

impl fmt::Display for Tag {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "damm.{}.{}", self.fleet, self.subject)
    }
}

impl FromStr for Tag {
    type Err = ();

    fn from_str(text: &str) -> std::result::Result<Self, ()> {
        let mut parts = text.splitn(3, '.');
        match (parts.next(), parts.next(), parts.next()) {
            (Some("damm"), Some(fleet), Some(id)) => {
                let subject = id.parse().map_err(drop)?;
                Ok(Self { fleet: fleet.to_owned(), subject })
            }
            _ => Err(()),
        }
    }
}

impl Serialize for Tag {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        s.collect_str(self)
    }
}

impl<'de> Deserialize<'de> for Tag {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        let text = std::borrow::Cow::<'de, str>::deserialize(d)?;
        text.parse().map_err(|()| serde::de::Error::custom("a tag, as in damm.<fleet>.<id>"))
    }
}

/// A machine to be made.
#[derive(Clone, PartialEq)]
pub struct MachineOrder {
    /// Our mark; set in the same call.
    pub tag: Tag,
    /// Changes with each attempt that may make something new; the same for the same attempt. An
    /// adapter hashes it where the vendor's limit is shorter.
    pub idempotency_key: String,
    /// The vendor's name for the size.
    pub machine: String,
    /// The vendor's name for the place.
    pub location: String,
    /// cloud-init user data. It holds a one-time secret: never log it.
    pub user_data: String,
}

impl fmt::Debug for MachineOrder {
    /// Without the user data: it holds a secret, and this text may reach a log.
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("MachineOrder")
            .field("tag", &self.tag)
            .field("idempotency_key", &self.idempotency_key)
            .field("machine", &self.machine)
            .field("location", &self.location)
            .finish_non_exhaustive()
    }
}

/// How far a machine has come, as its provider says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MachineState {
    /// Accepted, not running.
    Starting,
    /// Running. Whether its agent has joined is not the provider's to say.
    Running,
    /// It will not come up: the vendor says so, or a creation that takes several calls was cut
    /// short and left a shell that nobody will start.
    Failed,
    /// Being taken down.
    Stopping,
}

/// A machine that a provider shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedMachine {
    /// The provider's own name for it.
    pub provider_ref: String,
    /// Our mark, or none that we can read.
    pub tag: Option<Tag>,
    /// How far it has come.
    pub state: MachineState,
    /// Its own address, once given.
    pub address: Option<IpAddr>,
    /// The autonomous system that the address is announced from.
    pub asn: Option<Asn>,
    /// When it was made, as the provider says.
    pub created_at: Timestamp,
}

/// An address to be made.
#[derive(Debug, Clone, PartialEq)]
pub struct AddressOrder {
    /// Our mark.
    pub tag: Tag,
    /// As for machines.
    pub idempotency_key: String,
    /// The vendor's name for the place.
    pub location: String,
    /// IPv6 rather than IPv4, where the account has both to give.
    pub prefer_v6: bool,
}

/// An address that a provider shows.
#[derive(Debug, Clone, PartialEq)]
pub struct ListedAddress {
    /// The provider's own name for it.
    pub provider_ref: String,
    /// Our mark, or none that we can read; always none where addresses
    /// [can't be tagged](damm_fleet::Capabilities::tagged_addresses).
    pub tag: Option<Tag>,
    /// The address, as the internet sees it.
    pub address: IpAddr,
    /// The autonomous system that it is announced from. Vendors don't tell; an adapter goes by the
    /// vendor's published prefixes, or takes the account's only one.
    pub asn: Asn,
    /// The provider's name for the machine that it is attached to.
    pub attached_to: Option<String>,
    /// What stands for it on the machine that it is attached to, where the vendor
    /// [translates](damm_fleet::Capabilities::translated_addresses): packets for the address carry
    /// this one when they arrive there. None where the machine sees the address itself, and while
    /// it is attached to nothing.
    pub inner: Option<IpAddr>,
    /// When it was made, as the provider says.
    pub created_at: Timestamp,
}

/// Machines and addresses of one account.
///
/// Listings may lag: a thing that was just made may be missing for
/// [`list_lag`](damm_fleet::Capabilities::list_lag). They are whole: an adapter follows all pages,
/// and fails rather than return a part. What is gone for good is left out, also where the vendor
/// goes on showing it for a while.
///
/// `Ok` is a promise everywhere: vendors queue what they accept. What counts is what a later
/// listing shows.
#[async_trait]
pub trait Cloud: Send + Sync {
    /// Orders a machine. `Ok` is the provider's promise, not a running machine.
    async fn create_machine(&self, order: &MachineOrder) -> Result<ListedMachine>;

    /// All machines of this fleet in the account.
    async fn list_machines(&self, fleet: &str) -> Result<Vec<ListedMachine>>;

    /// Asks for a machine and all that would cost money without it to be taken down. `Ok` is a
    /// promise; it counts as gone when listings no longer show it. Called again on a machine that
    /// is still listed, it goes on from where it got to: some vendors stop a machine first and
    /// delete it in a second call.
    async fn delete_machine(&self, provider_ref: &str) -> Result<()>;

    /// Orders an address, attached to nothing.
    async fn allocate_address(&self, order: &AddressOrder) -> Result<ListedAddress>;

    /// All addresses of this fleet in the account; all of the account, where they can't be tagged.
    async fn list_addresses(&self, fleet: &str) -> Result<Vec<ListedAddress>>;

    /// Attaches an address to a machine. Nothing changes when it is attached there already; when it
    /// is attached elsewhere the call is refused as `Busy` and nothing is stolen, also where the
    /// vendor would. `Gone` when either of the two is.
    async fn attach_address(&self, address_ref: &str, machine_ref: &str) -> Result<()>;

    /// Detaches an address. Nothing changes when it is attached to nothing.
    async fn detach_address(&self, address_ref: &str) -> Result<()>;

    /// Gives an address back. Refused as `Busy` while it is attached.
    async fn release_address(&self, address_ref: &str) -> Result<()>;
}

/// A DNS record type that damm writes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum RecordType {
    /// IPv4 (RFC 1035).
    A,
    /// IPv6 (RFC 3596).
    Aaaa,
}

/// The zones of one account. Record sets carry an ownership mark of the fleet, and those without
/// it are never touched.
#[async_trait]
pub trait Dns: Send + Sync {
    /// Makes a name's A and AAAA records exactly these. An empty set removes them.
    ///
    /// Refused as `Rejected` when records stand there that the fleet does not own.
    async fn put_records(&self, fleet: &str, zone: &str, name: &str, set: &RecordSet)
    -> Result<()>;

    /// All names of a zone that the fleet owns, with their records.
    async fn list_records(&self, fleet: &str, zone: &str) -> Result<BTreeMap<String, RecordSet>>;
}

/// One target of a load balancer.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BalancerTarget {
    /// The target's address.
    pub address: IpAddr,
    /// The target's port.
    pub port: u16,
    /// Whether it takes no new connections.
    pub draining: bool,
}

/// The load balancers of one account. The engine makes one write to a balancer at a time, for
/// vendors that only take whole lists.
///
/// Vendors whose targets are machines and not addresses are told the machine that carries the
/// node's [`Tag`]: the registry gives an adapter the fleet's name.
#[async_trait]
pub trait Balancer: Send + Sync {
    /// Makes a target so. A provider that can't drain takes a draining one out.
    async fn put_target(
        &self,
        balancer: &BalancerName,
        node: NodeId,
        target: &BalancerTarget,
    ) -> Result<()>;

    /// Takes a target out. Nothing changes when it is not there.
    async fn remove_target(&self, balancer: &BalancerName, node: NodeId) -> Result<()>;

    /// The targets that damm put there.
    async fn list_targets(
        &self,
        balancer: &BalancerName,
    ) -> Result<BTreeMap<NodeId, BalancerTarget>>;
}

/// What a node should do: the controller's word to its agent, with a generation. Older generations
/// are refused by the agent.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeOrders {
    /// The blueprint's generation.
    pub generation: u64,
    /// Whether the whole node takes no new sessions.
    pub draining: bool,
    /// Its front doors' addresses, and whether each takes no new sessions.
    pub frontdoors: BTreeMap<FrontdoorId, AddressOrders>,
    /// Its egress addresses, and whether each takes no new sessions.
    pub egress_ips: BTreeMap<EgressIpId, AddressOrders>,
}

/// What a node should do with one address.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AddressOrders {
    /// The address, as the internet sees it.
    pub address: IpAddr,
    /// What stands for it on the node, where its vendor translates; none where the node has the
    /// address itself.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub inner: Option<IpAddr>,
    /// Whether it takes no new sessions.
    pub draining: bool,
}

/// What an agent last said.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct NodeReport {
    /// When it was last heard of.
    pub heard_at: Timestamp,
    /// Whether all that it runs is well.
    pub healthy: bool,
    /// The generation of the orders that it carries out.
    pub generation: u64,
    /// Addresses that it has probed and found working, whether told of or not.
    pub verified: BTreeSet<Subject>,
    /// Established sessions for each front door and egress address.
    pub sessions: BTreeMap<Subject, u64>,
}

/// The agents on the nodes, as the controller reaches them.
#[async_trait]
pub trait Agents: Send + Sync {
    /// The last words of all agents that ever joined.
    async fn reports(&self) -> Result<BTreeMap<NodeId, NodeReport>>;

    /// Leaves orders for a node. They are taken when the agent comes for them.
    async fn order(&self, node: NodeId, orders: &NodeOrders) -> Result<()>;

    /// Tells that another blueprint has become the target: where a node stands in its life is no
    /// part of its orders, and may be of what its agent and its peers' agents are told.
    async fn retarget(&self) {}
}

/// A place where clients fetch files by names that nobody can guess.
///
/// A reader sees the old file or the new one, never a part of one, and a file's name says nothing
/// of what is in it.
#[async_trait]
pub trait Channel: Send + Sync {
    /// The names of all files that stand there whole, with whatever else stands there.
    async fn names(&self) -> Result<BTreeSet<String>>;

    /// Makes a file stand there with these bytes; nothing changes when it does already. Once this
    /// returns, readers are given them.
    ///
    /// Refused as `Busy` when somebody else changed the file meanwhile: nothing was done then.
    async fn put(&self, name: &str, bytes: &[u8]) -> Result<()>;

    /// Takes a file away, or finds that it is not there.
    async fn remove(&self, name: &str) -> Result<()>;
}
