//! Steps: the idempotent calls that actions are made of.

use std::fmt;

use damm_clouds::NodeOrders;
use damm_fleet::blueprint::{RecordKey, RecordSet, Target, TargetKey};
use damm_fleet::{NodeId, ProviderName, RegionName, Resource, Subject, Verb};

/// One idempotent call within an action, written in the ledger before it is made.
#[derive(Debug, Clone, PartialEq)]
pub struct Step {
    /// The verb of the contract that it is a step of.
    pub verb: Verb,
    /// What it is about, for people: an id, a DNS name, a balancer's target, a region.
    pub object: String,
    /// The node, front door or egress address that it is about; none for DNS and catalogs.
    pub subject: Option<Subject>,
    /// The account that is called; none for steps of our own.
    pub provider: Option<ProviderName>,
    /// The same for the same call, so that a provider that knows such keys makes nothing twice.
    pub key: String,
    /// The call.
    pub call: Call,
}

/// The call of a step, with all that it needs but what is secret.
#[derive(Debug, Clone, PartialEq)]
pub enum Call {
    /// Orders a machine.
    CreateMachine {
        /// The node that it will be.
        node: NodeId,
    },
    /// Asks for a machine to be taken down.
    DeleteMachine {
        /// The node that it is.
        node: NodeId,
        /// The provider's name for it.
        machine: String,
    },
    /// Orders an address.
    Allocate {
        /// The node that it is for.
        node: NodeId,
    },
    /// Attaches an address to its node's machine.
    Attach {
        /// The provider's name for the address.
        address: String,
        /// The provider's name for the machine.
        machine: String,
    },
    /// Detaches an address from whatever it is attached to.
    Detach {
        /// The provider's name for the address.
        address: String,
    },
    /// Gives an address back.
    Release {
        /// The provider's name for the address.
        address: String,
    },
    /// Leaves orders for a node's agent.
    Order {
        /// The node.
        node: NodeId,
        /// What it should do.
        orders: NodeOrders,
        /// What stands in the orders but the generation, as a digest.
        digest: String,
    },
    /// Makes a DNS name's records exactly these; an empty set removes them.
    PutRecords {
        /// The name.
        key: RecordKey,
        /// Its records.
        set: RecordSet,
    },
    /// Makes a load balancer's target so.
    PutTarget {
        /// Which.
        key: TargetKey,
        /// How it should be treated.
        target: Target,
    },
    /// Takes a target out of a load balancer.
    RemoveTarget {
        /// Which.
        key: TargetKey,
    },
    /// Publishes a region's catalogs.
    Publish {
        /// The region.
        region: RegionName,
        /// The blueprint's serial.
        serial: u64,
    },
    /// Removes the catalogs of a region that is no more.
    Withdraw {
        /// The region.
        region: RegionName,
    },
    /// Brings a channel that lagged behind up to date with a region.
    CatchUp {
        /// The channel's name.
        channel: String,
        /// The region.
        region: RegionName,
    },
    /// Takes down something with our tag that no row holds.
    DestroyStray {
        /// `true`: a machine; `false`: an address.
        machine: bool,
        /// The provider's name for it.
        provider_ref: String,
        /// Whether it is an address that has to be detached first.
        detach: bool,
    },
}

impl Call {
    /// The step's name, as the ledger holds it.
    pub const fn name(&self) -> &'static str {
        match self {
            Self::CreateMachine { .. } => "machine.create",
            Self::DeleteMachine { .. } | Self::DestroyStray { machine: true, .. } => {
                "machine.delete"
            }
            Self::Allocate { .. } => "address.allocate",
            Self::Attach { .. } => "address.attach",
            Self::Detach { .. } | Self::DestroyStray { detach: true, .. } => "address.detach",
            Self::Release { .. } | Self::DestroyStray { .. } => "address.release",
            Self::Order { .. } => "agent.order",
            Self::PutRecords { .. } => "dns.put",
            Self::PutTarget { .. } => "balancer.put",
            Self::RemoveTarget { .. } => "balancer.remove",
            Self::Publish { .. } => "catalog.publish",
            Self::Withdraw { .. } => "catalog.withdraw",
            Self::CatchUp { .. } => "catalog.catch-up",
        }
    }

    /// Whether it may make something that costs money: its unknown outcome has to be looked up.
    pub const fn creates(&self) -> bool {
        matches!(self, Self::CreateMachine { .. } | Self::Allocate { .. })
    }

    /// Whether a row's life turns on it, rather than one of the row's properties.
    pub const fn takes_down(&self) -> bool {
        matches!(self, Self::DeleteMachine { .. } | Self::Release { .. })
    }
}

impl Step {
    /// What tells this step from all others, over passes and processes.
    pub fn id(&self) -> String {
        format!("{} {}", self.call.name(), self.object)
    }

    /// A step about a row: its object and account are the row's.
    pub fn about(row: &Resource, verb: Verb, call: Call) -> Self {
        // The attempt changes only when a creation begins, so a call that is made again after a
        // crash has the key that it had before.
        let attempt = row.attempt + u32::from(call.creates());
        Self {
            verb,
            object: row.subject.to_string(),
            subject: Some(row.subject),
            provider: Some(row.provider.clone()),
            key: format!("{}.{attempt}", row.subject),
            call,
        }
    }
}

impl fmt::Display for Step {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} {}", self.call.name(), self.object)?;
        match &self.provider {
            Some(provider) => write!(f, " at {provider}"),
            None => Ok(()),
        }
    }
}
