//! The agent on each server: overlay, NAT, front doors, drain, counters.
