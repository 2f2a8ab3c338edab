//! Reads JSON with comments and trailing commas.

use jsonc_parser::ast::{ObjectPropName, Value as Ast};
use jsonc_parser::common::{Range, Ranged};
use jsonc_parser::errors::{ParseError, ParseErrorKind as Kind};
use jsonc_parser::{CollectOptions, ParseOptions, ParseStringErrorKind, parse_to_ast};

use super::diagnostic::Diagnostic;
use super::tree::{Entry, Node, Span, Value};

/// JSON as RFC 8259 has it, with comments and trailing commas, and nothing else.
const NOTATION: ParseOptions = ParseOptions {
    allow_comments: true,
    allow_trailing_commas: true,
    allow_loose_object_property_names: false,
    allow_missing_commas: false,
    allow_single_quoted_strings: false,
    allow_hexadecimal_numbers: false,
    allow_unary_plus_numbers: false,
    allow_bare_decimal_point_numbers: false,
    allow_non_finite_numbers: false,
    allow_extended_string_escapes: false,
};

/// The tree of a JSON text.
///
/// # Errors
///
/// The first place that is not JSON, or is nested too deep.
pub fn parse(text: &str) -> Result<Node, Diagnostic> {
    if let Some(at) = too_deep(text) {
        return Err(nested_too_deep(at..at + 1));
    }
    let parsed = parse_to_ast(text, &CollectOptions::default(), &NOTATION);
    match parsed.map(|p| p.value) {
        Ok(Some(value)) => Ok(node(&value)),
        Ok(None) => Err(Diagnostic::error(0..0, "the file holds nothing".to_owned())
            .help("`damm init` writes a topology to start from")),
        Err(error) => Err(refusal(text, &error)),
    }
}

/// How deep objects and lists may stand in each other. A topology needs some ten levels; the parser
/// calls itself for each, and so does all that walks its tree.
const DEEPEST: usize = 64;

/// The first bracket that stands too deep. Brackets in texts and comments do not count.
fn too_deep(text: &str) -> Option<usize> {
    let mut depth = 0usize;
    let mut rest = 0;
    while let Some(at) = text[rest..].find(['{', '[', '}', ']', '"', '/']).map(|at| rest + at) {
        rest = at + 1;
        match text.as_bytes()[at] {
            b'{' | b'[' => depth += 1,
            b'}' | b']' => depth = depth.saturating_sub(1),
            _ => rest = at + skipped(&text[at..]),
        }
        if depth > DEEPEST {
            return Some(at);
        }
    }
    None
}

/// The length of the text or comment that begins here. What is not closed reaches to the end.
fn skipped(rest: &str) -> usize {
    match rest {
        r if r.starts_with("//") => r.find(['\n', '\r']).unwrap_or(r.len()),
        r if r.starts_with("/*") => r[2..].find("*/").map_or(r.len(), |at| at + 4),
        r if r.starts_with('"') => {
            let mut escaped = false;
            let mut ends = |b: &u8| {
                let ends = (*b == b'"' || *b == b'\n') && !escaped;
                escaped = *b == b'\\' && !escaped;
                ends
            };
            let end = r.as_bytes()[1..].iter().position(&mut ends);
            end.map_or(r.len(), |at| at + 2)
        }
        _ => 1,
    }
}

fn nested_too_deep(span: Span) -> Diagnostic {
    Diagnostic::error(span, "nested too deep".to_owned())
        .help(format!("a topology needs some ten levels; {DEEPEST} are read"))
}

fn node(value: &Ast<'_>) -> Node {
    let range = value.range();
    Node {
        span: range.start..range.end,
        value: match value {
            Ast::NullKeyword(_) => Value::Null,
            Ast::BooleanLit(b) => Value::Bool(b.value),
            Ast::NumberLit(n) => number(n.value),
            Ast::StringLit(s) => Value::Text(s.value.to_string()),
            Ast::Array(a) => Value::List(a.elements.iter().map(node).collect()),
            Ast::Object(o) => {
                let entries = o.properties.iter();
                Value::Map(entries.map(|p| entry(&p.name, &p.value)).collect())
            }
        },
    }
}

fn entry(name: &ObjectPropName<'_>, value: &Ast<'_>) -> Entry {
    let range = name.range();
    Entry { key: name.as_str().to_owned(), key_span: range.start..range.end, node: node(value) }
}

fn number(text: &str) -> Value {
    match text.parse() {
        Ok(whole) => Value::Int(whole),
        Err(_) => Value::Float(text.parse().unwrap_or(f64::INFINITY)),
    }
}

fn refusal(text: &str, error: &ParseError) -> Diagnostic {
    let (message, help) = words(error.kind());
    let span = place(text, error.kind(), error.range());
    let refusal = Diagnostic::error(span, message);
    match help.is_empty() {
        true => refusal,
        false => refusal.help(help),
    }
}

/// What was left open is shown where it was opened, and nothing longer than one symbol or word.
fn place(text: &str, kind: &Kind, range: Range) -> Span {
    let open = matches!(kind, Kind::UnterminatedArray | Kind::UnterminatedObject);
    match open {
        true => range.start..text.len().min(range.start + 1),
        false => range.start.min(text.len())..range.end.min(text.len()),
    }
}

fn words(kind: &Kind) -> (String, &'static str) {
    let (message, help) = match kind {
        Kind::UnterminatedObject => ("this `{` is never closed", "add the missing `}`"),
        Kind::UnterminatedArray => ("this `[` is never closed", "add the missing `]`"),
        Kind::UnterminatedCommentBlock => ("this comment is never closed", "end it with `*/`"),
        Kind::String(ParseStringErrorKind::UnterminatedStringLiteral) => {
            ("this text is never closed", "end it with `\"` on the same line")
        }
        Kind::ExpectedComma => ("a comma is missing here", ""),
        Kind::ExpectedColonAfterObjectKey => {
            ("a colon is missing between the key and its value", "write `\"key\": value`")
        }
        Kind::ExpectedObjectValue => ("the value of this key is missing", "write `\"key\": value`"),
        Kind::ExpectedStringObjectProperty => {
            ("a key has to stand in double quotes", "write `\"key\": value`")
        }
        Kind::SingleQuotedStringsNotAllowed => {
            ("texts stand in double quotes, not in single ones", "write `\"text\"`")
        }
        Kind::MultipleRootJsonValues => (
            "something follows the end of the topology",
            "a topology is one object, `{ … }`; a `}` may stand too early",
        ),
        Kind::UnexpectedWord | Kind::UnexpectedToken => (
            "this has no meaning here",
            "texts stand in double quotes: one may be missing here, or at the end of a text before",
        ),
        Kind::UnexpectedCloseBrace => {
            ("a `}` can't stand here", "a value or a `]` may be missing before it")
        }
        Kind::UnexpectedCloseBracket => {
            ("a `]` can't stand here", "a value or a `}` may be missing before it")
        }
        Kind::UnexpectedComma => ("a value is missing before this comma", ""),
        Kind::UnexpectedTokenInObject => {
            ("a key was expected here", "write `\"key\": value`, or close the object with `}`")
        }
        other => return (not_json(&other.to_string()), ""),
    };
    (message.to_owned(), help)
}

/// The parser's own sentence, in lower case as all messages are.
fn not_json(sentence: &str) -> String {
    let mut symbols = sentence.chars();
    let first = symbols.next().map(|c| c.to_ascii_lowercase());
    format!("not JSON: {}", first.into_iter().chain(symbols).collect::<String>())
}
