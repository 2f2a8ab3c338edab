//! What is told beside the output of a command, for the journal; and what never is.

use std::io::IsTerminal as _;

use rustix::process::{DumpableBehavior, Resource, Rlimit, set_dumpable_behavior, setrlimit};
use tracing_subscriber::EnvFilter;

/// Our own rooms only, by how often `-v` was given: libraries name their peers' addresses, and one
/// of these is a client's. Nothing in the environment changes that.
const LEVELS: [&str; 4] = ["damm=warn", "damm=info", "damm=debug", "damm=trace"];

/// Tells what goes on to standard error, where the journal takes it with the time. Warnings and
/// errors alone at a verbosity of 0.
pub fn to_stderr(verbosity: u8) {
    let level = LEVELS[usize::from(verbosity).min(LEVELS.len() - 1)];
    let to_stderr = tracing_subscriber::fmt().with_writer(std::io::stderr).without_time();
    let to_stderr = to_stderr.with_ansi(std::io::stderr().is_terminal());
    to_stderr.with_target(false).with_env_filter(EnvFilter::new(level)).init();
}

/// Memory is never written to a disk when the process crashes, nor shown to other processes of the
/// same user: keys are in it, and who is connected.
pub fn no_dumps() {
    // It only ever asks for less, which is not refused.
    let none = Rlimit { current: Some(0), maximum: Some(0) };
    setrlimit(Resource::Core, none).ok();
    set_dumpable_behavior(DumpableBehavior::NotDumpable).ok();
}
