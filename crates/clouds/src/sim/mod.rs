//! The embedded cloud: machines, addresses, DNS zones, balancers and agents in the state file,
//! with a vendor's manners and a dial for its faults.
//!
//! # How it behaves
//!
//! - A machine is accepted as `Starting`, runs after half of its boot time, and its agent joins
//!   after all of it. A deleted one is listed as `Stopping` for a while; its addresses are then
//!   detached, kept, and cost on.
//! - Each account enforces its own request limit, quota, stock, sizes and locations. Names and
//!   addresses are unique over the world; an address that was given back rests for a day.
//! - An address is attached to one machine at a time and is never stolen; one that is attached is
//!   not given back. With the dial at `attached_elsewhere` a stranger takes it once just before
//!   us: it is free again when it is detached, or after ten minutes.
//! - Sessions come to each address that an agent's orders name and its machine holds, stay for as
//!   long as it takes new ones, and halve every half-life while it drains.
//! - Faults are drawn from the dial's seed, the account and the number of the call. A call that
//!   is answered wrongly, or not at all, has still been done.
//!
//! # Caveats
//!
//! Calls are counted durably only along with the next change, so after a restart a few reads may
//! meet the faults of earlier reads again.

mod account;
mod addresses;
mod agent;
mod audit;
mod change;
mod cloud;
mod dice;
mod hooks;
mod limiter;
mod lives;
mod load;
mod machines;
mod names;
mod orders;
mod pool;
mod rows;
mod state;
mod storage;
mod strays;
mod world;

pub use audit::{Duplicate, Event, Happening, Standing, StandingAddress, StandingMachine};
pub use cloud::{SimAgents, SimBalancer, SimCloud, SimDns};
pub use storage::{MemoryStorage, SimStorage, StorageError};
pub use world::{OpenError, SimWorld};
