//! The agent, without and with hands.
