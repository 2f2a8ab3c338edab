//! Words and rules of a fleet: topology, nodes, front doors, blueprints, actions.
//!
//! This crate is pure: it has no async, no clock, no sockets and no randomness of its own. Time is
//! an argument ([`Timestamp`]), identities come from a [`Seed`] that the caller draws.
//!
//! # Guarantees
//!
//! - Everything that is planned or printed lives in ordered maps with typed keys, so the same input
//!   gives the same bytes.
//! - States change only through `next(event)`, which returns an error for an illegal pair.

pub mod action;
pub mod blueprint;
pub mod diff;
pub mod few;
pub mod history;
pub mod id;
pub mod inventory;
pub mod name;
pub mod net;
pub mod node;
pub mod nodes;
pub mod offer;
pub mod pairs;
pub mod reason;
pub mod resource;
pub mod stage;
mod text;
pub mod time;
pub mod topology;
pub mod units;
pub mod vendor;
pub mod verdict;

pub use action::{Action, Subject, Verb};
pub use blueprint::{Blueprint, Origin};
pub use diff::{Change, Diff};
pub use few::Few;
pub use id::{BlueprintId, EgressIpId, FrontdoorId, NodeId, Seed};
pub use inventory::Inventory;
pub use name::{BalancerName, PopulationName, ProfileName, ProviderName, RegionName};
pub use net::{Asn, prefix_of};
pub use node::{Duty, EgressIp, Frontdoor, Node, Role};
pub use nodes::Nodes;
pub use offer::{Capabilities, Offer, Offers};
pub use reason::{Reason, WaitingOn};
pub use resource::{FailureClass, Phase, Resource};
pub use stage::Stage;
pub use time::{Span, Timestamp};
pub use topology::Topology;
pub use units::{Share, Usd};
pub use verdict::{Network, Source, State, Verdict, Verdicts};
