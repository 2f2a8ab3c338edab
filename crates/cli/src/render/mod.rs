//! How things look on a terminal. Nothing here reads a clock, a file or the environment.

pub mod changes;
pub mod forecast;
pub mod plan;
pub mod pools;
pub mod populations;
pub mod table;
pub mod text;
pub mod waits;
pub mod when;

pub use table::Table;
pub use text::{Line, Page, Style};
