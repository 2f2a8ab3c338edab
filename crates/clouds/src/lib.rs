//! Clouds, DNS servers and load balancers behind three traits; the embedded cloud.
//!
//! # Contract of every adapter
//!
//! - One call is one attempt: no adapter retries, waits for a state, or sleeps for a rate limit.
//! - Every failure is an [`Error`] whose class says what it means for the world
//!   ([`FailureClass`](damm_fleet::FailureClass)); an adapter that can't tell says `Unknown`.
//! - What is made carries its [`Tag`] from the same call on, or can be found by it otherwise.
//! - Deletes are accepted for what is gone already: `Gone` is a success for the caller.

pub mod clock;
pub mod error;
pub mod registry;
pub mod sim;
pub mod traits;

pub use clock::{Clock, ManualClock, WallClock};
pub use error::Error;
pub use registry::Providers;
pub use traits::{
    AddressOrder, AddressOrders, Agents, Balancer, BalancerTarget, Channel, Cloud, Dns,
    ListedAddress, ListedMachine, MachineOrder, MachineState, NodeOrders, NodeReport, RecordType,
    Tag,
};
