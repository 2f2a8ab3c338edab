//! What a ruleset is made of, and what leads from one statement to the next of its kind.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use crate::dataplane::ruleset::TABLE;

/// One thing of the table, as it should be.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Statement {
    /// A set, a map or a counter: it stays as it is when it is declared again.
    Declare(String),
    /// What a set or a map holds.
    Fill(Fill),
    /// A chain with its rules: it is emptied before it is filled.
    Chain {
        /// Its name.
        name: String,
        /// All of it.
        text: String,
    },
}

/// What a set or a map holds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Fill {
    /// `set` or `map`.
    pub what: &'static str,
    /// Its name.
    pub name: String,
    /// Each key once, and in a map what it leads to.
    pub elements: Vec<(String, Option<String>)>,
    /// Whether elements can be added and taken one by one. Ranges can't: `nft` joins and splits
    /// them.
    pub single: bool,
}

impl Statement {
    /// What it is about: two statements of one subject replace each other.
    pub fn subject(&self) -> (u8, &str) {
        match self {
            Self::Declare(text) => (0, text),
            Self::Fill(fill) => (1, &fill.name),
            Self::Chain { name, .. } => (2, name),
        }
    }

    /// The lines that make it so whatever there is.
    pub fn text(&self) -> String {
        match self {
            Self::Declare(text) | Self::Chain { text, .. } => text.clone(),
            Self::Fill(fill) => fill.text(),
        }
    }

    /// The lines that make it so where exactly `from` is, which is of the same subject.
    pub fn edit(&self, from: &Self) -> String {
        match (self, from) {
            (_, from) if from == self => String::new(),
            (Self::Fill(to), Self::Fill(from)) => to.edit(from),
            _ => self.text(),
        }
    }
}

impl Fill {
    fn text(&self) -> String {
        let Self { what, name, elements, .. } = self;
        let elements = elements.iter().map(|(key, value)| (key.as_str(), value.as_deref()));
        format!("flush {what} {TABLE} {name}\n{}", words("add", name, elements))
    }

    /// Fails in the kernel, with the whole transaction, when something that is to go is not there,
    /// or when a key that is to come is there with another value.
    fn edit(&self, from: &Self) -> String {
        let (old, new) = (from.by_key(), self.by_key());
        let other = |than: &BTreeMap<&str, Option<&str>>, key: &str, value: &Option<&str>| {
            than.get(key) != Some(value)
        };
        let gone: Vec<_> = old.iter().filter(|(key, value)| other(&new, key, value)).collect();
        let come: Vec<_> = new.iter().filter(|(key, value)| other(&old, key, value)).collect();
        if !self.single || gone.len() + come.len() > new.len() {
            return self.text();
        }
        let gone = words("delete", &self.name, gone.into_iter().map(|(key, _)| (*key, None)));
        gone + &words("add", &self.name, come.into_iter().map(|(key, value)| (*key, *value)))
    }

    fn by_key(&self) -> BTreeMap<&str, Option<&str>> {
        self.elements.iter().map(|(key, value)| (key.as_str(), value.as_deref())).collect()
    }
}

/// Adds or deletes elements, all in one line; no line for none.
fn words<'a>(
    verb: &str,
    name: &str,
    elements: impl Iterator<Item = (&'a str, Option<&'a str>)>,
) -> String {
    let mut text = String::new();
    for (key, value) in elements {
        // Writing into a string can't fail.
        let _ = match value {
            Some(value) => write!(text, ", {key} : {value}"),
            None => write!(text, ", {key}"),
        };
    }
    match text.strip_prefix(", ") {
        Some(all) => format!("{verb} element {TABLE} {name} {{ {all} }}\n"),
        None => text,
    }
}
