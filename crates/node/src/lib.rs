//! The agent on each server: overlay, NAT, front doors, drain, counters.

pub mod dataplane;
pub mod home;
pub mod service;
pub mod transport;
pub mod wireguard;
