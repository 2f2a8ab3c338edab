//! The agent on each server: overlay, NAT, front doors, drain, counters.

pub mod agent;
pub mod dataplane;
#[cfg(test)]
mod desk;
pub mod home;
pub mod link;
pub mod service;
mod tool;
pub mod transport;
pub mod wireguard;
pub mod witness;
