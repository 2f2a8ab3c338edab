//! One file for each command.

use crate::args::{Cli, Command};
use crate::exit::{Exit, Result};
use crate::output::Output;

mod completions;
mod man;

/// Does what a command line asks for.
///
/// # Errors
///
/// A [`Failure`](crate::exit::Failure) with its exit code and what to do about it.
pub fn run(cli: Cli, output: &Output) -> Result<Exit> {
    match cli.command {
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args, output),
        _ => unimplemented!(),
    }
}
