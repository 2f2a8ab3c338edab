//! Files that the documentation names.

use crate::Complaints;
use crate::workspace::File;

/// How a path of the project begins, in the documentation.
const STARTS: [&str; 4] = ["crates/", "scripts/", "examples/", ".ci/"];

/// Paths that a Markdown file names in backticks or as a link, and that are not there.
pub fn lost(file: &File, exists: impl Fn(&str) -> bool) -> Complaints {
    let mut complaints = Vec::new();
    for (index, line) in file.text.lines().enumerate() {
        let words = line.split(|c: char| c.is_whitespace() || "`()[]\"".contains(c));
        let paths = words.map(|w| w.trim_end_matches([',', '.', ':', ';', '/']));
        let ours = paths.filter(|w| STARTS.iter().any(|start| w.starts_with(start)));
        complaints.extend(
            ours.filter(|p| !exists(p)).map(|path| {
                format!("{}:{}: there is no {path}: mend the name", file.path, index + 1)
            }),
        );
    }
    complaints
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_of_what_is_not_there_is_found() {
        let text = "See `crates/a/src/x.rs` and\n[this](crates/b), `scripts/test x`, `cargo`.\n";
        let file = File { path: "README.md".to_owned(), text: text.to_owned() };
        assert_eq!(lost(&file, |_| true), Complaints::new());
        assert_eq!(lost(&file, |_| false).len(), 3);
        let found = lost(&file, |path| path != "crates/b");
        assert_eq!(found, ["README.md:2: there is no crates/b: mend the name"]);
    }
}
