//! `damm init [DIR]`: all of it is written, or nothing.

use std::fs;
use std::path::{Path, PathBuf};

use damm_engine::Keys;
use damm_fleet::name::is_name;
use damm_fleet::topology::{schema, starter};
use serde_json::json;

use crate::args::Init;
use crate::clock;
use crate::exit::{Exit, Failure, Result};
use crate::failures::chain;
use crate::output::Output;
use crate::render::{Line, Page, Style, Table};
use crate::topology_file::TopologyFile;
use crate::workbench::base;

/// What is written, in the order in which it comes into place: the topology last, so that whoever
/// sees one sees all.
const PARTS: [&str; 3] = ["keys", "topology.schema.json", "topology.json"];
/// Keeps secrets out of version control.
const IGNORED: &str = "# Secrets stay out of version control; only the public root may go in.\n*\n\
                       !.gitignore\n!root.json\n";

/// Writes a starter topology, its schema and its keys; or prints the schema.
pub fn run(args: &Init, output: &Output) -> Result<Exit> {
    if args.schema {
        output.raw(&format!("{:#}\n", schema()));
        return Ok(Exit::Done);
    }
    if let Some(topology) = &args.keys_for {
        return keys_for(topology, output);
    }
    refuse_to_overwrite(&args.dir, &PARTS)?;
    let fleet = fleet_name(&args.dir);
    let made = !args.dir.exists();
    let io = |e: std::io::Error| Failure::io("write to", &args.dir, &e);
    fs::create_dir_all(&args.dir).map_err(io)?;
    let written = stage(&args.dir, &starter(&fleet), &fleet, &PARTS);
    if written.is_err() && made {
        // It was empty before we came; when it no longer is, it is not ours to remove.
        drop(fs::remove_dir(&args.dir));
    }
    written?;
    let mut page = output.page();
    tell(&mut page, &args.dir, &fleet);
    page.gap();
    page.say(format!("Next: damm plan {}", args.dir.join("topology.json").display()));
    let files = PARTS.map(|part| args.dir.join(part));
    let value =
        json!({ "fleet": fleet, "topology": files[2], "schema": files[1], "keys": files[0] });
    output.result("init", value, &page);
    Ok(Exit::Done)
}

/// Writes keys beside a topology that has none.
fn keys_for(topology: &Path, output: &Output) -> Result<Exit> {
    let file = TopologyFile::read(topology, output)?;
    let dir = base(&file.name);
    refuse_to_overwrite(&dir, &PARTS[..1])?;
    stage(&dir, "", &file.topology.fleet, &PARTS[..1])?;
    let keys = dir.join("keys");
    let mut page = output.page();
    let done = format!("Keys of the fleet {} in {}", file.topology.fleet, keys.display());
    page.line(Line::of(Style::Good, "✓ ").put(Style::Plain, done));
    page.gap();
    warn(&mut page, &dir);
    output.result("init", json!({ "fleet": file.topology.fleet, "keys": keys }), &page);
    Ok(Exit::Done)
}

/// Writes keys beside a topology, unless there are some.
///
/// # Errors
///
/// When they can't be written.
pub fn place_keys(dir: &Path, fleet: &str) -> Result<()> {
    match dir.join(PARTS[0]).exists() {
        true => Ok(()),
        false => stage(dir, "", fleet, &PARTS[..1]),
    }
}

fn refuse_to_overwrite(dir: &Path, parts: &[&str]) -> Result<()> {
    let there: Vec<String> = parts
        .iter()
        .map(|part| dir.join(part))
        .filter(|path| path.symlink_metadata().is_ok())
        .map(|path| path.display().to_string())
        .collect();
    if there.is_empty() {
        return Ok(());
    }
    let verb = if there.len() == 1 { "is" } else { "are" };
    let message = format!("{} {verb} there already, and nothing is overwritten", there.join(", "));
    Err(Failure::error(message).help("choose another directory: damm init DIR"))
}

/// The directory's name when it can be one, else one to be changed.
fn fleet_name(dir: &Path) -> String {
    let full = std::path::absolute(dir).unwrap_or_else(|_| dir.to_owned());
    let name = full.file_name().map(|n| n.to_string_lossy().to_lowercase());
    name.filter(|n| is_name(n)).unwrap_or_else(|| "my-fleet".to_owned())
}

/// Writes a topology with its schema and fresh keys into a directory that holds none.
///
/// # Errors
///
/// When one of them is there already or can't be written; then none is.
pub fn place_topology(dir: &Path, topology: &str, fleet: &str) -> Result<()> {
    refuse_to_overwrite(dir, &PARTS)?;
    stage(dir, topology, fleet, &PARTS)
}

/// Writes everything beside its place first, and moves it there when it is whole.
fn stage(dir: &Path, topology: &str, fleet: &str, parts: &[&str]) -> Result<()> {
    let io = |e: std::io::Error| Failure::io("write to", dir, &e);
    let staging = tempfile::Builder::new().prefix(".damm-init-").tempdir_in(dir).map_err(io)?;
    write(staging.path(), topology, fleet)?;
    let mut placed: Vec<PathBuf> = Vec::new();
    for part in parts {
        let to = dir.join(part);
        if let Err(e) = place(&staging.path().join(part), &to) {
            placed.iter().for_each(|path| unplace(path));
            return Err(Failure::io("write", &to, &e));
        }
        placed.push(to);
    }
    Ok(())
}

fn write(dir: &Path, topology: &str, fleet: &str) -> Result<()> {
    let io = |e: std::io::Error| Failure::io("write to", dir, &e);
    fs::write(dir.join("topology.json"), topology).map_err(io)?;
    fs::write(dir.join("topology.schema.json"), format!("{:#}\n", schema())).map_err(io)?;
    keys(&dir.join("keys"), fleet)
}

/// Draws a fleet's keys and writes them into a new directory.
fn keys(dir: &Path, fleet: &str) -> Result<()> {
    let mut failed = None;
    let draw = |bytes: &mut [u8; 32]| failed = getrandom::fill(bytes).err().or(failed.take());
    let new = Keys::generate(fleet, clock::now(), draw).map_err(|e| Failure::error(chain(&e)))?;
    if let Some(error) = failed {
        return Err(Failure::error(format!("the system gives no random bytes: {error}")));
    }
    new.write_to(dir).map_err(|e| Failure::error(chain(&e)))?;
    let ignore = dir.join(".gitignore");
    fs::write(&ignore, IGNORED).map_err(|e| Failure::io("write", &ignore, &e))
}

/// Moves a file or directory to where nothing is; what came there meanwhile is not overwritten.
fn place(from: &Path, to: &Path) -> std::io::Result<()> {
    match from.is_dir() {
        // Renaming a directory fails when the other one holds anything.
        true => fs::rename(from, to),
        false => fs::hard_link(from, to).or_else(|e| match e.kind() {
            std::io::ErrorKind::AlreadyExists => Err(e),
            // Some file systems have no hard links.
            _ => fs::rename(from, to),
        }),
    }
}

fn unplace(path: &Path) {
    // Nothing more can be done when even this fails; the error that led here is told.
    drop(if path.is_dir() { fs::remove_dir_all(path) } else { fs::remove_file(path) });
}

fn tell(page: &mut Page, dir: &Path, fleet: &str) {
    let done = Line::of(Style::Good, "✓ ");
    page.line(done.put(Style::Plain, format!("The fleet {fleet} starts in {}", dir.display())));
    page.gap();
    let mut table = Table::new(&["", ""]).indent(2);
    for (file, what) in [
        ("topology.json", "what the fleet is; change it to what you want"),
        ("topology.schema.json", "lets editors complete it"),
        ("keys/root.json", "public: clients are given it"),
        ("keys/online.pem", "signs catalogs"),
        ("keys/fleet.secret", "decides who is told what"),
        ("keys/join.secret", "nodes join with what follows from it"),
        ("keys/root.pem", "the offline root: signs the next root.json"),
    ] {
        table.row(vec![Line::of(Style::Accent, file), Line::plain(what)]);
    }
    table.draw(page);
    page.gap();
    warn(page, dir);
}

/// Says where the offline root belongs.
fn warn(page: &mut Page, dir: &Path) {
    let root = dir.join("keys/root.pem");
    page.wrapped(
        Line::of(Style::Warn, "! "),
        Line::of(Style::Bold, format!("Move {} offline now", root.display())).put(
            Style::Plain,
            ", to two places that no network reaches, and delete it here. damm never reads it. \
             Whoever has it can speak to your clients in your name.",
        ),
    );
}
