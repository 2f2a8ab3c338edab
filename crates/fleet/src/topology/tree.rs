//! One tree for both notations: values with the places that they were written at.

use std::ops::Range;

use super::path::{Path, Step};

/// Bytes of the file, from the first to one after the last.
pub type Span = Range<usize>;

/// A value and where it was written.
#[derive(Debug, Clone, PartialEq)]
pub struct Node {
    /// Its bytes.
    pub span: Span,
    /// What it is.
    pub value: Value,
}

/// What JSON and TOML can hold.
#[derive(Debug, Clone, PartialEq)]
pub enum Value {
    /// Nothing; JSON only.
    Null,
    /// Yes or no.
    Bool(bool),
    /// A number without a fraction or an exponent.
    Int(i128),
    /// Any other number.
    Float(f64),
    /// A text.
    Text(String),
    /// A date or a time without quotes; TOML only, and never wanted.
    Moment(String),
    /// A list.
    List(Vec<Node>),
    /// Keys with values, in the order of the file, with those given twice.
    Map(Vec<Entry>),
}

/// A key with its value.
#[derive(Debug, Clone, PartialEq)]
pub struct Entry {
    /// The key, without quotes.
    pub key: String,
    /// The key's bytes, with quotes.
    pub key_span: Span,
    /// Its value.
    pub node: Node,
}

impl Node {
    /// The place to show for this value: itself, or for one that fills many lines its key.
    pub fn anchor(&self, key: Option<&Span>) -> Span {
        match (&self.value, key) {
            (Value::List(_) | Value::Map(_), Some(key)) => key.clone(),
            _ => self.span.clone(),
        }
    }

    /// The same value without places. Of keys given twice the last one counts.
    pub fn to_json(&self) -> serde_json::Value {
        use serde_json::{Number, Value as Json};
        match &self.value {
            Value::Null => Json::Null,
            Value::Bool(b) => Json::Bool(*b),
            Value::Int(i) => Number::from_i128(*i).map_or(Json::Null, Json::Number),
            Value::Float(f) => Number::from_f64(*f).map_or(Json::Null, Json::Number),
            Value::Text(text) | Value::Moment(text) => Json::String(text.clone()),
            Value::List(nodes) => nodes.iter().map(Self::to_json).collect(),
            Value::Map(entries) => {
                entries.iter().map(|e| (e.key.clone(), e.node.to_json())).collect()
            }
        }
    }

    /// The place of what a path leads to, or else of the last step on the way that the file has;
    /// and whether the file has all of it.
    pub fn find(&self, path: &Path) -> (Span, bool) {
        let mut place = self.span.start..self.span.end.min(self.span.start + 1);
        let mut node = self;
        for step in path.steps() {
            let Some((anchor, next)) = node.step(step) else {
                return (place, false);
            };
            (place, node) = (anchor, next);
        }
        (place, true)
    }

    /// Leaves out what a path of keys and indexes leads to, when it is an entry of an object.
    pub fn remove(&mut self, path: &Path) {
        let Some((last, way)) = path.steps().split_last() else {
            return;
        };
        let mut node = self;
        for step in way {
            let inner = match (&mut node.value, step) {
                (Value::Map(entries), Step::Key(key)) => {
                    entries.iter_mut().find(|e| e.key == *key).map(|e| &mut e.node)
                }
                (Value::List(nodes), Step::Index(at)) => nodes.get_mut(*at),
                _ => None,
            };
            let Some(inner) = inner else {
                return;
            };
            node = inner;
        }
        if let (Value::Map(entries), Step::Key(key)) = (&mut node.value, last) {
            entries.retain(|e| e.key != *key);
        }
    }

    fn step(&self, step: &Step) -> Option<(Span, &Self)> {
        match (&self.value, step) {
            (Value::Map(entries), Step::Key(key)) => {
                let entry = entries.iter().find(|e| e.key == *key)?;
                Some((entry.node.anchor(Some(&entry.key_span)), &entry.node))
            }
            (Value::Map(entries), Step::KeyItself(key)) => {
                let entry = entries.iter().find(|e| e.key == *key)?;
                Some((entry.key_span.clone(), &entry.node))
            }
            (Value::List(nodes), Step::Index(at)) => {
                let node = nodes.get(*at)?;
                Some((node.anchor(None), node))
            }
            (Value::List(nodes), Step::Item(text)) => {
                let node = nodes.iter().find(|n| n.reads(text))?;
                Some((node.anchor(None), node))
            }
            _ => None,
        }
    }

    fn reads(&self, text: &str) -> bool {
        match &self.value {
            Value::Text(own) => own == text,
            Value::Int(own) => own.to_string() == text,
            _ => false,
        }
    }
}
