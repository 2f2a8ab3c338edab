//! Standard output and standard error: what goes where, in which form.

use std::io::{IsTerminal, Write};

use serde::Serialize;
use serde_json::{Map, Value};

use crate::args::{Color, Global};
use crate::exit::Failure;
use crate::render::{Line, Page, Style};

/// Wider than this is not easier to read.
const WIDEST: usize = 100;
/// What every terminal has.
const USUAL: usize = 80;

/// The version of all objects that `--json` prints; raised when a field changes its meaning.
pub const FORMAT: u32 = 1;

/// Where a command writes to.
#[derive(Debug, Clone, Copy)]
pub struct Output {
    json: bool,
    colour: bool,
    colour_stderr: bool,
    width: usize,
    /// How much more to say.
    pub verbose: u8,
}

impl Output {
    /// As the options and the environment ask for.
    pub fn new(global: &Global) -> Self {
        let plain = std::env::var_os("NO_COLOR").is_some_and(|v| !v.is_empty());
        let on = |terminal: bool| match global.color {
            Color::Always => true,
            Color::Never => false,
            Color::Auto => terminal && !plain,
        };
        let columns = terminal_size::terminal_size().map_or(USUAL, |(w, _)| usize::from(w.0));
        Self {
            json: global.json,
            colour: on(std::io::stdout().is_terminal()),
            colour_stderr: on(std::io::stderr().is_terminal()),
            width: columns.clamp(40, WIDEST),
            verbose: global.verbose,
        }
    }

    /// Whether one JSON object is to be printed.
    pub const fn json(&self) -> bool {
        self.json
    }

    /// Whether standard output takes colours.
    pub const fn colour(&self) -> bool {
        self.colour
    }

    /// Whether standard error takes colours.
    pub const fn colour_on_stderr(&self) -> bool {
        self.colour_stderr
    }

    /// An empty page as wide as the terminal.
    pub const fn page(&self) -> Page {
        Page::new(self.width)
    }

    /// Prints the command's result: the page, or the value as one JSON object.
    ///
    /// The object always has `kind` and `version` first.
    pub fn result(&self, kind: &str, value: impl Serialize, page: &Page) {
        match self.json {
            true => self.object(kind, value),
            false => write(std::io::stdout(), &page.render(self.colour)),
        }
    }

    /// Prints a page on standard output, unless JSON is asked for.
    pub fn page_now(&self, page: &Page) {
        if !self.json {
            write(std::io::stdout(), &page.render(self.colour));
        }
    }

    /// Draws a page over the one before: the terminal is cleared first.
    pub fn redraw(&self, page: &Page) {
        let text = page.render(self.colour);
        match std::io::stdout().is_terminal() {
            true => write(std::io::stdout(), &format!("\x1b[H\x1b[2J{text}")),
            false => write(std::io::stdout(), &format!("{text}\n")),
        }
    }

    /// Prints text as it is on standard output.
    pub fn raw(&self, text: &str) {
        write(std::io::stdout(), text);
    }

    /// Prints text as it is on standard error.
    pub fn note_text(&self, text: &str) {
        write(std::io::stderr(), text);
    }

    fn object(&self, kind: &str, value: impl Serialize) {
        let mut object = Map::new();
        object.insert("kind".to_owned(), kind.into());
        object.insert("version".to_owned(), FORMAT.into());
        // All values printed have text keys and finite numbers, so none fails.
        match serde_json::to_value(value).unwrap_or_default() {
            Value::Object(fields) => object.extend(fields),
            other => drop(object.insert("value".to_owned(), other)),
        }
        let text = serde_json::to_string_pretty(&object).unwrap_or_default();
        write(std::io::stdout(), &(text + "\n"));
    }

    /// Prints a line of progress on standard error.
    pub fn note(&self, line: &Line) {
        write(std::io::stderr(), &(line.render(self.colour_stderr) + "\n"));
    }

    /// Prints a failure on standard error, and with `--json` as the one object on standard output.
    pub fn failure(&self, failure: &Failure) {
        if self.json {
            self.object(
                "error",
                serde_json::json!({
                    "exit": failure.exit as u8,
                    "error": failure.message,
                    "help": failure.help,
                    "rule": failure.rule,
                    "details": failure.details,
                }),
            );
        }
        if let Some(lines) = &failure.preface {
            write(std::io::stderr(), &format!("{}\n\n", lines.trim_end()));
        }
        let error =
            Line::of(Style::Bad, "error").put(Style::Plain, format!(": {}", failure.message));
        self.note(&error);
        if let Some(help) = &failure.help {
            self.note(&Line::of(Style::Accent, "help").put(Style::Plain, format!(": {help}")));
        }
    }
}

/// Writes, and gives up quietly when nobody reads any more.
fn write(mut to: impl Write, text: &str) {
    if to.write_all(text.as_bytes()).and_then(|()| to.flush()).is_err() {
        // A closed pipe (`damm show nodes | head`) is no error of ours, and there is nobody to
        // tell of any other.
    }
}
