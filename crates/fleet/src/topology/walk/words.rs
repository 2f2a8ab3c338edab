//! The words for what a schema wants and what a file has.

use std::cmp::Ordering;

use serde_json::Value as Json;

use crate::topology::nearest::shortened;
use crate::topology::tree::{Node, Value};

/// The types that a schema takes, `null` among them.
fn types(schema: &Json) -> Vec<&str> {
    match schema.get("type") {
        Some(Json::String(one)) => vec![one],
        Some(Json::Array(many)) => many.iter().filter_map(Json::as_str).collect(),
        _ => Vec::new(),
    }
}

/// Whether a value is of a type that a schema takes.
pub fn accepts(schema: &Json, node: &Node) -> bool {
    let own = match &node.value {
        Value::Null => "null",
        Value::Bool(_) => "boolean",
        Value::Int(_) => "integer",
        Value::Float(f) if f.is_finite() => "number",
        Value::Float(_) | Value::Moment(_) => "",
        Value::Text(_) => "string",
        Value::List(_) => "array",
        Value::Map(_) => "object",
    };
    let types = types(schema);
    types.contains(&own) || (own == "integer" && types.contains(&"number"))
}

/// What a schema or one of several wants: "a whole number", "a text, as in `\"24h\"`".
pub fn wanted(schemas: &[&Json]) -> String {
    let kinds = schemas.iter().flat_map(|s| types(s)).filter_map(kind);
    let kinds: Vec<_> = kinds.collect();
    let examples: Vec<_> = schemas.iter().flat_map(|s| examples(s)).collect();
    let kinds = kinds.join(" or ");
    match examples.is_empty() {
        true => kinds,
        false => format!("{kinds}, as in {}", examples.join(" or ")),
    }
}

fn kind(name: &str) -> Option<&'static str> {
    Some(match name {
        "integer" => "a whole number",
        "number" => "a number",
        "string" => "a text",
        "boolean" => "`true` or `false`",
        "array" => "a list",
        "object" => "an object",
        _ => return None,
    })
}

fn examples(schema: &Json) -> Vec<String> {
    let examples = schema.get("examples").and_then(Json::as_array);
    let all = examples.into_iter().flatten();
    all.map(|e| format!("`{e}`")).collect()
}

/// What a file has: "the number 5", "the text `\"five\"`", "a list".
pub fn found(node: &Node) -> String {
    match &node.value {
        Value::Null => "`null`".to_owned(),
        Value::Bool(b) => format!("`{b}`"),
        Value::Float(f) if !f.is_finite() => "a number beyond all bounds".to_owned(),
        Value::Int(_) | Value::Float(_) => format!("the number {}", number(node)),
        Value::Text(text) => format!("the text `\"{}\"`", shortened(text)),
        Value::Moment(text) => format!("the date or time `{text}`"),
        Value::List(_) => "a list".to_owned(),
        Value::Map(_) => "an object".to_owned(),
    }
}

/// A number as a message shows it.
pub fn number(node: &Node) -> String {
    match node.value {
        Value::Int(i) => i.to_string(),
        // Debug keeps the fraction of 5.0, and writes very large ones with an exponent.
        Value::Float(f) => format!("{f:?}"),
        _ => String::new(),
    }
}

/// How a number stands to a bound.
pub fn compare(node: &Node, bound: &Json) -> Ordering {
    let whole = bound.as_i64().map(i128::from);
    let whole = whole.or_else(|| bound.as_u64().map(i128::from));
    match (&node.value, whole) {
        (Value::Int(i), Some(bound)) => i.cmp(&bound),
        (Value::Int(i), None) => floats(*i as f64, bound),
        (Value::Float(f), _) => floats(*f, bound),
        _ => Ordering::Equal,
    }
}

fn floats(number: f64, bound: &Json) -> Ordering {
    let bound = bound.as_f64().unwrap_or(number);
    number.partial_cmp(&bound).unwrap_or(Ordering::Less)
}

/// The numbers between two bounds, in words.
pub fn range(least: Option<&Json>, most: Option<&Json>) -> String {
    let (least, most) = (least.map(plain), most.map(plain));
    match (least, most) {
        (Some(least), Some(most)) => format!("{least} to {most}"),
        (Some(least), None) => format!("at least {least}"),
        (None, Some(most)) => format!("at most {most}"),
        (None, None) => "any number".to_owned(),
    }
}

/// A bound as a reader writes it: 1e12 of the schema is 1000000000000.
fn plain(bound: &Json) -> String {
    match (bound.is_f64(), bound.as_f64()) {
        (true, Some(f)) => f.to_string(),
        _ => bound.to_string(),
    }
}

/// The texts that a schema names one by one.
pub fn constants(schema: &Json) -> Vec<&str> {
    let list = schema.get("enum").and_then(Json::as_array);
    let one = schema.get("const").into_iter();
    one.chain(list.into_iter().flatten()).filter_map(Json::as_str).collect()
}

/// What a schema says that its values are for, on one line.
pub fn description(schema: &Json) -> Option<String> {
    let text = schema.get("description").and_then(Json::as_str)?;
    Some(text.split_whitespace().collect::<Vec<_>>().join(" "))
}
