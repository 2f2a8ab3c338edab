//! `damm man DIR`

use clap::CommandFactory;

use crate::args::{Cli, Man};
use crate::exit::{Exit, Failure, Result};
use crate::output::Output;

/// Writes a man page for damm and for each of its commands.
pub fn run(args: &Man, output: &Output) -> Result<Exit> {
    let io = |e: std::io::Error| Failure::io("write man pages to", &args.dir, &e);
    std::fs::create_dir_all(&args.dir).map_err(io)?;
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), &args.dir)
        .map_err(io)?;
    let mut pages: Vec<String> = std::fs::read_dir(&args.dir)
        .map_err(io)?
        .filter_map(|e| e.ok()?.file_name().into_string().ok())
        .filter(|n| n.starts_with("damm") && n.ends_with(".1"))
        .collect();
    pages.sort();
    let mut page = output.page();
    page.say(format!("{} man pages in {}", pages.len(), args.dir.display()));
    output.result("man", serde_json::json!({ "dir": args.dir, "pages": pages }), &page);
    Ok(Exit::Done)
}
