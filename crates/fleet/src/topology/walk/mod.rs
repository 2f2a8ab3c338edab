//! Holds a tree against the JSON Schema, and tells all that does not fit.

mod choice;
mod map;
mod words;

use std::collections::BTreeMap;

use regex_lite::Regex;
use serde_json::Value as Json;

use super::diagnostic::Diagnostic;
use super::nearest::shortened;
use super::path::Path;
use super::schema::{has_format, schema};
use super::tree::{Node, Span, Value};

/// What a walk has found.
pub struct Walked {
    /// All that does not fit the schema of topologies.
    pub told: Vec<Diagnostic>,
    /// Without these entries the rest fits; none when there is more to it.
    pub spare: Option<Vec<Path>>,
}

/// Holds a tree against the schema of topologies.
pub fn walk(tree: &Node) -> Walked {
    let mut walker = Walker::new(schema());
    let at = At { path: Path::ROOT, anchor: tree.find(&Path::ROOT).0, about: None, is_key: false };
    walker.value(schema(), tree, &at);
    let mended = walker.broken() == 0;
    Walked { told: walker.told, spare: mended.then_some(walker.spare) }
}

/// Where the walk stands.
struct At {
    path: Path,
    /// What is shown of a value that fills many lines.
    anchor: Span,
    /// What the schema says that the value is for.
    about: Option<String>,
    /// Not the value at the path, but one of its keys.
    is_key: bool,
}

impl At {
    fn step(&self, path: Path, key: Option<&Span>, node: &Node, schema: &Json) -> Self {
        Self {
            path,
            anchor: node.anchor(key),
            about: words::description(schema).or_else(|| self.about.clone()),
            is_key: false,
        }
    }

    /// How messages call it.
    fn called(&self) -> String {
        match self.path.steps() {
            [] => "a topology".to_owned(),
            _ if self.is_key => format!("a key of `{}`", self.path.last()),
            _ => format!("`{}`", self.path.last()),
        }
    }
}

struct Walker<'s> {
    root: &'s Json,
    patterns: BTreeMap<&'s str, Option<Regex>>,
    told: Vec<Diagnostic>,
    /// Entries that can be left out, since the format has a default for them or does not know them.
    spare: Vec<Path>,
    /// How much of what was told is gone when they are.
    mended: usize,
}

impl<'s> Walker<'s> {
    const fn new(root: &'s Json) -> Self {
        Self { root, patterns: BTreeMap::new(), told: Vec::new(), spare: Vec::new(), mended: 0 }
    }

    /// How much was told that leaving out the spare entries does not mend.
    const fn broken(&self) -> usize {
        self.told.len() - self.mended
    }

    /// What was told since there were `before` is gone when this entry is left out.
    fn spare(&mut self, before: usize, path: Path) {
        self.mended += self.broken() - before;
        self.spare.push(path);
    }

    fn value(&mut self, schema: &'s Json, node: &Node, at: &At) {
        let schema = self.resolved(schema);
        if let Some(branches) = schema.get("anyOf").or_else(|| schema.get("oneOf")) {
            return self.choice(items(branches), node, at);
        }
        if schema.get("const").is_some() || schema.get("enum").is_some() {
            return self.one_of(&words::constants(schema), node, at);
        }
        if !words::accepts(schema, node) {
            return self.wrong_type(&[schema], node, at);
        }
        match &node.value {
            Value::Text(text) => self.text(schema, text, at),
            Value::Int(_) | Value::Float(_) => self.number(schema, node, at),
            Value::List(nodes) => self.list(schema, nodes, at),
            Value::Map(entries) => self.map(schema, entries, at),
            _ => {}
        }
    }

    /// A schema behind its references.
    fn resolved(&self, schema: &'s Json) -> &'s Json {
        let mut schema = schema;
        while let Some(target) = schema.get("$ref").and_then(Json::as_str) {
            let found = self.root.pointer(target.trim_start_matches('#'));
            // The generator writes no reference to nowhere; `tests` follow all of them.
            schema = found.unwrap_or(&Json::Null);
        }
        schema
    }

    fn tell(&mut self, at: &At, message: String) {
        let told = Diagnostic::error(at.anchor.clone(), message);
        self.told.push(match &at.about {
            Some(about) => told.help(format!("`{}`: {about}", at.path.last())),
            None => told,
        });
    }

    fn wrong_type(&mut self, schemas: &[&Json], node: &Node, at: &At) {
        let (wanted, found) = (words::wanted(schemas), words::found(node));
        self.tell(at, format!("{} wants {wanted}, not {found}", at.called()));
    }

    fn text(&mut self, schema: &'s Json, text: &str, at: &At) {
        let length = text.chars().count();
        if (length as u64) < bound(schema, "minLength").unwrap_or(0) {
            return self.tell(at, format!("`{}` is empty", at.path.last()));
        }
        let fits = self.matches(schema, text)
            && bound(schema, "maxLength").is_none_or(|most| length as u64 <= most)
            && word(schema, "format").is_none_or(|format| has_format(format, text));
        if !fits {
            let told = word(schema, "patternErrorMessage").unwrap_or("not of the form that it has");
            self.tell(at, format!("`{}` is {told}", shortened(text)));
        }
    }

    fn matches(&mut self, schema: &'s Json, text: &str) -> bool {
        let Some(pattern) = word(schema, "pattern") else {
            return true;
        };
        let compiled = self.patterns.entry(pattern);
        let regex = compiled.or_insert_with(|| Regex::new(pattern).ok());
        regex.as_ref().is_some_and(|r| r.is_match(text))
    }

    fn number(&mut self, schema: &Json, node: &Node, at: &At) {
        let (least, most) = (schema.get("minimum"), schema.get("maximum"));
        let low = least.is_some_and(|l| words::compare(node, l).is_lt());
        let high = most.is_some_and(|m| words::compare(node, m).is_gt());
        if low || high {
            let range = words::range(least, most);
            let found = words::number(node);
            self.tell(at, format!("`{}` is {found}; it has to be {range}", at.path.last()));
        }
    }

    fn list(&mut self, schema: &'s Json, nodes: &[Node], at: &At) {
        let least = bound(schema, "minItems").unwrap_or(0);
        if (nodes.len() as u64) < least {
            self.tell(at, format!("`{}` is empty; it needs at least one entry", at.path.last()));
        }
        if schema.get("uniqueItems") == Some(&Json::Bool(true)) {
            self.repeated(nodes, at);
        }
        let Some(items) = schema.get("items") else {
            return;
        };
        for (index, node) in nodes.iter().enumerate() {
            let at = at.step(at.path.index(index), None, node, items);
            self.value(items, node, &at);
        }
    }

    fn repeated(&mut self, nodes: &[Node], at: &At) {
        let mut seen: BTreeMap<String, &Node> = BTreeMap::new();
        for node in nodes {
            let text = node.to_json().to_string();
            let Some(first) = seen.get(&text) else {
                seen.insert(text, node);
                continue;
            };
            let message = format!("{} stands twice in `{}`", words::found(node), at.path.last());
            let told = Diagnostic::error(node.anchor(None), message)
                .related(first.anchor(None), "first given here")
                .help("keep one of them");
            self.told.push(told);
        }
    }
}

fn items(json: &Json) -> &[Json] {
    json.as_array().map_or(&[], Vec::as_slice)
}

fn word<'s>(schema: &'s Json, keyword: &str) -> Option<&'s str> {
    schema.get(keyword).and_then(Json::as_str)
}

fn bound(schema: &Json, keyword: &str) -> Option<u64> {
    schema.get(keyword).and_then(Json::as_u64)
}
