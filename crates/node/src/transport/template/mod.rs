//! Services that files describe: what to run, how to write its config, what clients need to know.

mod description;
mod render;

pub(crate) use description::{Description, Kinds, OnChange, Protocol};
pub(crate) use render::{Asked, Rendered};
