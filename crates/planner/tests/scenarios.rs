//! Scripted scenarios with golden plans. Each plan in them is linted, and each ends in a plan that
//! changes nothing.
//!
//! `UPDATE_GOLDEN=1 cargo test -p damm-planner --test scenarios` writes them anew; review the
//! difference.

mod world;

use std::path::Path;

use world::World;
use world::script::{Script, seed_of};

/// Runs one scenario; gives what it should say, or what is wrong.
fn run(path: &Path) -> Result<(), String> {
    let text = std::fs::read_to_string(path).map_err(|e| e.to_string())?;
    let name = path.file_stem().map(|n| n.to_string_lossy().into_owned()).unwrap_or_default();
    let world = World::new(include_str!("world/base.json"), seed_of(&name));
    let mut script = Script::new(world);
    let run = std::panic::AssertUnwindSafe(|| script.run(&text));
    let actual =
        std::panic::catch_unwind(run).map_err(|_| format!("{name} stopped, as said above"))?;
    let last = script.world.plan();
    if !last.diff.is_empty() {
        return Err(format!("{name}: replan after apply is not empty: {:#?}", last.report.changes));
    }
    if std::env::var_os("UPDATE_GOLDEN").is_some() {
        return std::fs::write(path, actual).map_err(|e| e.to_string());
    }
    match actual == text {
        true => Ok(()),
        false => Err(format!("{name} differs; it says now:\n{actual}")),
    }
}

#[test]
fn every_scenario_gives_its_golden_plans_and_ends_with_nothing_to_do() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/scenarios");
    let mut paths: Vec<_> = std::fs::read_dir(folder)
        .expect("the scenarios")
        .map(|entry| entry.expect("a scenario").path())
        .filter(|p| p.extension().is_some_and(|e| e == "txt"))
        .collect();
    paths.sort();
    assert!(paths.len() >= 25, "{} scenarios", paths.len());
    let wrong: Vec<String> = paths.iter().filter_map(|p| run(p).err()).collect();
    assert!(wrong.is_empty(), "{}", wrong.join("\n\n"));
}
