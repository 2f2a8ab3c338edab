//! Shows what is wrong with a file the way compilers do: place, line, carets, help.

use std::fmt::Write;

use unicode_width::UnicodeWidthChar;

use super::diagnostic::{Diagnostic, Diagnostics, Severity};
use super::nearest::is_unseen;
use super::tree::Span;

/// The most columns of a source line that are shown.
const WIDTH: usize = 100;

/// How many of them stand before the place in question, when a line is longer.
const BEFORE: usize = 40;

/// The most diagnostics that are shown; who has more begins with these.
const SHOWN: usize = 100;

/// Whether what is rendered has colours.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Style {
    /// Text only.
    #[default]
    Plain,
    /// With ANSI escape codes, for a terminal.
    Ansi,
}

/// A part of the picture that has a colour of its own.
#[derive(Clone, Copy)]
enum Paint {
    Severity(Severity),
    Message,
    Frame,
    Related,
}

impl Style {
    fn paint(self, paint: Paint, text: &str) -> String {
        let code = match paint {
            Paint::Severity(Severity::Error) => "1;31",
            Paint::Severity(Severity::Warning) => "1;33",
            Paint::Message => "1",
            Paint::Frame | Paint::Related => "1;34",
        };
        match self {
            Self::Plain => text.to_owned(),
            Self::Ansi => format!("\x1b[{code}m{text}\x1b[0m"),
        }
    }
}

/// Where the lines of a text begin.
pub struct Lines<'a> {
    text: &'a str,
    starts: Vec<usize>,
}

impl<'a> Lines<'a> {
    /// The lines of a text.
    pub fn of(text: &'a str) -> Self {
        let after_breaks = text.match_indices('\n').map(|(at, _)| at + 1);
        Self { text, starts: std::iter::once(0).chain(after_breaks).collect() }
    }

    /// Line and column of a place, both from 1; a place within a character counts as its start.
    pub fn line_and_column(&self, at: usize) -> (usize, usize) {
        let line = self.line_of(at);
        let start = self.starts[line];
        let symbols = self.text[start..].char_indices();
        let column = symbols.take_while(|(i, c)| start + i + c.len_utf8() <= at).count();
        (line + 1, column + 1)
    }

    fn line_of(&self, at: usize) -> usize {
        self.starts.partition_point(|start| *start <= at) - 1
    }

    /// A line's bytes, without its end.
    fn range(&self, line: usize) -> Span {
        let start = self.starts[line];
        let end = self.starts.get(line + 1).map_or(self.text.len(), |next| next - 1);
        let cut = usize::from(self.text[start..end].ends_with('\r'));
        start..end - cut
    }
}

/// A place of one diagnostic: its line, what is marked there, and how.
struct Mark<'a> {
    line: usize,
    span: &'a Span,
    words: &'a str,
    sign: char,
    paint: Paint,
}

/// All diagnostics of a file, and how many there are.
pub fn render(all: &Diagnostics, style: Style) -> String {
    let lines = Lines::of(all.text());
    let mut out = String::new();
    for diagnostic in all.iter().take(SHOWN) {
        one(&mut out, diagnostic, all.file(), &lines, style);
        out.push('\n');
    }
    out.push_str(&summary(all));
    out
}

fn summary(all: &Diagnostics) -> String {
    let counted = |severity, one: &str| match all.count(severity) {
        0 => None,
        1 => Some(format!("1 {one}")),
        n => Some(format!("{n} {one}s")),
    };
    let parts = [counted(Severity::Error, "error"), counted(Severity::Warning, "warning")];
    let counts: Vec<_> = parts.into_iter().flatten().collect();
    let first = match all.iter().len() > SHOWN {
        true => format!("; the first {SHOWN} are shown"),
        false => String::new(),
    };
    match counts.is_empty() {
        true => String::new(),
        false => format!("{} in {}{first}\n", counts.join(" and "), all.file()),
    }
}

fn one(out: &mut String, d: &Diagnostic, file: &str, lines: &Lines<'_>, style: Style) {
    let (line, column) = lines.line_and_column(d.span.start);
    let severity = style.paint(Paint::Severity(d.severity), &d.severity.to_string());
    let message = style.paint(Paint::Message, &format!(": {}", d.message));
    let marks = marks(d, lines);
    let widest = marks.iter().map(|m| m.line + 1).max().unwrap_or(line);
    let margin = widest.to_string().len();
    let frame = |text: &str| style.paint(Paint::Frame, text);
    let pad = " ".repeat(margin);
    let _ = writeln!(out, "{severity}{message}");
    let _ = writeln!(out, "{pad}{} {file}:{line}:{column}", frame("-->"));
    let _ = writeln!(out, "{pad} {}", frame("|"));
    picture(out, &marks, lines, margin, style);
    if let Some(help) = &d.help {
        let _ = writeln!(out, "{pad} {}", frame("|"));
        let _ = writeln!(out, "{pad} {} help: {help}", frame("="));
    }
}

fn marks<'a>(d: &'a Diagnostic, lines: &Lines<'_>) -> Vec<Mark<'a>> {
    let main = Mark {
        line: lines.line_of(d.span.start),
        span: &d.span,
        words: d.label.as_deref().unwrap_or_default(),
        sign: '^',
        paint: Paint::Severity(d.severity),
    };
    let related = d.related.iter().map(|(span, words)| Mark {
        line: lines.line_of(span.start),
        span,
        words,
        sign: '-',
        paint: Paint::Related,
    });
    let mut marks: Vec<_> = std::iter::once(main).chain(related).collect();
    marks.sort_by_key(|m| (m.line, m.span.start));
    marks
}

fn picture(out: &mut String, marks: &[Mark<'_>], lines: &Lines<'_>, margin: usize, style: Style) {
    let frame = |text: &str| style.paint(Paint::Frame, text);
    let pad = " ".repeat(margin);
    let mut last: Option<(usize, usize)> = None;
    for mark in marks {
        let before = last.filter(|(line, _)| *line == mark.line).map(|(_, from)| from);
        let (shown, from, marked) = excerpt(lines, mark, before);
        if last != Some((mark.line, from)) {
            if last.is_some_and(|(line, _)| line + 1 < mark.line) {
                let _ = writeln!(out, "{}", frame("..."));
            }
            let number = frame(&format!("{:>margin$} |", mark.line + 1));
            let _ = writeln!(out, "{number} {shown}").map(|()| trim_end(out));
        }
        last = Some((mark.line, from));
        let signs = mark.sign.to_string().repeat(marked.len());
        let words = format!("{signs} {}", mark.words);
        let under = style.paint(mark.paint, words.trim_end());
        let _ = writeln!(out, "{pad} {} {}{under}", frame("|"), " ".repeat(marked.start));
    }
}

fn trim_end(out: &mut String) {
    let kept = out.trim_end().len();
    out.truncate(kept);
    out.push('\n');
}

/// The part of a line around a mark, its first column, and the marked columns of that part. The
/// same line may have been shown from the column `before` on.
fn excerpt(lines: &Lines<'_>, mark: &Mark<'_>, before: Option<usize>) -> (String, usize, Span) {
    let range = lines.range(mark.line);
    let line = &lines.text[range.clone()];
    let columns = |until: usize| -> usize {
        let earlier = line.char_indices().map(|(at, c)| (range.start + at, c));
        earlier.take_while(|(at, _)| *at < until).map(|(_, c)| width(c)).sum()
    };
    let total = columns(usize::MAX);
    let start = columns(mark.span.start);
    let end = columns(mark.span.end.min(range.end)).max(start + 1);
    let own = if total > WIDTH { start.saturating_sub(BEFORE) } else { 0 };
    // A line that is shown already is not shown again, when its part holds this mark too.
    let skip = before.filter(|b| *b <= start && end <= b + WIDTH).unwrap_or(own);
    let (text, lead) = window(line, skip, total);
    (text, skip, start - lead..end.min(skip + WIDTH).max(start + 1) - lead)
}

/// A line from column `skip` on, as much as is shown, and how far that moved to the left.
fn window(line: &str, skip: usize, total: usize) -> (String, usize) {
    let mut text = String::from(if skip > 0 { "…" } else { "" });
    let (mut column, mut first) = (0, None);
    for c in line.chars() {
        if column >= skip && column + width(c) <= skip + WIDTH {
            first.get_or_insert(column);
            show(c, &mut text);
        }
        column += width(c);
    }
    text.push_str(if total > skip + WIDTH { "…" } else { "" });
    let lead = first.unwrap_or(skip) - usize::from(skip > 0);
    (text, lead)
}

/// Columns of a tab, whatever the terminal would make of it.
const TAB: usize = 4;

fn width(c: char) -> usize {
    match c {
        '\t' => TAB,
        c if is_unseen(c) => 1,
        c => c.width().unwrap_or(0),
    }
}

fn show(c: char, text: &mut String) {
    match c {
        '\t' => text.push_str(&" ".repeat(TAB)),
        c if is_unseen(c) => text.push('\u{fffd}'),
        c => text.push(c),
    }
}
