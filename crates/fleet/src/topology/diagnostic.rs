//! What is wrong with a file, and where.

use std::fmt;
use std::sync::Arc;

use super::render::{self, Style};
use super::tree::Span;

/// Whether a file can be used in spite of it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub enum Severity {
    /// The file is refused.
    Error,
    /// The file is taken; the writer should have a look.
    Warning,
}

impl fmt::Display for Severity {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.pad(match self {
            Self::Error => "error",
            Self::Warning => "warning",
        })
    }
}

/// One thing that is wrong with a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Diagnostic {
    /// Whether the file is refused for it.
    pub severity: Severity,
    /// The bytes that it is about.
    pub span: Span,
    /// A few words on those bytes, when they need some.
    pub label: Option<String>,
    /// What is wrong.
    pub message: String,
    /// What else in the file it has to do with, each with a few words.
    pub related: Vec<(Span, String)>,
    /// What is allowed, or what to do.
    pub help: Option<String>,
}

impl Diagnostic {
    /// An error about these bytes.
    pub const fn error(span: Span, message: String) -> Self {
        Self {
            severity: Severity::Error,
            span,
            label: None,
            message,
            related: Vec::new(),
            help: None,
        }
    }

    /// The same with what is allowed, or what to do.
    #[must_use]
    pub fn help(mut self, help: impl Into<String>) -> Self {
        self.help = Some(help.into());
        self
    }

    /// The same with another place that it has to do with.
    #[must_use]
    pub fn related(mut self, span: Span, words: impl Into<String>) -> Self {
        self.related.push((span, words.into()));
        self
    }
}

/// All that is wrong with one file, in the order of its lines.
///
/// [`fmt::Display`] shows each with file, line and column, the line itself, and what is allowed.
#[derive(Clone, PartialEq, Eq)]
pub struct Diagnostics {
    file: Arc<str>,
    text: Arc<str>,
    list: Vec<Diagnostic>,
}

impl Diagnostics {
    /// What is wrong with the file of this name and text.
    pub fn new(file: &str, text: &str, mut list: Vec<Diagnostic>) -> Self {
        list.sort_by_key(|d| (d.span.start, d.severity));
        list.dedup();
        Self { file: file.into(), text: text.into(), list }
    }

    /// The file's name, as it was given.
    pub fn file(&self) -> &str {
        &self.file
    }

    /// The file's text.
    pub fn text(&self) -> &str {
        &self.text
    }

    /// Each of them, in the order of the file.
    pub fn iter(&self) -> std::slice::Iter<'_, Diagnostic> {
        self.list.iter()
    }

    /// How many of this severity there are.
    pub fn count(&self, severity: Severity) -> usize {
        self.list.iter().filter(|d| d.severity == severity).count()
    }

    /// Whether the file is refused.
    pub fn has_errors(&self) -> bool {
        self.count(Severity::Error) > 0
    }

    /// Whether nothing is wrong.
    pub const fn is_empty(&self) -> bool {
        self.list.is_empty()
    }

    /// Line and column of a place, both counted from 1, columns in characters.
    pub fn line_and_column(&self, at: usize) -> (usize, usize) {
        render::Lines::of(&self.text).line_and_column(at)
    }

    /// All of them as a terminal shows them.
    pub fn render(&self, style: Style) -> String {
        render::render(self, style)
    }
}

impl<'a> IntoIterator for &'a Diagnostics {
    type Item = &'a Diagnostic;
    type IntoIter = std::slice::Iter<'a, Diagnostic>;

    fn into_iter(self) -> Self::IntoIter {
        self.iter()
    }
}

impl fmt::Display for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.render(Style::Plain))
    }
}

impl fmt::Debug for Diagnostics {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, f)
    }
}

impl std::error::Error for Diagnostics {}
