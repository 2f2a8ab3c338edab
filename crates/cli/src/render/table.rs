//! Aligned columns.

use super::text::{Line, Page, Style};

/// Rows of cells under a head. The last column wraps.
#[derive(Debug, Clone, Default)]
pub struct Table {
    head: Vec<String>,
    right: Vec<bool>,
    rows: Vec<Vec<Line>>,
    indent: usize,
}

impl Table {
    /// A table with these columns; a name that starts with `>` is aligned to the right.
    pub fn new(columns: &[&str]) -> Self {
        Self {
            head: columns.iter().map(|c| c.trim_start_matches('>').to_owned()).collect(),
            right: columns.iter().map(|c| c.starts_with('>')).collect(),
            rows: Vec::new(),
            indent: 0,
        }
    }

    /// With blanks before each row.
    #[must_use]
    pub const fn indent(mut self, columns: usize) -> Self {
        self.indent = columns;
        self
    }

    /// Adds a row.
    pub fn row(&mut self, cells: Vec<Line>) {
        self.rows.push(cells);
    }

    /// Whether it has no rows.
    pub const fn is_empty(&self) -> bool {
        self.rows.is_empty()
    }

    /// Takes out columns (but the first) whose cells all are empty, or a lone `0` or `-`.
    pub fn drop_empty_columns(&mut self) {
        let idle = |i: usize| {
            let mut cells = self.rows.iter().filter_map(|r| r.get(i));
            cells.all(|c| matches!(c.render(false).trim(), "" | "0" | "-"))
        };
        let kept: Vec<usize> = (0..self.head.len()).filter(|i| *i == 0 || !idle(*i)).collect();
        let keep = |cells: &[Line]| kept.iter().filter_map(|i| cells.get(*i).cloned()).collect();
        self.rows = self.rows.iter().map(|r| keep(r)).collect();
        self.head = kept.iter().map(|i| self.head[*i].clone()).collect();
        self.right = kept.iter().map(|i| self.right[*i]).collect();
    }

    fn widths(&self) -> Vec<usize> {
        let widest = |i: usize| {
            let cells = self.rows.iter().filter_map(|r| r.get(i)).map(Line::width);
            cells.chain([self.head[i].chars().count()]).max().unwrap_or(0)
        };
        (0..self.head.len()).map(widest).collect()
    }

    /// Writes it on a page.
    pub fn draw(self, page: &mut Page) {
        let widths = self.widths();
        if self.head.iter().any(|h| !h.is_empty()) {
            let head = self.head.iter().map(|h| Line::of(Style::Dim, h.clone()));
            self.draw_row(head.collect(), &widths, page);
        }
        for row in &self.rows {
            self.draw_row(row.clone(), &widths, page);
        }
    }

    fn draw_row(&self, mut cells: Vec<Line>, widths: &[usize], page: &mut Page) {
        let last = cells.pop().unwrap_or_default();
        let at = cells.len();
        let mut lead = Line::plain(" ".repeat(self.indent));
        for (i, cell) in cells.into_iter().enumerate() {
            lead = lead.join(cell.pad(widths[i], self.right[i])).put(Style::Plain, "  ");
        }
        let last = match self.right.get(at) {
            Some(true) => last.pad(widths[at], true),
            _ => last,
        };
        page.wrapped(lead, last);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_align_and_the_last_one_wraps() {
        let mut table = Table::new(&["name", ">n", "why"]).indent(2);
        let long = "a reason that is far too long for one line of this narrow page";
        table.row(vec![Line::plain("a"), Line::plain("7"), Line::plain(long)]);
        table.row(vec![Line::plain("bcd"), Line::plain("12"), Line::plain("short")]);
        let mut page = Page::new(40);
        table.draw(&mut page);
        let expected = [
            "  name   n  why",
            "  a      7  a reason that is far too",
            "            long for one line of this",
            "            narrow page",
            "  bcd   12  short",
            "",
        ];
        assert_eq!(page.render(false), expected.join("\n"));
    }

    #[test]
    fn idle_columns_are_left_out() {
        let mut table = Table::new(&["name", ">zero", ">some"]);
        for n in ["0", "3"] {
            table.row(vec![Line::plain("a"), Line::plain("0"), Line::plain(n)]);
        }
        table.drop_empty_columns();
        let mut page = Page::new(40);
        table.draw(&mut page);
        assert!(!page.render(false).contains("zero"));
    }
}
