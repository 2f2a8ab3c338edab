//! A provider whose machines are network namespaces of this one: real packets, real agents.
//!
//! A lab is a small internet on one machine: a core router, to which every other namespace is
//! linked by a pair of virtual interfaces of its own; the server that plays the internet; the
//! controller; clients in several networks; and the machines that the accounts of the kind `lab`
//! are asked for. It needs root, and `ip`, `nft`, `nsenter`, `unshare` and `mount`.
//!
//! What a lab holds stands in a directory, one JSON file written whole or not at all, under a lock:
//! several processes see the same lab, and one that dies loses nothing. The machine's own network
//! namespace is never touched: all interfaces are made within the lab's namespaces.

mod account;
mod boot;
mod censor;
mod cloud;
mod error;
mod files;
pub mod internet;
mod lab;
mod layout;
pub mod machine;
pub mod probe;
mod state;
mod tools;
mod wires;

pub use cloud::LabCloud;
pub use error::LabError;
pub use lab::{Alive, Lab, MachineStatus, Status};
pub use layout::{CONTROL, Client, INTERNET, Layout, Network, Site};
