//! Objects: keys that are known, missing, given twice, or names.

use std::collections::BTreeMap;

use serde_json::{Map, Value as Json};

use super::{At, Walker, bound, items, words};
use crate::topology::diagnostic::Diagnostic;
use crate::topology::nearest::{nearest, shortened, suggest};
use crate::topology::tree::{Entry, Node, Value};

impl<'s> Walker<'s> {
    /// Holds an object against its schema.
    pub(super) fn map(&mut self, schema: &'s Json, entries: &[Entry], at: &At) {
        self.given_twice(entries);
        if (entries.len() as u64) < bound(schema, "minProperties").unwrap_or(0) {
            self.tell(at, format!("`{}` is empty; it needs at least one entry", at.path.last()));
        }
        let known = schema.get("properties").and_then(Json::as_object);
        let missing = missing(schema, entries);
        for entry in entries {
            match known.and_then(|k| k.get(&entry.key)) {
                Some(inner) if requires(schema, &entry.key) => self.entry(inner, entry, at),
                Some(inner) => self.optional(inner, entry, at),
                None => self.other(schema, known, entry, at),
            }
        }
        for key in missing {
            self.missing(key, known, at);
        }
    }

    fn entry(&mut self, schema: &'s Json, entry: &Entry, at: &At) {
        let path = at.path.key(&entry.key);
        let at = at.step(path, Some(&entry.key_span), &entry.node, schema);
        self.value(schema, &entry.node, &at);
    }

    /// As [`entry`](Self::entry), for one that may be left out.
    fn optional(&mut self, schema: &'s Json, entry: &Entry, at: &At) {
        let before = self.broken();
        self.entry(schema, entry, at);
        if self.broken() > before {
            self.spare(before, at.path.key(&entry.key));
        }
    }

    /// A key that the schema does not name.
    fn other(
        &mut self,
        schema: &'s Json,
        known: Option<&Map<String, Json>>,
        entry: &Entry,
        at: &At,
    ) {
        match schema.get("additionalProperties") {
            Some(Json::Bool(false)) => self.unknown(known, entry, at),
            Some(values @ Json::Object(_)) => {
                if let Some(names) = schema.get("propertyNames") {
                    self.name(names, entry, at);
                }
                self.entry(values, entry, at);
            }
            _ => {}
        }
    }

    /// A key that is a name of the writer's own, or one out of a few.
    fn name(&mut self, names: &'s Json, entry: &Entry, at: &At) {
        let key = Node { span: entry.key_span.clone(), value: Value::Text(entry.key.clone()) };
        let at =
            At { path: at.path.clone(), anchor: entry.key_span.clone(), about: None, is_key: true };
        // A `propertyNames` need not say that keys are texts, so `value` is not asked.
        match self.resolved(names) {
            plain if plain.get("pattern").is_some() => self.text(plain, &entry.key, &at),
            choice => self.value(choice, &key, &at),
        }
    }

    fn unknown(&mut self, known: Option<&Map<String, Json>>, entry: &Entry, at: &At) {
        let keys: Vec<_> = known.into_iter().flat_map(Map::keys).map(String::as_str).collect();
        let message = format!("unknown key `{}`{}", shortened(&entry.key), within(at));
        let told = Diagnostic::error(entry.key_span.clone(), message);
        let before = self.broken();
        self.told.push(told.help(suggest(&entry.key, "known here", &keys)));
        self.spare(before, at.path.key(&entry.key));
        // What the key was meant to be is not given either, and that is not told again.
        let meant = nearest(&shortened(&entry.key), keys);
        self.spare.extend(meant.map(|key| at.path.key(key)));
    }

    fn missing(&mut self, key: &str, known: Option<&Map<String, Json>>, at: &At) {
        let about = known.and_then(|k| k.get(key)).and_then(words::description);
        let message = format!("`{key}` is missing{}", within(at));
        let told = Diagnostic::error(at.anchor.clone(), message);
        self.told.push(match about {
            Some(about) => told.help(format!("`{key}`: {about}")),
            None => told,
        });
    }

    fn given_twice(&mut self, entries: &[Entry]) {
        let mut seen: BTreeMap<&str, &Entry> = BTreeMap::new();
        for entry in entries {
            let Some(first) = seen.get(entry.key.as_str()) else {
                seen.insert(&entry.key, entry);
                continue;
            };
            let message = format!("the key `{}` is given twice", shortened(&entry.key));
            let told = Diagnostic::error(entry.key_span.clone(), message)
                .related(first.key_span.clone(), "first given here")
                .help("keep one of them");
            self.told.push(told);
            // The last of them counts.
            self.mended += 1;
        }
    }
}

fn requires(schema: &Json, key: &str) -> bool {
    let required = schema.get("required").map_or(&[][..], items);
    required.iter().any(|r| r == key)
}

/// The required keys that are not given, but for those that an unknown key was meant to be.
fn missing<'s>(schema: &'s Json, entries: &[Entry]) -> Vec<&'s str> {
    let known = schema.get("properties").and_then(Json::as_object);
    let is_known = |e: &&Entry| known.is_some_and(|k| k.contains_key(&e.key));
    let names = || known.into_iter().flat_map(Map::keys).map(String::as_str);
    let unknown = entries.iter().filter(|e| !is_known(e));
    let meant: Vec<_> = unknown.filter_map(|e| nearest(&shortened(&e.key), names())).collect();
    let required = schema.get("required").map_or(&[][..], items);
    let keys = required.iter().filter_map(Json::as_str);
    keys.filter(|key| !entries.iter().any(|e| e.key == *key) && !meant.contains(key)).collect()
}

fn within(at: &At) -> String {
    match at.path.steps() {
        [] => String::new(),
        _ => format!(" in `{}`", at.path),
    }
}
