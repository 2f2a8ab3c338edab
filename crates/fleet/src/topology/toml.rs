//! Reads TOML.

use toml_edit::{Array, ArrayOfTables, Document, InlineTable, Item, Key, Table, TomlError};

use super::diagnostic::Diagnostic;
use super::nearest::shortened;
use super::tree::{Entry, Node, Span, Value};

/// The tree of a TOML text.
///
/// # Errors
///
/// The first place that is not TOML. The parser goes no deeper than 80 levels.
pub fn parse(text: &str) -> Result<Node, Diagnostic> {
    let document = Document::parse(text).map_err(|error| refusal(text, &error))?;
    let root = table(document.as_table(), &(0..0));
    match &root.value {
        Value::Map(entries) if entries.is_empty() => {
            Err(Diagnostic::error(0..0, "the file holds nothing".to_owned())
                .help("`damm init` writes a topology to start from"))
        }
        _ => Ok(root),
    }
}

fn item(item: &Item, key: &Span) -> Node {
    match item {
        Item::None => Node { span: key.clone(), value: Value::Null },
        Item::Value(v) => value(v, key),
        Item::Table(t) => table(t, key),
        Item::ArrayOfTables(a) => tables(a, key),
    }
}

fn table(table: &Table, key: &Span) -> Node {
    let keys = table.iter().filter_map(|(k, _)| table.get_key_value(k));
    Node {
        span: table.span().unwrap_or_else(|| key.clone()),
        value: Value::Map(keys.map(|(k, v)| entry(k, v, key)).collect()),
    }
}

fn inline(table: &InlineTable, key: &Span) -> Node {
    let keys = table.iter().filter_map(|(k, _)| table.get_key_value(k));
    Node {
        span: table.span().unwrap_or_else(|| key.clone()),
        value: Value::Map(keys.map(|(k, v)| entry(k, v, key)).collect()),
    }
}

fn entry(key: &Key, value: &Item, outer: &Span) -> Entry {
    let key_span = key.span().unwrap_or_else(|| outer.clone());
    Entry { key: key.get().to_owned(), node: item(value, &key_span), key_span }
}

fn tables(tables: &ArrayOfTables, key: &Span) -> Node {
    Node {
        span: tables.span().unwrap_or_else(|| key.clone()),
        value: Value::List(tables.iter().map(|t| table(t, key)).collect()),
    }
}

fn list(array: &Array, key: &Span) -> Value {
    Value::List(array.iter().map(|v| value(v, key)).collect())
}

fn value(value: &toml_edit::Value, key: &Span) -> Node {
    use toml_edit::Value as Toml;
    let simple = match value {
        Toml::String(s) => Value::Text(s.value().clone()),
        Toml::Integer(i) => Value::Int(i128::from(*i.value())),
        Toml::Float(f) => Value::Float(*f.value()),
        Toml::Boolean(b) => Value::Bool(*b.value()),
        Toml::Datetime(d) => Value::Moment(d.value().to_string()),
        Toml::Array(a) => list(a, key),
        Toml::InlineTable(t) => return inline(t, key),
    };
    Node { span: value.span().unwrap_or_else(|| key.clone()), value: simple }
}

fn refusal(text: &str, error: &TomlError) -> Diagnostic {
    let span = error.span().unwrap_or(0..0);
    let span = span.start.min(text.len())..span.end.min(text.len());
    if error.message() == "duplicate key" {
        return given_twice(text, span);
    }
    let (message, help) = words(error.message(), &text[span.clone()]);
    match help {
        Some(help) => Diagnostic::error(span, message).help(help),
        None => Diagnostic::error(span, message),
    }
}

/// The parser takes a word without quotes for the beginning of a number.
fn words(message: &str, marked: &str) -> (String, Option<String>) {
    let word = marked.starts_with(|c: char| c.is_alphabetic());
    match message {
        m if m.contains("recursion limit") || m.contains("recursion depth") => {
            ("nested too deep".to_owned(), Some("a topology needs some ten levels".to_owned()))
        }
        m if m.starts_with("string values must be quoted") && marked.trim().is_empty() => {
            ("a value is missing here".to_owned(), None)
        }
        m if word && (m.starts_with("string values must") || m.starts_with("invalid float")) => (
            "a text has to stand in quotes".to_owned(),
            Some(format!("write `\"{}\"`", shortened(marked))),
        ),
        other => (format!("not TOML: {other}"), None),
    }
}

fn given_twice(text: &str, span: Span) -> Diagnostic {
    let key = shortened(&text[span.clone()]);
    let first = first_given(text, &span);
    let told =
        Diagnostic::error(span, format!("the key `{key}` is given twice")).help("keep one of them");
    match first {
        Some(first) => told.related(first, "first given here"),
        None => told,
    }
}

/// Where the key that stands again at `again` stood before.
///
/// The text before the line of the second one is TOML, so it can be read: the key is looked for in
/// the table that was open last, or under the header of the same words.
fn first_given(text: &str, again: &Span) -> Option<Span> {
    let line_start = text[..again.start].rfind('\n').map_or(0, |at| at + 1);
    let before = Document::parse(&text[..line_start]).ok()?;
    let line = text[line_start..].lines().next()?;
    let header = |line: &str| line.trim_start().starts_with('[');
    let path = match header(line) {
        true => header_path(&text[line_start..again.end])?,
        false => {
            let open = text[..line_start].lines().rfind(|l| header(l));
            let mut path = open.map_or(Some(Vec::new()), header_path)?;
            path.extend(Key::parse(&text[line_start..again.end]).ok()?);
            path
        }
    };
    find(before.as_table(), &path)
}

fn header_path(line: &str) -> Option<Vec<Key>> {
    let inner = line.trim_start().trim_start_matches('[');
    Key::parse(inner.split(']').next()?).ok()
}

fn find(table: &Table, path: &[Key]) -> Option<Span> {
    let (first, rest) = path.split_first()?;
    let (key, item) = table.get_key_value(first.get())?;
    match rest {
        [] => key.span(),
        _ => match item {
            Item::Table(t) => find(t, rest),
            Item::ArrayOfTables(a) => find(a.iter().last()?, rest),
            _ => None,
        },
    }
}
