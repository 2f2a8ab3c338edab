//! How long files, functions and lines are, and what files are called.

use crate::Complaints;
use crate::workspace::File;

/// A file that is longer holds two things.
const FILE_AT_MOST: usize = 450;
/// Most files are shorter than this.
const FILE_MOSTLY: usize = 180;
/// As the formatter has it; it leaves texts and comments alone.
const COLUMNS: usize = 100;
/// A function that is longer is one of a few.
const FUNCTION_MOSTLY: usize = 32;
/// In percent: functions that may be longer than that.
const LONG_FUNCTIONS: usize = 5;
/// In percent: files that may be longer than `FILE_MOSTLY`.
const LONG_FILES: usize = 40;
/// Names for what nobody found a name for.
const EMPTY_NAMES: [&str; 6] = ["common", "helper", "helpers", "misc", "util", "utils"];

/// Files that are too long, lines that are too wide, and names that say nothing.
pub fn outgrown(file: &File) -> Complaints {
    let path = &file.path;
    let mut complaints = Vec::new();
    let lines = file.text.lines().count();
    if lines > FILE_AT_MOST {
        complaints
            .push(format!("{path}: {lines} lines, over {FILE_AT_MOST}: split it by what it holds"));
    }
    for (index, line) in file.text.lines().enumerate() {
        let wide = line.chars().count();
        if wide > COLUMNS {
            let at = index + 1;
            complaints.push(format!("{path}:{at}: {wide} columns, over {COLUMNS}: break the line"));
        }
    }
    let named = |part: &str| EMPTY_NAMES.contains(&part.trim_end_matches(".rs"));
    if path.split('/').any(named) {
        complaints.push(format!("{path}: a name that says nothing: call it by what it holds"));
    }
    complaints
}

/// Whether too many files, or too many functions, are long.
pub fn sprawl(files: &[File]) -> Complaints {
    let mut complaints = Vec::new();
    let long: Vec<_> = files.iter().filter(|f| f.text.lines().count() > FILE_MOSTLY).collect();
    if long.len() * 100 > files.len() * LONG_FILES {
        let names: Vec<_> = long.iter().map(|f| f.path.as_str()).collect();
        complaints.push(format!(
            "{} of {} files are longer than {FILE_MOSTLY} lines, over {LONG_FILES} %: \
             split some of {}",
            long.len(),
            files.len(),
            names.join(", "),
        ));
    }
    let functions: Vec<_> = files.iter().flat_map(functions).collect();
    let long: Vec<_> = functions.iter().filter(|(_, lines)| *lines > FUNCTION_MOSTLY).collect();
    if long.len() * 100 > functions.len() * LONG_FUNCTIONS {
        let names: Vec<_> = long.iter().map(|(at, lines)| format!("{at} ({lines})")).collect();
        complaints.push(format!(
            "{} of {} functions are longer than {FUNCTION_MOSTLY} lines, over {LONG_FUNCTIONS} %: \
             split some of {}",
            long.len(),
            functions.len(),
            names.join(", "),
        ));
    }
    complaints
}

/// Where each function begins, and how many lines it has, in a file as the formatter leaves it: the
/// closing brace stands under the line's first symbol.
fn functions(file: &File) -> Vec<(String, usize)> {
    let lines: Vec<_> = file.text.lines().collect();
    let begins = |line: &str| {
        let words = line.trim_start().split("fn ").next().unwrap_or_default();
        line.contains("fn ")
            && words.split(' ').all(|w| MODIFIERS.contains(&w) || w.starts_with("pub("))
    };
    let starts = lines.iter().enumerate().filter(|(_, line)| begins(line));
    starts
        .filter_map(|(index, line)| {
            let indent = line.len() - line.trim_start().len();
            let close = format!("{}}}", " ".repeat(indent));
            let rest = &lines[index..];
            // A trait's function without a body ends at its semicolon.
            let end =
                rest.iter().position(|l| *l == close || l.ends_with(';') && !l.ends_with("};"))?;
            let closed = rest.iter().position(|l| *l == close)?;
            let opens = rest[..=end].iter().any(|l| l.ends_with('{'));
            opens.then(|| (format!("{}:{}", file.path, index + 1), closed + 1))
        })
        .collect()
}

const MODIFIERS: [&str; 6] = ["", "pub", "const", "async", "unsafe", "default"];

#[cfg(test)]
mod tests {
    use super::*;

    fn file(path: &str, text: String) -> File {
        File { path: path.to_owned(), text }
    }

    #[test]
    fn a_file_may_have_450_lines_and_not_one_more() {
        assert_eq!(outgrown(&file("a.rs", "x\n".repeat(450))), Complaints::new());
        assert_eq!(outgrown(&file("a.rs", "x\n".repeat(451))).len(), 1);
    }

    #[test]
    fn a_line_may_have_100_columns_and_not_one_more() {
        assert_eq!(outgrown(&file("a.rs", "ä".repeat(100))), Complaints::new());
        let found = outgrown(&file("a.rs", format!("x\n{}", "ä".repeat(101))));
        assert!(found[0].starts_with("a.rs:2: 101 columns"), "{found:?}");
    }

    #[test]
    fn a_name_that_says_nothing_is_found_in_files_and_directories() {
        for path in ["src/utils.rs", "src/common/mod.rs", "misc/x.rs"] {
            assert_eq!(outgrown(&file(path, String::new())).len(), 1, "{path}");
        }
        assert_eq!(outgrown(&file("src/utilisation.rs", String::new())), Complaints::new());
    }

    #[test]
    fn many_long_files_are_found() {
        let (short, long) = (file("a.rs", String::new()), file("b.rs", "x\n".repeat(181)));
        assert_eq!(sprawl(&[short.clone(), short.clone(), long.clone()]), Complaints::new());
        assert_eq!(sprawl(&[short, long]).len(), 1);
    }

    #[test]
    fn functions_are_measured_from_their_first_line_to_their_brace() {
        let text = "trait T {\n    fn none(&self);\n    fn two(&self) {\n    }\n}\n\npub(crate) \
                    const fn three() {\n    let x = 1;\n}\n// fn not\n";
        let found = functions(&file("a.rs", text.to_owned()));
        assert_eq!(found, [("a.rs:3".to_owned(), 2), ("a.rs:7".to_owned(), 3)]);
    }

    #[test]
    fn many_long_functions_are_found() {
        let long = format!("fn long() {{\n{}}}\n", "    x;\n".repeat(31));
        let short = "fn short() {\n    x;\n}\n";
        assert_eq!(
            sprawl(&[file("a.rs", format!("{long}{}", short.repeat(19)))]),
            Complaints::new()
        );
        assert_eq!(sprawl(&[file("a.rs", format!("{long}{}", short.repeat(18)))]).len(), 1);
    }
}
