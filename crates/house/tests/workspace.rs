//! The workspace as it stands, held against its own rules.

use std::io;

use damm_house::workspace::{self, File};
use damm_house::{Complaints, licences, manifest, paths, purity, rooms, shape, vendors, words};

fn none(complaints: Complaints) {
    assert!(complaints.is_empty(), "\n{}", complaints.join("\n"));
}

fn sources() -> io::Result<Vec<File>> {
    let mut files = workspace::files()?;
    files.retain(|f| f.path.ends_with(".rs"));
    assert!(files.len() > 50, "only {} sources were found", files.len());
    Ok(files)
}

/// The inner rooms that are built already.
fn inner() -> io::Result<Vec<&'static str>> {
    let members = rooms::members(&workspace::metadata()?);
    let built = rooms::INNER.into_iter().filter(|room| members.contains_key(*room));
    let built: Vec<_> = built.collect();
    assert!(built.len() >= 4, "only {built:?} were found");
    Ok(built)
}

#[test]
fn no_room_knows_a_room_further_out() -> io::Result<()> {
    none(rooms::order(&rooms::members(&workspace::metadata()?)));
    Ok(())
}

#[test]
fn the_inner_rooms_are_built_on_nothing_that_reaches_for_the_world() -> io::Result<()> {
    for room in inner()? {
        let package = format!("--package=damm-{room}");
        let edges = "--edges=normal,no-proc-macro";
        let tree = workspace::cargo(&["tree", &package, edges, "--prefix=none"])?;
        assert!(tree.contains("serde "), "the tree of {room} looks wrong:\n{tree}");
        none(rooms::strangers(room, &tree));
    }
    Ok(())
}

#[test]
fn the_sources_of_the_inner_rooms_do_not_reach_for_the_world() -> io::Result<()> {
    let sources = sources()?;
    for room in inner()? {
        let start = format!("crates/{room}/src/");
        let own: Vec<_> = sources.iter().filter(|f| f.path.starts_with(&start)).collect();
        assert!(!own.is_empty(), "{room} has no sources");
        none(own.into_iter().flat_map(purity::reaching).collect());
    }
    Ok(())
}

#[test]
fn files_functions_and_lines_are_short_and_names_say_something() -> io::Result<()> {
    let sources = sources()?;
    none(sources.iter().flat_map(shape::outgrown).collect());
    none(shape::sprawl(&sources));
    Ok(())
}

#[test]
fn every_package_keeps_the_workspaces_lints_and_versions_and_says_what_it_is() -> io::Result<()> {
    let files = workspace::files()?;
    let manifests = files.iter().filter(|f| {
        f.path.starts_with("crates/")
            && f.path.matches('/').count() == 2
            && f.path.ends_with(".toml")
    });
    let manifests: Vec<_> = manifests.collect();
    assert!(manifests.len() >= 8, "only {} manifests were found", manifests.len());
    none(manifests.into_iter().flat_map(manifest::lacking).collect());
    let first = |f: &&File| f.path.ends_with("/src/lib.rs") || f.path.ends_with("/src/main.rs");
    none(files.iter().filter(first).flat_map(manifest::undescribed).collect());
    Ok(())
}

#[test]
fn every_dependency_has_a_licence_and_a_source_that_are_allowed() -> io::Result<()> {
    let text = std::fs::read_to_string(workspace::root().join("deny.toml"))?;
    let policy = licences::Policy::read(&text).ok_or_else(|| io::Error::other("deny.toml"))?;
    let metadata = workspace::metadata()?;
    let packages = metadata["packages"].as_array().map_or(0, Vec::len);
    assert!(packages > 50, "only {packages} packages were found");
    none(licences::unwelcome(&metadata, &policy));
    Ok(())
}

#[test]
fn no_file_holds_a_path_of_one_machine_or_a_mark_of_unfinished_work() -> io::Result<()> {
    none(workspace::files()?.iter().flat_map(words::misplaced).collect());
    Ok(())
}

#[test]
fn the_documentation_names_only_files_that_are_there() -> io::Result<()> {
    let root = workspace::root();
    let pages = workspace::files()?.into_iter().filter(|f| f.path.ends_with(".md"));
    let exists = |path: &str| root.join(path).exists();
    none(pages.flat_map(|page| paths::lost(&page, exists)).collect());
    Ok(())
}

#[test]
fn a_vendor_is_one_module_and_one_row() -> io::Result<()> {
    let files = workspace::files()?;
    let rows = vendors::rows(&files);
    assert!(rows.len() >= 10, "only {rows:?} were found");
    none(rows.iter().flat_map(|vendor| vendors::scattered(vendor, &files)).collect());
    Ok(())
}
