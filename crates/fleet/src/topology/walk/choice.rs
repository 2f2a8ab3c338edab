//! Values that may take one of several forms.

use serde_json::Value as Json;

use super::{At, Walker, items, words};
use crate::topology::diagnostic::Diagnostic;
use crate::topology::nearest::{listed, shortened, suggest};
use crate::topology::tree::{Entry, Node, Value};

impl<'s> Walker<'s> {
    /// Holds a value against the forms that it may take. Only the form that was meant is told of.
    pub(super) fn choice(&mut self, branches: &'s [Json], node: &Node, at: &At) {
        let branches: Vec<_> = branches.iter().map(|b| self.resolved(b)).collect();
        let options: Vec<_> = branches.iter().flat_map(|b| words::constants(b)).collect();
        if options.len() == branches.len() {
            return self.one_of(&options, node, at);
        }
        // An optional value of a type with several forms of its own.
        let nested = |b: &&&Json| b.get("oneOf").is_some() || b.get("anyOf").is_some();
        if let Some(inner) = branches.iter().find(nested)
            && node.value != Value::Null
        {
            return self.value(inner, node, at);
        }
        let fitting = branches.iter().copied().filter(|b| words::accepts(b, node));
        match (fitting.collect::<Vec<_>>().as_slice(), &node.value) {
            ([], _) => self.wrong_type(&branches, node, at),
            (objects, Value::Map(entries)) => self.form(objects, entries, node, at),
            ([first, ..], _) => self.value(first, node, at),
        }
    }

    /// One text out of a few.
    pub(super) fn one_of(&mut self, options: &[&str], node: &Node, at: &At) {
        match &node.value {
            Value::Text(text) if options.contains(&text.as_str()) => {}
            Value::Text(text) => {
                let message = format!("`{}` is not allowed for {}", shortened(text), at.called());
                let told = Diagnostic::error(at.anchor.clone(), message);
                self.told.push(told.help(suggest(text, "allowed", options)));
            }
            _ => {
                let message = format!("{} wants a text, not {}", at.called(), words::found(node));
                let told = Diagnostic::error(at.anchor.clone(), message);
                self.told.push(told.help(format!("allowed: {}", listed(options))));
            }
        }
    }

    /// An object of one of several forms, told apart by a key that all have, or by its only key.
    fn form(&mut self, forms: &[&'s Json], entries: &[Entry], node: &Node, at: &At) {
        if let Some(tag) = tag(forms) {
            return self.tagged(tag, forms, entries, node, at);
        }
        match forms {
            [only] => self.value(only, node, at),
            _ => self.keyed(forms, entries, node, at),
        }
    }

    fn tagged(&mut self, tag: &str, forms: &[&'s Json], entries: &[Entry], node: &Node, at: &At) {
        let options: Vec<_> = forms.iter().filter_map(|f| tag_of(f, tag)).collect();
        let Some(entry) = entries.iter().find(|e| e.key == tag) else {
            let message = format!("`{tag}` is missing in `{}`", at.path);
            let told = Diagnostic::error(at.anchor.clone(), message);
            return self.told.push(told.help(format!("allowed: {}", listed(&options))));
        };
        let meant =
            |f: &&&Json| matches!(&entry.node.value, Value::Text(t) if tag_of(f, tag) == Some(t));
        match forms.iter().find(meant) {
            Some(form) => self.value(form, node, at),
            None => {
                let inner = At {
                    path: at.path.key(tag),
                    anchor: entry.node.anchor(Some(&entry.key_span)),
                    about: None,
                    is_key: false,
                };
                self.one_of(&options, &entry.node, &inner);
            }
        }
    }

    fn keyed(&mut self, forms: &[&'s Json], entries: &[Entry], node: &Node, at: &At) {
        let key_of = |form: &'s Json| form.get("required").map(items)?.first()?.as_str();
        let keys: Vec<_> = forms.iter().filter_map(|f| key_of(f)).collect();
        let given = |f: &&&'s Json| entries.iter().any(|e| key_of(f) == Some(&e.key));
        match forms.iter().filter(given).collect::<Vec<_>>().as_slice() {
            [one] => self.value(one, node, at),
            [] => {
                let message = format!("`{}` wants one of {}", at.path, listed(&keys));
                let told = Diagnostic::error(at.anchor.clone(), message);
                let written = entries.first().map_or("", |e| e.key.as_str());
                self.told.push(told.help(suggest(written, "allowed", &keys)));
            }
            _ => {
                let message = format!("`{}` wants only one of {}", at.path, listed(&keys));
                self.tell(at, message);
            }
        }
    }
}

/// The key that tells the forms apart: in each of them it has one constant value.
fn tag<'s>(forms: &[&'s Json]) -> Option<&'s str> {
    let first = forms.first()?.get("properties")?.as_object()?;
    let in_all = |key: &&String| forms.iter().all(|f| tag_of(f, key).is_some());
    first.keys().find(in_all).map(String::as_str)
}

fn tag_of<'s>(form: &'s Json, tag: &str) -> Option<&'s str> {
    form.get("properties")?.get(tag)?.get("const")?.as_str()
}
