//! Whatever a file holds, it is read without a panic, and the schema refuses what serde refuses.
#![allow(clippy::unwrap_used)]

use std::path::Path;

use damm_fleet::Topology;
use damm_fleet::topology::{Diagnostics, load, schema};
use proptest::prelude::*;
use serde_json::{Value as Json, json};

const DISAGREE: &str = "the schema and the reader disagree";

fn root_file(name: &str) -> String {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(name);
    std::fs::read_to_string(path).unwrap()
}

fn reference() -> Topology {
    load("topology.json", &root_file("examples/topology.json")).unwrap()
}

/// Reads a text in both notations, shows what is wrong with it, and returns what was told.
fn read(text: &str) -> Vec<Diagnostics> {
    let told = ["x.json", "x.toml"].map(|name| load(name, text).err());
    told.into_iter()
        .flatten()
        .inspect(|errors| {
            let shown = errors.to_string();
            assert!(!shown.is_empty() && !shown.contains(DISAGREE), "{shown}\n\n{text}");
        })
        .collect()
}

/// What may stand where something else was wanted.
fn junk() -> impl Strategy<Value = Json> {
    let values = [
        json!(null),
        json!(true),
        json!(0),
        json!(-1),
        json!(1),
        json!(3.0),
        json!(0.5),
        json!(1e300),
        json!(65536),
        json!(4_294_967_296_u64),
        json!(u64::MAX),
        json!(""),
        json!("a"),
        json!("Ä b"),
        json!("20%"),
        json!("100.0%"),
        json!("100.5%"),
        json!("7d"),
        json!("999999999d999999999d999999999d999999999d999999999d"),
        json!("1d2h3m4s5ms6s"),
        json!("10.0.0.0/8"),
        json!("10.0.0.0/99"),
        json!("fd00::/8"),
        json!("::ffff:1.2.3.4/96"),
        json!("IR"),
        json!("sim"),
        json!("egress"),
        json!("directory"),
        json!([]),
        json!([1, 1]),
        json!(["alder"]),
        json!([[]]),
        json!({}),
        json!({ "env": "A" }),
        json!({ "env": "A", "file": "B" }),
        json!({ "kind": "directory" }),
        json!({ "provider": "alder", "weight": 0 }),
        json!({ "sim": 1 }),
    ];
    proptest::sample::select(values.to_vec())
}

/// The places of a value, as JSON pointers.
fn places(value: &Json, at: &str, into: &mut Vec<String>) {
    into.push(at.to_owned());
    match value {
        Json::Array(items) => {
            for (index, item) in items.iter().enumerate() {
                places(item, &format!("{at}/{index}"), into);
            }
        }
        Json::Object(keys) => {
            for (key, item) in keys {
                places(item, &format!("{at}/{}", key.replace('~', "~0").replace('/', "~1")), into);
            }
        }
        _ => {}
    }
}

#[derive(Debug, Clone)]
enum Mutation {
    Replace(Json),
    Add(String, Json),
    Remove,
}

fn mutation() -> impl Strategy<Value = Mutation> {
    prop_oneof![
        junk().prop_map(Mutation::Replace),
        ("[a-z_$]{0,6}|sim|max|weight|env|A B", junk()).prop_map(|(key, v)| Mutation::Add(key, v)),
        Just(Mutation::Remove),
    ]
}

fn mutate(value: &mut Json, at: prop::sample::Index, mutation: Mutation) {
    let mut all = Vec::new();
    places(value, "", &mut all);
    let place = at.get(&all).clone();
    let Some(target) = value.pointer_mut(&place) else {
        return;
    };
    match (mutation, target) {
        (Mutation::Replace(new), target) => *target = new,
        (Mutation::Add(key, new), Json::Object(keys)) => drop(keys.insert(key, new)),
        (Mutation::Add(_, new), Json::Array(items)) => items.push(new),
        (Mutation::Remove, Json::Object(keys)) if !keys.is_empty() => {
            let key = keys.keys().next().unwrap().clone();
            keys.remove(&key);
        }
        (Mutation::Remove, Json::Array(items)) => drop(items.pop()),
        (_, target) => *target = Json::Null,
    }
}

/// With all its defaults written out, so that every key of the format is there to be mutated.
fn written_out() -> Json {
    let mut json = serde_json::to_value(reference()).unwrap();
    json["backbone"]["prefix"] = json!("fd00::/48");
    json["providers"]["alder"]["credentials"] = json!({ "env": "TOKEN" });
    json
}

proptest! {
    #[test]
    fn what_serde_refuses_the_schema_refuses(
        mutations in prop::collection::vec((any::<prop::sample::Index>(), mutation()), 1..4),
    ) {
        let mut json = written_out();
        for (at, mutation) in mutations {
            mutate(&mut json, at, mutation);
        }
        let text = json.to_string();
        let told = load("x.json", &text);
        if let Err(error) = serde_json::from_value::<Topology>(json) {
            prop_assert!(told.is_err(), "{error}\n{text}");
        }
        if let Err(told) = told {
            prop_assert!(!told.to_string().contains(DISAGREE), "{told}\n{text}");
        }
    }

    #[test]
    fn a_mutilated_file_is_read_without_a_panic(
        cuts in prop::collection::vec((any::<prop::sample::Index>(), 0usize..20, ".{0,3}"), 1..5),
        toml in any::<bool>(),
    ) {
        let name = if toml { "examples/minimal.toml" } else { "examples/topology.json" };
        let mut text: Vec<char> = root_file(name).chars().collect();
        for (at, length, new) in cuts {
            let start = at.index(text.len());
            let end = (start + length).min(text.len());
            text.splice(start..end, new.chars());
        }
        read(&text.into_iter().collect::<String>());
    }

    #[test]
    fn any_text_is_read_without_a_panic(text in any::<String>()) {
        read(&text);
    }

    #[test]
    fn any_heap_of_symbols_is_read_without_a_panic(
        symbols in prop::collection::vec(
            prop::sample::select(vec![
                "{", "}", "[", "]", ":", ",", "=", ".", "\"", "'", "\n", "\r\n", "\t", " ", "a",
                "fleet", "regions", "1", "-", "0.5", "1e9", "//", "/*", "#", "\"a\"", "null",
                "true", "\u{feff}", "北", "\u{301}", "\0", "[[dns]]", "\"\"\"", "2026-11-22",
            ]),
            0..60,
        ),
    ) {
        read(&symbols.concat());
    }
}

#[test]
fn both_notations_give_the_same_topology() {
    let by_hand = include_str!("good/reference.toml");
    assert_eq!(load("reference.toml", by_hand).unwrap_or_else(|e| panic!("{e}")), reference());
    let by_machine = toml_edit::ser::to_string_pretty(&reference()).unwrap();
    assert_eq!(load("x.toml", &by_machine).unwrap_or_else(|e| panic!("{e}")), reference());
}

#[test]
fn what_is_written_reads_back_the_same() {
    let text = serde_json::to_string_pretty(&reference()).unwrap();
    assert_eq!(load("x.json", &text).unwrap_or_else(|e| panic!("{e}")), reference());
}

#[test]
fn a_file_of_huge_depth_is_refused_on_a_small_stack() {
    let deep = |open: &str, close: &str| open.repeat(100_000) + &close.repeat(100_000);
    let texts = [
        deep("[", "]"),
        deep("{\"a\":", "}"),
        format!("a = {}", deep("[", "]")),
        format!("a = {}", deep("{ a = ", "}")),
        format!("{}a = 1", "a.".repeat(100_000)),
        format!("[{}a]", "a.".repeat(100_000)),
    ];
    // Half of what a thread has by default.
    let small = std::thread::Builder::new().stack_size(1024 * 1024);
    let reader = small.spawn(move || {
        for text in texts {
            assert_eq!(read(&text).len(), 2);
        }
    });
    reader.unwrap().join().unwrap();
}

/// The schema's keywords that the reader holds files against, or that say nothing about them.
const KEYWORDS: [&str; 26] = [
    "$comment",
    "$defs",
    "$ref",
    "$schema",
    "additionalProperties",
    "anyOf",
    "const",
    "default",
    "description",
    "enum",
    "examples",
    "format",
    "items",
    "maxLength",
    "maximum",
    "minItems",
    "minLength",
    "minProperties",
    "minimum",
    "oneOf",
    "pattern",
    "patternErrorMessage",
    "properties",
    "propertyNames",
    "required",
    "title",
];

#[test]
fn the_schema_says_nothing_that_is_not_enforced() {
    fn visit(schema: &Json, root: &Json) {
        for (keyword, value) in schema.as_object().into_iter().flatten() {
            match keyword.as_str() {
                "properties" | "$defs" => {
                    value.as_object().unwrap().values().for_each(|s| visit(s, root));
                }
                "anyOf" | "oneOf" => value.as_array().unwrap().iter().for_each(|s| visit(s, root)),
                "items" | "propertyNames" | "additionalProperties" => visit(value, root),
                "$ref" => {
                    let target = value.as_str().unwrap().trim_start_matches('#');
                    assert!(root.pointer(target).is_some(), "{target} leads nowhere");
                }
                "pattern" => {
                    let pattern = value.as_str().unwrap();
                    assert!(regex_lite::Regex::new(pattern).is_ok(), "{pattern}");
                    assert!(schema.get("patternErrorMessage").is_some(), "{pattern} is not told");
                }
                "format" => {
                    let known = ["uint16", "uint32", "uint64", "double", "ip-prefix"];
                    assert!(known.contains(&value.as_str().unwrap()), "unknown format {value}");
                }
                "type" | "uniqueItems" => {}
                other => assert!(KEYWORDS.contains(&other), "unknown keyword {other}"),
            }
        }
    }
    visit(schema(), schema());
}
