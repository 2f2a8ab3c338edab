//! Vendors played over real HTTP on this machine.
//!
//! A double is an [`Api`]: it answers one request as the vendor's description says, from a state of
//! its own, with the vendor's own shapes of errors. A [`Front`] puts it on a port of the loopback
//! interface, between it and its clients, where the faults of real networks and real vendors can be
//! dialled: by [`Trouble`](damm_conformance::Trouble), one at a time, for the suite of
//! `damm-conformance`, or by [`Odds`], all at once, for crash sweeps. The front alone decides on
//! faults; those that are about a double's state come to it as the [`Luck`] of the request.
//!
//! ```ignore
//! struct Hetzner { clock: ManualClock, state: Mutex<State> }
//!
//! #[async_trait]
//! impl Api for Hetzner {
//!     async fn answer(&self, asked: &Asked) -> Answer {
//!         match (asked.method.as_str(), &asked.segments()[..]) {
//!             ("POST", ["v1", "servers"]) if asked.luck.out_of_stock => {
//!                 Answer::json(412, &json!({ "error": { "code": "resource_unavailable" } }))
//!             }
//!             // ...
//!             _ => Answer::json(404, &json!({ "error": { "code": "not_found" } })),
//!         }
//!     }
//!     // ...
//! }
//!
//! let front = Front::over(Arc::new(Hetzner::new(clock.clone())));
//! front.trouble(Trouble::LostAnswers, Aim::Writes);
//! // front.url() goes into the adapter; front.journal() tells what it asked.
//! ```
//!
//! Before a real server that the test started stands `Front::over(Arc::new(Upstream::at(url)))`:
//! the same dial, a server that is nobody's double. Nothing here sleeps: what takes time takes it
//! on the [`ManualClock`](damm_clouds::ManualClock) that the adapter and the double share.

pub mod aws;

mod answer;
mod asked;
mod broken;
pub mod cloudflare;
pub mod description;
mod dial;
mod dice;
pub mod digitalocean;
mod front;
pub mod hetzner;
mod ids;
mod journal;
pub mod linode;
mod moments;
pub mod openstack;
mod pages;
mod pool;
mod shelf;
mod upstream;
pub mod vultr;

pub use answer::Answer;
pub use asked::{Asked, Luck};
pub use dial::Odds;
pub use front::{Api, Concern, Front};
pub use ids::Ids;
pub use journal::Line;
pub use pages::{Page, after, numbered};
pub use pool::Pool;
pub use shelf::{Aged, Shelf};
pub use upstream::Upstream;
