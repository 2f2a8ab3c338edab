//! The clients' endpoint: enrolment, each client's catalogs in the format that its app reads, and
//! where clients report what works.
//!
//! # Guarantees
//!
//! - Nothing of where a client connects from is kept, logged or told. With a report its network is
//!   looked up, and the address is forgotten.
//! - A report is answered the same whatever counted of it.
//! - Whatever is not to be found is answered alike: nobody learns by asking which paths there are,
//!   nor whether an invitation is spent, revoked, expired or made up.
//! - Enrolling again with the same invitation and credential gives the same answer, and uses
//!   nothing up.
//! - A client that was let in is let in after every restart and every change of servers.
//!
//! # Assumptions
//!
//! One process writes to a state at a time, and the endpoint lives in that process.

mod assignment;
mod enrol;
mod held;
mod listen;
mod reports;
mod routes;
mod shelf;
mod subscription;
mod tls;

use std::path::PathBuf;
use std::sync::Arc;

use damm_catalog::SubscriberKey;
use damm_clouds::Clock;
use damm_engine::Keys;
use damm_fleet::Topology;
use damm_formats::Settings;
use damm_store::Store;
use tokio::sync::{Mutex, Semaphore};

use crate::{AgentsEndpoint, Watch};
pub use held::{Client, Invitation};
pub use tls::Certificate;

/// Requests that are read and judged at once: bounds the memory that peers can make us hold.
const BUSY: usize = 256;

/// What a clients' endpoint is made of.
pub struct ClientParts {
    /// The state, held by this process for writing.
    pub store: Store,
    /// What the operator wants.
    pub topology: Topology,
    /// The directory that the topology's paths are relative to.
    pub base: PathBuf,
    /// What decides who is told what.
    pub keys: Arc<Keys>,
    /// The only clock.
    pub clock: Arc<dyn Clock>,
    /// Where agents are told of new clients, in a fleet that has some.
    pub agents: Option<Arc<AgentsEndpoint>>,
    /// Who hears what clients report.
    pub watch: Arc<Watch>,
    /// Whether clients connect to us themselves, and not to a proxy in front of us.
    pub direct: bool,
    /// What apps are told besides doors.
    pub settings: Settings,
}

/// The clients' endpoint. It answers nobody before [`serve`](Self::serve).
pub struct ClientsEndpoint {
    parts: ClientParts,
    paths: SubscriberKey,
    /// One enrolment at a time looks what is left, and takes of it.
    enrolling: Mutex<()>,
    doors: shelf::Told,
    busy: Semaphore,
}

impl std::fmt::Debug for ClientsEndpoint {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("ClientsEndpoint").field("store", &self.parts.store).finish_non_exhaustive()
    }
}

impl ClientsEndpoint {
    /// An endpoint of these parts.
    pub fn new(parts: ClientParts) -> Arc<Self> {
        Arc::new(Self {
            paths: parts.keys.secret().subscribers(),
            parts,
            enrolling: Mutex::new(()),
            doors: shelf::Told::default(),
            busy: Semaphore::new(BUSY),
        })
    }
}
