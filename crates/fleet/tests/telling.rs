//! How what is wrong is told: to programs, to terminals, and to people.
#![allow(clippy::unwrap_used)]

use damm_fleet::Offers;
use damm_fleet::topology::{Severity, Style, check, load, load_with_warnings, starter};

/// The starter with one thing changed.
fn changed(from: &str, to: &str) -> String {
    let text = starter("example");
    assert!(text.contains(from), "the starter has no {from}");
    text.replace(from, to)
}

#[test]
fn a_warning_does_not_refuse_a_file() {
    let text = changed(r#""max_disrupted": "25%" },"#, r#""max_disrupted": "1%" },"#);
    let loaded = load_with_warnings("damm.json", &text).unwrap();
    assert_eq!(loaded.warnings.count(Severity::Warning), 1);
    assert!(!loaded.warnings.has_errors());
    assert!(load("damm.json", &text).is_ok());
}

#[test]
fn a_place_is_told_by_line_and_by_column_in_characters() {
    let text = "{\n  \"fleet\": \"ü\", \"🦀\": 1\n}";
    let errors = load("x.json", text).unwrap_err();
    let unknown = errors.iter().find(|d| d.message.contains("unknown key")).unwrap();
    assert_eq!(&text[unknown.span.clone()], "\"🦀\"");
    assert_eq!(errors.line_and_column(unknown.span.start), (2, 17));
}

#[test]
fn every_place_beyond_the_text_is_shown_at_its_end() {
    let errors = load("x.json", "{").unwrap_err();
    assert_eq!(errors.line_and_column(1_000), (1, 2));
}

#[test]
fn colours_change_nothing_but_the_colours() {
    let errors = load("x.json", &changed("\"live\": 4", "\"live\": \"four\"")).unwrap_err();
    let coloured = errors.render(Style::Ansi);
    let mut plain = String::new();
    for (at, part) in coloured.split('\x1b').enumerate() {
        plain.push_str(if at == 0 { part } else { part.split_once('m').unwrap().1 });
    }
    assert!(coloured.contains("\x1b[1;31merror\x1b[0m"));
    assert_eq!(plain, errors.to_string());
}

#[test]
fn a_check_against_a_providers_own_offer_names_the_path() {
    let topology = load("damm.json", &starter("example")).unwrap();
    let mut offers = Offers::of(&topology);
    assert_eq!(check(&topology, &offers), []);
    for offer in offers.0.values_mut() {
        offer.machines.remove("small");
        offer.capabilities.max_addresses = 1;
    }
    let findings = check(&topology, &offers);
    let paths: std::collections::BTreeSet<_> =
        findings.iter().map(|f| f.path.to_string()).collect();
    let wanted = [
        "profiles.edge.frontdoors",
        "profiles.edge.machine.sim",
        "profiles.exit.egress_ips",
        "profiles.exit.machine.sim",
    ];
    assert_eq!(paths.iter().map(String::as_str).collect::<Vec<_>>(), wanted);
}

#[test]
fn a_misspelt_key_does_not_hide_what_else_is_wrong() {
    let text = changed("\"standby\": 1", "\"standbye\": 1").replace("\"IR\"", "\"XX\"");
    let messages: Vec<_> =
        load("damm.json", &text).unwrap_err().iter().map(|d| d.message.clone()).collect();
    assert_eq!(
        messages,
        ["unknown key `standbye` in `regions.north.ingress`", "no country has the code `XX`",]
    );
}

#[test]
fn what_follows_only_from_a_default_for_a_wrong_value_is_not_told() {
    for wrong in ["\"frontdoors\": \"2\"", "\"frontdors\": 2", "\"frontdoors\": null"] {
        let errors = load("damm.json", &changed("\"frontdoors\": 2", wrong)).unwrap_err();
        assert_eq!(errors.count(Severity::Error), 1, "{errors}");
    }
}
