//! The damm command line: thin. It reads arguments and files, asks the inner rooms, and renders.

mod agents;
pub mod args;
mod channels;
mod clients;
mod clock;
mod commands;
pub mod exit;
mod failures;
mod interrupt;
mod logs;
mod outlook;
pub mod output;
pub mod picture;
pub mod plan_file;
mod progress;
pub mod render;
mod state;
mod topology_file;
mod verdict_file;
mod workbench;

use std::process::ExitCode;

use clap::Parser;

use args::{Cli, Global};
use exit::{Exit, Failure};
use output::Output;

/// Reads the process's arguments and does what they ask for.
pub fn main() -> ExitCode {
    logs::no_dumps();
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return misuse(&error).into(),
    };
    let output = Output::new(&cli.global);
    let ended = commands::run(cli, &output);
    let exit = ended.unwrap_or_else(|failure| {
        output.failure(&failure);
        failure.exit
    });
    exit.into()
}

/// Help and version are answers; all else about arguments is an error, and clap's own code for it
/// (2) means something else here.
fn misuse(error: &clap::Error) -> Exit {
    let asked = !error.use_stderr();
    let json = std::env::args_os().any(|a| a == "--json");
    if asked || !json {
        // Nobody is there to tell when this fails.
        drop(error.print());
    } else {
        let text = error.render().to_string();
        let message = text.trim_start_matches("error: ").trim_end();
        let global = Global { json, state: None, color: args::Color::Auto, verbose: 0 };
        Output::new(&global).failure(&Failure::error(message));
    }
    if asked { Exit::Done } else { Exit::Error }
}
