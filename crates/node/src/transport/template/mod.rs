//! Services that files describe: what to run, how to write its config, what clients need to know.

mod description;
mod kinds;
mod render;

pub(crate) use description::{Description, OnChange, Protocol};
pub(crate) use kinds::Kinds;
pub(crate) use render::{Asked, Rendered};
