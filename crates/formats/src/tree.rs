//! A tree of values with its fields in the order in which they were put, as JSON and as YAML.
//!
//! `serde_json::Value` keeps that order in some builds and sorts in others, as other packages of
//! the build ask it to: the bytes would differ.

use std::fmt::Write as _;

use serde::Serialize;
use serde::ser::{SerializeMap as _, Serializer};

/// A tree of values.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Tree {
    Text(String),
    Number(u64),
    Flag(bool),
    List(Vec<Tree>),
    Map(Vec<(&'static str, Tree)>),
}

/// A map of fields.
pub(crate) fn map<const N: usize>(fields: [(&'static str, Tree); N]) -> Tree {
    Tree::Map(fields.into())
}

/// A list of anything that becomes a value.
pub(crate) fn list<T: Into<Tree>>(items: impl IntoIterator<Item = T>) -> Tree {
    Tree::List(items.into_iter().map(Into::into).collect())
}

impl Tree {
    /// The map with one more field; anything else stays as it is.
    pub fn with(mut self, name: &'static str, value: impl Into<Self>) -> Self {
        if let Self::Map(fields) = &mut self {
            fields.push((name, value.into()));
        }
        self
    }

    /// As JSON, with a line for each value.
    pub fn to_json(&self) -> String {
        // It fails for keys that are no text alone, and these are.
        let mut text = serde_json::to_string_pretty(self).unwrap_or_default();
        text.push('\n');
        text
    }

    /// As YAML. All texts are quoted as JSON quotes them, which YAML 1.2 reads the same way
    /// (section 1.3), so none is taken for a number or a truth.
    pub fn to_yaml(&self) -> String {
        let mut text = String::new();
        self.write_yaml(&mut text, 0);
        text
    }

    fn write_yaml(&self, text: &mut String, depth: usize) {
        match self {
            Self::Map(fields) => {
                for (name, value) in fields {
                    let _ = write!(text, "{:1$}{name}:", "", depth * 2);
                    value.write_value(text, depth + 1);
                }
            }
            Self::List(items) => {
                for item in items {
                    let _ = write!(text, "{:1$}-", "", depth * 2);
                    item.write_item(text, depth + 1);
                }
            }
            scalar => text.push_str(&scalar.scalar()),
        }
    }

    /// After a field's colon.
    fn write_value(&self, text: &mut String, depth: usize) {
        match self.is_block() {
            true => {
                text.push('\n');
                self.write_yaml(text, depth);
            }
            false => {
                let _ = writeln!(text, " {}", self.scalar());
            }
        }
    }

    /// After a list's hyphen: a block's first line follows on the same line.
    fn write_item(&self, text: &mut String, depth: usize) {
        match self.is_block() {
            true => {
                let mut block = String::new();
                self.write_yaml(&mut block, depth);
                let _ = write!(text, " {}", block.trim_start_matches(' '));
            }
            false => {
                let _ = writeln!(text, " {}", self.scalar());
            }
        }
    }

    /// Whether it has lines of its own.
    fn is_block(&self) -> bool {
        match self {
            Self::Map(fields) => !fields.is_empty(),
            Self::List(items) => !items.is_empty(),
            Self::Text(_) | Self::Number(_) | Self::Flag(_) => false,
        }
    }

    /// What has no lines of its own, as both JSON and YAML write it. JSON leaves some symbols as
    /// they are that YAML takes only escaped.
    fn scalar(&self) -> String {
        let json = serde_json::to_string(self).unwrap_or_default();
        if json.chars().all(is_printable) {
            return json;
        }
        json.chars().fold(String::with_capacity(json.len()), |mut text, c| {
            match is_printable(c) {
                true => text.push(c),
                // All of them are of one unit of UTF-16. Writing to memory cannot fail.
                false => drop(write!(text, "\\u{:04x}", u32::from(c))),
            }
            text
        })
    }
}

/// What YAML lets stand unescaped (YAML 1.2.2, production 1), but for the byte order mark.
const fn is_printable(c: char) -> bool {
    matches!(
        c,
        '\t' | '\n' | '\r' | ' '..='~' | '\u{85}' | '\u{a0}'..='\u{fefe}'
            | '\u{ff00}'..='\u{fffd}' | '\u{10000}'..
    )
}

impl Serialize for Tree {
    fn serialize<S: Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Text(text) => s.serialize_str(text),
            Self::Number(number) => s.serialize_u64(*number),
            Self::Flag(flag) => s.serialize_bool(*flag),
            Self::List(items) => s.collect_seq(items),
            Self::Map(fields) => {
                let mut map = s.serialize_map(Some(fields.len()))?;
                for (name, value) in fields {
                    map.serialize_entry(name, value)?;
                }
                map.end()
            }
        }
    }
}

macro_rules! into_tree {
    ($($from:ty => |$value:ident| $tree:expr),* $(,)?) => {$(
        impl From<$from> for Tree {
            fn from($value: $from) -> Self {
                $tree
            }
        }
    )*};
}

into_tree! {
    &str => |text| Self::Text(text.to_owned()),
    &String => |text| Self::Text(text.clone()),
    String => |text| Self::Text(text),
    u16 => |number| Self::Number(number.into()),
    u64 => |number| Self::Number(number),
    bool => |flag| Self::Flag(flag),
}

#[cfg(test)]
mod tests {
    use super::*;

    fn sample() -> Tree {
        map([
            ("b", "yes".into()),
            ("a", list(["1", "- x: \"y\"\n"])),
            ("c", list([map([("d", 7_u16.into()), ("e", list(["f"]))]), map([])])),
            ("g", map([("h", true.into()), ("i", list::<Tree>([]))])),
        ])
    }

    #[test]
    fn what_yaml_does_not_let_stand_is_escaped() {
        let odd = "a\u{7f}b\u{80}c\u{9f}d\u{feff}e\u{ffff}\u{0}ü\u{fffd}😀\u{85}";
        let written = Tree::Text(odd.to_owned()).scalar();
        let escaped = "\"a\\u007fb\\u0080c\\u009fd\\ufeffe\\uffff\\u0000ü\u{fffd}😀\u{85}\"";
        assert_eq!(written, escaped);
        assert_eq!(serde_json::from_str::<String>(&written).unwrap(), odd);
    }

    #[test]
    fn fields_stay_in_their_order() {
        let text = sample().to_json();
        assert!(text.starts_with("{\n  \"b\": \"yes\",\n  \"a\": ["), "{text}");
    }

    #[test]
    fn yaml_reads_back_as_the_json_of_the_same_tree() {
        let json: serde_json::Value = serde_json::from_str(&sample().to_json()).unwrap();
        let yaml: serde_json::Value = serde_saphyr::from_str(&sample().to_yaml()).unwrap();
        assert_eq!(yaml, json);
    }

    #[test]
    fn yaml_is_as_people_write_it() {
        let expected = "b: \"yes\"\n\
                        a:\n  - \"1\"\n  - \"- x: \\\"y\\\"\\n\"\n\
                        c:\n  - d: 7\n    e:\n      - \"f\"\n  - {}\n\
                        g:\n  h: true\n  i: []\n";
        assert_eq!(sample().to_yaml(), expected);
    }
}
