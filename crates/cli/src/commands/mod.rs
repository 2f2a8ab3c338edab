//! One file for each command.

use crate::args::{Cli, Command, Verdicts};
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;

mod audit;
mod completions;
mod man;
mod show;
mod verdicts;

/// Does what a command line asks for.
///
/// # Errors
///
/// A [`Failure`] with its exit code and what to do about it.
pub fn run(cli: Cli, output: &Output) -> Result<Exit> {
    match cli.command {
        Command::Completions(args) => completions::run(&args),
        Command::Man(args) => man::run(&args, output),
        _ => runtime()?.block_on(run_async(cli, output)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build();
    built.map_err(|e| Failure::error(format!("the system gives no threads: {e}")))
}

async fn run_async(cli: Cli, output: &Output) -> Result<Exit> {
    let global = &cli.global;
    match &cli.command {
        Command::Show(args) => show::run(args, global, output).await,
        Command::Audit(args) => audit::run(args, global, output).await,
        Command::Verdicts(Verdicts::Import(args)) => verdicts::run(args, global, output).await,
        _ => unimplemented!(),
    }
}
