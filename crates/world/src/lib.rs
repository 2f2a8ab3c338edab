//! A scripted world of clients, censors, outages and liars, to hold `reach` against. Pure.
//!
//! Six countries with eight networks each and 200 front doors: 9,600 cells over 48 hours, with 800
//! clients in each network, of whom each is told of 12 doors. Failures have a base of 2 to 20 % by
//! network, a day's swing, the network's weather, and broken clients; half of them arrive late. On
//! top come blocks of whole countries or single networks, outages and overloads of nodes, brownouts
//! of networks, and clients that lie together.
//!
//! Everything follows from the plan and its seed.

mod crowd;
mod dice;
mod lines;
mod plan;
mod score;
mod script;
mod world;

pub use lines::{Line, lines};
pub use plan::Plan;
pub use score::Figures;
pub use script::{Block, Kind, Script, Spell};
pub use world::World;
