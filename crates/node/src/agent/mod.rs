//! What the agent does, and when.
//!
//! [`Core`] decides, without hands and without a clock; [`Agent`] carries out what it says with the
//! state directory, the link and the [`Works`], and tells it what came of it.

mod applying;
mod decisions;
mod deeds;
mod pace;
mod problems;
mod proving;
mod run;
mod talking;
mod telling;
#[cfg(test)]
mod tests;
mod uplink;
mod works;

pub use decisions::Core;
pub use deeds::{Ahead, Deed, Event};
pub use pace::Pace;
pub use run::{Agent, AgentError};
pub use uplink::uplink;
pub use works::{Machinery, Works};
