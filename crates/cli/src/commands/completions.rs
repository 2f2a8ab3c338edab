//! `damm completions SHELL`

use clap::CommandFactory;

use crate::args::{Cli, Completions};
use crate::exit::{Exit, Result};

/// Prints a shell's completions.
pub fn run(args: &Completions) -> Result<Exit> {
    clap_complete::generate(args.shell, &mut Cli::command(), "damm", &mut std::io::stdout());
    Ok(Exit::Done)
}
