//! What a node's agent and the controller say to each other. Pure: no sockets, no clock.
//!
//! ```text
//! agent                                                controller
//!   │ POST /a/v1/join   JoinRequest   (one-time token)      │  once in a server's life
//!   │ <──────────────── JoinAnswer                          │
//!   │ POST /a/v1/sync   SyncRequest   (what it did, counts) │  held open until there is news
//!   │ <──────────────── SyncAnswer    (a newer NodeConfig)  │
//!   │ GET  /a/v1/echo                 (from a new address)  │  "I see you as …": proves an address
//! ```
//!
//! # Guarantees
//!
//! - Every request is signed with a key that the agent made and that never leaves its server
//!   ([`Signed`]); the answer comes over TLS from the one key that bootstrap pinned ([`Pin`]).
//! - A config is whole: applying it needs no other. Its generation only rises, for each node.
//! - Nothing here can hold a client's address. What tells clients apart is [`Credential`]s, which
//!   the controller makes and which say nothing of a person.

mod config;
mod credential;
mod enrol;
pub mod evidence;
mod identity;
mod pin;
mod report;
mod seat;
mod secret;
mod sync;
mod witness;

pub use config::{
    AddressConfig, DoorConfig, EgressConfig, EgressPeer, IngressConfig, IngressPeer, NodeConfig,
    OverlayConfig, Receiving, RoleConfig, TransportConfig,
};
pub use credential::{ClientSecret, Credential, CredentialId, TunnelAddresses};
pub use enrol::{
    Assignment, At, Enrol, InvitationCode, NewCredential, NotAnInvitation, Place, SecretText,
};
pub use identity::{AgentKey, AgentPublicKey, RefusedSignature, Signed};
pub use pin::{NotAPin, Pin};
pub use report::{Counters, OverlayMode, PeerHealth, Problem, Report};
pub use seat::Seat;
pub use secret::{NotASecret, Secret32, WireguardKey};
pub use sync::{Echo, JoinAnswer, JoinRequest, Refusal, SyncAnswer, SyncRequest};
pub use witness::{Question, WITNESS_PORT, witness_addresses};
