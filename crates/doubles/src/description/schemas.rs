//! The schemas of a description, as JSON Schema.

use std::collections::BTreeMap;
use std::sync::{Arc, Mutex, PoisonError};

use jsonschema::{Draft, Validator};
use serde_json::{Map, Value, json};

/// Complaints of one text that are told.
const TOLD: usize = 5;
/// References that lead to references that lead to…
const DEPTH: usize = 8;

/// The schemas, made ready as they are needed.
pub struct Schemas {
    document: Arc<Value>,
    draft: Draft,
    ready: Mutex<BTreeMap<String, Arc<Validator>>>,
}

impl Schemas {
    pub fn of(document: Arc<Value>) -> Self {
        let newer = document["openapi"].as_str().is_some_and(|v| v.starts_with("3.1"));
        if newer {
            let mut document = (*document).clone();
            strict(&mut document);
            return Self {
                document: Arc::new(document),
                draft: Draft::Draft202012,
                ready: Mutex::default(),
            };
        }
        Self { document, draft: Draft::Draft4, ready: Mutex::default() }
    }

    /// What is wrong with a value, by the schema at a place of the document.
    ///
    /// # Panics
    ///
    /// When what stands there is no schema.
    pub fn complaints(&self, place: &str, value: &Value) -> Vec<String> {
        let validator = self.ready(place);
        let complaints = validator.iter_errors(value).take(TOLD);
        complaints
            .map(|e| format!("{} at `{}`", short(&e.to_string()), e.instance_path()))
            .collect()
    }

    fn ready(&self, place: &str) -> Arc<Validator> {
        let mut ready = self.ready.lock().unwrap_or_else(PoisonError::into_inner);
        let made = || Arc::new(self.make(place));
        ready.entry(place.to_owned()).or_insert_with(made).clone()
    }

    fn make(&self, place: &str) -> Validator {
        // References lead into the whole document, so the schema is all of it.
        let mut schema = (*self.document).clone();
        if let Value::Object(fields) = &mut schema {
            fields.insert("$ref".to_owned(), json!(format!("#{}", in_uri(place))));
        }
        let made = jsonschema::options().with_draft(self.draft).build(&schema);
        made.unwrap_or_else(|e| panic!("{place}: {}", short(&e.to_string())))
    }
}

/// A place as a URI's fragment: paths of descriptions have names in braces.
fn in_uri(place: &str) -> String {
    place.replace('%', "%25").replace('{', "%7B").replace('}', "%7D")
}

/// A complaint without most of what it complains of.
fn short(text: &str) -> String {
    match text.char_indices().nth(300) {
        Some((end, _)) => format!("{}…{}", &text[..end / 2], tail(text, end / 2)),
        None => text.to_owned(),
    }
}

fn tail(text: &str, length: usize) -> &str {
    let mut from = text.len().saturating_sub(length);
    while !text.is_char_boundary(from) {
        from += 1;
    }
    &text[from..]
}

/// What stands at a place of a document, and where that is when references are followed.
pub fn resolved<'a>(document: &'a Value, place: &str) -> Option<(&'a Value, String)> {
    let mut place = place.to_owned();
    for _ in 0..DEPTH {
        let value = document.pointer(&place)?;
        match value.get("$ref").and_then(Value::as_str) {
            Some(next) => place = next.trim_start_matches('#').to_owned(),
            None => return Some((value, place)),
        }
    }
    None
}

/// Turns what OpenAPI 3.0 says in words of its own into JSON Schema's: `nullable`.
pub fn plain(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(plain),
        Value::Object(fields) => {
            fields.values_mut().for_each(plain);
            if fields.get("nullable") == Some(&Value::Bool(true)) {
                fields.remove("nullable");
                let schema = Value::Object(std::mem::take(fields));
                *value = json!({ "anyOf": [schema, { "type": "null" }] });
            }
        }
        _ => {}
    }
}

/// Turns what descriptions of OpenAPI 3.1 hold by mistake into what they mean: bounds as older
/// drafts write them, `exclusiveMinimum: true` beside `minimum`, and a schema in a `type`'s place.
fn strict(value: &mut Value) {
    match value {
        Value::Array(all) => all.iter_mut().for_each(strict),
        Value::Object(fields) => {
            fields.values_mut().for_each(strict);
            bound(fields, "minimum", "exclusiveMinimum");
            bound(fields, "maximum", "exclusiveMaximum");
            let nested = fields.get("additionalProperties").and_then(|more| more.get("type"));
            if let Some(meant) = nested.filter(|meant| meant.is_object()).cloned() {
                fields.insert("additionalProperties".to_owned(), meant);
            }
        }
        _ => {}
    }
}

fn bound(fields: &mut Map<String, Value>, bound: &str, exclusive: &str) {
    let Some(Value::Bool(is)) = fields.get(exclusive) else { return };
    let moved = is.then(|| fields.remove(bound)).flatten();
    fields.remove(exclusive);
    fields.extend(moved.map(|number| (exclusive.to_owned(), number)));
}
