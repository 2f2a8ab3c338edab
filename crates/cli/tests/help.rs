//! Help texts, as goldens: at 80 columns, every command.
#![allow(clippy::unwrap_used, reason = "a test may panic")]

mod support;

use support::{Ran, damm};

const COMMANDS: [&str; 23] = [
    "init",
    "check",
    "plan",
    "apply",
    "serve",
    "credentials",
    "invitations",
    "client",
    "status",
    "show",
    "explain",
    "audit",
    "catalog",
    "verdicts",
    "providers",
    "demo",
    "lab",
    "node",
    "completions",
    "man",
    "create-ingress",
    "drain-node",
    "publish-endpoint-catalog",
];

fn run(args: &[&str]) -> Ran {
    Ran::of(damm().args(args).env("COLUMNS", "80").output().unwrap()).expect(0)
}

#[test]
fn the_help_of_damm_itself() {
    insta::assert_snapshot!(run(&["--help"]).stdout);
}

#[test]
fn the_help_of_each_command() {
    for command in COMMANDS {
        let help = run(&[command, "--help"]).stdout;
        insta::assert_snapshot!(format!("help_{command}"), help);
    }
}

#[test]
fn every_verb_of_the_contract_is_a_command_in_kebab_case() {
    let help = run(&["--help"]).stdout;
    for verb in damm_fleet::Verb::ALL {
        let kebab: String = verb.as_str().chars().fold(String::new(), |mut text, c| {
            text.extend(c.is_uppercase().then_some('-'));
            text.extend(c.to_lowercase());
            text
        });
        assert!(help.contains(&format!("  {kebab} ")), "no {kebab}");
        run(&[&kebab, "--help"]);
    }
}

#[test]
fn completions_and_man_pages_name_every_command() {
    let dir = tempfile::tempdir().unwrap();
    run(&["man", dir.path().to_str().unwrap()]);
    for shell in ["bash", "zsh", "fish"] {
        let text = run(&["completions", shell]).stdout;
        for command in COMMANDS {
            assert!(text.contains(command), "{shell} lacks {command}");
            let page = std::fs::read_to_string(dir.path().join(format!("damm-{command}.1")));
            assert!(page.unwrap().contains(".SH"), "{command}");
        }
    }
}
