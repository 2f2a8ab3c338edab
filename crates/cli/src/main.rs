//! The damm command line.
fn main() {}
