//! Styled lines that know how wide they are, and wrap by words.

use std::fmt::Write as _;

/// How a piece of text looks. Colour only repeats what words and symbols say already.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Style {
    /// As it is.
    Plain,
    /// Headings.
    Bold,
    /// What can be passed over: ids, units, reasons.
    Dim,
    /// What comes or is well.
    Good,
    /// What changes or waits.
    Warn,
    /// What goes or is not well.
    Bad,
    /// Names and numbers to look at.
    Accent,
}

impl Style {
    const fn code(self) -> &'static str {
        match self {
            Self::Plain => "",
            Self::Bold => "1",
            Self::Dim => "2",
            Self::Good => "32",
            Self::Warn => "33",
            Self::Bad => "31",
            Self::Accent => "36",
        }
    }
}

/// A blank that no line ends at; printed as a common one.
pub const GLUE: char = '\u{a0}';

/// Pieces of text, one after the other.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Line(Vec<(Style, String)>);

impl Line {
    /// Nothing yet.
    pub const fn new() -> Self {
        Self(Vec::new())
    }

    /// Plain text.
    pub fn plain(text: impl Into<String>) -> Self {
        Self::of(Style::Plain, text)
    }

    /// Text in one style.
    pub fn of(style: Style, text: impl Into<String>) -> Self {
        Self::new().put(style, text)
    }

    /// With more text.
    #[must_use]
    pub fn put(mut self, style: Style, text: impl Into<String>) -> Self {
        let text = text.into();
        match self.0.last_mut() {
            Some((last, before)) if *last == style => before.push_str(&text),
            _ if text.is_empty() => {}
            _ => self.0.push((style, text)),
        }
        self
    }

    /// With another line's pieces.
    #[must_use]
    pub fn join(self, other: Self) -> Self {
        other.0.into_iter().fold(self, |l, (s, t)| l.put(s, t))
    }

    /// Columns that it takes.
    pub fn width(&self) -> usize {
        self.0.iter().map(|(_, t)| t.chars().count()).sum()
    }

    /// Filled up with blanks, after or before the text.
    #[must_use]
    pub fn pad(self, width: usize, right: bool) -> Self {
        let blanks = " ".repeat(width.saturating_sub(self.width()));
        match right {
            true => Self::plain(blanks).join(self),
            false => self.put(Style::Plain, blanks),
        }
    }

    /// As text, with colours or without.
    pub fn render(&self, colour: bool) -> String {
        let mut out = String::new();
        for (style, text) in &self.0 {
            match colour && *style != Style::Plain {
                // Writing into a String can't fail.
                true => drop(write!(out, "\x1b[{}m{text}\x1b[0m", style.code())),
                false => out.push_str(text),
            }
        }
        let out = out.replace(GLUE, " ");
        match colour {
            true => out,
            false => out.trim_end().to_owned(),
        }
    }

    /// Broken between words into lines of at most `width` columns; a longer word stays whole.
    pub fn wrap(self, width: usize) -> Vec<Self> {
        if self.width() <= width {
            return vec![self];
        }
        let mut lines = vec![Self::new()];
        for word in self.words() {
            let line = lines.pop().unwrap_or_default();
            let blanks = word.width() - word.trimmed().width();
            let end = if word.is_blank() { 0 } else { word.width() };
            match line.width() + end <= width || line.width() == 0 && blanks == 0 {
                true => lines.push(line.join(word)),
                false => lines.extend([line, word.trimmed()]),
            }
        }
        lines
    }

    fn is_blank(&self) -> bool {
        self.0.iter().all(|(_, t)| t.trim_matches(' ').is_empty())
    }

    /// Without the blanks that it starts with.
    fn trimmed(&self) -> Self {
        let mut pieces = self.0.clone();
        if let Some((_, text)) = pieces.first_mut() {
            *text = text.trim_start_matches(' ').to_owned();
        }
        Self(pieces)
    }

    /// Its words in order, each with the blanks before it. A word may change its style within.
    fn words(self) -> Vec<Self> {
        let mut words: Vec<Self> = vec![Self::new()];
        for (style, text) in self.0 {
            for (i, part) in text.split(' ').enumerate() {
                let word = words.pop().unwrap_or_default();
                match i {
                    0 => words.push(word.put(style, part)),
                    _ if word.is_blank() => words.push(word.put(style, format!(" {part}"))),
                    _ => words.extend([word, Self::of(style, format!(" {part}"))]),
                }
            }
        }
        words
    }
}

/// Lines on a page of a given width.
#[derive(Debug, Clone)]
pub struct Page {
    lines: Vec<Line>,
    width: usize,
}

impl Page {
    /// An empty page.
    pub const fn new(width: usize) -> Self {
        let lines = Vec::new();
        Self { lines, width }
    }

    /// Its width in columns.
    pub const fn width(&self) -> usize {
        self.width
    }

    /// Adds a line as it is.
    pub fn line(&mut self, line: Line) {
        self.lines.push(line);
    }

    /// Adds plain text as one line.
    pub fn say(&mut self, text: impl Into<String>) {
        self.line(Line::plain(text));
    }

    /// Adds a blank line, unless there is one or nothing before it.
    pub fn gap(&mut self) {
        if self.lines.last().is_some_and(|l| l.width() > 0) {
            self.lines.push(Line::new());
        }
    }

    /// Adds a heading after a gap.
    pub fn heading(&mut self, text: impl Into<String>) {
        self.gap();
        self.line(Line::of(Style::Bold, text));
    }

    /// Adds a line that wraps; `lead` stands before it, and as many blanks before what follows.
    pub fn wrapped(&mut self, lead: Line, text: Line) {
        let indent = lead.width();
        let room = self.width.saturating_sub(indent).max(20);
        let mut lead = Some(lead);
        for line in text.wrap(room) {
            let blank = || Line::plain(" ".repeat(indent));
            self.line(lead.take().unwrap_or_else(blank).join(line));
        }
    }

    /// Adds all lines of another page.
    pub fn append(&mut self, other: Self) {
        self.lines.extend(other.lines);
    }

    /// Its lines.
    pub fn into_lines(self) -> Vec<Line> {
        self.lines
    }

    /// As text, each line ended.
    pub fn render(&self, colour: bool) -> String {
        let lines = self.lines.iter().map(|l| l.render(colour) + "\n");
        lines.collect()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_line_is_wider_than_the_page_and_no_word_is_lost() {
        let text = "one two three four five six seven eight nine ten eleven twelve";
        for width in 20..60 {
            let mut page = Page::new(width);
            page.wrapped(Line::plain("  + "), Line::plain(text));
            let out = page.render(false);
            assert!(out.lines().all(|l| l.chars().count() <= width.max(24)), "{out}");
            let words: Vec<_> = out.split_whitespace().skip(1).collect();
            assert_eq!(words.join(" "), text);
        }
    }

    #[test]
    fn colours_change_nothing_but_colours() {
        let line = Line::of(Style::Good, "+ ").put(Style::Plain, "made").put(Style::Dim, " why");
        let painted = line.render(true);
        assert!(painted.contains("\x1b[32m"));
        let bare: String =
            painted.split('\x1b').map(|p| p.split_once('m').map_or(p, |(_, rest)| rest)).collect();
        assert_ne!(bare, "");
        assert_eq!(line.width(), 10);
    }
}
