//! One file for each command.

use crate::args::{Catalog, Cli, Command, Verdicts};
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;

mod apply;
mod audit;
mod catalog;
mod check;
mod client;
mod completions;
mod credentials;
mod demo;
mod explain;
mod export;
mod init;
mod invitations;
pub mod lab;
mod man;
mod node;
mod plan;
pub mod providers;
mod serve;
mod show;
mod status;
mod verbs;
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
        Command::Init(args) => init::run(&args, output),
        Command::Check(args) => check::run(&args, output),
        Command::Lab(args) => lab::run(&args, &cli.global, output),
        Command::Catalog(Catalog::Show(args)) => catalog::show(&args, output),
        Command::Catalog(Catalog::Verify(args)) => catalog::verify(&args, output),
        Command::Catalog(Catalog::Export(args)) => export::run(&args, output),
        _ => runtime()?.block_on(run_async(cli, output)),
    }
}

fn runtime() -> Result<tokio::runtime::Runtime> {
    let built = tokio::runtime::Builder::new_multi_thread().enable_all().build();
    built.map_err(|e| Failure::error(format!("the system gives no threads: {e}")))
}

async fn run_async(cli: Cli, output: &Output) -> Result<Exit> {
    let global = &cli.global;
    match &cli.command {
        Command::Show(args) => show::run(args, global, output).await,
        Command::Demo(args) => demo::run(args, global, output).await,
        Command::Providers(args) => providers::run(args, output).await,
        Command::Plan(args) => plan::run(args, global, output).await,
        Command::Apply(args) => apply::run(args, global, output).await,
        Command::Serve(args) => serve::run(args, global, output).await,
        Command::Credentials(args) => credentials::run(args, global, output).await,
        Command::Invitations(args) => invitations::run(args, global, output).await,
        Command::Client(args) => client::run(args, output).await,
        Command::Status(args) => status::run(args, global, output).await,
        Command::Explain(args) => explain::run(args, global, output).await,
        Command::Audit(args) => audit::run(args, global, output).await,
        Command::Node(command) => node::run(command, output).await,
        Command::Verdicts(Verdicts::Import(args)) => verdicts::run(args, global, output).await,
        other => match verbs::of(other) {
            Some((edit, options)) => verbs::run(&edit, options, global, output).await,
            // All others were matched here or before the runtime was made.
            None => Err(Failure::error("this command does nothing yet")),
        },
    }
}
