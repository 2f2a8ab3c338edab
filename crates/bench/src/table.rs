//! The figures, in Markdown.

use std::fmt;

use crate::measure::Cost;

/// One figure with the line that it is held against.
#[derive(Debug, Clone)]
pub struct Row {
    /// What was measured.
    pub name: String,
    /// How large it was.
    pub size: String,
    /// What it took; nothing where it is told otherwise.
    pub cost: Cost,
    /// The peak of memory in MiB, where a process was measured as a whole.
    pub peak: Option<f64>,
    /// The line to meet, and whether it is met.
    pub line: Option<(String, bool)>,
}

/// All figures of a run.
#[derive(Debug, Default)]
pub struct Table(Vec<Row>);

impl Table {
    /// Adds a figure, and tells it on the terminal meanwhile.
    pub fn add(&mut self, row: Row) {
        eprintln!("{row}");
        self.0.push(row);
    }
}

impl fmt::Display for Row {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Cost { cpu, wall } = self.cost;
        write!(f, "| {} | {} |", self.name, self.size)?;
        match self.cost == Cost::default() {
            true => write!(f, " | |")?,
            false => write!(f, " {cpu:.2} | {wall:.2} |")?,
        }
        match self.peak {
            Some(peak) => write!(f, " {peak:.0} |")?,
            None => write!(f, " |")?,
        }
        match &self.line {
            Some((line, met)) => write!(f, " {line} | {} |", if *met { "yes" } else { "**no**" }),
            None => write!(f, " | |"),
        }
    }
}

impl fmt::Display for Table {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        writeln!(f, "| what | size | CPU s | wall s | peak MiB | line | met |")?;
        writeln!(f, "|---|---|---:|---:|---:|---|---|")?;
        self.0.iter().try_for_each(|row| writeln!(f, "{row}"))
    }
}
