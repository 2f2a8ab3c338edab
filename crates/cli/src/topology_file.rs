//! Reading topologies, with all that is wrong with them.

use std::path::Path;

use damm_fleet::Topology;
use damm_fleet::topology::{Diagnostics, Severity, Style, load_with_warnings};
use serde::Serialize;

use crate::exit::{Failure, Result};
use crate::output::Output;

/// A topology that can be used.
#[derive(Debug, Clone)]
pub struct TopologyFile {
    /// The file's name, as it was given.
    pub name: String,
    /// The file's text.
    pub text: String,
    /// What it says.
    pub topology: Topology,
    /// What its writer should have a look at.
    pub warnings: Diagnostics,
}

/// One diagnostic as `--json` tells it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Told {
    severity: String,
    line: usize,
    column: usize,
    message: String,
    help: Option<String>,
}

impl TopologyFile {
    /// Reads a file.
    ///
    /// # Errors
    ///
    /// When it can't be read, and all that is wrong with it.
    pub fn read(path: &Path, output: &Output) -> Result<Self> {
        let bytes = std::fs::read(path).map_err(|e| Failure::io("read", path, &e))?;
        let name = path.display().to_string();
        let text = String::from_utf8(bytes).map_err(|e| {
            let at = e.utf8_error().valid_up_to();
            Failure::error(format!("{name} is not UTF-8 text, from byte {at} on"))
                .help("write it in a text editor, as JSON or TOML")
        })?;
        Self::of(&name, text, output)
    }

    /// Takes a file's text.
    ///
    /// # Errors
    ///
    /// All that is wrong with it.
    pub fn of(name: &str, text: String, output: &Output) -> Result<Self> {
        match load_with_warnings(name, &text) {
            Ok(loaded) => Ok(Self {
                name: name.to_owned(),
                text,
                topology: loaded.topology,
                warnings: loaded.warnings,
            }),
            Err(diagnostics) => Err(refused(name, &diagnostics, output)),
        }
    }
}

fn refused(name: &str, diagnostics: &Diagnostics, output: &Output) -> Failure {
    let errors = diagnostics.count(Severity::Error);
    let plural = if errors == 1 { "error" } else { "errors" };
    Failure::error(format!("{name} has {errors} {plural}; nothing was done"))
        .preface(diagnostics.render(style(output)))
        .details(told(diagnostics))
}

/// How diagnostics look on standard error.
pub const fn style(output: &Output) -> Style {
    match output.colour_on_stderr() {
        true => Style::Ansi,
        false => Style::Plain,
    }
}

/// Diagnostics as `--json` tells them.
pub fn told(diagnostics: &Diagnostics) -> Vec<Told> {
    let told = |d: &damm_fleet::topology::Diagnostic| {
        let (line, column) = diagnostics.line_and_column(d.span.start);
        Told {
            severity: d.severity.to_string(),
            line,
            column,
            message: d.message.clone(),
            help: d.help.clone(),
        }
    };
    diagnostics.iter().map(told).collect()
}
